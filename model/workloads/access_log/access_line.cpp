// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/access_log/access_line.h"

#include <array>
#include <limits>

namespace iodrome::workloads {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Reads a line from left to right; remembers where it stopped.
class Cursor {
 public:
  explicit Cursor(std::string_view line) : line_(line) {}

  [[nodiscard]] bool at_end() const { return at_ == line_.size(); }
  [[nodiscard]] std::size_t column() const { return at_ + 1; }
  [[nodiscard]] char peek() const { return at_end() ? '\0' : line_[at_]; }

  bool skip(char c) {
    if (peek() != c || at_end()) return false;
    ++at_;
    return true;
  }

  /// Up to the next blank, at least one byte.
  bool word(std::string_view& out) {
    const std::size_t blank = std::min(line_.find(' ', at_), line_.size());
    if (blank == at_) return false;
    out = line_.substr(at_, blank - at_);
    at_ = blank;
    return true;
  }

  /// `"..."` with backslash escapes; `out` is what stands between the quotes.
  bool quoted_text(std::string_view& out) {
    if (!skip('"')) return false;
    const std::size_t start = at_;
    while (true) {
      const std::size_t stop = line_.find_first_of("\"\\", at_);
      if (stop == std::string_view::npos) return false;
      if (line_[stop] == '"') {
        out = line_.substr(start, stop - start);
        at_ = stop + 1;
        return true;
      }
      if (stop + 1 >= line_.size()) return false;
      at_ = stop + 2;
    }
  }

  /// `IDENT USER [TIME]`: the user may hold blanks, so the time is found by its bracket.
  bool user_and_time(std::string_view& time) {
    const std::size_t open = line_.find(" [", at_);
    if (open == std::string_view::npos) return false;
    const std::size_t middle = line_.find(' ', at_);
    if (middle >= open || middle == at_ || middle + 1 == open) return false;
    const std::size_t close = line_.find(']', open);
    if (close == std::string_view::npos) return false;
    time = line_.substr(open + 2, close - open - 2);
    at_ = close + 1;
    return true;
  }

 private:
  std::string_view line_;
  std::size_t at_ = 0;
};

bool parse_number(std::string_view text, std::int64_t& value) {
  if (text.empty() || text.size() > 18) return false;
  value = 0;
  for (const char c : text) {
    if (!is_digit(c)) return false;
    value = value * 10 + (c - '0');
  }
  return true;
}

int month_of(std::string_view name) {
  constexpr std::string_view names = "JanFebMarAprMayJunJulAugSepOctNovDec";
  for (int month = 0; month < 12; ++month) {
    if (names.substr(static_cast<std::size_t>(month) * 3, 3) == name) return month + 1;
  }
  return 0;
}

bool is_leap(std::int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

std::int64_t days_in_month(std::int64_t year, int month) {
  constexpr std::array<int, 12> days = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : days[static_cast<std::size_t>(month - 1)];
}

std::int64_t days_since_1970(std::int64_t year, int month, std::int64_t day) {
  constexpr std::array<int, 12> before = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
  const std::int64_t past = year - 1;
  const std::int64_t leap_days = past / 4 - past / 100 + past / 400;
  constexpr std::int64_t days_before_1970 = 719162;
  const std::int64_t this_leap_day = month > 2 && is_leap(year) ? 1 : 0;
  return past * 365 + leap_days + before[static_cast<std::size_t>(month - 1)] + this_leap_day +
         day - 1 - days_before_1970;
}

bool parse_zone(std::string_view text, std::int64_t& seconds) {
  std::int64_t hours = 0;
  std::int64_t minutes = 0;
  if (text.size() != 5 || (text[0] != '+' && text[0] != '-')) return false;
  if (!parse_number(text.substr(1, 2), hours) || !parse_number(text.substr(3, 2), minutes)) {
    return false;
  }
  if (hours > 23 || minutes > 59) return false;
  seconds = (hours * 60 + minutes) * 60;
  if (text[0] == '-') seconds = -seconds;
  return true;
}

bool parse_status_and_bytes(Cursor& cursor, AccessLine& parsed, LineFault& fault) {
  std::string_view word;
  std::int64_t status = 0;
  std::size_t column = cursor.column() + 1;
  if (!cursor.skip(' ') || !cursor.word(word) || word.size() != 3 || !parse_number(word, status)) {
    return fail(fault, "the status is not a three-digit number", column);
  }
  parsed.status = static_cast<int>(status);
  column = cursor.column() + 1;
  if (!cursor.skip(' ') || !cursor.word(word)) {
    return fail(fault, "the number of bytes is missing", column);
  }
  parsed.bytes = 0;
  if (word != "-" && !parse_number(word, parsed.bytes)) {
    return fail(fault, "the number of bytes is neither a number nor '-'", column);
  }
  return true;
}

/// Everything behind the bytes: quoted fields, then nothing or `$msec $request_time`.
bool parse_tail(Cursor& cursor, AccessLine& parsed, LineFault& fault) {
  std::string_view word;
  while (cursor.skip(' ')) {
    const std::size_t column = cursor.column();
    if (cursor.peek() == '"') {
      if (!cursor.quoted_text(word)) return fail(fault, "a quote is not closed", column);
      continue;
    }
    if (cursor.at_end()) return true;
    std::int64_t end_ns = 0;
    std::int64_t taken_ns = 0;
    if (!cursor.word(word) || !parse_seconds_ns(word, end_ns)) {
      return fail(fault, "expected a quoted field or $msec and $request_time", column);
    }
    const std::size_t second = cursor.column() + 1;
    if (!cursor.skip(' ') || !cursor.word(word) || !parse_seconds_ns(word, taken_ns)) {
      return fail(fault, "$request_time is missing after $msec", second);
    }
    parsed.arrival_ns = end_ns - taken_ns;
    parsed.whole_second = false;
    break;
  }
  cursor.skip(' ');
  if (!cursor.at_end()) return fail(fault, "unexpected text at the end", cursor.column());
  return true;
}

bool is_token(std::string_view text) {
  for (const char c : text) {
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!letter && c != '-' && c != '_') return false;
  }
  return !text.empty();
}

}  // namespace

