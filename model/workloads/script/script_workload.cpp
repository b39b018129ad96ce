// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/script/script_workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

#include "model/chain/validate.h"
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

bool has_flag(const ScenarioStep& step, std::string_view flag) {
  return std::ranges::find(step.flags, flag) != step.flags.end();
}

Op op_of(const std::string& name) {
  for (int i = 0; i < chain::kOps; ++i)
    if (name == chain::name_of(static_cast<Op>(i))) return static_cast<Op>(i);
  fail_check("a step the scenario reader let through");
}

std::int16_t index_or_none(const std::optional<std::size_t>& index) {
  return index ? static_cast<std::int16_t>(*index) : std::int16_t{-1};
}

chain::Step step_of(const ScenarioStep& written) {
  chain::Step step;
  step.op = op_of(written.op);
  step.on_error = written.on_error;
  step.on_short = written.on_short;
  step.clean_up = written.clean_up;
  step.create = has_flag(written, "create");
  step.truncate = has_flag(written, "truncate");
  step.retries = static_cast<std::uint8_t>(written.retries);
  step.sources = static_cast<std::uint8_t>(written.sources);
  step.value = static_cast<std::uint8_t>(step.ciphers() ? written.key : written.value);
  step.jump_to = index_or_none(written.jump_to);
  if (written.fd) step.fd_from = static_cast<std::int16_t>(written.fd->step);
  step.offset_from = from(written.offset);
  step.bytes_from = from(written.bytes);
  step.loop = {index_or_none(written.loop_to), static_cast<std::uint32_t>(written.rounds)};
  step.offset = fixed(written.offset);
  step.bytes = fixed(written.bytes);
  if (written.time_ns) step.bytes = static_cast<std::uint64_t>(*written.time_ns);
  step.memory = static_cast<std::uint64_t>(written.memory);
  if (step.uses_path()) step.path = &written.path;
  for (const std::size_t before : written.after) step.after |= std::uint64_t{1} << before;
  return step;
}

}  // namespace

std::unique_ptr<ScriptWorkload> ScriptWorkload::make(const ScenarioChain& chain,
                                                     Diagnostics& diagnostics) {
  check_script(chain, diagnostics);
  if (!diagnostics.ok()) return nullptr;
  auto workload = std::make_unique<ScriptWorkload>();
  workload->script_ = chain;
  workload->build();
  workload->find_files();
  const Rehearsal rehearsal = rehearse(workload->chain_, workload->files_);
  if (rehearsal.too_long) {
    diagnostics.error(chain.steps.front().place, "the chain takes more than 10,000,000 steps",
                      "fewer rounds, larger pieces or a shorter file");
    return nullptr;
  }
  workload->memory_bytes_ = rehearsal.memory_bytes;
  workload->check_size(diagnostics);
  return diagnostics.ok() ? std::move(workload) : nullptr;
}

// What a run would need of this computer and of the files' tree.
void ScriptWorkload::check_size(Diagnostics& diagnostics) const {
  constexpr std::int64_t kMostFiles = 10'000'000;
  constexpr std::uint64_t kMostMemory = std::uint64_t{4} << 30;
  const Place& place = script_.steps.front().place;
  if (script_.repeat > std::numeric_limits<std::int64_t>::max() / script_.clients)
    return diagnostics.error(place, "more requests than can be counted", "a smaller repeat");
  for (const auto& [path, size] : files_)
    if (path.find(kRequest) != std::string::npos && requests() > kMostFiles)
      return diagnostics.error(place, fmt::format("'{}' is more than 10,000,000 files", path),
                               "a smaller repeat");
  if (memory_bytes_ * static_cast<std::uint64_t>(script_.clients) > kMostMemory)
    return diagnostics.error(place, "the clients' memory together is more than 4 GiB",
                             "fewer clients, or smaller steps");
  kernel::FileSystem trial(std::uint64_t{1} << 50, false);
  const Errno refused = lay_out(trial);
  if (refused != Errno::ok)
    diagnostics.error(place, fmt::format("its files cannot be laid out: {}", name_of(refused)),
                      "no file may stand where another one needs a directory");
}

void ScriptWorkload::build() {
  chain_.graph = script_.graph;
  chain_.deadline_us = script_.deadline_us;
  for (const ScenarioStep& written : script_.steps) {
    chain_.steps.push_back(step_of(written));
    direct_ = direct_ || has_flag(written, "direct");
    sends_ = sends_ || written.op == "send";
    digests_ = digests_ || written.op == "hash";
  }
  check(chain::validate(chain_, chain::kMaxSteps, ~std::uint64_t{0}) == Errno::ok,
        "a chain that the script's check let through");
}

// Files are there from the start, but for those that the chain makes itself.
void ScriptWorkload::find_files() {
  std::set<std::string> made;
  for (std::size_t i = 0; i < script_.steps.size(); ++i) {
    const ScenarioStep& written = script_.steps[i];
    if (has_flag(written, "create")) made.insert(written.path);
    if (chain_.steps[i].uses_path() && !made.contains(written.path)) {
      std::uint64_t& size = files_[written.path];
      size = std::max(size, static_cast<std::uint64_t>(written.size.value_or(0)));
    }
    if (!written.fd) continue;
    const ScenarioStep& opened = script_.steps[written.fd->step];
    if (opened.size || !files_.contains(opened.path)) continue;
    std::uint64_t& size = files_[opened.path];
    const bool random = written.offset && std::holds_alternative<RandomOffset>(*written.offset);
    if (random) size = std::max(size, kRandomFileBytes);
    size = std::max(size, fixed(written.offset) + fixed(written.bytes));
  }
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
  for (const ScenarioStep& written : script_.steps) {
    if (!has_flag(written, "create")) continue;
    for (const std::string& path : paths_of(written.path)) {
      for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
           slash = path.find('/', slash + 1)) {
        const std::string above = path.substr(0, slash);
        const auto added = files.add_directory(above);
        if (!added && added.error() != Errno::eexist) return added.error();
        if (!added && files.lookup(above)) return Errno::enotdir;
      }
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
  for (const ScenarioStep& step : script_.steps) json["steps"].push_back(step.op);
  json["clients"] = script_.clients;
  json["repeat"] = script_.repeat;
  json["requests"] = script_.clients * script_.repeat;
  json["file_bytes"] = file_bytes();
  return json;
}

std::vector<designs::Difference> ScriptWorkload::not_modelled() const {
  std::vector<designs::Difference> missing;
  if (chain_.graph)
    missing.push_back(
        {"steps of a graph beside each other, but with task_chain: applications of other designs "
         "take them one after another",
         "model/app"});
  if (chain_.deadline_us != 0)
    missing.push_back(
        {"deadlines inside a step, but with task_chain: applications of other designs look at "
         "their clock between steps",
         "model/app"});
  return missing;
}

}  // namespace iodrome::workloads
