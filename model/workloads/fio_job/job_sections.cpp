// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio_job/job_sections.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <utility>

namespace iodrome::workloads {
namespace {

constexpr std::size_t deepest_include = 10;
constexpr std::size_t most_includes = 1000;
constexpr std::size_t total_limit_bytes = std::size_t{8} << 20U;
constexpr std::size_t total_limit_lines = 100'000;

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\v\f";
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// As fio tries it: as given, then beside the including file.
std::string include_path(const std::string& wanted, const std::string& including) {
  std::error_code error;
  if (std::filesystem::exists(wanted, error)) return wanted;
  const std::size_t slash = including.rfind('/');
  if (wanted.starts_with('/') || slash == std::string::npos) return wanted;
  return including.substr(0, slash + 1) + wanted;
}

std::string identity(const std::string& path) {
  std::error_code error;
  const auto canonical = std::filesystem::weakly_canonical(path, error);
  return error ? path : canonical.string();
}

class SectionReader {
 public:
  SectionReader(const FioEnvironment& environment, Diagnostics& diagnostics)
      : environment_(environment), diagnostics_(diagnostics) {}

  void read(TextSource& source) {
    open_.push_back(identity(source.name()));
    std::string_view line;
    while (!given_up_ && source.next(line)) {
      bytes_ += line.size();
      if (bytes_ > total_limit_bytes || ++lines_ > total_limit_lines) {
        diagnostics_.error(source.place(line, 0), "the job file and its includes are too long");
        given_up_ = true;
        break;
      }
      read_line(source, line);
    }
    if (source.failure()) diagnostics_.add(*source.failure());
    open_.pop_back();
  }

  JobSections take() { return std::move(result_); }

 private:
  void read_line(const TextSource& source, std::string_view line) {
    line_ = line;
    if (const std::size_t byte = find_binary_byte(line); byte != std::string_view::npos) {
      diagnostics_.error(source.place(line, byte + 1), "binary data: this is not a text file");
      result_.sections.clear();
      given_up_ = true;
      return;
    }
    std::string_view text = trim(line);
    if (text.empty()) return;
    if (text.front() == ';' || text.front() == '#') return read_comment(source, text);
    text = trim(text.substr(0, text.find_first_of(";#")));
    if (text.front() == '[') return read_header(source, text);
    if (text == "include" || text.starts_with("include ") || text.starts_with("include\t") ||
        text.starts_with("include=")) {
      return read_include(source, text);
    }
    read_option(source, text);
  }

  [[nodiscard]] Place place_of(const TextSource& source, std::string_view part) const {
    return source.place(line_, static_cast<std::size_t>(part.data() - line_.data()) + 1);
  }

  void read_comment(const TextSource& source, std::string_view text) {
    constexpr std::string_view mark = "sim:";
    text = trim(text.substr(1));
    if (!text.starts_with(mark)) return;
    text = trim(text.substr(mark.size()));
    while (!text.empty()) {
      const std::string_view word = text.substr(0, text.find_first_of(" \t"));
      text = trim(text.substr(word.size()));
      const std::size_t equals = word.find('=');
      if (equals == std::string_view::npos || equals == 0 || equals + 1 == word.size()) {
        diagnostics_.error(place_of(source, word), in_quotes(word) + " is not key=value",
                           "write '; sim: key=value key=value'");
        continue;
      }
      result_.overrides.push_back({std::string(word.substr(0, equals)),
                                   std::string(word.substr(equals + 1)), place_of(source, word)});
    }
  }

  void read_header(const TextSource& source, std::string_view text) {
    const Place place = place_of(source, text);
    if (open_.size() > 1) {
      return diagnostics_.error(place, "an included file cannot start a section");
    }
    const std::size_t close = text.find(']');
    const std::string_view name = trim(text.substr(1, std::min(close, text.size()) - 1));
    if (close == std::string_view::npos) {
      diagnostics_.error(place, "the section header is not closed by ']'");
    } else if (close + 1 != text.size()) {
      diagnostics_.error(place_of(source, text.substr(close + 1)), "text after the section header");
    } else if (name.empty()) {
      diagnostics_.error(place, "the section has no name");
    }
    const bool global = name.starts_with("global");
    if (global && name != "global") {
      diagnostics_.warning(place, in_quotes(name) + " is read as [global], as fio does");
    }
    result_.sections.push_back({std::string(name), global, place, {}});
  }

