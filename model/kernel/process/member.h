// SPDX-License-Identifier: Apache-2.0
// A thread of a process. Of process/*.cpp alone.
#pragma once
#include "model/kernel/process/process.h"

namespace iodrome::kernel {

class Process::Member final : public ThreadBody {
 public:
  Member(Process& of, UserCode to_run, std::uint32_t cpu);
  Task<void> run(Sleepable& ctx) override;

  Process& process;
  UserCode code;
  RunningThread thread;
  ThreadSignals signals;
};

}  // namespace iodrome::kernel
