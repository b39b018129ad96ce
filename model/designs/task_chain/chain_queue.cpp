// SPDX-License-Identifier: Apache-2.0
#include "model/designs/task_chain/chain_queue.h"

#include <algorithm>

#include "model/chain/validate.h"
#include "model/events/io.h"
#include "model/kernel/mm/allocation.h"
#include "model/kernel/syscall.h"
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::designs::task_chain {

using namespace kernel;
using chain::Branch;
using chain::Walker;
using Value = Result<std::int64_t>;

namespace {
std::uint64_t memory_of(const ChainRun& run) {
  return run.buffer.size() * hw::kPageBytes;
}
// Where rings are mapped in user memory; their futex words go by it.
constexpr std::uint64_t kRingsAt = 0x7f00'0000'0000;
constexpr std::uint64_t kRingsApart = 1 << 20;
}  // namespace

// Goes on with deferred branches in softirq context, on the CPU that deferred them.
class ChainEngine::Tasklet final : public IrqAction {
 public:
  explicit Tasklet(System& system) : lists_(system.cpus.size()) {
    for (const auto& cpu : system.cpus) cpu->on_softirq(Softirq::tasklet, *this);
  }
  void schedule(Cpu& cpu, Branch& branch) {
    lists_[cpu.index()].push_back(branch);
    cpu.raise_softirq(Softirq::tasklet);
  }
  Task<void> handle(Atomic& ctx) override {
    auto& list = lists_[ctx.cpu().index()];
    while (!list.empty()) {
      Branch& branch = list.front();
      list.pop_front();
      co_await branch.advance_atomic(ctx);
    }
  }

 private:
  std::vector<boost::intrusive::list<Branch>> lists_;
};

ChainEngine::ChainEngine(Os& on, Process& of, providers::Registry& who, ChainCosts& with,
                         const ChainParams& as)
    : os(on),
      process(of),
      providers(who),
      costs(with),
      params(as),
      carriers(os.system, as),
      submitters(carriers),
      workqueue(os.system, "kworker"),
      futexes(os.system),
      signals(os.system, 0),
      held{static_cast<std::uint64_t>(as.held_pages), 0},
      tasklet(std::make_unique<Tasklet>(os.system)) {}

ChainEngine::~ChainEngine() = default;

std::uint64_t ChainEngine::chain_nr() const {
  std::uint64_t all = 0;
  for (const ChainQueue* queue : queues) all += queue->in_kernel();
  return all;
}

ChainQueue::ChainQueue(ChainEngine& engine, WaitQueue& sleepers)
    : engine_(engine),
      sleepers_(sleepers),
      ring_(engine.os.system, engine.costs, engine.params, sleepers,
            kRingsAt + kRingsApart * engine.rings++),
      notifier_(ring_, engine.params, sleepers, engine.futexes, engine.workqueue, engine.signals),
      deliveries_(engine.held) {
  engine.queues.push_back(this);
}

ChainQueue::~ChainQueue() {
  std::erase(engine_.queues, this);
}

void ChainQueue::defer_to_softirq(Atomic& ctx, Branch& branch) {
  engine_.tasklet->schedule(ctx.cpu(), branch);
}

// Who polls sees in its mapped ring that there is something to do in the kernel.
Task<void> ChainQueue::hand_to_submitter(Atomic& ctx, Branch& branch) {
  const std::uint32_t number = branch.walker().submitted_by();
  const bool told = co_await engine_.submitters.queue(ctx, branch, number);
  if (told && engine_.params.wake == WakeBy::busy_poll) co_await ring_.tell_task_work(ctx);
}

Task<Value> ChainQueue::submit(Sleepable& user, std::span<ChainRun* const> runs) {
  return syscall(user, Sysno::chain_submit, submit_body(user, runs));
}

Task<Value> ChainQueue::submit_body(Sleepable& ctx, std::span<ChainRun* const> runs) {
  ChainCosts& costs = engine_.costs;
  co_await ctx.spend(costs.submit_call);
  for (const ChainRun* run : runs) {
    co_await ctx.spend(costs.validate, run->chain.steps.size());
    const auto max_steps = static_cast<std::size_t>(engine_.params.max_steps);
    const Errno invalid = chain::validate(run->chain, max_steps, memory_of(*run));
    if (invalid != Errno::ok) co_return fail(invalid);
  }
  std::int64_t accepted = 0;
  Errno refused = Errno::eagain;
  for (ChainRun* const run : runs) {
    if (exiting_) refused = Errno::eintr;
    const bool room = co_await ring_.room(ctx);
    // Nothing is awaited between this look and accept(), so no two calls get the last place.
    const bool full = engine_.chain_nr() >= static_cast<std::uint64_t>(engine_.params.max_nr);
    if (exiting_ || !room || full) break;
    if (allocation_fails(ctx.system(), "chain walker")) {
      refused = Errno::enomem;
      break;
    }
    ring_.accept();
    const WorkOn work(ctx, &run->ledger, events::Stage::kernel);
    co_await ctx.spend(costs.accept);
    // The walker may copy where nobody can fault, so its buffer is there before it begins.
    co_await kernel::fault_in_user(ctx, run->buffer, chain::reach_of(run->chain, memory_of(*run)));
    if (exiting_) {  // nobody would cancel it
      ring_.forget();
      refused = Errno::eintr;
      break;
    }
    ++accepted;
    co_await begin(ctx, *run);
  }
  if (accepted == 0) co_return fail(refused);
  co_return accepted;
}

// An accepted chain begins here, in a kernel thread, or when others have ended.
Task<void> ChainQueue::begin(Sleepable& ctx, ChainRun& run) {
  ctx.emit(events::IoAccepted{run.cookie()});
  auto* const walker = new Walker(*this, run);
  if (policy() == chain::Continue::submitter)
    walker->set_submitted_by(engine_.submitters.number_of(ctx.thread()));
  walkers_.push_back(*walker);
  drains_ += run.chain.drain;
  if (ctx.now() < run.expires())
    return then(walker->arm(ctx), [this, &ctx, walker] { return start(ctx, *walker); });
  walker->stop(Errno::etime);
  return start(ctx, *walker);
}

Task<void> ChainQueue::start(Sleepable& ctx, Walker& walker) {
  const bool waits = !walker.cancelled() && must_wait(walker);
  if (!waits && engine_.params.start_in_submitter) return walker.start(ctx);
  if (waits) walker.hold();
  ctx.stop_work();
  walker.run().ledger.enter(events::Stage::queue, ctx.now());
  return waits ? Task<void>::ready()
               : engine_.carriers.queue(ctx, walker.first(), engine_.params.start_by);
}

// Whether something before it has to end first.
bool ChainQueue::must_wait(const Walker& walker) const {
  if (drains_ == 0) return false;
  for (const Walker& before : walkers_) {
    if (&before == &walker) return false;
    if (walker.run().chain.drain || before.run().chain.drain) return true;
  }
  return false;
}

// A chain has ended: those that waited for it alone begin in kernel threads, or where chains go on
// in their submitters, there.
Task<void> ChainQueue::begin_held(Atomic& ctx) {
  std::vector<Branch*> free;
  for (Walker& each : walkers_) {
    const bool drains = each.run().chain.drain;
    if (drains && &each != &walkers_.front()) break;
    if (each.let_go()) free.push_back(&each.first());
    if (drains) break;
  }
  const bool by_submitter =
      engine_.params.start_in_submitter && policy() == chain::Continue::submitter;
  for (Branch* const branch : free) {
    if (by_submitter)
      co_await hand_to_submitter(ctx, *branch);
    else
      co_await engine_.carriers.queue(ctx, *branch, engine_.params.start_by);
  }
}

Task<void> ChainQueue::finished(Atomic& ctx, Walker& walker) {
  ChainRun& run = walker.run();
  Ending ending;
  ending.user_data = run.cookie();
  ending_.push_back(ending);
  walkers_.erase(walkers_.iterator_to(walker));
  delete &walker;
  const bool held_up = drains_ > 0;
  drains_ -= run.chain.drain;
  if (!exiting_) co_await ctx.spend(ring_.end_cost());
  {
    const Spinlock::Guard guard = co_await lock_.lock(ctx);
    const std::int64_t error = -static_cast<std::int64_t>(run.first_error());
    ctx.emit(events::IoComplete{run.cookie(), static_cast<std::uint64_t>(error)});
    if (ctx.ledger() == &run.ledger) ctx.stop_work();
    run.ledger.enter(events::Stage::reap, ctx.now());
    // While the process exits, the completion goes nowhere.
    if (exiting_)
      ring_.forget();
    else
      co_await ring_.complete(ctx, {run.cookie(), error});
    ending.unlink();
    if (!exiting_) co_await notifier_.news(ctx);
  }
  if (held_up) co_await begin_held(ctx);
  if (exiting_ && !busy()) co_await last_chain_.wake_all(ctx);
}

Task<Value> ChainQueue::cancel(Sleepable& user, std::optional<std::uint64_t> one) {
  return syscall(user, Sysno::chain_cancel, cancel_body(user, one));
}

Task<Value> ChainQueue::cancel_body(Sleepable& ctx, std::optional<std::uint64_t> one) {
  std::vector<std::uint64_t> named;
  std::size_t looked_at = 0;
  for (Walker& walker : walkers_) {
    ++looked_at;
    if (!one || walker.run().cookie() == *one) named.push_back(walker.run().cookie());
    if (one && !named.empty()) break;
  }
  co_await ctx.spend(engine_.costs.cancel, looked_at);
  std::int64_t stopped = 0;
  std::size_t under_way = 0;
  for (const std::uint64_t cookie : named) {
    // It may have ended while another one was being cancelled.
    const auto walker = std::find_if(walkers_.begin(), walkers_.end(), [cookie](Walker& each) {
      return each.run().cookie() == cookie;
    });
    if (walker == walkers_.end()) continue;
    ++under_way;
    const Errno left = co_await walker->cancel(ctx, Errno::ecanceled);
    if (left == Errno::ok) ++stopped;
  }
  if (under_way == 0) co_return fail(Errno::enoent);
  if (stopped == 0) co_return fail(Errno::ealready);
  co_return stopped;
}

Task<void> ChainQueue::exit(Sleepable& user) {
  co_await syscall(user, Sysno::exit_group, exit_body(user));
}

Task<Value> ChainQueue::exit_body(Sleepable& ctx) {
  co_await exit_chains(ctx);
  co_await exit_files(ctx, engine_.process.files);
  co_return 0;
}

Task<void> ChainQueue::exit_chains(Sleepable& ctx) {
  const std::vector<ChainQueue*> queues = engine_.queues;
  for (ChainQueue* const queue : queues) {
    queue->exiting_ = true;
    for (Walker& walker : queue->walkers_) walker.abandon();
  }
  co_await engine_.submitters.retire(ctx);
  for (ChainQueue* const queue : queues) {
    co_await queue->sleepers_.wake_all(ctx);
    // What it says matters to nobody: chains that cannot be stopped end by themselves.
    co_await queue->cancel_body(ctx, std::nullopt);
  }
  for (ChainQueue* const queue : queues) {
    while (queue->busy()) co_await queue->last_chain_.wait(ctx, "chains", events::Stage::reap);
  }
  for (ChainQueue* const queue : queues) co_await queue->forget_completions(ctx);
}

// There is no memory any more to copy to, and nobody who would take an entry.
Task<void> ChainQueue::forget_completions(Sleepable& ctx) {
  co_await consumers_.lock(ctx);
  deliveries_.drop_all();
  {
    const Spinlock::Guard guard = co_await lock_.lock(ctx);
    co_await ring_.forget_held(ctx);
  }
  co_await consumers_.unlock(ctx);
}

}  // namespace iodrome::designs::task_chain
