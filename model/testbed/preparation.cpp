// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/preparation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "model/engine/random.h"
#include "model/testbed/kernel_load.h"
#include "model/workloads/fio/fio_workload.h"
#include "model/workloads/raid_resync/resync_workload.h"
#include "model/workloads/script/script_workload.h"
#include "model/workloads/web/web_workload.h"

namespace iodrome::testbed {

namespace fs = std::filesystem;
using workloads::Diagnostics;
using workloads::Load;
using workloads::ScenarioFile;

namespace {

constexpr const char* kReference = "sync";

class Preparation {
 public:
  Preparation(const RaceRequest& request, const std::string& data_dir)
      : request_(request), configuration_(data_dir, diagnostics_) {}

  PreparedRace run() {
    PreparedRace race;
    race.scenario = fs::path(request_.input).filename().string();
    if (request_.tlm && !request_.hosted)
      wrong("sockets need the hosted driver", "drop --tlm, or --driver free");
    const std::string kind = request_.workload ? std::string{} : find_kind();
    stop_if_wrong();
    if (kind == "scenario") read_scenario();
    fio_ = kind == "fio" || (kind == "scenario" && scenario_.kind == workloads::WorkloadKind::fio);
    input_path_ = kind == "scenario" ? scenario_.path : request_.input;
    gather_overrides();
    if (kind == "scenario" && scenario_.kind == workloads::WorkloadKind::raid5_resync)
      load_kernel_load(race);
    else
      load_designs(race);
    load_workload_params();
    std::optional<MachineSpec> machine = load_machine(
        configuration_,
        request_.machine.value_or(scenario_.machine.empty() ? kDefaultMachine : scenario_.machine));
    race.seed = request_.seed.value_or(scenario_.seed.value_or(1));
    read_workload(race, kind, machine ? machine->cpus : 1);
    configuration_.finish();
    stop_if_wrong();
    race.machine = std::move(*machine);
    scale_design_costs(race);
    check_fit(race);
    stop_if_wrong();
    race.submit_batch =
        params_.submit_batch != 0 ? params_.submit_batch : race.workload->submit_batch();
    race.published = scenario_.published;
    race.sources = configuration_.sources();
    race.warnings = diagnostics_.render();
    return race;
  }

 private:
  void stop_if_wrong() const {
    if (!diagnostics_.ok()) throw InputError(diagnostics_);
  }
  void wrong(std::string message, std::string hint = {}) {
    diagnostics_.error({}, std::move(message), std::move(hint));
  }
  bool given(const std::string& key) const {
    return std::any_of(request_.set.begin(), request_.set.end(),
                       [&](const auto& entry) { return entry.first == key; });
  }

  bool from_user(const std::string& key) const {
    for (const ValueSource& source : configuration_.sources())
      if (source.key == key) return source.source == kFromUser;
    return false;
  }

  std::string find_kind() {
    if (request_.kind) {
      if (std::find(std::begin(kInputKinds), std::end(kInputKinds), *request_.kind) ==
          std::end(kInputKinds))
        wrong(fmt::format("unknown kind {}", workloads::in_quotes(*request_.kind)),
              workloads::name_hint(*request_.kind, kInputKinds));
      return *request_.kind;
    }
    if (request_.input.ends_with(".toml")) return "scenario";
    const auto kind = workloads::workload_kind_of_path(request_.input);
    if (kind == workloads::WorkloadKind::access_log) return "access_log";
    if (kind == workloads::WorkloadKind::fio) return "fio";
    diagnostics_.error(
        {request_.input, 0, 0, {}}, "its name does not say what it is",
        "name it .log, .log.gz, .fio or .toml, or say --kind access_log, fio or scenario");
    return {};
  }

  // The input itself may stand in the request; what it refers to is a file.
  workloads::TextSource open(const std::string& path) const {
    constexpr std::size_t line_limit_bytes = 16384;
    if (request_.text && path == request_.input)
      return workloads::TextSource::from_text(path, *request_.text, line_limit_bytes);
    return workloads::TextSource::from_file(path, line_limit_bytes);
  }

