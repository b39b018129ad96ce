// SPDX-License-Identifier: Apache-2.0
// The task-chain design, the application side: every request is one chain; the application learns
// of its end and nothing between.
#include "model/designs/task_chain/chain_queue.h"

namespace iodrome::designs::task_chain {

namespace {

using namespace kernel;
using Value = Result<std::int64_t>;

class ChainSide final : public AppSide {
 public:
  ChainSide(ChainEngine& engine, WaitQueue& sleepers)
      : costs_(engine.costs), queue_(engine, sleepers) {}

  bool takes_chains() const override { return true; }
  Way way(const Step&) const override { return Way::native_async; }
  Task<Value> call(Sleepable&, ChainRun&) override { co_return fail(Errno::enosys); }

  Task<bool> queue(Sleepable& user, ChainRun& run) override {
    if (queued_.size() >= queue_.slots_free()) return Task<bool>::ready(false);
    if (runs_.size() <= run.slot) runs_.resize(run.slot + 1);
    runs_[run.slot] = &run;
    return then(user.spend(costs_.user_build, run.chain.steps.size()), [this, &run] {
      queued_.push_back(&run);
      return Task<bool>::ready(true);
    });
  }

  Task<void> submit(Sleepable& user) override {
    std::size_t done = 0;
    while (done < queued_.size()) {
      const auto rest = std::span<ChainRun* const>(queued_).subspan(done);
      const SubmittingCall counted(submit_times_, user);
      const Value accepted = co_await queue_.submit(user, rest);
      if (accepted) {
        done += static_cast<std::size_t>(*accepted);
        continue;
      }
      check(accepted.error() == Errno::enomem,
            "the application submitted a chain that cannot be accepted");
      refused_.push_back(queued_[done++]);
    }
    queued_.clear();
  }

  Task<Finished> reap(Sleepable& user) override {
    if (!refused_.empty()) {
      ChainRun& run = *refused_.front();
      refused_.pop_front();
      run.results.assign(run.chain.steps.size(), -static_cast<std::int64_t>(Errno::ecanceled));
      run.results[0] = -static_cast<std::int64_t>(Errno::enomem);
      return Task<Finished>::ready(all_steps(run));
    }
    return then(queue_.take(user), [this](const std::optional<ChainEvent>& event) {
      if (!event) return Task<Finished>::ready(Finished{});
      return Task<Finished>::ready(all_steps(*runs_[ChainRun::slot_of(event->user_data)]));
    });
  }

  Task<void> wait(Sleepable& user, const WakeCondition& woken) override {
    co_await submit(user);
    if (refused_.empty()) co_await queue_.wait(user, woken);
  }

 private:
  // The results are all there at a chain's end.
  static Finished all_steps(ChainRun& run) {
    return {&run, static_cast<std::uint32_t>(run.chain.steps.size())};
  }

  ChainCosts& costs_;
  ChainQueue queue_;
  std::vector<ChainRun*> queued_;
  std::deque<ChainRun*> refused_;  // no memory: they end with that
  std::vector<ChainRun*> runs_;    // by slot
};

class TaskChain final : public Design {
 public:
  void describe(ParameterList& list) override {
    list.add("ring_entries", "entries", "completion ring size, per application thread",
             &params_.ring_entries);
    list.add("max_steps", "steps", "longest chain that is accepted", &params_.max_steps);
    list.add("threads", "threads", "kernel threads that chains may use", &params_.threads);
    list.add("continue_in", "", "who goes on: cheapest, softirq, kthread or workqueue",
             &params_.continue_in);
    list.add("start_in", "", "who takes the first steps: submitter or kthread", &params_.start_in);
    list.add("user_copy", "", "how read bytes reach user memory: pinned, thread or provider",
             &params_.user_copy);
    list.add("costs.user_build", "", "user: a chain's descriptor, per step",
             &costs_.user_build.each);
    list.add("costs.submit_call", "", "chain_submit's own work, per call",
             &costs_.submit_call.each);
    list.add("costs.accept", "", "per chain: copied in, allocated, slot reserved",
             &costs_.accept.each);
    list.add("costs.validate", "", "per step: checked before anything runs", &costs_.validate.each);
    list.add("costs.cancel", "", "chain_cancel's own work, per chain looked at",
             &costs_.cancel.each);
    list.add("costs.ring_post", "", "a result written and its entry posted",
             &costs_.ring_post.each);
    list.add("costs.user_reap", "", "user: an entry read", &costs_.user_reap.each);
    list.add("costs.step", "", "a step taken up and dispatched", &costs_.walker.step.each);
    list.add("costs.hand_over", "", "a chain passed to another context",
             &costs_.walker.hand_over.each);
  }

