// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/input/diagnostics.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <utility>

namespace iodrome::workloads {
namespace {

constexpr std::size_t longest_compared_name = 64;
constexpr std::size_t source_window_bytes = 96;

std::string_view label(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      return "note";
  }
  return "error";
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// Bytes of the well-formed UTF-8 sequence at the start of `text`; 0 when there is none.
std::size_t utf8_sequence_bytes(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  std::size_t bytes = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) bytes = 2;
  if (first >= 0xE0 && first <= 0xEF) bytes = 3;
  if (first >= 0xF0 && first <= 0xF4) bytes = 4;
  if (bytes == 0 || text.size() < bytes) return 0;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < bytes; ++i) {
    if (!is_continuation(text[i])) return 0;
  }
  return bytes;
}

/// C1 controls (U+0080..U+009F) are UTF-8 but steer terminals.
bool is_control(std::string_view sequence) {
  const auto first = static_cast<unsigned char>(sequence[0]);
  if (sequence.size() == 1) return first < 0x20 || first == 0x7F;
  return first == 0xC2 && static_cast<unsigned char>(sequence[1]) < 0xA0;
}

void append_escaped(std::string& out, std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out += "\\x";
    out += digits[byte >> 4U];
    out += digits[byte & 15U];
  }
}

/// What a terminal shows of `text`, tabs as one blank, and how many columns that takes.
std::pair<std::string, std::size_t> shown(std::string_view text) {
  std::string out;
  std::size_t columns = 0;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t bytes = utf8_sequence_bytes(text.substr(i));
    const std::string_view sequence = text.substr(i, std::max<std::size_t>(bytes, 1));
    if (sequence == "\t") {
      out += ' ';
      ++columns;
    } else if (bytes == 0 || is_control(sequence)) {
      append_escaped(out, sequence);
      columns += 4 * sequence.size();
    } else {
      out += sequence;
      ++columns;
    }
    i += sequence.size();
  }
  return {std::move(out), columns};
}

void append_source_line(std::string& out, const Diagnostic& diagnostic) {
  std::string_view text = diagnostic.source_line;
  std::size_t caret = static_cast<std::size_t>(std::max(diagnostic.column, 1)) - 1;
  caret = std::min(caret, text.size());
  if (text.size() > source_window_bytes) {
    const std::size_t start = caret > source_window_bytes / 2 ? caret - source_window_bytes / 2 : 0;
    text = text.substr(start, source_window_bytes);
    caret -= start;
  }
  out += "\n    " + shown(text).first;
  if (diagnostic.column > 0) {
    out += "\n    " + std::string(shown(text.substr(0, caret)).second, ' ') + '^';
  }
}

/// One bit per letter, all bytes folded on 64: names that differ in many letters are far apart.
std::uint64_t letters(std::string_view text) {
  std::uint64_t set = 0;
  for (const char c : text) set |= std::uint64_t{1} << (static_cast<unsigned char>(c) & 63U);
  return set;
}

/// The distance of two names, or `limit` when it is that or more. Both are at most
/// `longest_compared_name` long: a broken file asks this for every name it could have meant.
std::size_t distance(std::string_view a, std::string_view b, std::size_t limit) {
  using Row = std::array<std::size_t, longest_compared_name + 1>;
  Row rows[3];
  Row* before = &rows[0];
  Row* last = &rows[1];
  Row* row = &rows[2];
  for (std::size_t j = 0; j <= b.size(); ++j) (*last)[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t least = (*row)[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      std::size_t steps = std::min({(*last)[j] + 1, (*row)[j - 1] + 1, (*last)[j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) steps = std::min(steps, (*before)[j - 2] + 1);
      (*row)[j] = steps;
      least = std::min(least, steps);
    }
    if (least >= limit) return limit;  // no row gets below the one before it, swaps included
    Row* const free = before;
    before = last;
    last = row;
    row = free;
  }
  return std::min((*last)[b.size()], limit);
}

}  // namespace

void Diagnostics::add(Diagnostic diagnostic) {
  if (diagnostic.severity == Severity::error) ++error_count_;
  if (entries_.size() < max_kept) {
    entries_.push_back(std::move(diagnostic));
  } else {
    ++dropped_;
  }
}

void Diagnostics::error(const Place& place, std::string message, std::string hint) {
  add({place.file, place.line, place.column, Severity::error, std::move(message), std::move(hint),
       place.source_line});
}

void Diagnostics::warning(const Place& place, std::string message, std::string hint) {
  add({place.file, place.line, place.column, Severity::warning, std::move(message), std::move(hint),
       place.source_line});
}

void Diagnostics::note(const Place& place, std::string message, std::string hint) {
  add({place.file, place.line, place.column, Severity::note, std::move(message), std::move(hint),
       place.source_line});
}

std::string Diagnostics::render() const {
  std::string out;
  for (const Diagnostic& entry : entries_) out += workloads::render(entry) + '\n';
  if (dropped_ > 0) out += "... and " + std::to_string(dropped_) + " more findings\n";
  return out;
}

std::string render(const Diagnostic& diagnostic) {
  std::string out;
  if (!diagnostic.file.empty()) {
    out += printable(diagnostic.file, 4096) + ':';
    if (diagnostic.line > 0) out += std::to_string(diagnostic.line) + ':';
    if (diagnostic.line > 0 && diagnostic.column > 0) {
      out += std::to_string(diagnostic.column) + ':';
    }
    out += ' ';
  }
  out += label(diagnostic.severity);
  out += ": " + printable(diagnostic.message, 4096);
  if (!diagnostic.source_line.empty()) append_source_line(out, diagnostic);
  if (!diagnostic.hint.empty()) out += "\n    " + printable(diagnostic.hint, 4096);
  return out;
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return shown(text).first;
  std::size_t cut = max_bytes;
  while (cut > 0 && is_continuation(text[cut])) --cut;
  return shown(text.substr(0, cut)).first + "...";
}

std::string in_quotes(std::string_view text) {
  return '\'' + printable(text, 60) + '\'';
}

std::optional<std::string> nearest_name(std::string_view word,
                                        std::span<const std::string_view> candidates) {
  if (word.empty() || word.size() > longest_compared_name) return std::nullopt;
  const std::uint64_t word_letters = letters(word);
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::optional<std::string_view> nearest;
  for (const std::string_view candidate : candidates) {
    const std::size_t longer = std::max(word.size(), candidate.size());
    if (longer > longest_compared_name) continue;
    if (longer - std::min(word.size(), candidate.size()) >= best) continue;
    // One step adds a letter, takes one away, or both.
    const int differing = std::popcount(word_letters ^ letters(candidate));
    if (static_cast<std::size_t>(differing) > 2 * (best - 1)) continue;
    const std::size_t changes = distance(word, candidate, best);
    if (changes < best && changes < longer) {
      best = changes;
      nearest = candidate;
    }
  }
  if (!nearest) return std::nullopt;
  return std::string(*nearest);
}

std::string name_hint(std::string_view word, std::span<const std::string_view> candidates,
                      std::size_t list_limit) {
  std::string hint;
  if (const auto nearest = nearest_name(word, candidates)) {
    hint = "did you mean " + in_quotes(*nearest) + "?";
  }
  if (candidates.empty() || candidates.size() > list_limit) return hint;
  hint += hint.empty() ? "valid: " : " valid: ";
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (i > 0) hint += ", ";
    hint += candidates[i];
  }
  return hint;
}

}  // namespace iodrome::workloads