  void read_scenario() {
    workloads::TextSource source = open(request_.input);
    auto scenario = workloads::read_scenario_file(source, scenario_vocabulary(), diagnostics_);
    if (scenario) scenario_ = std::move(*scenario);
    stop_if_wrong();
  }

  // Weakest first: the scenario's [set], then the job file's pragmas, then flags.
  void gather_overrides() {
    configuration_.override_with(scenario_.overrides);
    if (fio_) apply_pragmas();
    std::vector<workloads::ParameterOverride> flags;
    for (const auto& [key, value] : request_.set)
      flags.push_back({key, value, {"--set", 0, 0, {}}});
    configuration_.override_with(std::move(flags));
  }

  // `; sim: design=X machine=Y key=value`. The file is read again, and complained about, once the
  // machine is known.
  void apply_pragmas() {
    Diagnostics unused;
    workloads::TextSource source = open(input_path_);
    const auto jobs = workloads::read_fio_job_file(source, environment(1), unused);
    if (!jobs) return;
    std::vector<workloads::ParameterOverride> overrides;
    for (const workloads::FioOverride& pragma : jobs->overrides) {
      if (pragma.key == "design") {
        scenario_.designs.push_back(pragma.value);
      } else if (pragma.key == "machine") {
        scenario_.machine = pragma.value;
      } else {
        overrides.push_back({pragma.key, pragma.value, pragma.place});
      }
    }
    configuration_.override_with(std::move(overrides));
  }

  static workloads::FioEnvironment environment(std::int64_t cpus) {
    workloads::FioEnvironment environment;
    environment.cpus = cpus;
    environment.variable = [](std::string_view name) -> std::optional<std::string> {
      const char* const value = std::getenv(std::string(name).c_str());
      if (value == nullptr) return std::nullopt;
      return value;
    };
    return environment;
  }

  void load_designs(PreparedRace& race) {
    std::vector<std::string> names = request_.designs.value_or(scenario_.designs);
    std::vector<std::string_view> known;
    for (const designs::Descriptor* descriptor : designs::all()) known.push_back(descriptor->name);
    if (names.empty()) {
      // The design that others are measured against stands first, then the order of folders.
      names.assign(known.begin(), known.end());
      std::stable_partition(names.begin(), names.end(),
                            [](const std::string& name) { return name == kReference; });
    }
    std::vector<std::string> seen;
    for (const std::string& name : names) {
      const auto found = std::find(known.begin(), known.end(), name);
      if (found == known.end()) {
        wrong(fmt::format("unknown design {}", workloads::in_quotes(name)),
              workloads::name_hint(name, known));
        continue;
      }
      if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
        wrong(fmt::format("design '{}' is named twice", name));
        continue;
      }
      seen.push_back(name);
      PreparedDesign design;
      design.descriptor = designs::all()[static_cast<std::size_t>(found - known.begin())];
      design.instance = design.descriptor->make();
      fill_design(configuration_, name, *design.instance);
      const std::string complaint = diagnostics_.ok() ? design.instance->check_parameters() : "";
      if (!complaint.empty()) wrong(complaint);
      race.designs.push_back(std::move(design));
    }
  }

  // No application runs, so no design has any part in it. What stands in one's place has a name, so
  // that a result can be asked for again as it was.
  void load_kernel_load(PreparedRace& race) {
    const std::vector<std::string> names = request_.designs.value_or(scenario_.designs);
    if (!std::ranges::all_of(names, [](const auto& name) { return name == kernel_load().name; }))
      wrong("a resync is the kernel's own load, and takes no design",
            "drop 'designs' from the scenario, and --design");
    race.designs.push_back({&kernel_load(), kernel_load().make()});
  }

  void load_workload_params() {
    ParameterList list;
    params_.describe(list);
    configuration_.fill_from_overrides("workload", list);
    if (scenario_.connections && !given("workload.connections"))
      params_.connections = *scenario_.connections;
    if (params_.connections < 1 || params_.connections > 65535)
      wrong("workload.connections must be 1 to 65535");
  }

