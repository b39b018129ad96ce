// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/scenario/toml_document.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace iodrome::workloads {
namespace {

// Nested tables are freed by recursion: a line of dots must not exhaust the stack.
constexpr std::size_t line_limit_bytes = 4096;
constexpr std::size_t file_limit_bytes = std::size_t{1} << 20U;

/// toml++ counts columns in characters, everything here in bytes.
std::size_t byte_of_column(std::string_view line, std::size_t column) {
  std::size_t byte = 0;
  for (std::size_t i = 1; i < column && byte < line.size(); ++i) {
    ++byte;
    while (byte < line.size() && (static_cast<unsigned char>(line[byte]) & 0xC0U) == 0x80U) ++byte;
  }
  return byte;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + '\n';
  return text;
}

}  // namespace

Place TomlDocument::place(const toml::source_region& region) const {
  const std::size_t line = region.begin.line;
  if (line == 0 || line > lines.size()) return {file, 0, 0, {}};
  const std::string& text = lines[line - 1];
  const std::size_t byte = byte_of_column(text, region.begin.column);
  return {file, static_cast<int>(line), static_cast<int>(byte) + 1, text};
}

std::string TomlDocument::written(const toml::source_region& region) const {
  const std::size_t line = region.begin.line;
  if (line == 0 || line > lines.size() || region.end.line != region.begin.line) return {};
  const std::string& text = lines[line - 1];
  const std::size_t begin = byte_of_column(text, region.begin.column);
  const std::size_t end = byte_of_column(text, region.end.column);
  return text.substr(begin, end > begin ? end - begin : 0);
}

std::optional<TomlDocument> read_toml_document(TextSource& source, Diagnostics& diagnostics) {
  TomlDocument document{source.name(), {}, {}};
  std::size_t bytes = 0;
  std::string_view line;
  while (source.next(line)) {
    bytes += line.size() + 1;
    if (bytes > file_limit_bytes) {
      diagnostics.error({document.file, 0, 0, {}}, "the file is longer than 1 MiB",
                        "is this a TOML file?");
      return std::nullopt;
    }
    document.lines.emplace_back(line);
  }
  if (source.failure()) {
    diagnostics.add(*source.failure());
    return std::nullopt;
  }
  toml::parse_result parsed = toml::parse(joined(document.lines), document.file);
  if (parsed.failed()) {
    diagnostics.error(document.place(parsed.error().source()),
                      "not valid TOML: " + std::string(parsed.error().description()));
    return std::nullopt;
  }
  document.root = std::move(parsed).table();
  return document;
}

std::optional<TomlDocument> load_toml_document(const std::string& path, Diagnostics& diagnostics) {
  TextSource source = TextSource::from_file(path, line_limit_bytes);
  return read_toml_document(source, diagnostics);
}

std::optional<toml::table> load_toml_table(const std::string& path, Diagnostics& diagnostics) {
  auto document = load_toml_document(path, diagnostics);
  if (!document) return std::nullopt;
  return std::move(document->root);
}

std::string_view toml_type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "an array";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number with a fraction";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

TomlTable::TomlTable(const TomlDocument& document, const toml::table& table, std::string path,
                     Diagnostics& diagnostics)
    : document_(&document), table_(&table), path_(std::move(path)), diagnostics_(&diagnostics) {}

std::string TomlTable::full_name(std::string_view key) const {
  return path_.empty() ? std::string(key) : path_ + '.' + std::string(key);
}

Place TomlTable::place() const {
  return document_->place(table_->source());
}

Place TomlTable::place(std::string_view key) const {
  const toml::node* node = table_->get(key);
  return node == nullptr ? place() : document_->place(node->source());
}

void TomlTable::error(std::string_view key, std::string message, std::string hint) {
  diagnostics_->error(place(key), std::move(message), std::move(hint));
}

void TomlTable::wrong_type(std::string_view key, const toml::node& node, std::string_view wanted) {
  error(key, in_quotes(full_name(key)) + " must be " + std::string(wanted) + ", not " +
                 std::string(toml_type_name(node)));
}

bool TomlTable::has(std::string_view key) const {
  return table_->contains(key);
}

const toml::node* TomlTable::node(std::string_view key) {
  asked_.emplace(key);
  return table_->get(key);
}

