// SPDX-License-Identifier: Apache-2.0
// The application over syslets: it writes a chain's steps as atoms and hands them in at once.
#include <deque>

#include "model/designs/syslets/async_head.h"

namespace iodrome::designs::syslets {

namespace {

using namespace kernel;
using events::Stage;
using Value = Result<std::int64_t>;

// How many steps from the current one on are one chain of atoms. It ends behind a step after which
// an atom's one condition, a negative value, cannot say what follows, and before one that adds up
// what others have moved or lacks what an earlier one should have opened. With a deadline the
// application looks at its clock between steps.
std::uint32_t atoms_of(const ChainRun& run) {
  if (run.chain.deadline_us != 0) return 1;
  const auto& steps = run.chain.steps;
  const auto failed = [&run](int step) {
    return step >= 0 && run.results[static_cast<std::size_t>(step)] < 0;
  };
  std::size_t at = run.current;
  for (;; ++at) {
    const Step& step = steps[at];
    const bool judged = step.loop.used() || step.on_error == chain::OnError::carry_on ||
                        step.on_short != chain::OnShort::accept || !run.course.in_line(at);
    if (judged || at + 1 == steps.size()) break;
    const Step& next = steps[at + 1];
    if (next.on_memory() || next.offset_from.used() || next.bytes_from.used()) break;
    if (failed(next.fd_from) || failed(next.to_from())) break;
  }
  return static_cast<std::uint32_t>(at - run.current + 1);
}

class SysletSide final : public AppSide {
 public:
  SysletSide(Os& os, Process& process, const SysletParams& params, SysletCosts& costs,
             SysletCounts& counts, WaitQueue& sleepers)
      : params_(params), costs_(costs), head_(os, process, params, costs, counts, sleepers) {}

  Way way(const Step&) const override { return Way::native_async; }
  Task<Value> call(Sleepable&, ChainRun&) override {
    return Task<Value>::ready(fail(Errno::enosys));  // way() names no step for it
  }

  Task<bool> queue(Sleepable&, ChainRun& run) override {
    const auto most = static_cast<std::size_t>(params_.ring_entries);
    const bool room = queued_.size() + missed_ < most;
    if (room) queued_.push_back(&run);
    return Task<bool>::ready(room);
  }

  Task<void> submit(Sleepable& user) override {
    std::vector<ChainRun*> now;
    now.swap(queued_);
    // A ring slot is everybody's from here on, whoever will need it.
    missed_ += now.size();
    for (ChainRun* const run : now) co_await exec(user, *run);
  }

  Task<Finished> reap(Sleepable& user) override {
    if (!head_.empty()) {
      co_await user.spend(costs_.ring_take);
      --missed_;
      const Ended ended = head_.take();
      co_return Finished{ended.run, ended.atoms};
    }
    if (finished_.empty()) co_return Finished{};
    const Ended ended = finished_.front();
    finished_.pop_front();
    co_return Finished{ended.run, ended.atoms};
  }

  Task<void> wait(Sleepable& user, const WakeCondition& woken) override {
    co_await submit(user);
    if (finished_.empty() && head_.empty()) co_await head_.wait(user, woken);
  }

 private:
  Task<void> exec(Sleepable& user, ChainRun& run) {
    const WorkOn work(user, &run.ledger, Stage::submit);
    const std::uint32_t atoms = atoms_of(run);
    co_await user.spend(costs_.atom_prepare, atoms);
    const SubmittingCall counted(submit_times_, user);
    const Value done = co_await head_.exec(user, run, atoms);
    if (*done == 0) co_return;
    // No ring entry: it has ended before the call returned.
    --missed_;
    finished_.push_back({&run, static_cast<std::uint32_t>(*done)});
    user.set_stage(Stage::reap);
    user.stop_work();
  }

