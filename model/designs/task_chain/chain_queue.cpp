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
      threads(os.system, "kaio", static_cast<std::uint32_t>(as.threads),
              static_cast<std::uint32_t>(as.threads)),
      workqueue(os.system, "kworker"),
      tasklet(std::make_unique<Tasklet>(os.system)) {}

ChainEngine::~ChainEngine() = default;

ChainQueue::ChainQueue(ChainEngine& engine, WaitQueue& sleepers)
    : engine_(engine),
      sleepers_(sleepers),
      ring_(std::bit_ceil(static_cast<std::uint32_t>(engine.params.ring_entries)), sleepers) {}

void ChainQueue::defer_to_softirq(Atomic& ctx, Branch& branch) {
  engine_.tasklet->schedule(ctx.cpu(), branch);
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
    if (exiting_ || in_flight_ >= ring_.size()) break;
    if (allocation_fails(ctx.system(), "chain walker")) {
      refused = Errno::enomem;
      break;
    }
    ++in_flight_;
    const WorkOn work(ctx, &run->ledger, events::Stage::kernel);
    co_await ctx.spend(costs.accept);
    // The walker may copy where nobody can fault, so its buffer is there before it begins.
    co_await kernel::fault_in_user(ctx, run->buffer, chain::reach_of(run->chain, memory_of(*run)));
    if (exiting_) {  // nobody would cancel it
      --in_flight_;
      refused = Errno::eintr;
      break;
    }
    ++accepted;
    ctx.emit(events::IoAccepted{run->cookie()});
    auto* walker = new Walker(*this, *run);
    walkers_.push_back(*walker);
    drains_ += run->chain.drain;
    co_await walker->arm(ctx);
    if (must_wait(*walker)) {
      walker->hold();
      ctx.stop_work();
      run->ledger.enter(events::Stage::queue, ctx.now());
      continue;
    }
    if (engine_.params.start_in_submitter) {
      co_await walker->start(ctx);
      continue;
    }
    ctx.stop_work();
    run->ledger.enter(events::Stage::queue, ctx.now());
    co_await engine_.threads.queue(ctx, walker->work());
  }
  if (accepted == 0) co_return fail(refused);
  co_return accepted;
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

// A chain has ended: those that waited for it alone begin in kernel threads.
Task<void> ChainQueue::begin_held(Atomic& ctx) {
  std::vector<Work*> free;
  for (Walker& each : walkers_) {
    const bool drains = each.run().chain.drain;
    if (drains && &each != &walkers_.front()) break;
    if (each.let_go()) free.push_back(&each.work());
    if (drains) break;
  }
  for (Work* const work : free) co_await engine_.threads.queue(ctx, *work);
}

Task<void> ChainQueue::finished(Atomic& ctx, Walker& walker) {
  ChainRun& run = walker.run();
  walkers_.erase(walkers_.iterator_to(walker));
  delete &walker;
  const bool held_up = drains_ > 0;
  drains_ -= run.chain.drain;
  if (held_up) co_await begin_held(ctx);
  co_await ctx.spend(engine_.costs.ring_post);
  Spinlock::Guard guard = co_await lock_.lock(ctx);
  const std::int64_t error = -static_cast<std::int64_t>(run.first_error());
  ctx.emit(events::IoComplete{run.cookie(), static_cast<std::uint64_t>(error)});
  if (ctx.ledger() == &run.ledger) ctx.stop_work();
  run.ledger.enter(events::Stage::reap, ctx.now());
  if (exiting_) {
    --in_flight_;
    if (walkers_.empty()) co_await last_chain_.wake_all(ctx);
    co_return;
  }
  const bool posted = co_await ring_.post(ctx, {run.cookie(), error});
  check(posted, "an accepted chain found no ring slot");
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
  exiting_ = true;
  co_await sleepers_.wake_all(ctx);
  // What it says matters to nobody: chains that cannot be stopped end by themselves.
  co_await cancel_body(ctx, std::nullopt);
  while (!walkers_.empty()) co_await last_chain_.wait(ctx, "chains", events::Stage::reap);
  co_await exit_files(ctx, engine_.process.files);
  co_return 0;
}

Task<Value> ChainQueue::wait(Sleepable& user, const WakeCondition& woken) {
  return syscall(user, Sysno::chain_wait, wait_body(user, woken));
}

Task<Value> ChainQueue::wait_body(Sleepable& ctx, const WakeCondition& woken) {
  co_await ctx.spend(ctx.costs().event_wait);
  for (;;) {
    const bool visible = co_await ring_.has_entries(ctx);
    if (exiting_) co_return fail(Errno::eintr);
    if (visible || woken.holds()) co_return 1;
    co_await sleepers_.wait(ctx, "chain_wait", events::Stage::reap);
  }
}

Task<std::optional<ChainEvent>> ChainQueue::take(Sleepable& user) {
  using Taken = Task<std::optional<ChainEvent>>;
  return then(ring_.take(user), [this, &user](const std::optional<ChainEvent>& event) {
    if (!event) return Taken::ready(event);
    --in_flight_;
    return then(user.spend(engine_.costs.user_reap), [event] { return Taken::ready(event); });
  });
}

}  // namespace iodrome::designs::task_chain
