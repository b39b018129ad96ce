// SPDX-License-Identifier: Apache-2.0
// Processes on a machine of CPUs, for tests. What their threads' code refers to outlives them.
#pragma once
#include <map>

#include "model/kernel/calls/event_calls.h"
#include "model/kernel/calls/process_calls.h"
#include "model/kernel/calls/signal_calls.h"
#include "model/kernel/mm/uaccess.h"
#include "tests/model/kernel/fail_allocation.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

inline Value error(Errno number) {
  return fail(number);
}

struct ProcessScene {
  explicit ProcessScene(std::uint32_t cpus = 2, std::uint64_t threads_max = ProcessTable::kPidMax,
                        Pid pid_max = ProcessTable::kPidMax)
      : rig(cpus), table(rig.system, threads_max, pid_max) {
    table.init_reaps = [this](Pid pid, std::int32_t status) { init_has[pid] = status; };
  }
  ~ProcessScene() { rig.end(); }

  Process& start(UserCode code, const Rlimits& limits = {}, std::uint32_t cpu = 0) {
    return table.start(cpu, std::make_shared<FileTable>(64), limits, std::move(code));
  }
  /// Runs one process of init's to its end: its wait status. Nothing is left of it then, or of any
  /// other one.
  std::int32_t play(UserCode code, const Rlimits& limits = {}) {
    const Pid pid = start(std::move(code), limits).pid();
    rig.run();
    CHECK(init_has.contains(pid));
    CHECK(table.size() == 0);
    CHECK(table.threads() == 0);
    return init_has[pid];
  }
  void note(const std::string& what) { log += (log.empty() ? "" : " ") + what; }

  Rig rig;
  ProcessTable table;
  std::map<Pid, std::int32_t> init_has;
  Cost step{100ns};
  std::string log;
};

/// Until a signal is handled or ends the process.
inline Task<Value> pause(Sleepable& ctx) {
  return sys_rt_sigtimedwait(ctx, {}, nullptr, Duration{-1});
}

/// A handler that does nothing.
inline SigAction caught() {
  return {.handler = [](Sleepable&, const SigInfo&) { return Task<void>::ready(); }};
}

/// wait4 of any child: its number and status.
inline Task<std::pair<Value, std::int32_t>> wait_any(Sleepable& ctx, std::int32_t options = 0) {
  std::int32_t status = -1;
  const Value pid = co_await sys_wait4(ctx, -1, &status, options);
  co_return std::pair{pid, status};
}

}  // namespace iodrome::kernel
