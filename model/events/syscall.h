// SPDX-License-Identifier: Apache-2.0
// System calls.
#pragma once
#include "model/events/probe.h"

namespace iodrome::events {

/// A thread enters the kernel.
struct SysEnter {
  static constexpr EventInfo info{"sys_enter", Subsystem::syscall, "thread number"};
  static constexpr auto counter = &Counters::syscalls;
  std::uint64_t thread;
  std::uint64_t number;
  Words2 words() const { return {thread, number}; }
};

/// A thread returns to user mode.
struct SysExit {
  static constexpr EventInfo info{"sys_exit", Subsystem::syscall, "thread number result"};
  std::uint64_t thread;
  std::uint64_t number;
  std::uint64_t result;
  Words3 words() const { return {thread, number, result}; }
};

}  // namespace iodrome::events
