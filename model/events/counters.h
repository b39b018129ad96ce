// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <array>
#include <cstdint>

namespace iodrome::events {

/// What every run counts. An event type names the counter it moves; see probe.h.
struct Counters {
  std::uint64_t syscalls = 0;
  std::uint64_t context_switches = 0;
  std::uint64_t interrupts = 0;
  std::uint64_t wakeups = 0;
  std::uint64_t bytes_copied_cpu = 0;  // moved by a CPU
  std::uint64_t bytes_copied_dma = 0;  // moved memory to memory by a DMA engine
  std::uint64_t bytes_device_dma = 0;  // moved between memory and a device

  friend Counters operator-(const Counters& a, const Counters& b) {
    return {a.syscalls - b.syscalls,
            a.context_switches - b.context_switches,
            a.interrupts - b.interrupts,
            a.wakeups - b.wakeups,
            a.bytes_copied_cpu - b.bytes_copied_cpu,
            a.bytes_copied_dma - b.bytes_copied_dma,
            a.bytes_device_dma - b.bytes_device_dma};
  }
};

/// A counter as results name it.
struct CounterRow {
  const char* name;
  std::uint64_t Counters::*counter;
  const char* moved_by;
};

/// Every counter, in the order of the result.
inline constexpr std::array<CounterRow, 7> kCounters = {{
    {"syscalls", &Counters::syscalls, "a thread entering the kernel"},
    {"context_switches", &Counters::context_switches,
     "a CPU turning from one thread, or idle, to another"},
    {"interrupts", &Counters::interrupts, "a hardirq handler starting"},
    {"wakeups", &Counters::wakeups, "a sleeping thread made runnable"},
    {"bytes_copied_cpu", &Counters::bytes_copied_cpu, "payload moved by a CPU"},
    {"bytes_copied_dma", &Counters::bytes_copied_dma,
     "payload that a DMA engine wrote from memory to memory"},
    {"bytes_device_dma", &Counters::bytes_device_dma,
     "payload between memory and a device, counted when the driver hands it over"},
}};

}  // namespace iodrome::events
