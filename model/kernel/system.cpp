// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/system.h"

#include "model/kernel/cpu/cpu.h"
#include "model/kernel/syscall.h"
#include "model/kernel/time/cpu_timers.h"

namespace iodrome::kernel {

System::System(Timeline& on, events::Probe& to, hw::Memory& ram)
    : timeline(on), probe(to), memory(ram) {
  for (const SysnoName& call : kSysnoNames)
    probe.name(events::Named::syscall, static_cast<std::uint64_t>(call.number), call.name);
  probe.name(events::Named::vector, kLocalTimerVector, "local_timer");
  probe.name(events::Named::vector, kRescheduleVector, "reschedule");
  probe.name(events::Named::vector, kCallFunctionVector, "call_function");
}

System::~System() = default;

void System::add_cpus(std::uint32_t count) {
  cpus_per_socket = (count - 1) / static_cast<std::uint32_t>(scheduler.sockets) + 1;
  for (std::uint32_t i = 0; i < count; ++i) {
    cpus.push_back(std::make_unique<Cpu>(*this, static_cast<std::uint32_t>(cpus.size())));
    timers.push_back(std::make_unique<CpuTimers>(*cpus.back()));
  }
}

}  // namespace iodrome::kernel