  void read_workload(PreparedRace& race, const std::string& kind, std::int64_t cpus) {
    if (request_.workload) {
      race.workload = request_.workload;
    } else if (kind == "scenario" && scenario_.kind == workloads::WorkloadKind::chain) {
      race.workload = workloads::ScriptWorkload::make(scenario_.chains, diagnostics_);
    } else if (kind == "scenario" && scenario_.kind == workloads::WorkloadKind::raid5_resync) {
      race.workload = std::make_unique<workloads::ResyncWorkload>(
          scenario_.sync_action, static_cast<std::uint64_t>(scenario_.member_bytes));
    } else if (fio_) {
      workloads::TextSource source = open(input_path_);
      const auto jobs = workloads::read_fio_job_file(source, environment(cpus), diagnostics_);
      if (jobs) race.workload = workloads::FioWorkload::make(*jobs, diagnostics_);
    } else {
      read_web(race, input_path_);
    }
  }

  void read_web(PreparedRace& race, const std::string& path) {
    workloads::AccessLogOptions options;
    options.skip_bad = request_.skip_bad.value_or(0);
    const std::uint64_t seed = race.seed;
    options.monitor = request_.monitor;
    options.draw = [seed](std::uint64_t line) { return draw(seed, Purpose::arrival_spread, line); };
    auto log = workloads::load_access_log(path, options, diagnostics_);
    workloads::WebOptions web;
    web.connections = params_.connections;
    if (scenario_.load && !given("workload.load")) {
      web.load = *scenario_.load;
    } else {
      const auto load = workloads::parse_load(params_.load);
      if (!load) wrong("workload.load: " + load.error());
      if (load) web.load = *load;
    }
    if (log && diagnostics_.ok())
      race.workload = std::make_unique<workloads::WebWorkload>(std::move(*log), web);
  }

  // A design's own costs were measured on one machine; the user's overrides are taken as given.
  void scale_design_costs(PreparedRace& race) {
    const std::int64_t ppm = race.machine.relative_cost.parts_per_million;
    for (PreparedDesign& design : race.designs) {
      ParameterList list;
      design.instance->describe(list);
      for (const Parameter& parameter : list.all()) {
        const std::string key =
            std::string(design.descriptor->name) + "." + std::string(parameter.name);
        auto* const* slot = std::get_if<Duration*>(&parameter.slot);
        if (slot == nullptr || !parameter.name.starts_with("costs.") || from_user(key)) continue;
        **slot = **slot * ppm / 1'000'000;
      }
    }
  }

  void check_fit(const PreparedRace& race) {
    check_storage(race);
    if (race.workload->made_by_kernel()) check_array(race);
    for (const PreparedDesign& design : race.designs)
      if (race.workload->slots() > design.instance->slots_max())
        wrong(fmt::format("{} has {} requests at a time at most, and the workload wants {}",
                          design.descriptor->name, design.instance->slots_max(),
                          race.workload->slots()),
              "fewer connections or a smaller iodepth");
    for (const PreparedDesign& design : race.designs)
      if (race.workload->steps() > design.instance->steps_max())
        wrong(fmt::format("{} takes chains of {} steps at most, and this one has {}",
                          design.descriptor->name, design.instance->steps_max(),
                          race.workload->steps()),
              "fewer copies, or a larger task_chain.max_steps");
    if (race.workload->connections() >= static_cast<std::uint64_t>(race.machine.fd_limit))
      wrong("more connections than process.fd_limit allows");
    check_polling(race);
  }

  void check_polling(const PreparedRace& race) {
    for (const PreparedDesign& design : race.designs) {
      const char* const key = design.instance->polls();
      if (key == nullptr) continue;
      if (race.machine.poll_queues == 0)
        wrong(fmt::format("{} polls, and the machine {} has no queue to poll", key,
                          race.machine.name),
              "an nvme, and storage.poll_queues of 1 or more");
      if (race.machine.costs.block_poll.each <= Duration{0})
        wrong(fmt::format("{} polls, so costs.block_poll must be positive", key));
      if (race.machine.block.scheduler != "none")
        wrong(fmt::format("{} polls, which no scheduler here knows of", key),
              "block.scheduler = none");
    }
  }

