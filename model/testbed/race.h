// SPDX-License-Identifier: Apache-2.0
// The front door: an input, a machine and a set of designs in; the result of the race out.
#pragma once
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace iodrome::testbed {

/// What the user gave is wrong. what() is the whole message: every finding with its place, cause
/// and the nearest valid name.
struct InputError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Where to write the timeline of a race.
struct TimelineRequest {
  std::string path;
  std::string version;  // of the simulator, as the file tells it
};

/// What to race. Absent values were not given: the scenario file may say, else the defaults hold.
struct RaceRequest {
  std::string input;
  std::optional<std::string> kind;  // access_log, fio or scenario
  std::optional<std::vector<std::string>> designs;
  std::optional<std::string> machine;
  std::optional<std::uint64_t> seed;
  std::vector<std::pair<std::string, std::string>> set;  // dotted parameter, value
  std::optional<std::uint64_t> skip_bad;
  bool hosted = true;
  bool tlm = false;
  bool run_ahead = true;
  std::optional<TimelineRequest> timeline;
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

/// Runs the race and returns the result object; its form is documented in docs/result.md.
///
/// Same request, same object, but for "wall".
/// Errors: InputError before anything runs; Stalled and InternalError from a run.
nlohmann::ordered_json race(const RaceRequest& request, const std::string& data_dir,
                            const std::function<void(const RaceProgress&)>& progress);

}  // namespace iodrome::testbed
