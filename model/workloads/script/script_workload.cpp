// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/script/script_workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "model/chain/validate.h"
#include "model/kernel/vfs/fsnotify.h"
#include "model/workloads/script/rehearsal.h"
#include "model/workloads/script/script_check.h"
#include "model/workloads/script/script_run.h"

namespace iodrome::workloads {

using chain::Op;

namespace {

// A file that random offsets point into, where the scenario says nothing of its size.
constexpr std::uint64_t kRandomFileBytes = std::uint64_t{1} << 30;
constexpr std::string_view kRequest = "{request}";

std::uint64_t fixed(const std::optional<StepValue>& value) {
  const auto* const number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  return number != nullptr ? static_cast<std::uint64_t>(*number) : 0;
}

chain::From from(const std::optional<StepValue>& value) {
  const auto* const used = value ? std::get_if<StepReference>(&*value) : nullptr;
  if (used == nullptr || used->result == "offset") return {};
  chain::From made;
  made.step = static_cast<std::int16_t>(used->step);
  made.total = used->result == "total";
  return made;
}

Op op_of(const std::string& name) {
  for (int i = 0; i < chain::kOps; ++i)
    if (name == chain::name_of(static_cast<Op>(i))) return static_cast<Op>(i);
  fail_check("a step the scenario reader let through");
}

std::int16_t index_or_none(const std::optional<std::size_t>& index) {
  return index ? static_cast<std::int16_t>(*index) : std::int16_t{-1};
}

std::uint64_t poll_events(const std::vector<std::string>& names) {
  std::uint64_t events = 0;
  for (const std::string& name : names) events |= name == "in" ? kernel::kPollIn : kernel::kPollOut;
  return names.empty() ? kernel::kPollIn : events;
}

std::uint64_t inotify_events(const std::vector<std::string>& names) {
  constexpr std::uint32_t kMasks[] = {kernel::kInCloseWrite, kernel::kInMovedTo, kernel::kInCreate,
                                      kernel::kInModify, kernel::kInDelete};
  std::uint64_t events = 0;
  for (const std::string& name : names)
    events |= kMasks[std::ranges::find(inotify_event_names, name) - inotify_event_names.begin()];
  return names.empty() ? kernel::kInCloseWrite | kernel::kInMovedTo : events;
}

chain::Step step_of(const ScenarioStep& written) {
  chain::Step step;
  step.op = op_of(written.op);
  step.on_error = written.on_error;
  step.on_short = written.on_short;
  step.clean_up = written.clean_up;
  step.create = written.has_flag("create");
  step.truncate = written.has_flag("truncate");
  step.retries = static_cast<std::uint8_t>(written.retries);
  step.sources = static_cast<std::uint8_t>(written.sources);
  step.value = static_cast<std::uint8_t>(step.ciphers() ? written.key : written.value);
  step.jump_to = index_or_none(written.jump_to);
  if (written.fd) step.fd_from = static_cast<std::int16_t>(written.fd->step);
  if (written.to) step.to_fd = static_cast<std::int16_t>(written.to->step);
  step.to_opened = written.to.has_value();
  step.offset_from = from(written.offset);
  step.bytes_from = from(written.bytes);
  step.loop = {index_or_none(written.loop_to), static_cast<std::uint32_t>(written.rounds)};
  step.offset = fixed(written.offset);
  step.bytes = fixed(written.bytes);
  if (written.time_ns) step.bytes = static_cast<std::uint64_t>(*written.time_ns);
  if (written.port != 0) step.bytes = static_cast<std::uint64_t>(written.port);
  if (step.op == Op::poll) step.bytes = poll_events(written.events);
  if (step.op == Op::inotify) step.bytes = inotify_events(written.events);
  if (written.named_by) step.fd_from = static_cast<std::int16_t>(written.named_by->step);
  step.memory = static_cast<std::uint64_t>(written.memory);
  if (step.uses_path()) step.path = &written.path;
  for (const std::size_t before : written.after) step.after |= std::uint64_t{1} << before;
  return step;
}

// What stands above a path is there, all of it directories.
Errno add_directories(kernel::FileSystem& files, const std::string& path) {
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    const std::string above = path.substr(0, slash);
    const auto added = files.add_directory(above);
    if (!added && added.error() != Errno::eexist) return added.error();
    if (!added && files.lookup(above)) return Errno::enotdir;
  }
  return Errno::ok;
}

}  // namespace

