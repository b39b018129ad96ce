// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/scenario/scenario_file.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "model/workloads/scenario/chain_table.h"
#include "model/workloads/scenario/published_table.h"
#include "model/workloads/scenario/toml_document.h"

namespace iodrome::workloads {
namespace {

constexpr std::int64_t most_connections = 1'000'000;

/// Paths in a scenario are relative to its folder, so that it can be run from anywhere.
std::string resolved(const std::string& path, const std::string& scenario) {
  const std::size_t slash = scenario.rfind('/');
  if (path.empty() || path.front() == '/' || slash == std::string::npos) return path;
  return scenario.substr(0, slash + 1) + path;
}

class ScenarioReader {
 public:
  ScenarioReader(const TomlDocument& document, const ScenarioVocabulary& vocabulary,
                 Diagnostics& diagnostics)
      : document_(document), vocabulary_(vocabulary), diagnostics_(diagnostics) {}

  ScenarioFile read() {
    TomlTable root(document_, document_.root, "", diagnostics_);
    read_names(root);
    if (const auto seed = root.integer("seed", 0, kLargestInteger)) {
      scenario_.seed = static_cast<std::uint64_t>(*seed);
    }
    auto workload = root.table("workload");
    if (workload) read_workload(*workload);
    read_chains(root);
    if (const auto set = root.table("set")) read_overrides(set->raw(), "");
    for (TomlTable& figure : root.tables("published"))
      scenario_.published.push_back(read_published(figure, vocabulary_));
    settle_kind(root, workload ? *workload : root);
    root.finish();
    return std::move(scenario_);
  }

 private:
  // `[chain]` is one, `[[chain]]` are several.
  void read_chains(TomlTable& root) {
    const toml::node* const written = root.node("chain");
    if (written != nullptr && written->is_array()) {
      for (TomlTable& chain : root.tables("chain"))
        scenario_.chains.push_back(read_chain_table(chain, vocabulary_));
      if (written->as_array()->empty()) root.error("chain", "'chain' is empty");
    } else if (auto chain = root.table("chain")) {
      scenario_.chains.push_back(read_chain_table(*chain, vocabulary_));
    }
  }

  void read_names(TomlTable& root) {
    scenario_.machine = root.text("machine").value_or("");
    const bool is_file =
        scenario_.machine.find('/') != std::string::npos || scenario_.machine.ends_with(".toml");
    if (is_file) scenario_.machine = resolved(scenario_.machine, document_.file);
    check_name(root, "machine", scenario_.machine, vocabulary_.machines);
    scenario_.designs = root.texts("designs").value_or(std::vector<std::string>{});
    for (const std::string& design : scenario_.designs) {
      check_name(root, "designs", design, vocabulary_.designs);
    }
    if (root.has("designs") && root.raw().get("designs")->is_array() &&
        root.raw().get("designs")->as_array()->empty()) {
      root.error("designs", "'designs' is empty");
    }
  }

  static void check_name(TomlTable& table, std::string_view key, const std::string& name,
                         const std::vector<std::string>& valid) {
    if (!table.has(key) || valid.empty()) return;
    if (std::find(valid.begin(), valid.end(), name) != valid.end()) return;
    if (name.empty()) return;
    const std::vector<std::string_view> candidates(valid.begin(), valid.end());
    table.error(key, "unknown name " + in_quotes(name) + " in " + in_quotes(key),
                name_hint(name, candidates));
  }

  void read_workload(TomlTable& table) {
    if (const auto kind = table.choice("kind", workload_kind_names)) {
      const auto at = std::find(workload_kind_names.begin(), workload_kind_names.end(), *kind);
      kind_ = static_cast<WorkloadKind>(at - workload_kind_names.begin());
    }
    if (const auto path = table.text("path")) {
      scenario_.path = resolved(*path, document_.file);
      if (path->empty()) table.error("path", "'workload.path' is empty");
    }
    read_load(table);
    scenario_.connections = table.integer("connections", 1, most_connections);
    read_resync(table);
    table.finish();
  }

  void read_resync(TomlTable& table) {
    if (const auto action = table.choice("action", sync_action_names)) {
      const auto at = std::find(sync_action_names.begin(), sync_action_names.end(), *action);
      scenario_.sync_action = static_cast<kernel::SyncAction>(at - sync_action_names.begin());
    }
    const auto bytes = table.quantity("bytes", parse_bytes);
    if (!bytes) return;
    scenario_.member_bytes = *bytes;
    if (*bytes < 1 || *bytes % 4096 != 0)
      table.error("bytes", "'workload.bytes' must be a multiple of 4 KiB");
  }