  const SysletParams& params_;
  SysletCosts& costs_;
  AsyncHead head_;
  std::vector<ChainRun*> queued_;
  std::deque<Ended> finished_;
  std::size_t missed_ = 0;  // chains that have a ring slot, or may come to need one
};

class Syslets final : public Design {
 public:
  void describe(ParameterList& list) override {
    list.add("ring_entries", "entries", "of a thread's completion ring", &params_.ring_entries);
    list.add("threads", "threads", "cachemiss threads for one application thread, at most",
             &params_.threads);
    list.add("costs.atom_prepare", "", "user: an atom filled in", &costs_.atom_prepare.each);
    list.add("costs.exec", "", "async_exec's own work, per call", &costs_.exec.each);
    list.add("costs.atom", "", "an atom read, its result written, its flags seen",
             &costs_.atom.each);
    list.add("costs.move_context", "", "the caller's registers and FPU state moved, per miss",
             &costs_.move_context.each);
    list.add("costs.ring_put", "", "a pointer written into the ring", &costs_.ring_put.each);
    list.add("costs.wait", "", "async_wait's own work, per call", &costs_.wait.each);
    list.add("costs.ring_take", "", "user: a pointer taken out of the ring",
             &costs_.ring_take.each);
  }
  std::string check_parameters() override {
    Complaints complaints("syslets");
    complaints.within("ring_entries", params_.ring_entries, 1, 65'536);
    complaints.within("threads", params_.threads, 0, 32'768);
    return complaints.text();
  }
  void start(const Platform& platform) override {
    os_ = &platform.os;
    process_ = &platform.process;
  }
  std::unique_ptr<AppSide> make_app_side(WaitQueue& sleepers, std::uint32_t) override {
    return std::make_unique<SysletSide>(*os_, *process_, params_, costs_, counts_, sleepers);
  }
  std::vector<std::pair<std::string, const Cost*>> costs() const override {
    return {{"atom_prepare", &costs_.atom_prepare},
            {"exec", &costs_.exec},
            {"atom", &costs_.atom},
            {"move_context", &costs_.move_context},
            {"ring_put", &costs_.ring_put},
            {"wait", &costs_.wait},
            {"ring_take", &costs_.ring_take}};
  }
  std::vector<std::pair<std::string, std::uint64_t>> counters() const override {
    return {{"execs", counts_.execs},
            {"atoms", counts_.atoms},
            {"misses", counts_.misses},
            {"no_spare", counts_.no_spare},
            {"threads", counts_.threads}};
  }

 private:
  SysletParams params_;
  SysletCosts costs_;
  SysletCounts counts_;
  Os* os_ = nullptr;
  Process* process_ = nullptr;
};

constexpr Difference kNotModelled[] = {
    {"threadlets, async_thread, SYSLET_ASYNC, SYSLET_SYNC and SYSLET_NO_COMPLETE",
     "designs/syslets"},
    {"loops and branches in atoms (sys_umem_add, SYSLET_SKIP_TO_NEXT_ON_STOP): the application "
     "decides them and hands in what follows",
     "designs/syslets"},
    {"cachemiss threads that become user threads, signals; threads never end", "designs/syslets"},
    {"stacks for the threads: memory, and the user's refill of new_thread_stack at each miss; the "
     "ring's lock in memory",
     "designs/syslets"},
    {"waiting for a syslet and for a connection at once: an arrival ends async_wait at no cost",
     "designs/syslets"},
    {"a chain's deadline takes nothing back from the kernel: such a chain is handed in step by "
     "step, and the clock is looked at between them",
     "designs/syslets"},
};

}  // namespace

extern const Descriptor descriptor;
const Descriptor descriptor = {
    .name = "syslets",
    .summary = "async_exec of chains of calls; who would sleep leaves the caller a spare thread",
    .source = "I. Molnar, syslet patches of February 2007",
    .threads = Threads::per_cpu,
    .not_modelled = kNotModelled,
    .make = []() -> std::unique_ptr<Design> { return std::make_unique<Syslets>(); },
};

}  // namespace iodrome::designs::syslets