std::unique_ptr<ScriptWorkload> ScriptWorkload::make(std::span<const ScenarioChain> chains,
                                                     Diagnostics& diagnostics) {
  check_script(chains, diagnostics);
  if (!diagnostics.ok()) return nullptr;
  auto workload = std::make_unique<ScriptWorkload>();
  workload->parts_.reserve(chains.size());  // steps point at their paths
  for (const ScenarioChain& chain : chains) {
    ScriptPart& part = workload->parts_.emplace_back();
    part.script = chain;
    part.build();
  }
  workload->find_files();
  if (!workload->rehearse_all(diagnostics)) return nullptr;
  workload->check_size(diagnostics);
  if (!diagnostics.ok()) return nullptr;
  std::uint32_t client = 0;
  std::uint64_t request = 0;
  for (ScriptPart& part : workload->parts_) {
    part.first_client = client;
    part.first_request = request;
    client += static_cast<std::uint32_t>(part.script.clients);
    request += static_cast<std::uint64_t>(part.requests());
  }
  return workload;
}

void ScriptPart::build() {
  chain.graph = script.graph;
  chain.deadline_us = script.deadline_us;
  chain.priority = script.priority;
  for (const ScenarioStep& written : script.steps) {
    chain.steps.push_back(step_of(written));
    direct = direct || written.has_flag("direct");
    sends = sends || (written.op == "send" && !written.to);
    digests = digests || written.op == "hash";
  }
  check(chain::validate(chain, chain::kMaxSteps, ~std::uint64_t{0}) == Errno::ok,
        "a chain that the script's check let through");
}

bool ScriptWorkload::rehearse_all(Diagnostics& diagnostics) {
  for (ScriptPart& part : parts_) {
    std::map<std::string, std::uint64_t> sizes = files_;
    for (const ScenarioStep& step : part.script.steps)
      if (step.named_by && step.op == "open") {
        std::uint64_t& size = sizes[step.path];
        size = std::max(size, static_cast<std::uint64_t>(step.size.value_or(0)));
      }
    const Rehearsal rehearsal = rehearse(part.chain, std::move(sizes));
    part.memory_bytes = rehearsal.memory_bytes;
    if (!rehearsal.too_long) continue;
    diagnostics.error(part.script.steps.front().place, "the chain takes more than 10,000,000 steps",
                      "fewer rounds, larger pieces or a shorter file");
    return false;
  }
  return true;
}

// What a run would need of this computer and of the files' tree.
void ScriptWorkload::check_size(Diagnostics& diagnostics) const {
  constexpr std::int64_t kMostFiles = 10'000'000;
  constexpr std::uint64_t kMostMemory = std::uint64_t{4} << 30;
  constexpr std::int64_t kMostClients = 1'000'000;
  const Place& place = parts_.front().script.steps.front().place;
  std::int64_t requests = 0;
  std::int64_t clients = 0;
  std::uint64_t memory = 0;
  for (const ScriptPart& part : parts_) {
    std::int64_t own = 0;
    if (__builtin_mul_overflow(part.script.repeat, part.script.clients, &own) ||
        __builtin_add_overflow(requests, own, &requests))
      return diagnostics.error(part.script.steps.front().place, "more requests than can be counted",
                               "a smaller repeat");
    clients += part.script.clients;
    memory += part.memory_bytes * static_cast<std::uint64_t>(part.script.clients);
  }
  if (clients > kMostClients)
    return diagnostics.error(place, "more than 1,000,000 clients in all", "fewer clients");
  for (const auto& [path, size] : files_)
    if (path.find(kRequest) != std::string::npos && requests > kMostFiles)
      return diagnostics.error(place, fmt::format("'{}' is more than 10,000,000 files", path),
                               "a smaller repeat");
  if (memory > kMostMemory)
    return diagnostics.error(place, "the clients' memory together is more than 4 GiB",
                             "fewer clients, or smaller steps");
  kernel::FileSystem trial(std::uint64_t{1} << 50, false);
  const Errno refused = lay_out(trial);
  if (refused != Errno::ok)
    diagnostics.error(place, fmt::format("its files cannot be laid out: {}", name_of(refused)),
                      "no file may stand where another one needs a directory");
}

std::uint32_t ScriptWorkload::connections() const {
  const ScriptPart& last = parts_.back();
  return last.first_client + static_cast<std::uint32_t>(last.script.clients);
}

std::int64_t ScriptWorkload::steps() const {
  std::size_t most = 0;
  for (const ScriptPart& part : parts_) most = std::max(most, part.chain.steps.size());
  return static_cast<std::int64_t>(most);
}

std::int64_t ScriptWorkload::requests() const {
  std::int64_t all = 0;
  for (const ScriptPart& part : parts_) all += part.requests();
  return all;
}

std::set<std::int64_t> ScriptWorkload::ports() const {
  std::set<std::int64_t> ports;
  for (const ScriptPart& part : parts_)
    for (const ScenarioStep& step : part.script.steps)
      if (step.op == "accept") ports.insert(step.port);
  return ports;
}

