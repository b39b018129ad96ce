// SPDX-License-Identifier: Apache-2.0
// From a request to something that can run: input read, machine and designs loaded, everything
// checked.
#pragma once
#include <memory>

#include "model/testbed/machine_spec.h"
#include "model/testbed/race.h"
#include "model/workloads/workload.h"

namespace iodrome::testbed {

inline constexpr const char* kDefaultMachine = "server_2026";
/// What an input can be.
inline constexpr std::string_view kInputKinds[] = {"access_log", "fio", "scenario"};

/// Workload parameters that flags and scenarios may set.
struct WorkloadParams {
  std::string load = "0.6";
  std::int64_t connections = 256;
  std::int64_t submit_batch = 0;

  void describe(ParameterList& list);
};

/// The operations and flags that scenarios may use.
workloads::ScenarioVocabulary scenario_vocabulary();

/// A design's own parameters, from its folder.
void fill_design(Configuration& configuration, const std::string& name, designs::Design& design);

struct PreparedDesign {
  const designs::Descriptor* descriptor = nullptr;
  std::unique_ptr<designs::Design> instance;  // parameters filled
};

struct PreparedRace {
  std::string scenario;
  std::uint64_t seed = 1;
  MachineSpec machine;
  std::shared_ptr<const workloads::Workload> workload;
  std::vector<PreparedDesign> designs;
  std::vector<workloads::PublishedFigure> published;
  std::int64_t submit_batch = 1;
  std::vector<ValueSource> sources;
  std::string warnings;  // rendered findings that are no errors
};

/// Errors: InputError with every finding.
PreparedRace prepare(const RaceRequest& request, const std::string& data_dir);

}  // namespace iodrome::testbed
