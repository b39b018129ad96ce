// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// The one place that includes toml++, so that every translation unit sees the same settings.
// toml++ 3.3 asserts on bad input that it then reports as an error anyway (`[=`): its assertions
// are off, and NDEBUG, under which it would tell Clang to assume them, is hidden from it.
#define TOML_EXCEPTIONS 0
#define TOML_ASSERT(expression) static_assert(true)
#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

#include "model/workloads/input/diagnostics.h"
#include "model/workloads/input/quantity.h"
#include "model/workloads/input/text_source.h"

namespace iodrome::workloads {

/// A parsed TOML file with its text, so that everything found in it has a place.
struct TomlDocument {
  std::string file;
  std::vector<std::string> lines;
  toml::table root;

  [[nodiscard]] Place place(const toml::source_region& region) const;
  /// The text of a value as written, when it stands on one line; empty otherwise.
  [[nodiscard]] std::string written(const toml::source_region& region) const;
};

/// Reads and parses a TOML file. Errors: unreadable, longer than 1 MiB, not TOML.
[[nodiscard]] std::optional<TomlDocument> load_toml_document(const std::string& path,
                                                             Diagnostics& diagnostics);
[[nodiscard]] std::optional<TomlDocument> read_toml_document(TextSource& source,
                                                             Diagnostics& diagnostics);

/// The bare table of a TOML file; its nodes keep line and column.
[[nodiscard]] std::optional<toml::table> load_toml_table(const std::string& path,
                                                         Diagnostics& diagnostics);

/// Takes a table apart key by key; what nobody asked for is an error in the end.
/// Every getter returns nothing both for an absent key and, after an error, for a wrong one.
/// Order: call `finish` after all getters. The document and diagnostics must outlive it.
class TomlTable {
 public:
  /// `path` is the dotted name of the table, empty for the root; it appears in messages.
  TomlTable(const TomlDocument& document, const toml::table& table, std::string path,
            Diagnostics& diagnostics);

  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] std::optional<std::string> text(std::string_view key);
  /// Errors: a value that is none of `valid`, with the nearest one.
  [[nodiscard]] std::optional<std::string> choice(std::string_view key,
                                                  std::span<const std::string_view> valid);
  [[nodiscard]] std::optional<std::vector<std::string>> texts(std::string_view key);
  [[nodiscard]] std::optional<bool> boolean(std::string_view key);
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view key, std::int64_t low,
                                                    std::int64_t high);
  /// A quoted quantity such as "80us", read by one of the functions of input/quantity.h.
  [[nodiscard]] std::optional<std::int64_t> quantity(std::string_view key,
                                                     Parsed (*parse)(std::string_view));
  [[nodiscard]] std::optional<TomlTable> table(std::string_view key);
  /// An array of tables, `[[key]]`; empty when absent.
  [[nodiscard]] std::vector<TomlTable> tables(std::string_view key);
  /// The raw node of a key, which then counts as asked for; null when absent.
  [[nodiscard]] const toml::node* node(std::string_view key);

  [[nodiscard]] const toml::table& raw() const { return *table_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Place place() const;
  /// The place of the key's value; of the table when the key is absent.
  [[nodiscard]] Place place(std::string_view key) const;
  void error(std::string_view key, std::string message, std::string hint = {});

  /// Reports every key that no getter asked for, with the nearest one that was.
  void finish();

 private:
  [[nodiscard]] std::string full_name(std::string_view key) const;
  void wrong_type(std::string_view key, const toml::node& node, std::string_view wanted);

  const TomlDocument* document_;
  const toml::table* table_;
  std::string path_;
  Diagnostics* diagnostics_;
  std::set<std::string, std::less<>> asked_;
};

/// What a TOML node is, in words: "a string", "an integer" ...
[[nodiscard]] std::string_view toml_type_name(const toml::node& node);

}  // namespace iodrome::workloads