  /// A fraction is taken as written, so that 0.6 is 600000 millionths and no double.
  void read_load(TomlTable& table) {
    const toml::node* node = table.node("load");
    if (node == nullptr) return;
    const auto text = scalar_text(*node);
    if (!text || node->is_boolean()) {
      return table.error("load", "'workload.load' must be a number or a string, not " +
                                     std::string(toml_type_name(*node)));
    }
    const auto load = parse_load(*text);
    if (!load) return table.error("load", "'workload.load': " + load.error());
    scenario_.load = *load;
  }

  /// A string, number, true or false as text; nothing for anything else.
  [[nodiscard]] std::optional<std::string> scalar_text(const toml::node& node) const {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
    if (!node.is_floating_point()) return std::nullopt;
    std::string written = document_.written(node.source());
    std::erase(written, '_');
    return written;
  }

  void read_overrides(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string name = prefix + std::string(key.str());
      if (const toml::table* inner = node.as_table()) {
        read_overrides(*inner, name + '.');
      } else if (auto text = scalar_text(node)) {
        scenario_.overrides.push_back({name, std::move(*text), document_.place(node.source())});
      } else {
        diagnostics_.error(document_.place(node.source()),
                           "'set." + name + "' must be a number, a string, true or false, not " +
                               std::string(toml_type_name(node)));
      }
    }
  }

  void settle_kind(TomlTable& root, TomlTable& workload) {
    const bool has_chain = root.has("chain");
    if (!kind_ && workload.has("kind")) return;
    if (!kind_ && has_chain) kind_ = WorkloadKind::chain;
    if (!kind_) kind_ = workload_kind_of_path(scenario_.path);
    if (!kind_) {
      return workload.error("kind", "the scenario names no workload",
                            "write [workload] with kind = \"access_log\", \"fio\", \"chain\" or "
                            "\"raid5_resync\"");
    }
    scenario_.kind = *kind_;
    const bool is_chain = *kind_ == WorkloadKind::chain;
    if (settle_resync(workload)) return;
    if (is_chain && !has_chain) workload.error("kind", "the scenario has no [chain]");
    if (is_chain && workload.has("path") && root.has("workload")) {
      workload.error("path", "a chain workload takes no 'path'");
    }
    if (!is_chain && has_chain) root.error("chain", "only a chain workload takes [chain]");
    if (!is_chain && !workload.has("path")) {
      workload.error("path", "the workload has no 'path'");
    }
  }

  /// Whether it is a resync, which is told by its kind alone.
  bool settle_resync(TomlTable& workload) {
    const bool is_resync = *kind_ == WorkloadKind::raid5_resync;
    for (const char* const key : {"action", "bytes"})
      if (!is_resync && workload.has(key))
        workload.error(key, std::string("only a raid5_resync workload takes '") + key + "'");
    if (!is_resync) return false;
    for (const char* const key : {"path", "load", "connections"})
      if (workload.has(key))
        workload.error(key, std::string("a raid5_resync workload takes no '") + key + "'");
    if (!workload.has("bytes"))
      workload.error("kind", "the resync has no 'bytes'", "bytes = \"256 MiB\", of each member");
    return true;
  }

  const TomlDocument& document_;
  const ScenarioVocabulary& vocabulary_;
  Diagnostics& diagnostics_;
  ScenarioFile scenario_;
  std::optional<WorkloadKind> kind_;
};

}  // namespace

std::optional<WorkloadKind> workload_kind_of_path(std::string_view path) {
  if (path.ends_with(".fio")) return WorkloadKind::fio;
  if (path.ends_with(".log") || path.ends_with(".log.gz")) return WorkloadKind::access_log;
  return std::nullopt;
}

std::optional<ScenarioFile> read_scenario_file(TextSource& source,
                                               const ScenarioVocabulary& vocabulary,
                                               Diagnostics& diagnostics) {
  const std::size_t errors_before = diagnostics.error_count();
  const auto document = read_toml_document(source, diagnostics);
  if (!document) return std::nullopt;
  ScenarioFile scenario = ScenarioReader(*document, vocabulary, diagnostics).read();
  if (diagnostics.error_count() != errors_before) return std::nullopt;
  return scenario;
}

}  // namespace iodrome::workloads
