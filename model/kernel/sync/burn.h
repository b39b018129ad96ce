// SPDX-License-Identifier: Apache-2.0
// Burning CPU time without a known end.
#pragma once
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// From its making until stop() the context's CPU spins, and the time of the request it works on is
/// the lock's. Between the two the context suspends for whatever it spins for.
class Burning {
 public:
  explicit Burning(Atomic& ctx)
      : ctx_(ctx), class_(ctx.cpu().account().current()), stage_(ctx.stage()) {
    turn_to(events::CpuClass::spin);
    ctx.set_stage(events::Stage::lock);
  }
  Burning(const Burning&) = delete;
  Burning& operator=(const Burning&) = delete;
  void stop() {
    turn_to(class_);
    ctx_.set_stage(stage_);
  }

 private:
  // A thread's class is what its CPU comes back to after an interrupt.
  void turn_to(events::CpuClass cpu_class) {
    if (ctx_.level() == Level::thread)
      static_cast<Sleepable&>(ctx_).turn_to(cpu_class);
    else
      ctx_.cpu().account().turn_to(cpu_class, ctx_.now());
  }

  Atomic& ctx_;
  events::CpuClass class_;
  events::Stage stage_;
};

/// Awaited after a suspension that was not the CPU's: an interrupt may have frozen the context
/// meanwhile, and then it goes on when that has ended.
class [[nodiscard]] Thawed : Burst {
 public:
  explicit Thawed(Atomic& ctx) : ctx_(ctx) {}
  bool await_ready() { return !ctx_.cpu().frozen(ctx_.level()); }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    prepare(ctx_.level(), [](Burst* self) { static_cast<Thawed*>(self)->waiter_.resume(); });
    ctx_.cpu().begin(*this, Duration{0});
  }
  void await_resume() const noexcept {}

 private:
  Atomic& ctx_;
  std::coroutine_handle<> waiter_;
};

}  // namespace iodrome::kernel
