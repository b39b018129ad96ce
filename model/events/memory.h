// SPDX-License-Identifier: Apache-2.0
// Bytes that move, and the doorbells that make devices move them.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// A CPU has moved payload bytes.
struct CpuCopy {
  static constexpr EventInfo info{"cpu_copy", Subsystem::memory, "cpu bytes"};
  static constexpr auto counter = &Counters::bytes_copied_cpu;
  std::uint64_t cpu;
  std::uint64_t bytes;
  std::uint64_t amount() const { return bytes; }
  Words2 words() const { return {cpu, bytes}; }
};

/// A DMA engine has written payload bytes that it made from memory.
struct DmaCopy {
  static constexpr EventInfo info{"dma_copy", Subsystem::memory, "op bytes"};
  static constexpr auto counter = &Counters::bytes_copied_dma;
  std::uint64_t op;  // a kernel::DmaOp
  std::uint64_t bytes;
  std::uint64_t amount() const { return bytes; }
  Words2 words() const { return {op, bytes}; }
};

/// A device has moved payload bytes from or to memory.
struct DeviceDma {
  static constexpr EventInfo info{"device_dma", Subsystem::memory, "device bytes"};
  static constexpr auto counter = &Counters::bytes_device_dma;
  std::uint64_t device;
  std::uint64_t bytes;
  std::uint64_t amount() const { return bytes; }
  Words2 words() const { return {device, bytes}; }
};

/// A thread, or the kernel on its behalf, touched user memory that it could not use so.
struct PageFaultUser {
  static constexpr EventInfo info{"page_fault_user", Subsystem::memory, "thread address error"};
  std::uint64_t thread;
  std::uint64_t address;
  std::uint64_t error;  // the errno, or 0 if a page was mapped
  Words3 words() const { return {thread, address, error}; }
};

/// A driver rings a device's doorbell.
struct Doorbell {
  static constexpr EventInfo info{"doorbell", Subsystem::device, "device queue tail"};
  std::uint64_t device;
  std::uint64_t queue;
  std::uint64_t tail;
  Words3 words() const { return {device, queue, tail}; }
};

}  // namespace iodrome::events