  void read_include(const TextSource& source, std::string_view text) {
    const Place place = place_of(source, text);
    const std::string_view wanted = trim(text.substr(std::min<std::size_t>(8, text.size())));
    if (wanted.empty()) return diagnostics_.error(place, "'include' names no file");
    if (result_.sections.empty()) {
      return diagnostics_.error(place, "'include' stands before the first [section]");
    }
    const std::string path = include_path(std::string(wanted), source.name());
    if (std::find(open_.begin(), open_.end(), identity(path)) != open_.end()) {
      return diagnostics_.error(place, in_quotes(wanted) + " includes itself");
    }
    if (open_.size() > deepest_include) {
      return diagnostics_.error(
          place, "files are included more than " + std::to_string(deepest_include) + " deep");
    }
    if (++includes_ > most_includes) {
      given_up_ = true;
      return diagnostics_.error(
          place, "more than " + std::to_string(most_includes) + " files are included");
    }
    TextSource included = TextSource::from_file(path, job_line_limit_bytes);
    if (included.failure()) {
      return diagnostics_.error(place_of(source, wanted), "cannot include " + in_quotes(wanted) +
                                                              ": " + included.failure()->message);
    }
    read(included);
  }

  void read_option(const TextSource& source, std::string_view text) {
    JobOption option;
    const std::string_view name = trim(text.substr(0, text.find('=')));
    option.name = std::string(name);
    option.place = place_of(source, text);
    option.value_place = option.place;
    if (const std::size_t equals = text.find('='); equals != std::string_view::npos) {
      const std::string_view value = trim(text.substr(equals + 1));
      option.has_value = true;
      option.value_place = place_of(source, value.empty() ? text.substr(equals) : value);
      if (const std::size_t open = unclosed_variable(value); open != std::string_view::npos) {
        return diagnostics_.error(place_of(source, value.substr(open)),
                                  "'${' is not closed by '}'");
      }
      option.value = replace_keywords(replace_variables(value, option), option);
    }
    if (result_.sections.empty()) return complain_outside(option);
    result_.sections.back().options.push_back(std::move(option));
  }

  /// Once per file: what follows is outside for the same reason.
  void complain_outside(const JobOption& option) {
    if (std::exchange(outside_seen_, true)) return;
    diagnostics_.error(option.place,
                       "option " + in_quotes(option.name) + " stands before the first [section]",
                       "is this a fio job file?");
  }

  /// Where a `${` without a `}` stands, npos when there is none.
  static std::size_t unclosed_variable(std::string_view value) {
    const std::size_t open = value.rfind("${");
    if (open == std::string_view::npos) return open;
    return value.find('}', open) == std::string_view::npos ? open : std::string_view::npos;
  }

  /// Every `${` of `value` is closed.
  std::string replace_variables(std::string_view value, JobOption& option) {
    std::string out;
    while (true) {
      const std::size_t start = value.find("${");
      out += value.substr(0, start);
      if (start == std::string_view::npos) return out;
      const std::size_t stop = value.find('}', start);
      const std::string_view name = value.substr(start + 2, stop - start - 2);
      const auto known = environment_.variable ? environment_.variable(name) : std::nullopt;
      if (known) out += *known;
      if (!known) option.unset_variable = std::string(name);
      value.remove_prefix(stop + 1);
    }
  }

  std::string replace_keywords(std::string value, JobOption& option) const {
    const std::array<std::pair<std::string_view, std::int64_t>, 3> keywords = {{
        {"$pagesize", environment_.page_bytes},
        {"$mb_memory", environment_.memory_mib},
        {"$ncpus", environment_.cpus},
    }};
    bool replaced = false;
    for (const auto& [keyword, number] : keywords) {
      const std::string digits = std::to_string(number);
      for (std::size_t at = value.find(keyword); at != std::string::npos;
           at = value.find(keyword, at + digits.size())) {
        value.replace(at, keyword.size(), digits);
        replaced = true;
      }
    }
    option.keyword_arithmetic = replaced && value.find_first_of("+-*/") != std::string::npos;
    return value;
  }

  const FioEnvironment& environment_;
  Diagnostics& diagnostics_;
  JobSections result_;
  std::vector<std::string> open_;
  std::string_view line_;
  std::size_t bytes_ = 0;
  std::size_t lines_ = 0;
  std::size_t includes_ = 0;
  bool given_up_ = false;
  bool outside_seen_ = false;
};

}  // namespace

JobSections read_job_sections(TextSource& source, const FioEnvironment& environment,
                              Diagnostics& diagnostics) {
  SectionReader reader(environment, diagnostics);
  reader.read(source);
  return reader.take();
}

}  // namespace iodrome::workloads
