// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/scenario/chain_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace iodrome::workloads {
namespace {

constexpr std::int64_t most_clients = 1'000'000;
constexpr std::int64_t most_copies = 16'383;

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
    own_name_ = step.name;
    own_op_ = step.op;
    read_path(table, step);
    step.fd = read_fd(table, "fd");
    step.to = read_fd(table, "to");
    step.port = table.integer("port", 1, 65'535).value_or(0);
    step.events = read_events(table, step.op);
    step.bytes = read_value(table, "bytes", false);
    step.offset = read_value(table, "offset", true);
    step.size = read_bytes(table, "size");
    step.memory = read_bytes(table, "memory").value_or(0);
    step.sources = table.integer("sources", 1, chain::kMaxSources).value_or(1);
    step.value = table.integer("value", 0, 255).value_or(0);
    step.time_ns = read_time(table, "time", 1000, "ns", chain::kLongestTimeout);
    step.key = table.integer("key", 0, 255).value_or(0);
    step.flags = read_flags(table);
    read_reactions(table, step);
    read_order(table, step);
    table.finish();
    steps_.push_back(std::move(step));
  }

  // A jump names a step that was not read yet.
  void resolve_jumps(std::vector<TomlTable>& tables) {
    for (std::size_t i = 0; i < steps_.size(); ++i) {
      if (steps_[i].on_error != chain::OnError::jump) continue;
      const std::string to = tables[i].text("jump_to").value_or("");
      if (to == "end") {
        steps_[i].jump_to = steps_.size();
        continue;
      }
      std::vector<std::string_view> later = {"end"};
      for (std::size_t k = i + 1; k < steps_.size(); ++k) {
        later.push_back(steps_[k].name);
        if (steps_[k].name != to) continue;
        if (steps_[i].jump_to)
          tables[i].error("jump_to", "several later steps are called " + in_quotes(to),
                          "give each its own 'name'");
        steps_[i].jump_to = k;
      }
      if (!steps_[i].jump_to)
        tables[i].error("jump_to", "no later step is called " + in_quotes(to),
                        name_hint(to, later));
    }
  }

  /// A positive time in whole units, at most `most` of them.
  static std::optional<std::int64_t> read_time(TomlTable& table, std::string_view key,
                                               std::int64_t unit_ps, std::string_view unit,
                                               std::uint64_t most) {
    const auto time = table.quantity(key, parse_duration_ps);
    if (!time) return std::nullopt;
    const bool whole = *time > 0 && *time % unit_ps == 0;
    if (whole && static_cast<std::uint64_t>(*time / unit_ps) <= most) return *time / unit_ps;
    table.error(key, fmt::format("not 1 to {} whole {}", most, unit));
    return std::nullopt;
  }

 private:
  void read_reactions(TomlTable& table, ScenarioStep& step) {
    if (const auto reaction = table.choice("on_error", error_reactions))
      step.on_error = static_cast<chain::OnError>(place_in(error_reactions, *reaction));
    if (const auto reaction = table.choice("on_short", short_reactions))
      step.on_short = static_cast<chain::OnShort>(place_in(short_reactions, *reaction));
    step.clean_up = table.boolean("clean_up").value_or(false);
    step.retries = table.integer("retries", 1, 255).value_or(0);
    static_cast<void>(table.node("jump_to"));  // resolve_jumps() reads it
    const bool retries = step.on_error == chain::OnError::retry;
    if (retries != table.has("retries"))
      table.error("retries", "on_error = \"retry\" and 'retries' come together");
    if ((step.on_error == chain::OnError::jump) != table.has("jump_to"))
      table.error("jump_to", "on_error = \"jump\" and 'jump_to' come together");
  }

