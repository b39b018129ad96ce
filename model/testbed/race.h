// SPDX-License-Identifier: Apache-2.0
// The front door: an input, a machine and a set of designs in; the result of the race out.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "model/metrics/request_log.h"
#include "model/testbed/foreign_storage.h"
#include "model/workloads/workload.h"

namespace iodrome::testbed {

/// What the user gave is wrong. what() is the whole message: every finding with its place, cause
/// and the nearest valid name.
struct InputError : std::runtime_error {
  explicit InputError(const workloads::Diagnostics& diagnostics)
      : std::runtime_error(diagnostics.render()), findings(diagnostics.entries()) {}
  explicit InputError(const std::string& message)
      : std::runtime_error("error: " + message), findings(1) {
    findings[0].message = message;
  }
  std::vector<workloads::Diagnostic> findings;
};

/// Where to write the timeline of a race.
struct TimelineRequest {
  std::string path;
  std::string version;  // of the simulator, as the file tells it
};

/// What to race. Absent values were not given: the scenario file may say, else the defaults hold.
struct RaceRequest {
  std::string input;                // path, or the name of what stands here instead of a file:
  std::optional<std::string> text;  // the text of a scenario or job file, or
  std::shared_ptr<const workloads::Workload> workload;  // a workload made by the caller
  std::optional<std::string> kind;                      // access_log, fio or scenario
  std::optional<std::vector<std::string>> designs;
  std::optional<std::string> machine;
  std::optional<std::uint64_t> seed;
  std::vector<std::pair<std::string, std::string>> set;  // dotted parameter, value
  std::optional<std::uint64_t> skip_bad;
  bool hosted = true;
  bool tlm = false;
  bool run_ahead = true;
  std::optional<TimelineRequest> timeline;
  bool keep_requests = false;     // a row per request
  ForeignStorage storage;         // a device of SystemC in the place of the first storage
  RunMonitor* monitor = nullptr;  // polled while input is read and while designs run
};

/// Where a race stands; told now and then.
struct RaceProgress {
  std::string design;
  std::size_t design_index = 0;
  std::size_t design_count = 0;
  std::uint64_t requests_done = 0;
  std::uint64_t requests_total = 0;
  std::int64_t simulated_ns = 0;
};

/// What a race yields.
struct RaceOutcome {
  nlohmann::ordered_json result;          // its form is documented in docs/result.md
  std::vector<metrics::RequestLog> logs;  // by design, if requests were kept
};

/// Runs the race. Same request, same outcome.
///
/// Errors: InputError before anything runs; Stalled and InternalError from a run; whatever the
/// monitor throws, at any time.
RaceOutcome race(const RaceRequest& request, const std::string& data_dir,
                 const std::function<void(const RaceProgress&)>& progress);

}  // namespace iodrome::testbed
