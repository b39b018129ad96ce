// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/scenario/chain_table.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace iodrome::workloads {
namespace {

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t most_clients = 1'000'000;

std::vector<std::string_view> views(const std::vector<std::string>& names) {
  return {names.begin(), names.end()};
}

class ChainReader {
 public:
  explicit ChainReader(const ScenarioVocabulary& vocabulary) : vocabulary_(vocabulary) {
    for (const StepOperation& operation : vocabulary.operations) {
      operation_names_.push_back(operation.name);
    }
  }

  std::vector<ScenarioStep> take() { return std::move(steps_); }

  void read_step(TomlTable& table) {
    ScenarioStep step;
    step.place = table.place();
    if (auto op = table.choice("op", operation_names_)) {
      step.op = *op;
    } else if (!table.has("op")) {
      table.error("op", "a chain step has no 'op'", name_hint("", operation_names_));
    }
    step.name = table.text("name").value_or(step.op);
    step.path = table.text("path").value_or("");
    step.fd = read_fd(table);
    step.bytes = read_value(table, "bytes", false);
    step.offset = read_value(table, "offset", true);
    step.flags = read_flags(table);
    const auto reaction = table.choice("on_error", error_reactions);
    step.continue_on_error = reaction.value_or("stop") == "continue";
    table.finish();
    steps_.push_back(std::move(step));
  }

 private:
  std::vector<std::string> read_flags(TomlTable& table) {
    auto flags = table.texts("flags").value_or(std::vector<std::string>{});
    if (vocabulary_.flags.empty()) return flags;
    const auto valid = views(vocabulary_.flags);
    for (const std::string& flag : flags) {
      if (std::find(valid.begin(), valid.end(), flag) != valid.end()) continue;
      table.error("flags", "unknown flag " + in_quotes(flag), name_hint(flag, valid));
    }
    return flags;
  }

  std::optional<StepReference> read_fd(TomlTable& table) {
    const auto text = table.text("fd");
    if (!text) return std::nullopt;
    auto reference = read_reference(table, "fd", *text);
    if (reference && reference->result != "fd") {
      table.error("fd", in_quotes(*text) + " is no file descriptor", "write fd = \"$open.fd\"");
      return std::nullopt;
    }
    return reference;
  }

  /// An integer, a size such as "4 KiB", a reference, or for offsets "random".
  std::optional<StepValue> read_value(TomlTable& table, std::string_view key, bool may_be_random) {
    const toml::node* node = table.node(key);
    if (node == nullptr) return std::nullopt;
    if (node->is_integer()) {
      const auto number = table.integer(key, 0, largest);
      return number ? std::optional<StepValue>(*number) : std::nullopt;
    }
    const auto text = table.text(key);
    if (!text) return std::nullopt;
    if (may_be_random && *text == "random") return RandomOffset{};
    if (!text->starts_with('$')) {
      const auto bytes = table.quantity(key, parse_bytes);
      return bytes ? std::optional<StepValue>(*bytes) : std::nullopt;
    }
    const auto reference = read_reference(table, key, *text);
    if (!reference) return std::nullopt;
    if (reference->result == "fd") {
      table.error(key, in_quotes(*text) + " is a file descriptor, not a number of bytes");
      return std::nullopt;
    }
    return *reference;
  }

  std::optional<StepReference> read_reference(TomlTable& table, std::string_view key,
                                              std::string_view text) {
    const std::size_t dot = text.rfind('.');
    if (!text.starts_with('$') || dot == std::string_view::npos) {
      table.error(key, in_quotes(text) + " is no reference", "write $step.result, e.g. $open.fd");
      return std::nullopt;
    }
    const auto step = find_step(table, key, text.substr(1, dot - 1));
    if (!step) return std::nullopt;
    const std::string_view result = text.substr(dot + 1);
    for (const StepOperation& operation : vocabulary_.operations) {
      if (operation.name != steps_[*step].op) continue;
      const auto valid = views(operation.results);
      if (std::find(valid.begin(), valid.end(), result) == valid.end()) {
        table.error(key, in_quotes(operation.name) + " yields no " + in_quotes(result),
                    name_hint(result, valid));
        return std::nullopt;
      }
    }
    return StepReference{*step, std::string(result)};
  }

  std::optional<std::size_t> find_step(TomlTable& table, std::string_view key,
                                       std::string_view name) {
    std::vector<std::string_view> names;
    std::vector<std::size_t> found;
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      names.push_back(steps_[i].name);
      if (steps_[i].name == name) found.push_back(i);
    }
    if (found.size() == 1) return found.front();
    if (found.empty()) {
      table.error(key, "no earlier step is called " + in_quotes(name), name_hint(name, names));
    } else {
      table.error(key, "several earlier steps are called " + in_quotes(name),
                  "give each its own 'name'");
    }
    return std::nullopt;
  }

  const ScenarioVocabulary& vocabulary_;
  std::vector<std::string_view> operation_names_;
  std::vector<ScenarioStep> steps_;
};

}  // namespace

ScenarioChain read_chain_table(TomlTable& table, const ScenarioVocabulary& vocabulary) {
  ScenarioChain chain;
  chain.repeat = table.integer("repeat", 1, largest).value_or(1);
  chain.clients = table.integer("clients", 1, most_clients).value_or(1);
  chain.interval_ps = table.quantity("interval", parse_duration_ps);
  ChainReader reader(vocabulary);
  for (TomlTable& step : table.tables("step")) reader.read_step(step);
  chain.steps = reader.take();
  if (!table.has("step")) table.error("step", "the chain has no [[chain.step]]");
  table.finish();
  return chain;
}

}  // namespace iodrome::workloads