  void check_array(const PreparedRace& race) {
    const MachineSpec& machine = race.machine;
    if (!machine.raid.present())
      wrong(fmt::format("the machine {} has no [raid]", machine.name),
            "choose storage_2007, or give the machine's file that table");
    if (machine.storage_count < 3)
      wrong("a RAID 5 has three members or more", "choose a larger storage.count");
    if (scenario_.member_bytes > machine.storage_bytes)
      wrong("the resync goes beyond the end of its members", "choose a larger storage.size");
  }

  void check_storage(const PreparedRace& race) {
    const std::uint64_t blocks = race.workload->file_count() * 2ull * 4096;
    const auto bytes = static_cast<std::uint64_t>(race.machine.storage_bytes);
    const auto devices = static_cast<std::uint64_t>(race.machine.storage_count);
    if ((race.workload->file_bytes() + blocks) / devices > bytes) {
      wrong(fmt::format("the files ({} bytes) do not fit the storage ({} bytes)",
                        race.workload->file_bytes(), bytes * devices),
            "choose a larger storage.size");
      return;
    }
    if (devices == 1) return;
    kernel::FileSystem trial(bytes, false, devices);
    if (race.workload->lay_out(trial) != Errno::ok)
      wrong(fmt::format("the files do not fit {} devices of {} bytes: they lie on each in turn, a "
                        "file on one",
                        devices, bytes),
            "choose a larger storage.size, or smaller files");
  }

  const RaceRequest& request_;
  Diagnostics diagnostics_;
  Configuration configuration_;
  ScenarioFile scenario_;
  WorkloadParams params_;
  bool fio_ = false;
  std::string input_path_;  // of the log or job file
};

}  // namespace

void WorkloadParams::describe(ParameterList& list) {
  list.add("load", "", "offered share of the link, trace, or closed:N", &load);
  list.add("connections", "", "most connections at a time", &connections);
  list.add("submit_batch", "", "requests queued before they are submitted; 0: the workload's own",
           &submit_batch);
}

workloads::ScenarioVocabulary scenario_vocabulary() {
  workloads::ScenarioVocabulary vocabulary;
  const std::vector<std::string> moved = {"bytes", "total", "offset"};
  vocabulary.operations = {{"nop", {}},          {"open", {"fd"}},
                           {"stat", {"size"}},   {"read", moved},
                           {"send", moved},      {"close", {}},
                           {"write", moved},     {"fsync", {}},
                           {"unlink", {}},       {"timeout", {}},
                           {"copy", {}},         {"xor", {}},
                           {"memset", {}},       {"crc32c", {}},
                           {"encrypt", {}},      {"decrypt", {}},
                           {"hash", {}},         {"accept", {"fd"}},
                           {"connect", {"fd"}},  {"receive", {"bytes", "total"}},
                           {"poll", {"events"}}, {"inotify", {"name"}}};
  vocabulary.flags = {"direct", "create", "truncate"};
  for (const designs::Descriptor* descriptor : designs::all())
    vocabulary.designs.emplace_back(descriptor->name);
  vocabulary.metrics = {"mean", "p50", "p90", "p99", "p99.9", "max", "requests_per_s"};
  for (std::size_t i = 0; i < events::kStages; ++i)
    vocabulary.metrics.push_back(
        fmt::format("stages.{}", events::name_of(static_cast<events::Stage>(i))));
  for (const auto& row : kernel::KernelCosts::table())
    vocabulary.metrics.push_back(fmt::format("costs.{}", row.name));
  return vocabulary;
}

void fill_design(Configuration& configuration, const std::string& name, designs::Design& design) {
  ParameterList list;
  design.describe(list);
  if (!list.all().empty())
    configuration.fill_from_file("model/designs/" + name + "/params.toml", name, list);
}

PreparedRace prepare(const RaceRequest& request, const std::string& data_dir) {
  return Preparation(request, data_dir).run();
}

}  // namespace iodrome::testbed
