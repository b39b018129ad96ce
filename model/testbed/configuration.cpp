// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/configuration.h"

#include <fmt/format.h>

#include <algorithm>

namespace iodrome::testbed {

using workloads::Parsed;
using workloads::Place;
using workloads::TomlTable;

namespace {

std::string store(const Parsed& parsed, std::int64_t& target) {
  if (!parsed) return parsed.error();
  target = *parsed;
  return {};
}

bool is_number(const std::string& text) {
  return text.find_first_not_of("0123456789") == std::string::npos;
}

bool counts_bytes(const Parameter& parameter) {
  return parameter.unit == "B" || parameter.unit == "bytes";
}

Parsed parse_number(const Parameter& parameter, const std::string& text) {
  if (counts_bytes(parameter) && !is_number(text)) return workloads::parse_bytes(text);
  return workloads::parse_count(text);
}

// The value of a node as text, the form in which a flag would give it.
std::string text_of(const toml::node& node, const workloads::TomlDocument& document) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return std::to_string(number->get());
  if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
  return document.written(node.source());
}

}  // namespace

std::string_view type_name(const Parameter& parameter) {
  struct Namer {
    const Parameter& parameter;
    std::string_view operator()(Duration*) const { return "duration"; }
    std::string_view operator()(std::int64_t*) const {
      return counts_bytes(parameter) ? "bytes" : "count";
    }
    std::string_view operator()(Rate*) const { return "rate"; }
    std::string_view operator()(Fraction*) const { return "share"; }
    std::string_view operator()(bool*) const { return "flag"; }
    std::string_view operator()(std::string*) const { return "text"; }
  };
  return std::visit(Namer{parameter}, parameter.slot);
}

std::string read_value(const Parameter& parameter, const std::string& text) {
  struct Reader {
    const Parameter& parameter;
    const std::string& text;
    std::string operator()(Duration* slot) const {
      const Parsed parsed = workloads::parse_duration_ps(text);
      if (!parsed) return parsed.error();
      *slot = ps(*parsed);
      return {};
    }
    std::string operator()(std::int64_t* slot) const {
      return store(parse_number(parameter, text), *slot);
    }
    std::string operator()(Rate* slot) const {
      return store(workloads::parse_rate_bytes_per_s(text), slot->bytes_per_s);
    }
    std::string operator()(Fraction* slot) const {
      return store(workloads::parse_fraction_ppm(text), slot->parts_per_million);
    }
    std::string operator()(bool* slot) const {
      if (text != "true" && text != "false")
        return fmt::format("{} is neither true nor false", workloads::in_quotes(text));
      *slot = text == "true";
      return {};
    }
    std::string operator()(std::string* slot) const {
      *slot = text;
      return {};
    }
  };
  return std::visit(Reader{parameter, text}, parameter.slot);
}

void Configuration::override_with(std::vector<workloads::ParameterOverride> overrides) {
  for (auto& entry : overrides) overrides_.push_back(std::move(entry));
}

const workloads::ParameterOverride* Configuration::override_of(const std::string& key,
                                                               const Parameter& parameter) {
  known_.push_back({key, parameter.unit, parameter.help, type_name(parameter)});
  const workloads::ParameterOverride* found = nullptr;
  for (const auto& entry : overrides_)
    if (entry.key == key) found = &entry;
  return found;
}

void Configuration::fill(TomlTable& table, const std::string& prefix,
                         const ParameterList& parameters) {
  std::map<std::string, TomlTable> below;
  for (const Parameter& parameter : parameters.all()) {
    const std::string name(parameter.name);
    const std::string full_name = prefix + "." + name;
    const std::size_t dot = name.find('.');
    if (dot == std::string::npos) {
      fill_one(table, name, full_name, parameter);
      continue;
    }
    const std::string head = name.substr(0, dot);
    auto sub = below.find(head);
    if (sub == below.end()) {
      std::optional<TomlTable> found = table.table(head);
      if (!found) {
        diagnostics_.error(table.place(),
                           fmt::format("the table '{}.{}' is missing", prefix, head));
        return;
      }
      sub = below.emplace(head, std::move(*found)).first;
    }
    fill_one(sub->second, name.substr(dot + 1), full_name, parameter);
  }
  for (auto& [name, sub] : below) sub.finish();
}

void Configuration::fill_one(TomlTable& table, const std::string& key, const std::string& full_name,
                             const Parameter& parameter) {
  const workloads::ParameterOverride* const override = override_of(full_name, parameter);
  std::optional<TomlTable> entry = table.table(key);
  if (!entry) {
    if (!table.has(key) && override == nullptr)
      diagnostics_.error(table.place(),
                         fmt::format("'{}' is missing: {}", full_name, parameter.help),
                         R"(write it as { value = ..., source = "...", date = "..." })");
    if (override == nullptr) return;
  }
  ValueSource source;
  source.key = full_name;
  if (entry) {
    const toml::node* const value = entry->node("value");
    source.source = entry->text("source").value_or("");
    source.date = entry->text("date").value_or("");
    source.guess = entry->boolean("guess").value_or(false);
    source.fitted = entry->boolean("fitted").value_or(false);
    if (value != nullptr) source.value = text_of(*value, table.document());
    if (value == nullptr) entry->error("value", fmt::format("'{}' has no value", full_name));
    if (source.source.empty())
      entry->error("source", fmt::format("'{}' names no source", full_name));
    const Place place = entry->place("value");
    const std::string complaint = value == nullptr ? "" : read_value(parameter, source.value);
    if (!complaint.empty()) diagnostics_.error(place, fmt::format("{}: {}", full_name, complaint));
    entry->finish();
  }
  if (override != nullptr) {
    source = {full_name, override->value, "", kFromUser, "", false, false};
    const std::string complaint = read_value(parameter, override->value);
    if (!complaint.empty())
      diagnostics_.error(override->place, fmt::format("{}: {}", full_name, complaint));
  }
  if (is_number(source.value)) source.unit = parameter.unit;
  sources_.push_back(std::move(source));
}

void Configuration::fill_from_file(const std::string& file, const std::string& name,
                                   const ParameterList& parameters) {
  const std::string path = data_dir_ + "/" + file;
  const auto document = workloads::load_toml_document(path, diagnostics_);
  if (!document) return;
  TomlTable root(*document, document->root, "", diagnostics_);
  std::optional<TomlTable> table = root.table(name);
  if (!table) {
    diagnostics_.error({path, 0, 0, {}}, fmt::format("the table [{}] is missing", name));
    return;
  }
  fill(*table, name, parameters);
  table->finish();
  root.finish();
}

void Configuration::fill_from_overrides(const std::string& prefix,
                                        const ParameterList& parameters) {
  for (const Parameter& parameter : parameters.all()) {
    const std::string full_name = prefix + "." + std::string(parameter.name);
    const workloads::ParameterOverride* const override = override_of(full_name, parameter);
    if (override == nullptr) continue;
    const std::string complaint = read_value(parameter, override->value);
    if (!complaint.empty())
      diagnostics_.error(override->place, fmt::format("{}: {}", full_name, complaint));
    sources_.push_back({full_name, override->value, "", kFromUser, "", false});
  }
}

void Configuration::finish() {
  std::vector<std::string_view> names;
  for (const KnownParameter& parameter : known_) names.push_back(parameter.key);
  for (const auto& entry : overrides_) {
    if (std::find(names.begin(), names.end(), entry.key) == names.end())
      diagnostics_.error(entry.place,
                         fmt::format("unknown parameter {}", workloads::in_quotes(entry.key)),
                         workloads::name_hint(entry.key, names, 0));
  }
}

}  // namespace iodrome::testbed
