// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

// The coroutine that serves one interrupt level, and the signal that wakes it.
struct Cpu::IrqLoop : ResumeEvent {
  IrqLoop(System& system, Cpu& cpu, Level level) : ctx(system, cpu, level) {}

  // Awaited for the next signal.
  struct Signal {
    IrqLoop& loop;
    bool await_ready() { return std::exchange(loop.signalled, false); }
    void await_suspend(std::coroutine_handle<> code) {
      loop.handle = code;
      loop.waiting = true;
    }
    void await_resume() { loop.waiting = loop.signalled = false; }
  };

  void signal() {
    if (signalled) return;
    signalled = true;
    if (waiting) ctx.cpu().timeline().post(*this);
  }
  // The same in an event of its own, which nobody waits for the end of.
  void signal_at_once() {
    if (signalled) return;
    signalled = true;
    if (waiting) fire(this);
  }
  Atomic ctx;
  bool waiting = false;
  bool signalled = false;
};

}  // namespace iodrome::kernel
