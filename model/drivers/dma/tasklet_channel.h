// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <utility>

#include "model/drivers/dma/driver_params.h"
#include "model/drivers/watchdog.h"
#include "model/kernel/dmaengine/dma_channel.h"

namespace iodrome::drivers {

/// A channel that is its own hardirq, which leaves the rest to a tasklet: that collects what has
/// ended. Where no interrupt comes for long, a watchdog looks.
class TaskletChannel : public kernel::DmaChannel, public kernel::IrqAction {
 public:
  TaskletChannel(kernel::System& system, kernel::DmaCosts& costs, const char* name,
                 const Limits& limits, const DmaDriverParams& params)
      : DmaChannel(system, costs, name, limits, static_cast<std::uint32_t>(params.descriptors)),
        watchdog_(params.timeout, tasklet_) {}

  /// The hardirq.
  Task<void> handle(kernel::Atomic& ctx) final {
    ctx.cpu().schedule_tasklet(tasklet_);
    return Task<void>::ready();
  }
  // Two contexts may look at once: the first goes on until nothing new has ended.
  Task<void> poll(kernel::Atomic& ctx) final {
    look_again_ = true;
    if (cleaning_) co_return;
    cleaning_ = true;
    while (std::exchange(look_again_, false)) co_await clean_up(ctx);
    cleaning_ = false;
    if (active().empty())
      co_await watchdog_.disarm(ctx);
    else
      co_await watchdog_.arm(ctx);
  }

 protected:
  /// For kick(): from now on an end is expected.
  Task<bool> arm_watchdog(kernel::Atomic& ctx) { return watchdog_.arm(ctx); }

 private:
  struct Tasklet final : kernel::IrqAction {
    explicit Tasklet(TaskletChannel& channel) : owner(channel) {}
    Task<void> handle(kernel::Atomic& ctx) override { return owner.poll(ctx); }
    TaskletChannel& owner;
  };
  /// Finishes every descriptor that has ended, and what an error asks for.
  virtual Task<void> clean_up(kernel::Atomic& ctx) = 0;

  Tasklet tasklet_{*this};
  Watchdog watchdog_;
  bool cleaning_ = false;
  bool look_again_ = false;
};

}  // namespace iodrome::drivers
