// SPDX-License-Identifier: Apache-2.0
#include "model/designs/task_chain/chain_queue.h"

#include "model/events/io.h"
#include "model/kernel/mm/allocation.h"
#include "model/kernel/syscall.h"

namespace iodrome::designs::task_chain {

using namespace kernel;
using chain::Walker;
using Value = Result<std::int64_t>;

// Goes on with deferred walkers in softirq context, on the CPU that deferred them.
class ChainEngine::Tasklet final : public IrqAction {
 public:
  explicit Tasklet(System& system) : lists_(system.cpus.size()) {
    for (const auto& cpu : system.cpus) cpu->on_softirq(Softirq::tasklet, *this);
  }
  void schedule(Cpu& cpu, Walker& walker) {
    lists_[cpu.index()].push_back(walker);
    cpu.raise_softirq(Softirq::tasklet);
  }
  Task<void> handle(Atomic& ctx) override {
    auto& list = lists_[ctx.cpu().index()];
    while (!list.empty()) {
      Walker& walker = list.front();
      list.pop_front();
      co_await walker.advance_atomic(ctx);
    }
  }

 private:
  std::vector<boost::intrusive::list<Walker>> lists_;
};

ChainEngine::ChainEngine(Os& on, Process& of, ChainCosts& with, const ChainParams& as)
    : os(on),
      process(of),
      costs(with),
      params(as),
      threads(on.system, "kaio", static_cast<std::uint32_t>(as.threads),
              static_cast<std::uint32_t>(as.threads)),
      workqueue(on.system, "kworker"),
      tasklet(std::make_unique<Tasklet>(on.system)) {}

ChainEngine::~ChainEngine() = default;

ChainQueue::ChainQueue(ChainEngine& engine, WaitQueue& sleepers)
    : engine_(engine),
      sleepers_(sleepers),
      ring_(std::bit_ceil(static_cast<std::uint32_t>(engine.params.ring_entries)), sleepers) {}

void ChainQueue::defer_to_softirq(Atomic& ctx, Walker& walker) {
  engine_.tasklet->schedule(ctx.cpu(), walker);
}

Task<Value> ChainQueue::submit(Sleepable& user, std::span<ChainRun* const> runs) {
  return syscall(user, Sysno::chain_submit, submit_body(user, runs));
}

// An operand may only be the descriptor of an earlier open.
bool ChainQueue::valid(const chain::Chain& chain) {
  if (chain.steps.empty()) return false;
  for (std::size_t i = 0; i < chain.steps.size(); ++i) {
    const chain::Step& step = chain.steps[i];
    if (step.op == chain::Op::open && step.path == nullptr) return false;
    if (step.fd_from < 0) continue;
    const auto from = static_cast<std::size_t>(step.fd_from);
    if (from >= i || chain.steps[from].op != chain::Op::open) return false;
  }
  return true;
}

// Of the buffer that all steps share.
std::uint64_t ChainQueue::most_bytes(const chain::Chain& chain) {
  std::uint64_t most = 0;
  for (const chain::Step& step : chain.steps)
    if (step.op == chain::Op::read || step.op == chain::Op::write)
      most = std::max(most, step.bytes);
  return most;
}

Task<Value> ChainQueue::submit_body(Sleepable& ctx, std::span<ChainRun* const> runs) {
  ChainCosts& costs = engine_.costs;
  co_await ctx.spend(costs.submit_call);
  for (const ChainRun* run : runs) {
    co_await ctx.spend(costs.validate, run->chain.steps.size());
    if (!valid(run->chain)) co_return fail(Errno::einval);
  }
  std::int64_t accepted = 0;
  Errno refused = Errno::eagain;
  for (ChainRun* const run : runs) {
    if (in_flight_ >= ring_.size()) break;
    if (allocation_fails(ctx.system(), "chain walker")) {
      refused = Errno::enomem;
      break;
    }
    ++in_flight_;
    ++accepted;
    const WorkOn work(ctx, &run->ledger, events::Stage::kernel);
    co_await ctx.spend(costs.accept);
    // The walker may copy where nobody can fault, so its buffer is there before it begins.
    co_await kernel::fault_in_user(ctx, run->buffer, most_bytes(run->chain));
    ctx.emit(events::IoAccepted{run->cookie()});
    auto* walker = new Walker(*this, *run);
    if (engine_.params.start_in_submitter) {
      co_await walker->advance(ctx);
      continue;
    }
    ctx.stop_work();
    run->ledger.enter(events::Stage::queue, ctx.now());
    co_await engine_.threads.queue(ctx, *walker);
  }
  if (accepted == 0) co_return fail(refused);
  co_return accepted;
}

Task<void> ChainQueue::finished(Atomic& ctx, ChainRun& run) {
  co_await ctx.spend(engine_.costs.ring_post);
  Spinlock::Guard guard = co_await lock_.lock(ctx);
  const std::int64_t error = -static_cast<std::int64_t>(run.first_error());
  ctx.emit(events::IoComplete{run.cookie(), static_cast<std::uint64_t>(error)});
  if (ctx.ledger() == &run.ledger) ctx.stop_work();
  run.ledger.enter(events::Stage::reap, ctx.now());
  const bool posted = co_await ring_.post(ctx, {run.cookie(), error});
  check(posted, "an accepted chain found no ring slot");
}

Task<Value> ChainQueue::wait(Sleepable& user, const WakeCondition& woken) {
  return syscall(user, Sysno::chain_wait, wait_body(user, woken));
}

Task<Value> ChainQueue::wait_body(Sleepable& ctx, const WakeCondition& woken) {
  co_await ctx.spend(ctx.costs().event_wait);
  for (;;) {
    const bool visible = co_await ring_.has_entries(ctx);
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
