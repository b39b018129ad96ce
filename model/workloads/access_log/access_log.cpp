// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/access_log/access_log.h"

#include <algorithm>
#include <array>
#include <deque>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "model/workloads/access_log/access_line.h"
#include "model/workloads/access_log/sort_in_place.h"

namespace iodrome::workloads {
namespace {

constexpr std::int64_t picoseconds_per_nanosecond = 1'000;
constexpr std::int64_t longest_log_ns =
    std::numeric_limits<std::int64_t>::max() / picoseconds_per_nanosecond;
constexpr std::uint64_t complaints_before_giving_up = 20;

/// Numbers strings by first appearance. Only looked up, never walked: hash order shows nowhere.
class NameTable {
 public:
  std::uint32_t number(std::string_view name) {
    const auto found = numbers_.find(name);
    if (found != numbers_.end()) return found->second;
    const auto number = static_cast<std::uint32_t>(names_.size());
    numbers_.emplace(names_.emplace_back(name), number);
    return number;
  }

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(names_.size()); }
  [[nodiscard]] const std::deque<std::string>& names() const { return names_; }

 private:
  std::deque<std::string> names_;
  std::unordered_map<std::string_view, std::uint32_t> numbers_;
};

/// The largest bodies seen of one path.
struct Sizes {
  std::int64_t whole = -1;  ///< of status 200
  std::int64_t any = 0;
};

/// When the request of a line arrived.
struct Arrival {
  std::int64_t arrival_ns = 0;
  std::uint64_t line = 0;
};

/// Why a line is not replayed, in a bounded number of kinds.
class SkipCounts {
 public:
  void status(int status) { ++statuses_[static_cast<std::size_t>(status)]; }
  void method(std::string_view method) {
    constexpr std::array known = {"POST",  "PUT",      "DELETE", "OPTIONS", "PATCH", "CONNECT",
                                  "TRACE", "PROPFIND", "REPORT", "MKCOL",   "COPY",  "MOVE"};
    const bool is_known = std::find(known.begin(), known.end(), method) != known.end();
    ++reasons_["method " + (is_known ? std::string(method) : std::string("unknown"))];
  }
  void reason(const char* text, std::uint64_t count = 1) { reasons_[text] += count; }

  [[nodiscard]] std::map<std::string, std::uint64_t> take() {
    for (std::size_t status = 0; status < statuses_.size(); ++status) {
      if (statuses_[status] == 0) continue;
      const std::string digits = std::to_string(1000 + status).substr(1);
      reasons_["status " + digits] = statuses_[status];
    }
    return std::move(reasons_);
  }

 private:
  std::array<std::uint64_t, 1000> statuses_{};
  std::map<std::string, std::uint64_t> reasons_;
};

class LogReader {
 public:
  LogReader(const AccessLogOptions& options, Diagnostics& diagnostics)
      : options_(options), diagnostics_(diagnostics) {}

  bool read(TextSource& source) {
    std::string_view line;
    AccessLine parsed;
    while (source.next(line)) {
      ++log_.lines;
      if (line.find_first_not_of(" \t") == std::string_view::npos) continue;
      LineFault fault;
      const bool fine = line.front() == '{' ? parse_json_line(line, parsed, fault)
                                            : parse_combined_line(line, parsed, fault);
      if (fine) {
        any_fine_ = true;
        take(parsed, source.line_number());
      } else {
        complain(source, line, fault);
        if (malformed_ > options_.skip_bad + complaints_before_giving_up) break;
      }
    }
    if (source.failure()) diagnostics_.add(*source.failure());
    return !source.failure() && malformed_ <= options_.skip_bad;
  }

  std::optional<AccessLog> finish(const std::string& name) {
    if (malformed_ > 0) skips_.reason("malformed", malformed_);
    log_.skipped = skips_.take();
    if (log_.records.empty()) {
      diagnostics_.error({name, 0, 0, {}}, nothing_to_replay());
      return std::nullopt;
    }
    name_files();
    if (!count_from_first(name)) return std::nullopt;
    sort_in_place(
        log_.records.begin(), log_.records.end(),
        [](const AccessRecord& a, const AccessRecord& b) { return a.arrival_ps < b.arrival_ps; });
    log_.clients = clients_.size() + nameless_clients_;
    return std::move(log_);
  }

 private:
  /// While no line at all was fine the file is likely no log: one complaint says it.
  void complain(const TextSource& source, std::string_view line, const LineFault& fault) {
    ++malformed_;
    if (malformed_ <= options_.skip_bad) return;
    const bool first = malformed_ == options_.skip_bad + 1;
    if (!first && !any_fine_) return;
    std::string hint = first && options_.skip_bad == 0 ? "--skip-bad N tolerates such lines" : "";
    if (!any_fine_) hint = "is this a web server's access log?" + (hint.empty() ? "" : " " + hint);
    const std::size_t binary = find_binary_byte(line);
    const bool is_text = binary == std::string_view::npos;
    diagnostics_.error(
        source.place(line, is_text ? fault.column : binary + 1),
        "malformed log line: " + (is_text ? std::string(fault.reason) : std::string("binary data")),
        std::move(hint));
  }

