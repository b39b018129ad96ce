// SPDX-License-Identifier: Apache-2.0
#pragma once
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

}  // namespace iodrome::events