// Files are there from the start, but for those that a chain makes itself.
void ScriptWorkload::find_files() {
  for (const ScriptPart& part : parts_) {
    std::set<std::string> made;
    const ScenarioChain& script = part.script;
    for (std::size_t i = 0; i < script.steps.size(); ++i) {
      const ScenarioStep& written = script.steps[i];
      if (written.has_flag("create")) made.insert(written.path);
      const bool laid_out = part.chain.steps[i].uses_path() && written.op != "inotify" &&
                            !written.named_by && !made.contains(written.path);
      if (laid_out) {
        std::uint64_t& size = files_[written.path];
        size = std::max(size, static_cast<std::uint64_t>(written.size.value_or(0)));
      }
      if (written.fd) enlarge(written, script.steps[written.fd->step]);
    }
  }
}

// A file is at least as long as a step goes in it, unless the scenario says how long.
void ScriptWorkload::enlarge(const ScenarioStep& step, const ScenarioStep& opened) {
  if (opened.size || !files_.contains(opened.path)) return;
  std::uint64_t& size = files_[opened.path];
  const bool random = step.offset && std::holds_alternative<RandomOffset>(*step.offset);
  if (random) size = std::max(size, kRandomFileBytes);
  size = std::max(size, fixed(step.offset) + fixed(step.bytes));
}

std::string ScriptWorkload::expand(const std::string& path, std::uint64_t request) {
  std::string name = path;
  for (std::size_t at = name.find(kRequest); at != std::string::npos; at = name.find(kRequest))
    name.replace(at, kRequest.size(), std::to_string(request));
  return name;
}

std::vector<std::string> ScriptWorkload::paths_of(const std::string& written) const {
  if (written.find(kRequest) == std::string::npos) return {written};
  std::vector<std::string> all;
  for (std::int64_t i = 0; i < requests(); ++i)
    all.push_back(expand(written, static_cast<std::uint64_t>(i)));
  return all;
}

std::uint64_t ScriptWorkload::count_of(const std::string& written) const {
  return written.find(kRequest) == std::string::npos ? 1 : static_cast<std::uint64_t>(requests());
}

std::uint64_t ScriptWorkload::file_bytes() const {
  std::uint64_t total = 0;
  for (const auto& [path, size] : files_) total += size * count_of(path);
  return total;
}

std::uint32_t ScriptWorkload::file_count() const {
  std::uint64_t count = 0;
  for (const auto& [path, size] : files_) count += count_of(path);
  return static_cast<std::uint32_t>(count);
}

Errno ScriptWorkload::lay_out(kernel::FileSystem& files) const {
  for (const auto& [written, size] : files_) {
    for (const std::string& path : paths_of(written)) {
      const auto added = files.add_file(path, size, kernel::Inode::Metadata::cold);
      if (!added) return added.error();
    }
  }
  // Where the chain makes files, their directories are there.
  for (const ScriptPart& part : parts_)
    for (const ScenarioStep& written : part.script.steps) {
      if (written.op == "inotify") {
        const Errno refused = add_directories(files, written.path + "/");
        if (refused != Errno::ok) return refused;
      }
      if (!written.has_flag("create")) continue;
      for (const std::string& path : paths_of(written.path)) {
        const Errno refused = add_directories(files, path);
        if (refused != Errno::ok) return refused;
      }
    }
  return Errno::ok;
}

std::unique_ptr<WorkloadRun> ScriptWorkload::start(Stage& stage) const {
  return std::make_unique<ScriptRun>(*this, stage);
}

nlohmann::ordered_json ScriptWorkload::summary() const {
  nlohmann::ordered_json json;
  json["kind"] = "chain";
  for (const ScriptPart& part : parts_) {
    nlohmann::ordered_json chain;
    for (const ScenarioStep& step : part.script.steps) chain["steps"].push_back(step.op);
    chain["clients"] = part.script.clients;
    chain["repeat"] = part.script.repeat;
    if (parts_.size() == 1)
      json.update(chain);
    else
      json["chains"].push_back(chain);
  }
  json["requests"] = requests();
  json["file_bytes"] = file_bytes();
  return json;
}

std::vector<designs::Difference> ScriptWorkload::not_modelled() const {
  std::vector<designs::Difference> missing;
  const auto any = [this](auto what) { return std::ranges::any_of(parts_, what); };
  if (any([](const ScriptPart& part) { return part.chain.graph; }))
    missing.push_back(
        {"steps of a graph beside each other, but with task_chain: applications of other designs "
         "take them one after another",
         "model/app"});
  if (any([](const ScriptPart& part) { return part.chain.deadline_us != 0; }))
    missing.push_back(
        {"deadlines inside a step, but with task_chain: applications of other designs look at "
         "their clock between steps",
         "model/app"});
  if (any([](const ScriptPart& part) { return part.chain.priority != chain::Priority{}; }))
    missing.push_back(
        {"chains' priorities, but with task_chain, where they order what waits for a thread; the "
         "block layer has none",
         "model/workloads"});
  return missing;
}

}  // namespace iodrome::workloads
