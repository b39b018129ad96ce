// SPDX-License-Identifier: Apache-2.0
// The modelled application: one thread's event loop over a design.
#pragma once
#include "model/app/chain_source.h"
#include "model/designs/design.h"
#include "model/kernel/dmaengine/cpu_operation.h"
#include "model/kernel/kthread/kthread.h"

namespace iodrome::app {

struct AppCosts {
  kernel::Cost request_start;   // user code to turn to a request
  kernel::Cost request_finish;  // user code to account for its end
};

struct AppParams {
  std::int64_t submit_batch =
      0;  // requests queued before they are submitted without waiting for more
};

/// Takes requests from the source, carries them out through the design's verbs, and takes their
/// results.
class AppThread final : public kernel::ThreadBody {
 public:
  AppThread(kernel::System& system, const designs::Descriptor& design, designs::Design& instance,
            ChainSource& source, RequestObserver& observer, AppCosts& costs,
            const kernel::SoftwareDmaRates& rates, const AppParams& params, std::uint32_t index);

  Task<void> run(kernel::Sleepable& ctx) override;
  /// A request has arrived for this thread, at no CPU's cost.
  void notify_arrival() {
    sleepers_.wake_from_outside(system_);
    side_->on_arrival(system_);
  }
  const designs::SubmitTimes& submit_times() const { return side_->submit_times(); }
  /// One line of the stall report.
  std::string describe();

 private:
  class Arrivals final : public designs::WakeCondition {
   public:
    explicit Arrivals(AppThread& owner) : owner_(owner) {}
    bool holds() const override;
    bool possible() const override { return owner_.source_.open_loop(); }

   private:
    AppThread& owner_;
  };

  Task<void> try_again(kernel::Sleepable& ctx);
  Task<void> begin(kernel::Sleepable& ctx, chain::ChainRun& run);
  Task<void> go_on(kernel::Sleepable& ctx, chain::ChainRun& run);
  Task<void> advance(kernel::Sleepable& ctx, chain::ChainRun& run);
  Task<void> advance_paid(kernel::Sleepable& ctx, chain::ChainRun& run);
  Task<void> call_on(kernel::Sleepable& ctx, chain::ChainRun& run);
  bool queues(const chain::ChainRun& run) const;
  Task<void> finish(kernel::Sleepable& ctx, chain::ChainRun& run);
  chain::ChainRun& note(const designs::Finished& finished);
  Task<void> submit(kernel::Sleepable& ctx);
  Task<void> call(kernel::Sleepable& ctx, chain::ChainRun& run);
  Task<Result<std::int64_t>> compute(kernel::Sleepable& ctx, chain::ChainRun& run);
  Task<void> enqueue(kernel::Sleepable& ctx, chain::ChainRun& run);
  Task<void> note_paid(kernel::Sleepable& ctx, chain::ChainRun& run, bool queued);
  Task<void> note_queued(kernel::Sleepable& ctx);
  Task<void> make_room(kernel::Sleepable& ctx, chain::ChainRun& run);
  static bool take_up(chain::ChainRun& run);
  static bool take_up_in_time(kernel::Sleepable& ctx, chain::ChainRun& run);
  static void settle(chain::ChainRun& run);

  kernel::System& system_;
  ChainSource& source_;
  RequestObserver& observer_;
  AppCosts& costs_;
  const kernel::SoftwareDmaRates& rates_;
  const AppParams& params_;
  const std::uint32_t index_;
  kernel::WaitQueue sleepers_{"application"};
  std::unique_ptr<designs::AppSide> side_;
  const bool whole_chains_;
  Arrivals arrivals_;
  std::uint32_t in_flight_ = 0;
  std::int64_t queued_ = 0;
  std::vector<chain::ChainRun*> postponed_;  // no room in the design's queue yet
  kernel::RunningThread thread_;
};

}  // namespace iodrome::app
