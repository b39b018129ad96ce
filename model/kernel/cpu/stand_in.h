// SPDX-License-Identifier: Apache-2.0
// One thread runs in another's place: the hook in schedule() that syslets are built on.
#pragma once
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// A spare thread of the same address space and scheduling class, which runs in place of another
/// one until it sleeps or comes to rest.
///
/// The scheduler sees one thread: neither going in nor coming back is a switch that costs, and
/// virtual time and the slice count as if the caller had run. When the stand-in sleeps, the caller
/// is runnable on that CPU at once; being preempted is no sleep.
/// Source: the syslet patches of February 2007, by their description.
/// Differs: there the sleeper keeps the caller's task and the caller goes on in the spare one's.
/// Here each keeps its own, so traces show switches to the stand-in and back, and its CPU time is
/// its own.
class StandIn final : SchedWatcher {
 public:
  explicit StandIn(Thread& spare) : spare_(spare) { spare.watchers.push_back(*this); }
  StandIn(const StandIn&) = delete;
  StandIn& operator=(const StandIn&) = delete;

  class [[nodiscard]] Run;
  class [[nodiscard]] Rest;
  /// The thread that runs, which works on no request, stops here, and the stand-in, which rests,
  /// goes on. True: it rests again. False: it has gone to sleep, and runs on its own account from
  /// its wake-up on; for making the caller runnable nobody has paid.
  Run run(Sleepable& caller);
  /// The stand-in stops here until it is run: it gives the CPU back to whom it stood in for, or
  /// sleeps.
  Rest rest(Sleepable& self);
  /// Whether it stands in for somebody now.
  bool stands_in() const { return run_ != nullptr; }

 private:
  void off_cpu(Thread& spare) override;
  void on_cpu(Thread&) override {}

  Thread& spare_;
  Run* run_ = nullptr;
};

class StandIn::Run {
 public:
  Run(StandIn& stand_in, Sleepable& caller) : stand_in_(stand_in), caller_(caller) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> code);
  bool await_resume() const noexcept { return rests_; }

 private:
  friend class StandIn;
  StandIn& stand_in_;
  Sleepable& caller_;
  bool rests_ = false;
};

class StandIn::Rest {
 public:
  Rest(StandIn& stand_in, Sleepable& self) : stand_in_(stand_in), self_(self) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> code);
  void await_resume() { self_.thread().woken = false; }

 private:
  StandIn& stand_in_;
  Sleepable& self_;
};

inline StandIn::Run StandIn::run(Sleepable& caller) {
  return {*this, caller};
}
inline StandIn::Rest StandIn::rest(Sleepable& self) {
  return {*this, self};
}

}  // namespace iodrome::kernel
