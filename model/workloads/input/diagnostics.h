// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace iodrome::workloads {

enum class Severity { error, warning, note };

/// A spot in an input. `line` and `column` count from 1; 0 means "the whole file".
/// Units: `column` counts bytes of `source_line`.
struct Place {
  std::string file;
  int line = 0;
  int column = 0;
  std::string source_line;
};

/// One finding about an input: where, what, and what would have been right.
struct Diagnostic {
  std::string file;
  int line = 0;
  int column = 0;
  Severity severity = Severity::error;
  std::string message;
  std::string hint;
  std::string source_line;
};

/// Collects every finding of one pass over the inputs, in the order of reporting.
class Diagnostics {
 public:
  /// The findings kept; what comes after them is only counted (a broken log of a million lines
  /// must not fill the memory with complaints).
  static constexpr std::size_t max_kept = 200;

  void add(Diagnostic diagnostic);
  void error(const Place& place, std::string message, std::string hint = {});
  void warning(const Place& place, std::string message, std::string hint = {});
  void note(const Place& place, std::string message, std::string hint = {});

  /// True while no error was reported; warnings and notes do not matter.
  [[nodiscard]] bool ok() const { return error_count_ == 0; }
  [[nodiscard]] std::size_t error_count() const { return error_count_; }
  [[nodiscard]] const std::vector<Diagnostic>& entries() const { return entries_; }

  /// All findings as text for a terminal, one after the other; empty when there are none.
  [[nodiscard]] std::string render() const;

 private:
  std::vector<Diagnostic> entries_;
  std::size_t error_count_ = 0;
  std::size_t dropped_ = 0;
};

/// `file:line:column: error: message`, the source line with a caret, the hint. Valid UTF-8 without
/// control characters, whatever bytes the input held.
[[nodiscard]] std::string render(const Diagnostic& diagnostic);

/// The text as it may be shown: control characters and bytes that are not UTF-8 become `\xNN`;
/// longer than `max_bytes` it is cut and ends in `...`.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes = 120);

/// `'text'`, printable.
[[nodiscard]] std::string in_quotes(std::string_view text);

/// The candidate nearest to `word` by Damerau-Levenshtein distance (optimal string alignment),
/// if one lies within a third of the word's length (at least 1).
/// Order: of equally near candidates the first.
[[nodiscard]] std::optional<std::string> nearest_name(std::string_view word,
                                                      std::span<const std::string_view> candidates);

/// A hint for a wrong name: `did you mean 'x'?`, then `valid: a, b, c` (all of them when there are
/// at most `list_limit`, none otherwise).
[[nodiscard]] std::string name_hint(std::string_view word,
                                    std::span<const std::string_view> candidates,
                                    std::size_t list_limit = 24);

}  // namespace iodrome::workloads
