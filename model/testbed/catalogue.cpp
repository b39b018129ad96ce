// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "model/events/counters.h"
#include "model/events/cpu_time.h"
#include "model/events/stage.h"
#include "model/testbed/preparation.h"
#include "model/testbed/result_json.h"
#include "model/workloads/fio_job/option_catalog.h"
#include "model/workloads/fio_job/option_table.h"
#include "model/workloads/scenario/scenario_keys.h"

namespace iodrome::testbed {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using workloads::Diagnostics;

namespace {

// A parameter's value as a file would have it, exactly.
std::string written(const Parameter& parameter) {
  struct Writer {
    std::string operator()(Duration* slot) const { return fmt::format("{} ps", to_ps(*slot)); }
    std::string operator()(std::int64_t* slot) const { return std::to_string(*slot); }
    std::string operator()(Rate* slot) const { return fmt::format("{} B/s", slot->bytes_per_s); }
    std::string operator()(Fraction* slot) const {
      return fmt::format("{}/1000000", slot->parts_per_million);
    }
    std::string operator()(bool* slot) const { return *slot ? "true" : "false"; }
    std::string operator()(std::string* slot) const { return *slot; }
  };
  return std::visit(Writer{}, parameter.slot);
}

Json parameter_json(const KnownParameter& known, const ValueSource& value) {
  return {{"key", known.key},       {"unit", known.unit},   {"help", known.help},
          {"type", known.type},     {"value", value.value}, {"value_unit", value.unit},
          {"source", value.source}, {"date", value.date},   {"guess", value.guess},
          {"fitted", value.fitted}};
}

// What a configuration has read from files.
Json parameters_of(const Configuration& configuration) {
  Json list = Json::array();
  for (const KnownParameter& known : configuration.known())
    for (const ValueSource& value : configuration.sources())
      if (value.key == known.key) list.push_back(parameter_json(known, value));
  return list;
}

// The parameters of workloads stand in no file: their values are what holds when nothing is given.
Json workload_parameters() {
  Json list = Json::array();
  WorkloadParams params;
  ParameterList table;
  params.describe(table);
  for (const Parameter& parameter : table.all()) {
    const std::string key = "workload." + std::string(parameter.name);
    const KnownParameter known{key, parameter.unit, parameter.help, type_name(parameter)};
    list.push_back(
        parameter_json(known, {key, written(parameter), "",
                               "holds unless a scenario or flag says otherwise", "", false}));
  }
  return list;
}

// The comment that a file opens with, its licence left out, as one text.
std::string leading_comment(const std::string& path, Diagnostics& diagnostics) {
  workloads::TextSource source = workloads::TextSource::from_file(path);
  std::string text;
  std::string_view line;
  while (source.next(line) && !line.empty() && (line.front() == '#' || line.front() == ';')) {
    if (line.find("SPDX-License-Identifier") != std::string_view::npos) continue;
    line.remove_prefix(1);
    if (!text.empty()) text += '\n';
    text += workloads::printable(line.starts_with(' ') ? line.substr(1) : line, line.size() * 4);
  }
  if (source.failure()) diagnostics.add(*source.failure());
  return text;
}

class Catalogue {
 public:
  explicit Catalogue(const std::string& data_dir) : data_dir_(data_dir) {}

  Json write(const std::string& machine) {
    Json all;
    all["default_machine"] = kDefaultMachine;
    all["designs"] = designs();
    all["machines"] = Json::array();
    for (const std::string& name : machine_names(data_dir_))
      all["machines"].push_back(machine_json(name));
    all["parts"] = parts();
    all["scenarios"] = scenarios();
    all["machine"] = machine_json(machine);
    all["parameters"] = all["machine"]["parameters"];
    for (const Json& list : {design_parameters(), workload_parameters()})
      for (const Json& parameter : list) all["parameters"].push_back(parameter);
    if (!diagnostics_.ok()) throw InputError(diagnostics_);
    return all;
  }

 private:
  static Json differences(std::span<const designs::Difference> rows) {
    Json list = Json::array();
    for (const designs::Difference& row : rows)
      list.push_back({{"what", row.what}, {"where", row.where}});
    return list;
  }

  static Json designs() {
    Json list = Json::array();
    for (const designs::Descriptor* design : designs::all()) {
      const bool per_cpu = design->threads == designs::Threads::per_cpu;
      list.push_back({{"name", design->name},
                      {"summary", design->summary},
                      {"source", design->source},
                      {"threads", per_cpu ? "one per CPU" : "one per connection"},
                      {"not_modelled", differences(design->not_modelled)}});
    }
    return list;
  }

  Json design_parameters() {
    Configuration configuration(data_dir_, diagnostics_);
    for (const designs::Descriptor* design : designs::all()) {
      const auto instance = design->make();
      fill_design(configuration, std::string(design->name), *instance);
    }
    return parameters_of(configuration);
  }

  Json machine_json(const std::string& name) {
    Configuration configuration(data_dir_, diagnostics_);
    const auto spec = load_machine(configuration, name);
    if (!spec) return {{"parameters", Json::array()}};
    const std::string path = machine_file(configuration, name);
    Json machine = {{"name", spec->name},
                    {"about", leading_comment(path, diagnostics_)},
                    {"storage", {{"kind", spec->storage_kind}, {"part", spec->storage_part}}},
                    {"network", {{"kind", "nic"}, {"part", spec->network_part}}},
                    {"clients", {{"kind", "clients"}, {"part", spec->clients_part}}},
                    {"not_modelled", differences(machine_differences())},
                    {"parameters", parameters_of(configuration)}};
    if (!spec->engines.dma_kind.empty())
      machine["dma"] = {{"kind", spec->engines.dma_kind}, {"part", spec->engines.dma_part}};
    if (!spec->engines.crypto_part.empty())
      machine["crypto"] = {{"kind", "crypto"}, {"part", spec->engines.crypto_part}};
    return machine;
  }

