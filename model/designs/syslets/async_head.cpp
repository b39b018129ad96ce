// SPDX-License-Identifier: Apache-2.0
#include "model/designs/syslets/async_head.h"

#include <fmt/format.h>

#include <utility>

#include "model/designs/plain_calls.h"
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/cpu/stand_in.h"
#include "model/kernel/kthread/kthread.h"

namespace iodrome::designs::syslets {

using namespace kernel;
using events::CpuClass;
using events::Stage;
using Value = Result<std::int64_t>;

// A thread of the process that has never been in user mode.
struct AsyncHead::Cachemiss final : ThreadBody, SchedWatcher {
  Cachemiss(AsyncHead& owner, std::uint32_t cpu)
      : head(owner),
        thread(owner.os_.system, fmt::format("cachemiss/{}", owner.counts_.threads), CpuClass::user,
               cpu, *this),
        stand_in(thread.thread()) {
    thread.thread().watchers.push_back(*this);
  }

  Task<void> run(Sleepable& self) override {
    self.thread().in_kernel = true;
    self.turn_to(CpuClass::syscall);
    co_await self.spend(self.costs().try_to_wake_up);
    for (;;) {
      head.spare_.push_back(this);
      listed = true;
      co_await stand_in.rest(self);
      const WorkOn work(self, &chain->ledger, Stage::kernel);
      done = co_await head.carry_out(self, *chain, atoms);
      if (!stand_in.stands_in()) co_await head.complete(self, {chain, done});
    }
  }

  // Its maker may go on once it rests, no sooner.
  void off_cpu(Thread&) override {
    if (listed && !std::exchange(started, true)) head.starting_.wake_from_outside(head.os_.system);
  }
  void on_cpu(Thread&) override {}

  AsyncHead& head;
  bool listed = false;
  bool started = false;
  ChainRun* chain = nullptr;
  std::uint32_t atoms = 0;
  std::uint32_t done = 0;
  RunningThread thread;
  StandIn stand_in;
};

AsyncHead::AsyncHead(Os& os, Process& process, const SysletParams& params, SysletCosts& costs,
                     SysletCounts& counts, WaitQueue& sleepers)
    : os_(os),
      process_(process),
      params_(params),
      costs_(costs),
      counts_(counts),
      sleepers_(sleepers),
      ring_(static_cast<std::size_t>(params.ring_entries)) {}

AsyncHead::~AsyncHead() = default;

Task<Value> AsyncHead::exec(Sleepable& user, ChainRun& run, std::uint32_t atoms) {
  return syscall(user, Sysno::async_exec, exec_body(user, run, atoms));
}

Task<Value> AsyncHead::exec_body(Sleepable& user, ChainRun& run, std::uint32_t atoms) {
  co_await user.spend(costs_.exec);
  ++counts_.execs;
  if (threads_.empty()) co_await refill(user);
  if (spare_.empty()) {
    ++counts_.no_spare;
    user.thread().in_kernel = true;
    const std::uint32_t done = co_await carry_out(user, run, atoms);
    user.thread().in_kernel = false;
    co_return done;
  }
  Cachemiss& spare = *spare_.back();
  spare_.pop_back();
  spare.chain = &run;
  spare.atoms = atoms;
  user.stop_work();
  const bool rests = co_await spare.stand_in.run(user);
  if (rests) {
    user.work_on(&run.ledger, Stage::kernel);
    co_return spare.done;
  }
  ++counts_.misses;
  co_await user.spend(user.charge(user.costs().try_to_wake_up) + user.charge(costs_.move_context));
  co_await refill(user);
  co_return 0;
}

// One spare thread, if there may be one more. Its maker waits until it can be used.
Task<void> AsyncHead::refill(Sleepable& user) {
  if (!spare_.empty() || static_cast<std::int64_t>(threads_.size()) >= params_.threads) co_return;
  // It is on this CPU's run queue by the time its maker sleeps.
  threads_.push_back(std::make_unique<Cachemiss>(*this, user.cpu().index()));
  const Cachemiss& made = *threads_.back();
  ++counts_.threads;
  co_await user.spend(user.costs().thread_create);
  while (!made.started) co_await starting_.wait(user, "cachemiss thread", Stage::queue);
}

// The atoms' calls are made in the kernel. Each stores its value where the next ones may read it.
Task<std::uint32_t> AsyncHead::carry_out(Sleepable& thread, ChainRun& run, std::uint32_t atoms) {
  const std::uint16_t first = run.current;
  std::uint32_t done = 0;
  for (;;) {
    co_await thread.spend(costs_.atom);
    ++counts_.atoms;
    const Value value = co_await call(thread, run);
    run.results[run.current] = as_return_value(value);
    ++done;
    if (!value || done == atoms) break;
    ++run.current;
  }
  run.current = first;
  co_return done;
}

Task<Value> AsyncHead::call(Sleepable& thread, const ChainRun& run) {
  const Step& step = run.current_step();
  if (step.op != chain::Op::send || step.sends_memory())
    return plain_call(thread, os_, process_.files, run);
  const chain::Course::Numbers asked = run.course.numbers(run.current);
  return sys_sendfile(thread, os_, process_.files, run.to_of(step), run.fd_of(step), asked.offset,
                      asked.bytes);
}

Task<void> AsyncHead::complete(Sleepable& thread, Ended ended) {
  co_await thread.spend(costs_.ring_put);
  Ended& slot = ring_[put_++ % ring_.size()];
  check(slot.run == nullptr, "a syslet's completion overwrites another one");
  slot = ended;
  thread.set_stage(Stage::reap);
  thread.stop_work();
  co_await sleepers_.wake_one(thread);
}

Ended AsyncHead::take() {
  return std::exchange(ring_[taken_++ % ring_.size()], Ended{});
}

Task<Value> AsyncHead::wait(Sleepable& user, const WakeCondition& woken) {
  const auto body = [](Sleepable& ctx, AsyncHead& self, const WakeCondition& until) -> Task<Value> {
    co_await ctx.spend(self.costs_.wait);
    while (self.empty() && !until.holds())
      co_await self.sleepers_.wait(ctx, "syslet", Stage::arrival);
    co_return 0;
  };
  return syscall(user, Sysno::async_wait, body(user, *this, woken));
}

}  // namespace iodrome::designs::syslets
