// SPDX-License-Identifier: Apache-2.0
// One design, one workload, one machine: a run and what it yields.
#pragma once
#include <functional>
#include <optional>

#include "model/engine/driver.h"
#include "model/engine/wave.h"
#include "model/events/cpu_time.h"
#include "model/metrics/request_metrics.h"
#include "model/testbed/machine.h"

namespace iodrome::testbed {

/// A named cost's part in a run.
struct CostUse {
  std::string name;
  std::uint64_t count = 0;
  Duration total{};
};

struct RunRecord {
  std::string design;
  metrics::RequestMetrics requests;
  std::optional<metrics::RequestLog> log;  // if it was asked for
  // All times and counts but the clients' and the engine's are of this stretch: from the workload's
  // start until every application thread has ended.
  Duration simulated{};
  std::array<Duration, events::kCpuClasses> cpu{};
  std::int64_t cpus = 0;
  events::Counters counters;
  designs::SubmitTimes submit;
  std::vector<CostUse> costs;
  std::vector<std::pair<std::string, std::uint64_t>> design_counters;
  std::vector<ProviderUse> providers;                   // that did anything
  std::vector<workloads::KernelThread> kernel_threads;  // of a load of the kernel's own
  std::uint64_t client_bytes = 0;                       // received by clients
  std::uint64_t client_bytes_wrong = 0;
  std::uint64_t events_run = 0;
  std::string fingerprint;
};

struct Progress {
  std::uint64_t requests_done = 0;
  std::uint64_t requests_total = 0;
  Duration simulated{};
};

struct RunOptions {
  std::uint64_t seed = 1;
  std::int64_t submit_batch = 1;
  bool hosted = true;
  bool tlm = false;
  bool run_ahead = true;
  bool keep_requests = false;  // about 80 bytes of memory each
  /// Polled now and then; see Timeline::poll_with.
  RunMonitor* monitor = nullptr;
  /// Decides what is not determined, once the machine has booted; nullptr for the defaults.
  ChoiceOracle* oracle = nullptr;
  /// Called once before anything happens: where observers are attached.
  std::function<void(events::Probe&)> observe;
  /// A VCD file to record waves in, and who adds signals to it before anything happens. Hosted
  /// only; turns run-ahead off.
  std::string waves;
  std::function<void(events::Probe&, WaveFile&)> observe_waves;
  /// A device that serves in the place of the machine's first storage device, behind the driver of
  /// storage.kind; further ones are parts. Hosted only.
  ForeignStorage storage;
  /// Called every few thousand requests; may throw to end the run.
  std::function<void(const Progress&)> progress;
};

/// A run that could not end: somebody waits for what will not come. Carries who waits for what.
struct Stalled : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Runs `workload` with `design`, whose parameters are filled already. Same arguments, same record.
/// Errors: Stalled; InternalError; and a checker's complaint (lost requests or bytes) as
/// InternalError.
RunRecord run_design(const MachineSpec& machine, const workloads::Workload& workload,
                     const designs::Descriptor& descriptor, designs::Design& design,
                     const RunOptions& options);

}  // namespace iodrome::testbed