std::optional<std::string> TomlTable::text(std::string_view key) {
  const toml::node* found = node(key);
  if (found == nullptr) return std::nullopt;
  if (const auto* value = found->as_string()) return value->get();
  wrong_type(key, *found, "a string");
  return std::nullopt;
}

std::optional<std::string> TomlTable::choice(std::string_view key,
                                             std::span<const std::string_view> valid) {
  auto value = text(key);
  if (!value || std::find(valid.begin(), valid.end(), *value) != valid.end()) return value;
  error(key, in_quotes(full_name(key)) + " is " + in_quotes(*value), name_hint(*value, valid));
  return std::nullopt;
}

std::optional<std::vector<std::string>> TomlTable::texts(std::string_view key) {
  const toml::node* found = node(key);
  if (found == nullptr) return std::nullopt;
  const toml::array* array = found->as_array();
  if (array == nullptr) {
    wrong_type(key, *found, "an array of strings");
    return std::nullopt;
  }
  std::vector<std::string> out;
  for (const toml::node& element : *array) {
    if (const auto* value = element.as_string()) {
      out.push_back(value->get());
      continue;
    }
    diagnostics_->error(document_->place(element.source()),
                        in_quotes(full_name(key)) + " must hold strings, not " +
                            std::string(toml_type_name(element)));
  }
  if (out.size() != array->size()) return std::nullopt;
  return out;
}

std::optional<bool> TomlTable::boolean(std::string_view key) {
  const toml::node* found = node(key);
  if (found == nullptr) return std::nullopt;
  if (const auto* value = found->as_boolean()) return value->get();
  wrong_type(key, *found, "true or false");
  return std::nullopt;
}

std::optional<std::int64_t> TomlTable::integer(std::string_view key, std::int64_t low,
                                               std::int64_t high) {
  const toml::node* found = node(key);
  if (found == nullptr) return std::nullopt;
  const auto* value = found->as_integer();
  if (value == nullptr) {
    wrong_type(key, *found, "an integer");
    return std::nullopt;
  }
  if (value->get() >= low && value->get() <= high) return value->get();
  const std::string bounds = high == std::numeric_limits<std::int64_t>::max()
                                 ? "at least " + std::to_string(low)
                                 : "from " + std::to_string(low) + " to " + std::to_string(high);
  error(key,
        in_quotes(full_name(key)) + " must be " + bounds + ", not " + std::to_string(value->get()));
  return std::nullopt;
}

std::optional<std::int64_t> TomlTable::quantity(std::string_view key,
                                                Parsed (*parse)(std::string_view)) {
  const auto value = text(key);
  if (!value) return std::nullopt;
  const Parsed parsed = parse(*value);
  if (parsed) return *parsed;
  error(key, in_quotes(full_name(key)) + ": " + parsed.error());
  return std::nullopt;
}

std::optional<TomlTable> TomlTable::table(std::string_view key) {
  const toml::node* found = node(key);
  if (found == nullptr) return std::nullopt;
  if (const toml::table* inner = found->as_table()) {
    return TomlTable(*document_, *inner, full_name(key), *diagnostics_);
  }
  wrong_type(key, *found, "a table");
  return std::nullopt;
}

std::vector<TomlTable> TomlTable::tables(std::string_view key) {
  std::vector<TomlTable> out;
  const toml::node* found = node(key);
  if (found == nullptr) return out;
  const toml::array* array = found->as_array();
  if (array == nullptr) {
    wrong_type(key, *found, "an array of tables ([[" + full_name(key) + "]])");
    return out;
  }
  for (const toml::node& element : *array) {
    if (const toml::table* inner = element.as_table()) {
      out.emplace_back(*document_, *inner, full_name(key), *diagnostics_);
      continue;
    }
    diagnostics_->error(document_->place(element.source()),
                        in_quotes(full_name(key)) + " must hold tables, not " +
                            std::string(toml_type_name(element)));
  }
  return out;
}

void TomlTable::finish() {
  const std::vector<std::string_view> known(asked_.begin(), asked_.end());
  for (const auto& [key, value] : *table_) {
    if (asked_.contains(key.str())) continue;
    diagnostics_->error(document_->place(key.source()), "unknown key " + in_quotes(full_name(key)),
                        name_hint(key.str(), known));
  }
}

}  // namespace iodrome::workloads