  std::string check_parameters() override {
    if (params_.continue_in == "cheapest")
      params_.policy = chain::Continue::cheapest;
    else if (params_.continue_in == "softirq")
      params_.policy = chain::Continue::softirq;
    else if (params_.continue_in == "kthread")
      params_.policy = chain::Continue::kthread;
    else if (params_.continue_in == "workqueue")
      params_.policy = chain::Continue::workqueue;
    else
      return "task_chain.continue_in is one of cheapest, softirq, kthread, workqueue, not '" +
             params_.continue_in + "'";
    if (params_.start_in != "submitter" && params_.start_in != "kthread")
      return "task_chain.start_in is one of submitter, kthread, not '" + params_.start_in + "'";
    if (params_.user_copy == "pinned")
      params_.copy_way = chain::UserCopy::pinned;
    else if (params_.user_copy == "thread")
      params_.copy_way = chain::UserCopy::thread;
    else if (params_.user_copy == "provider")
      params_.copy_way = chain::UserCopy::provider;
    else
      return "task_chain.user_copy is one of pinned, thread, provider, not '" + params_.user_copy +
             "'";
    if (params_.ring_entries < 1 || params_.ring_entries > 1 << 20)
      return "task_chain.ring_entries must be 1 to 1048576";
    if (params_.max_steps < 1 || params_.max_steps > static_cast<std::int64_t>(chain::kMaxSteps))
      return "task_chain.max_steps must be 1 to 16383";
    if (params_.threads < 1 || params_.threads > 32'768)
      return "task_chain.threads must be 1 to 32768";
    params_.start_in_submitter = params_.start_in == "submitter";
    return {};
  }

  std::int64_t steps_max() const override { return params_.max_steps; }
  void start(const Platform& platform) override {
    engine_ = std::make_unique<ChainEngine>(platform.os, platform.process, platform.providers,
                                            costs_, params_);
  }
  std::unique_ptr<AppSide> make_app_side(WaitQueue& sleepers, std::uint32_t) override {
    return std::make_unique<ChainSide>(*engine_, sleepers);
  }
  std::vector<std::pair<std::string, const Cost*>> costs() const override {
    return {{"user_build", &costs_.user_build},
            {"submit_call", &costs_.submit_call},
            {"accept", &costs_.accept},
            {"validate", &costs_.validate},
            {"cancel", &costs_.cancel},
            {"ring_post", &costs_.ring_post},
            {"user_reap", &costs_.user_reap},
            {"step", &costs_.walker.step},
            {"hand_over", &costs_.walker.hand_over}};
  }

 private:
  ChainParams params_;
  ChainCosts costs_;
  std::unique_ptr<ChainEngine> engine_;
};

constexpr Difference kNotModelled[] = {
    {"steps that accept, connect, receive, poll, or wait for inotify", "model/chain"},
    {"a cipher and a digest of what it wrote as one step, a route of acrypto: they are two steps",
     "model/chain"},
    {"softirqs that may not start page-cache reads or drop files: here they may", "model/chain"},
    {"readiness of connections: a request that arrives ends the wait at no cost",
     "designs/task_chain"},
    {"reads whose bytes are copied in the consumer's own call, as kevent's are",
     "designs/task_chain"},
};

}  // namespace

extern const Descriptor descriptor;
const Descriptor descriptor = {
    .name = "task_chain",
    .summary = "one call submits the whole chain; steps go on in threads, softirqs or hardirqs",
    .source = "E. Polyakov, linux-fsdevel and linux-kernel, 2006-12-28 to 2007-01-06",
    .threads = Threads::per_cpu,
    .not_modelled = kNotModelled,
    .make = []() -> std::unique_ptr<Design> { return std::make_unique<TaskChain>(); },
};

}  // namespace iodrome::designs::task_chain