  Json parts() {
    Json list = Json::array();
    std::string folder;
    for (const PartKind& first : part_kinds()) {
      if (folder == first.folder) continue;  // kinds that share a folder stand together
      folder = first.folder;
      for (const std::string& name : part_names(data_dir_, folder))
        if (const PartKind* kind = kind_of(folder, name)) list.push_back(part_json(*kind, name));
    }
    return list;
  }

  // By the table that the file holds; several kinds may lie in one folder.
  const PartKind* kind_of(const std::string& folder, const std::string& name) {
    const std::string path = fmt::format("{}/hw/{}/params/{}.toml", data_dir_, folder, name);
    const auto document = workloads::load_toml_document(path, diagnostics_);
    if (!document) return nullptr;
    for (const PartKind& kind : part_kinds())
      if (folder == kind.folder && document->root.contains(kind.table)) return &kind;
    diagnostics_.error({path, 0, 0, {}}, "it holds no table of a part");
    return nullptr;
  }

  Json part_json(const PartKind& kind, const std::string& name) {
    MachineSpec spec;
    Configuration configuration(data_dir_, diagnostics_);
    load_part_file(configuration, kind, name, spec);
    const std::string file = part_file(kind, name);
    return {{"name", name},
            {"kind", kind.table},
            {"folder", kind.folder},
            {"file", file},
            {"about", leading_comment(data_dir_ + "/" + file, diagnostics_)},
            {"parameters", parameters_of(configuration)}};
  }

  Json scenarios() {
    std::vector<std::string> names;
    std::error_code unreadable;
    for (const auto& entry : fs::directory_iterator(data_dir_ + "/scenarios", unreadable))
      if (entry.path().extension() == ".toml" || entry.path().extension() == ".fio")
        names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    Json list = Json::array();
    for (const std::string& name : names) {
      const std::string file = "scenarios/" + name;
      list.push_back({{"name", name},
                      {"file", file},
                      {"about", leading_comment(data_dir_ + "/" + file, diagnostics_)}});
    }
    return list;
  }

  const std::string& data_dir_;
  Diagnostics diagnostics_;
};

template <class Name>
Json named(std::size_t count, Name row) {
  Json list = Json::array();
  for (std::size_t i = 0; i < count; ++i) list.push_back(row(i));
  return list;
}

// The closed lists of the model, with what each word means.
Json closed_lists() {
  Json lists;
  lists["stages"] = named(events::kStages, [](std::size_t i) -> Json {
    const auto stage = static_cast<events::Stage>(i);
    return {{"name", events::name_of(stage)}, {"help", events::meaning_of(stage)}};
  });
  lists["cpu_classes"] = named(events::kCpuClasses, [](std::size_t i) -> Json {
    const auto one = static_cast<events::CpuClass>(i);
    return {{"name", events::name_of(one)}, {"help", events::meaning_of(one)}};
  });
  lists["counters"] = named(events::kCounters.size(), [](std::size_t i) -> Json {
    return {{"name", events::kCounters[i].name}, {"help", events::kCounters[i].moved_by}};
  });
  return lists;
}

// The words that job files and scenarios may use.
Json input_words() {
  Json words;
  words["input_kinds"] = kInputKinds;
  words["workload_kinds"] = workloads::workload_kind_names;
  words["sync_actions"] = workloads::sync_action_names;
  words["priorities"] = workloads::priority_names;
  words["error_reactions"] = workloads::error_reactions;
  words["short_reactions"] = workloads::short_reactions;
  const workloads::ScenarioVocabulary vocabulary = scenario_vocabulary();
  words["units"] = {{"duration", workloads::duration_unit_names()},
                    {"bytes", workloads::byte_unit_names()},
                    {"rate", workloads::rate_unit_names()}};
  words["operations"] = Json::array();
  for (const workloads::StepOperation& operation : vocabulary.operations)
    words["operations"].push_back({{"name", operation.name}, {"yields", operation.results}});
  words["flags"] = vocabulary.flags;
  words["scenario_keys"] = Json::array();
  for (const workloads::ScenarioKey& key : workloads::scenario_keys)
    words["scenario_keys"].push_back(
        {{"table", key.table}, {"key", key.key}, {"form", key.form}, {"help", key.help}});
  words["fio_options"] = Json::array();
  for (const std::string_view name : workloads::modelled_option_names())
    words["fio_options"].push_back({{"name", name}, {"treatment", "modelled"}, {"subject", ""}});
  for (const std::string_view name : workloads::fio_catalog_names()) {
    const auto entry = workloads::find_in_fio_catalog(name);
    const bool refused = entry->treatment == workloads::FioTreatment::refused;
    words["fio_options"].push_back({{"name", name},
                                    {"treatment", refused ? "refused" : "ignored"},
                                    {"subject", entry->subject}});
  }
  return words;
}

}  // namespace

Json catalogue(const std::string& data_dir, const std::string& machine) {
  Json all = Catalogue(data_dir).write(machine);
  all.update(closed_lists());
  all.update(input_words());
  return all;
}

}  // namespace iodrome::testbed