  void read_order(TomlTable& table, ScenarioStep& step) {
    if (const auto to = table.text("loop_to"))
      step.loop_to = *to == step.name ? steps_.size() : find_step(table, "loop_to", *to);
    step.rounds = table.integer("rounds", 1, 0xffff'ffff).value_or(0);
    if (table.has("rounds") && !table.has("loop_to"))
      table.error("rounds", "'rounds' without 'loop_to' means nothing");
    for (const std::string& name : table.texts("after").value_or(std::vector<std::string>{}))
      if (const auto before = find_step(table, "after", name)) step.after.push_back(*before);
  }

  template <std::size_t N>
  static std::size_t place_in(const std::array<std::string_view, N>& names, std::string_view name) {
    return static_cast<std::size_t>(std::ranges::find(names, name) - names.begin());
  }

  std::optional<std::int64_t> read_bytes(TomlTable& table, std::string_view key) {
    const toml::node* node = table.node(key);
    if (node == nullptr) return std::nullopt;
    return node->is_integer() ? table.integer(key, 0, kLargestInteger)
                              : table.quantity(key, parse_bytes);
  }

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

  std::optional<StepReference> read_fd(TomlTable& table, std::string_view key) {
    const auto text = table.text(key);
    if (!text) return std::nullopt;
    auto reference = read_reference(table, key, *text);
    if (reference && reference->result != "fd") {
      table.error(key, in_quotes(*text) + " is no file descriptor",
                  fmt::format("write {} = \"$open.fd\"", key));
      return std::nullopt;
    }
    return reference;
  }

  static std::vector<std::string> read_events(TomlTable& table, std::string_view op) {
    auto events = table.texts("events").value_or(std::vector<std::string>{});
    const std::span<const std::string_view> valid =
        op == "inotify" ? std::span<const std::string_view>(inotify_event_names)
                        : std::span<const std::string_view>(poll_event_names);
    for (const std::string& event : events)
      if (std::ranges::find(valid, event) == valid.end())
        table.error("events", "unknown event " + in_quotes(event),
                    name_hint(event, {valid.begin(), valid.end()}));
    return events;
  }

  // A file that an event names lies in the directory that is watched.
  void read_path(TomlTable& table, ScenarioStep& step) {
    step.path = table.text("path").value_or("");
    if (!step.path.starts_with('$')) return;
    const auto reference = read_reference(table, "path", step.path);
    step.path.clear();
    if (!reference) return;
    if (reference->result != "name")
      return table.error("path", in_quotes(reference->result) + " is no file's name",
                         "write path = \"$inotify.name\"");
    step.named_by = reference;
    step.path = steps_[reference->step].path;
  }

  /// An integer, a size such as "4 KiB", a reference, or for offsets "random".
  std::optional<StepValue> read_value(TomlTable& table, std::string_view key, bool may_be_random) {
    const toml::node* node = table.node(key);
    if (node == nullptr) return std::nullopt;
    const auto* const string = node->as_string();
    const std::string_view written = string == nullptr ? std::string_view{} : string->get();
    if (may_be_random && written == "random") return RandomOffset{};
    if (!written.starts_with('$')) {
      const auto bytes = read_bytes(table, key);
      return bytes ? std::optional<StepValue>(*bytes) : std::nullopt;
    }
    const auto text = table.text(key);
    if (!text) return std::nullopt;
    const auto reference = read_reference(table, key, *text);
    if (!reference) return std::nullopt;
    const std::string& result = reference->result;
    if (result == "fd" || result == "events" || result == "name") {
      const std::string_view what = result == "fd"       ? "a file descriptor"
                                    : result == "events" ? "a set of events"
                                                         : "a file's name";
      table.error(key, fmt::format("{} is {}, not a number of bytes", in_quotes(*text), what));
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
    const std::string_view name = text.substr(1, dot - 1);
    const std::string_view result = text.substr(dot + 1);
    const bool own = result == "total" && name == own_name_;
    const auto step = own ? std::optional(steps_.size()) : find_step(table, key, name);
    if (!step) return std::nullopt;
    for (const StepOperation& operation : vocabulary_.operations) {
      if (operation.name != (own ? own_op_ : steps_[*step].op)) continue;
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
  std::string own_name_;  // of the step that is being read
  std::string own_op_;
};

}  // namespace

namespace {

// Another set of the same steps behind those that are there, which refer to one another alone.
void append_copy(std::vector<ScenarioStep>& steps, std::size_t set, std::size_t number) {
  const std::size_t shift = set * number;
  const auto shift_value = [shift](std::optional<StepValue>& value) {
    if (auto* const used = value ? std::get_if<StepReference>(&*value) : nullptr)
      used->step += shift;
  };
  for (std::size_t i = 0; i < set; ++i) {
    ScenarioStep step = steps[i];
    if (step.fd) step.fd->step += shift;
    if (step.to) step.to->step += shift;
    if (step.named_by) step.named_by->step += shift;
    shift_value(step.bytes);
    shift_value(step.offset);
    if (step.jump_to) *step.jump_to += shift;
    if (step.loop_to) *step.loop_to += shift;
    for (std::size_t& before : step.after) before += shift;
    steps.push_back(std::move(step));
  }
}

void name_copies(std::vector<ScenarioStep>& steps, std::size_t set) {
  constexpr std::string_view kCopy = "{copy}";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    std::string& path = steps[i].path;
    for (std::size_t at = path.find(kCopy); at != std::string::npos; at = path.find(kCopy))
      path.replace(at, kCopy.size(), std::to_string(i / set));
  }
}

}  // namespace

namespace {

chain::Priority read_priority(TomlTable& table) {
  const std::optional<std::string> name = table.choice("priority", priority_names);
  if (!name) return {};
  const auto rank =
      static_cast<std::size_t>(std::ranges::find(priority_names, *name) - priority_names.begin());
  return {static_cast<chain::PriorityClass>(rank / chain::kPriorityLevels),
          static_cast<std::uint8_t>(rank % chain::kPriorityLevels)};
}

}  // namespace

ScenarioChain read_chain_table(TomlTable& table, const ScenarioVocabulary& vocabulary) {
  ScenarioChain chain;
  chain.repeat = table.integer("repeat", 1, kLargestInteger).value_or(1);
  chain.clients = table.integer("clients", 1, most_clients).value_or(1);
  chain.interval_ps = table.quantity("interval", parse_duration_ps);
  constexpr std::int64_t kUs = 1'000'000;
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  chain.deadline_us = static_cast<std::uint32_t>(
      ChainReader::read_time(table, "deadline", kUs, "us", kMost).value_or(0));
  chain.priority = read_priority(table);
  ChainReader reader(vocabulary);
  std::vector<TomlTable> steps = table.tables("step");
  for (TomlTable& step : steps) reader.read_step(step);
  reader.resolve_jumps(steps);
  chain.steps = reader.take();
  const std::size_t set = chain.steps.size();
  chain.copies = table.integer("copies", 1, most_copies).value_or(1);
  if (set > 0 && static_cast<std::size_t>(chain.copies) > chain::kMaxSteps / set) {
    table.error("copies", "a chain has 16,383 steps at most", "fewer copies");
    chain.copies = 1;
    table.finish();
    return chain;
  }
  for (std::int64_t i = 1; i < chain.copies; ++i)
    append_copy(chain.steps, set, static_cast<std::size_t>(i));
  if (set > 0) name_copies(chain.steps, set);
  chain.graph = std::ranges::any_of(chain.steps, [](const auto& s) { return !s.after.empty(); });
  const toml::node* const written = table.node("step");
  const bool none = written == nullptr || (written->is_array() && written->as_array()->empty());
  if (none) table.error("step", "the chain has no [[chain.step]]");
  table.finish();
  return chain;
}

}  // namespace iodrome::workloads
