// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/irq/threaded_irq.h"

#include "model/kernel/irq/controller.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus) : rig(cpus), irqs(rig.system) {}
  void message_at(Duration time, std::uint32_t vector) {
    rig.at(time, [this, vector] {
      std::uint32_t word = 0;
      irqs.access(hw::Command::write, vector * 4, std::as_writable_bytes(std::span{&word, 1}));
    });
  }
  Cost work{100ns};
  Log log;
  Rig rig;
  IrqController irqs;
};

// Sleeping would be allowed here.
Task<void> serve(Sleepable& ctx, Scene& s) {
  s.log.add("cpu" + std::to_string(ctx.cpu().index()), ctx.now());
  co_await ctx.spend(s.work);
  co_await ctx.cond_resched();
}

Task<void> busy(Sleepable& ctx, Scene& s) {
  co_await ctx.spend(s.work, 10);
  s.log.add("end", ctx.now());
}

}  // namespace

TEST_CASE("a threaded handler runs in a real-time thread, before what the interrupt struck") {
  Scene s(1);
  Body<Scene> handler(serve, s);
  ThreadedIrq irq(s.rig.system, 0, "disk", handler);
  s.irqs.request_irq(irq, 0);
  s.rig.thread(0, s, busy);
  s.message_at(200ns, 0);
  s.rig.run();
  CHECK(s.log.text == "cpu0@200 end@1100");
  CHECK(irq.thread().name == "irq/disk");
  s.rig.end();
}

TEST_CASE("messages that come before a threaded handler begins are one run, later ones another") {
  Scene s(1);
  Body<Scene> handler(serve, s);
  ThreadedIrq irq(s.rig.system, 0, "disk", handler);
  s.irqs.request_irq(irq, 0);
  for (const auto at : {200ns, 250ns, 260ns}) s.message_at(at, 0);
  s.rig.run();
  CHECK(s.log.text == "cpu0@200 cpu0@300");
  s.rig.end();
}

TEST_CASE("the thread follows its interrupt to another CPU") {
  Scene s(2);
  Body<Scene> handler(serve, s);
  ThreadedIrq irq(s.rig.system, 0, "disk", handler);
  s.irqs.request_irq(irq, 0);
  s.message_at(200ns, 0);
  s.rig.at(400ns, [&] {
    CHECK(s.irqs.set_affinity(0, 1) == Errno::ok);
    CHECK(s.irqs.set_affinity(0, 2) == Errno::einval);
    CHECK(s.irqs.set_affinity(1, 0) == Errno::einval);
  });
  s.message_at(500ns, 0);
  s.rig.run();
  CHECK(s.log.text == "cpu0@200 cpu1@500");
  s.rig.end();
}
