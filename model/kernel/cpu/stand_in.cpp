// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/cpu/stand_in.h"

#include <utility>

#include "model/events/sched.h"

namespace iodrome::kernel {

void StandIn::Run::await_suspend(std::coroutine_handle<> code) {
  check(!stand_in_.stands_in(), "a thread stands in for two");
  check(caller_.ledger() == nullptr, "who works on a request is stood in for");
  caller_.thread().continuation = code;
  stand_in_.run_ = this;
  Thread& spare = stand_in_.spare_;
  caller_.cpu().swap_current(spare);
  spare.continuation.resume();  // after it, this may be gone
}

void StandIn::Rest::await_suspend(std::coroutine_handle<> code) {
  self_.thread().continuation = code;
  self_.thread().waits_for = "somebody to stand in for";
  Run* const run = std::exchange(stand_in_.run_, nullptr);
  if (run == nullptr) return self_.cpu().block_current();
  run->rests_ = true;
  Thread& caller = run->caller_.thread();
  self_.cpu().swap_current(caller);
  caller.continuation.resume();
}

// schedule(), of a thread that does not run on.
void StandIn::off_cpu(Thread& spare) {
  if (run_ == nullptr || spare.state != Thread::State::sleeping) return;
  Thread& caller = std::exchange(run_, nullptr)->caller_.thread();
  Cpu& cpu = *spare.cpu;
  caller.vruntime = spare.vruntime;
  caller.cpu = caller.ran_on = &cpu;
  cpu.system().probe.emit(events::SchedWaking{caller.id, cpu.index()}, cpu.index());
  cpu.enqueue(caller, &cpu);
}

}  // namespace iodrome::kernel
