// SPDX-License-Identifier: Apache-2.0
// Items that work, sleep and work again, on a machine of nothing but CPUs.
#pragma once
#include <deque>
#include <memory>
#include <string>

#include "model/kernel/workqueue/workqueue.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::kernel::wq {

struct Scene {
  struct Item final : Work {
    explicit Item(Scene& owner) : scene(owner) {}
    Task<void> run(Sleepable& ctx) override {
      CHECK(++inside == 1);
      scene.most = std::max(scene.most, ++scene.running);
      scene.note("s", *this, ctx);
      co_await ctx.spend(scene.work);
      if (requeues > 0) {
        --requeues;
        const bool queued = co_await on->queue(ctx, *this);
        if (queued) ++accepted;
      }
      if (sleep != Duration{0}) {
        WaitOptions options;
        options.deadline = ctx.now() + sleep;
        options.clock = SleepClock::high_resolution;
        co_await scene.gate.wait_for(ctx, "gate", events::Stage::queue, options);
        co_await ctx.spend(scene.work);
      }
      scene.note("e", *this, ctx);
      --scene.running;
      --inside;
      ++ended;
      ended_at = ctx.now().time_since_epoch();
    }
    Scene& scene;
    Duration sleep{};
    int requeues = 0;
    Workqueue* on = nullptr;
    int inside = 0;
    int accepted = 0;
    int ended = 0;
    Duration ended_at{};
  };

  explicit Scene(std::uint32_t cpus) : rig(cpus) {
    rig.system.scheduler.hz = 1000;
    rig.system.scheduler.latency = 100ms;
  }

  Item& item(Workqueue& on, Duration sleep = Duration{0}) {
    items.push_back(std::make_unique<Item>(*this));
    items.back()->id = items.size();
    items.back()->on = &on;
    items.back()->sleep = sleep;
    return *items.back();
  }
  void note(const char* what, const Work& item, Atomic& ctx) {
    log.add(what + std::to_string(item.id) + "/" + std::to_string(ctx.cpu().index()), ctx.now());
  }
  /// Every item, queued one after the other by a hardirq.
  void queue_all_at(Duration time, std::uint32_t cpu) {
    rig.irq_at(time, cpu, rig.action(*this, &Scene::queue_all));
  }
  static Task<void> queue_all(Atomic& ctx, Scene& s) {
    for (std::size_t i = 0; i < s.items.size(); ++i) {
      Item& each = *s.items[i];
      const bool queued = co_await each.on->queue(ctx, each);
      if (queued) ++each.accepted;
    }
  }

  Cost work{100ns};
  Log log;
  int running = 0;
  int most = 0;
  WaitQueue gate{"gate"};
  std::deque<std::unique_ptr<Item>> items;
  Rig rig;
};

}  // namespace iodrome::kernel::wq
