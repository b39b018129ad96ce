// SPDX-License-Identifier: Apache-2.0
#include "model/designs/task_chain/chain_side.h"

#include "model/designs/task_chain/consumer.h"

namespace iodrome::designs::task_chain {

namespace {

using namespace kernel;
using Value = Result<std::int64_t>;

class ChainSide final : public AppSide {
 public:
  ChainSide(ChainEngine& engine, WaitQueue& sleepers)
      : costs_(engine.costs),
        may_lose_(engine.params.full != RingFull::reserve),
        queue_(engine, sleepers),
        consumer_(engine, queue_),
        most_(may_lose_ ? static_cast<std::size_t>(engine.params.max_chains)
                        : queue_.ring().size()) {}

  bool takes_chains() const override { return true; }
  Way way(const Step&) const override { return Way::native_async; }
  Task<Value> call(Sleepable&, ChainRun&) override { co_return fail(Errno::enosys); }

  Task<bool> queue(Sleepable& user, ChainRun& run) override {
    if (queued_.size() + in_flight_ >= most_) return Task<bool>::ready(false);
    if (runs_.size() <= run.slot) runs_.resize(run.slot + 1);
    return then(user.spend(costs_.user_build, run.chain.steps.size()), [this, &run] {
      queued_.push_back(&run);
      return Task<bool>::ready(true);
    });
  }

  Task<void> submit(Sleepable& user) override {
    std::size_t done = 0;
    while (done < queued_.size()) {
      const auto rest = std::span<ChainRun* const>(queued_).subspan(done);
      // They may end while the call still accepts others.
      for (ChainRun* const run : rest) runs_[run->slot] = run;
      const SubmittingCall counted(submit_times_, user);
      const Value accepted = co_await queue_.submit(user, rest);
      if (accepted) {
        done += static_cast<std::size_t>(*accepted);
        in_flight_ += static_cast<std::size_t>(*accepted);
        continue;
      }
      const Errno why = accepted.error();
      check(why == Errno::enomem || why == Errno::eagain,
            "the application submitted a chain that cannot be accepted");
      for (const ChainRun* const run : rest) runs_[run->slot] = nullptr;
      // All of the machine's chains are in use: this thread tries again when one of its own has
      // ended. Where it has none, nobody would tell it when.
      if (why == Errno::eagain && in_flight_ > 0) break;
      fail_chain(*queued_[done++], why);
    }
    queued_.erase(queued_.begin(), queued_.begin() + static_cast<std::ptrdiff_t>(done));
  }

  Task<Finished> reap(Sleepable& user) override {
    if (!failed_.empty()) {
      ChainRun& run = *failed_.front();
      failed_.pop_front();
      return Task<Finished>::ready(all_steps(run));
    }
    return then(consumer_.take(user), [this, &user](const std::optional<ChainEvent>& event) {
      if (event) return Task<Finished>::ready(ended(ChainRun::slot_of(event->user_data)));
      return may_lose_ ? reap_lost(user) : Task<Finished>::ready(Finished{});
    });
  }

  Task<void> wait(Sleepable& user, const WakeCondition& woken) override {
    if (queued_.empty() && failed_.empty()) return consumer_.wait(user, woken);
    return submit_and_wait(user, woken);
  }

  void on_arrival(System& system) override { consumer_.interrupt(system); }

 private:
  Task<void> submit_and_wait(Sleepable& user, const WakeCondition& woken) {
    co_await submit(user);
    if (failed_.empty()) co_await consumer_.wait(user, woken);
  }
  // The results are all there at a chain's end.
  static Finished all_steps(ChainRun& run) {
    return {&run, static_cast<std::uint32_t>(run.chain.steps.size())};
  }
  Finished ended(std::uint32_t slot) {
    ChainRun& run = *std::exchange(runs_[slot], nullptr);
    --in_flight_;
    return all_steps(run);
  }
  // It never ran, or nobody knows what became of it: the first step tells why.
  void fail_chain(ChainRun& run, Errno why) {
    run.results.assign(run.chain.steps.size(), -static_cast<std::int64_t>(Errno::ecanceled));
    run.results[0] = -static_cast<std::int64_t>(why);
    failed_.push_back(&run);
  }

  // The ring is empty: if the count of lost ones has moved, finds out which, and ends them.
  Task<Finished> reap_lost(Sleepable& user) {
    const bool misses = co_await consumer_.misses_any(user);
    if (!misses) co_return Finished{};
    std::vector<std::uint64_t> mine;
    for (const ChainRun* run : runs_)
      if (run != nullptr) mine.push_back(run->cookie());
    const std::vector<std::uint64_t> lost = co_await consumer_.find_lost(user, mine);
    for (const std::uint64_t cookie : lost) {
      ChainRun& run = *std::exchange(runs_[ChainRun::slot_of(cookie)], nullptr);
      --in_flight_;
      fail_chain(run, Errno::ebadr);
    }
    co_return co_await reap(user);
  }

  ChainCosts& costs_;
  const bool may_lose_;
  ChainQueue queue_;
  Consumer consumer_;
  const std::size_t most_;  // chains under way
  std::size_t in_flight_ = 0;
  std::vector<ChainRun*> queued_;
  std::deque<ChainRun*> failed_;  // no memory, or a lost completion: they end with that
  std::vector<ChainRun*> runs_;   // by slot, those under way
};

}  // namespace

std::unique_ptr<AppSide> make_chain_side(ChainEngine& engine, WaitQueue& sleepers) {
  return std::make_unique<ChainSide>(engine, sleepers);
}

}  // namespace iodrome::designs::task_chain