bool parse_log_time(std::string_view text, std::int64_t& seconds) {
  std::int64_t day = 0;
  std::int64_t year = 0;
  std::int64_t hour = 0;
  std::int64_t minute = 0;
  std::int64_t second = 0;
  std::int64_t zone = 0;
  if (text.size() != 26 || text[2] != '/' || text[6] != '/' || text[11] != ':' || text[14] != ':' ||
      text[17] != ':' || text[20] != ' ') {
    return false;
  }
  const int month = month_of(text.substr(3, 3));
  if (month == 0 || !parse_number(text.substr(0, 2), day) ||
      !parse_number(text.substr(7, 4), year) || !parse_number(text.substr(12, 2), hour) ||
      !parse_number(text.substr(15, 2), minute) || !parse_number(text.substr(18, 2), second) ||
      !parse_zone(text.substr(21), zone)) {
    return false;
  }
  if (year < 1970 || year > 2199 || day < 1 || day > days_in_month(year, month)) return false;
  if (hour > 23 || minute > 59 || second > 60) return false;
  const std::int64_t days = days_since_1970(year, month, day);
  seconds = days * 86400 + hour * 3600 + minute * 60 + second - zone;
  return true;
}

bool parse_seconds_ns(std::string_view text, std::int64_t& nanoseconds) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  std::int64_t seconds = 0;
  if (whole.size() > 10 || !parse_number(whole, seconds) || seconds > 7'258'118'400) return false;
  std::int64_t fraction = 0;
  std::int64_t weight = nanoseconds_per_second / 10;
  if (point < text.size()) {
    if (point + 1 == text.size()) return false;
    for (const char c : text.substr(point + 1)) {
      if (!is_digit(c)) return false;
      fraction += (c - '0') * weight;
      weight /= 10;
    }
  }
  nanoseconds = seconds * nanoseconds_per_second + fraction;
  return true;
}

std::string_view path_of_target(std::string_view target) {
  if (!target.starts_with('/')) {
    const std::size_t scheme = target.find("://");
    if (scheme == std::string_view::npos || !is_token(target.substr(0, scheme))) return {};
    const std::size_t slash = target.find_first_of("/?#", scheme + 3);
    if (slash == std::string_view::npos || target[slash] != '/') return "/";
    target.remove_prefix(slash);
  }
  return target.substr(0, target.find_first_of("?#"));
}

void parse_request(std::string_view request, AccessLine& parsed) {
  parsed.method = {};
  parsed.path = {};
  const std::size_t blank = request.find(' ');
  if (blank == std::string_view::npos || !is_token(request.substr(0, blank))) return;
  std::string_view target = request.substr(blank + 1);
  const std::size_t version = target.rfind(' ');
  if (version != std::string_view::npos) {
    if (!target.substr(version + 1).starts_with("HTTP/")) return;
    target = target.substr(0, version);
  }
  parsed.method = request.substr(0, blank);
  parsed.path = path_of_target(target);
}

bool parse_combined_line(std::string_view line, AccessLine& parsed, LineFault& fault) {
  Cursor cursor(line);
  std::string_view time;
  std::string_view request;
  if (!cursor.word(parsed.client)) return fail(fault, "the client address is missing", 1);
  std::size_t column = cursor.column() + 1;
  if (!cursor.skip(' ') || !cursor.user_and_time(time)) {
    return fail(fault, "expected 'address ident user [time]'", column);
  }
  const std::size_t time_column = cursor.column() - time.size() - 1;
  std::int64_t seconds = 0;
  if (!parse_log_time(time, seconds)) {
    return fail(fault, "the time is not like [17/May/2015:10:05:03 +0000]", time_column);
  }
  parsed.arrival_ns = seconds * nanoseconds_per_second;
  parsed.whole_second = true;
  column = cursor.column() + 1;
  if (!cursor.skip(' ') || !cursor.quoted_text(request)) {
    return fail(fault, "the quoted request is missing or not closed", column);
  }
  parse_request(request, parsed);
  return parse_status_and_bytes(cursor, parsed, fault) && parse_tail(cursor, parsed, fault);
}

}  // namespace iodrome::workloads
