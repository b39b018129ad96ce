// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/script/script_workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "model/workloads/script/script_run.h"

namespace iodrome::workloads {

namespace {

// A file that random offsets point into, where the scenario says nothing of its size.
constexpr std::uint64_t kRandomFileBytes = std::uint64_t{1} << 30;

std::uint64_t fixed(const std::optional<StepValue>& value) {
  const auto* const number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  return number != nullptr ? static_cast<std::uint64_t>(*number) : 0;
}

bool is_random(const std::optional<StepValue>& value) {
  return value && std::holds_alternative<RandomOffset>(*value);
}

void examine(const ScenarioStep& step, Diagnostics& diagnostics) {
  const auto refuse = [&](std::string message, std::string hint) {
    diagnostics.error(step.place, fmt::format("step '{}': {}", step.name, message),
                      std::move(hint));
  };
  const bool moves = step.op == "read" || step.op == "send" || step.op == "write";
  if (step.op == "open" && step.path.empty()) refuse("open needs a path", "path = \"/index.html\"");
  if (step.op != "open" && step.op != "nop" && !step.fd)
    refuse("it needs a descriptor", "fd = \"$open.fd\"");
  if (moves && (!step.bytes || !std::holds_alternative<std::int64_t>(*step.bytes)))
    refuse("it needs a fixed number of bytes",
           "bytes = \"64 KiB\"; an earlier step's result is not modelled here");
  if (moves && step.offset && std::holds_alternative<StepReference>(*step.offset))
    refuse("an earlier step's result as offset is not modelled",
           "give offset in bytes, or \"random\"");
}

// What is sent is compared with what the file was laid out with.
void examine_writes(const ScenarioChain& chain, Diagnostics& diagnostics) {
  const auto is = [](const char* op) {
    return [op](const ScenarioStep& step) { return step.op == op; };
  };
  const auto write = std::ranges::find_if(chain.steps, is("write"));
  if (write == chain.steps.end() || std::ranges::none_of(chain.steps, is("send"))) return;
  diagnostics.error(write->place,
                    fmt::format("step '{}': a chain that writes does not send", write->name),
                    "read the file instead, or write a scenario for each");
}

// A chain has one file, and uses it before its close.
void examine_files(const ScenarioChain& chain, Diagnostics& diagnostics) {
  bool opened = false;
  bool closed = false;
  for (const ScenarioStep& step : chain.steps) {
    if (step.op == "open" && std::exchange(opened, true))
      diagnostics.error(step.place, fmt::format("step '{}': a chain opens one file", step.name),
                        "write a second chain's scenario");
    if (step.fd && closed)
      diagnostics.error(step.place, fmt::format("step '{}': its file is closed", step.name),
                        "use a file before its close");
    closed = closed || step.op == "close";
  }
}

}  // namespace

std::unique_ptr<ScriptWorkload> ScriptWorkload::make(const ScenarioChain& chain,
                                                     Diagnostics& diagnostics) {
  for (const ScenarioStep& step : chain.steps) examine(step, diagnostics);
  examine_files(chain, diagnostics);
  examine_writes(chain, diagnostics);
  if (!diagnostics.ok()) return nullptr;
  auto workload = std::make_unique<ScriptWorkload>();
  workload->script_ = chain;
  for (std::size_t i = 0; i < chain.steps.size(); ++i) {
    const ScenarioStep& step = chain.steps[i];
    if (std::find(step.flags.begin(), step.flags.end(), "direct") != step.flags.end())
      workload->direct_ = true;
    if (step.op == "nop") continue;
    std::uint64_t& size = workload->files_[workload->path_of(i)];
    if (is_random(step.offset)) size = std::max(size, kRandomFileBytes);
    size = std::max(size, fixed(step.offset) + fixed(step.bytes));
  }
  return workload;
}

const std::string& ScriptWorkload::path_of(std::size_t step) const {
  const ScenarioStep& at = script_.steps[step];
  return at.fd ? script_.steps[at.fd->step].path : at.path;
}

std::uint64_t ScriptWorkload::file_bytes() const {
  std::uint64_t total = 0;
  for (const auto& [path, size] : files_) total += size;
  return total;
}

Errno ScriptWorkload::lay_out(kernel::FileSystem& files) const {
  for (const auto& [path, size] : files_) {
    const auto added = files.add_file(path, size, kernel::Inode::Metadata::cold);
    if (!added) return added.error();
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

}  // namespace iodrome::workloads