  void take(const AccessLine& parsed, std::uint64_t line) {
    if (parsed.method.empty()) return skips_.reason("request not HTTP");
    const bool head = parsed.method == "HEAD";
    if (!head && parsed.method != "GET") return skips_.method(parsed.method);
    const bool send = !head && (parsed.status == 200 || parsed.status == 206);
    if (!send && !head && parsed.status != 304) return skips_.status(parsed.status);
    if (parsed.path.empty()) return skips_.reason("target not a path");
    AccessRecord record;
    record.kind = send ? AccessKind::send : AccessKind::stat_only;
    record.whole_second = parsed.whole_second;
    const std::int64_t bytes = send ? parsed.bytes : 0;
    log_.set_bytes(record, bytes);
    std::int64_t arrival_ns = parsed.arrival_ns;
    if (parsed.whole_second && options_.draw) arrival_ns += inside_second_ns(line);
    record.arrival_ps = arrival_ns;  // until `count_from_first` knows since when
    if (log_.records.empty() || arrival_ns < first_.arrival_ns) first_ = {arrival_ns, line};
    if (log_.records.empty() || arrival_ns >= last_.arrival_ns) last_ = {arrival_ns, line};
    record.file = paths_.number(parsed.path);
    record.client = client_number(parsed.client);
    if (sizes_.size() < paths_.size()) sizes_.emplace_back();
    Sizes& sizes = sizes_[record.file];
    sizes.any = std::max(sizes.any, bytes);
    if (send && parsed.status == 200) sizes.whole = std::max(sizes.whole, bytes);
    log_.records.push_back(record);
  }

  [[nodiscard]] std::int64_t inside_second_ns(std::uint64_t line) const {
    __extension__ using Wide = unsigned __int128;
    const Wide scaled = Wide{options_.draw(line)} * Wide{nanoseconds_per_second};
    return static_cast<std::int64_t>(scaled >> 64U);
  }

  std::uint32_t client_number(std::string_view client) {
    if (!client.empty()) return clients_.number(client);
    return nameless_first_ - nameless_clients_++;
  }

  void name_files() {
    log_.files.reserve(paths_.size());
    for (const std::string& path : paths_.names()) {
      const Sizes& sizes = sizes_[log_.files.size()];
      log_.files.push_back({path, sizes.whole >= 0 ? sizes.whole : sizes.any});
    }
    for (AccessRecord& record : log_.records) {
      if (record.client > nameless_first_ - nameless_clients_) {
        record.client = clients_.size() + (nameless_first_ - record.client);
      }
      const std::int64_t size_bytes = log_.files[record.file].size_bytes;
      if (log_.bytes_of(record) <= size_bytes) continue;
      log_.set_bytes(record, size_bytes);
      ++log_.clamped_sends;
    }
  }

  bool count_from_first(const std::string& name) {
    const std::int64_t span = last_.arrival_ns - first_.arrival_ns;
    if (span > longest_log_ns) {
      constexpr std::int64_t day = 86400 * nanoseconds_per_second;
      diagnostics_.error({name, 0, 0, {}},
                         "the log spans " + std::to_string(span / day) +
                             " days, more than the 106 "
                             "a picosecond clock can hold (lines " +
                             std::to_string(first_.line) + " and " + std::to_string(last_.line) +
                             ")",
                         "cut the log into shorter ones");
      return false;
    }
    for (AccessRecord& record : log_.records) {
      record.arrival_ps = (record.arrival_ps - first_.arrival_ns) * picoseconds_per_nanosecond;
    }
    return true;
  }

  [[nodiscard]] std::string nothing_to_replay() const {
    if (log_.skipped.empty()) return "the log is empty";
    std::string reasons;
    for (const auto& [reason, count] : log_.skipped) {
      reasons += (reasons.empty() ? "" : ", ") + reason + ": " + std::to_string(count);
    }
    return "the log holds no request that can be replayed; skipped: " + reasons;
  }

  static constexpr std::uint32_t nameless_first_ = 0x7FFFFFFF;  // the largest a record holds

  const AccessLogOptions& options_;
  Diagnostics& diagnostics_;
  AccessLog log_;
  NameTable paths_;
  NameTable clients_;
  std::uint32_t nameless_clients_ = 0;
  std::vector<Sizes> sizes_;
  SkipCounts skips_;
  Arrival first_;  // equal arrivals: of the first line
  Arrival last_;   // equal arrivals: of the last line
  std::uint64_t malformed_ = 0;
  bool any_fine_ = false;
};

}  // namespace

std::optional<AccessLog> read_access_log(TextSource& source, const AccessLogOptions& options,
                                         Diagnostics& diagnostics) {
  LogReader reader(options, diagnostics);
  if (!reader.read(source)) return std::nullopt;
  return reader.finish(source.name());
}

std::optional<AccessLog> load_access_log(const std::string& path, const AccessLogOptions& options,
                                         Diagnostics& diagnostics) {
  TextSource source = TextSource::from_file(path);
  source.poll_with(options.monitor);
  return read_access_log(source, options, diagnostics);
}

}  // namespace iodrome::workloads
