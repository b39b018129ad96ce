// SPDX-License-Identifier: Apache-2.0
#include "model/checkers/lock_order/lock_order.h"

#include "model/kernel/sync/mutex.h"
#include "model/kernel/sync/spinlock.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using checkers::LockOrder;

namespace {

struct Scene {
  Scene() { rig.probe.attach(order, LockOrder::kHears); }
  std::string found() const {
    std::string text;
    for (const std::string& each : order.findings()) text += each + "\n";
    return text;
  }
  bool has(const char* text) const { return found().find(text) != std::string::npos; }
  Spinlock a{"class_a"};
  Spinlock b{"class_b"};
  Spinlock c{"class_c"};
  Mutex m{"class_m"};
  LockOrder order;
  Rig rig{2};
};

template <Spinlock Scene::*first, Spinlock Scene::*second>
Task<void> nest(Sleepable& ctx, Scene& s) {
  const Spinlock::Guard outer = co_await (s.*first).lock(ctx);
  const Spinlock::Guard inner = co_await (s.*second).lock(ctx);
}

}  // namespace

TEST_CASE("two orders of two classes are found though no run deadlocks, with both places") {
  Scene s;
  s.rig.thread<Scene>(0, s, nest<&Scene::a, &Scene::b>);
  s.rig.run();
  CHECK(s.order.findings().empty());
  s.rig.thread<Scene>(0, s, nest<&Scene::b, &Scene::a>);
  s.rig.run();
  REQUIRE(s.order.findings().size() == 1);
  INFO(s.found());
  CHECK(s.has("class_a at lock_order_test.cpp:"));
  CHECK(s.has("while class_b is held since lock_order_test.cpp:"));
  CHECK(s.has("class_b at lock_order_test.cpp:"));
  s.rig.thread<Scene>(0, s, nest<&Scene::b, &Scene::a>);
  s.rig.run();
  CHECK(s.order.findings().size() == 1);
}

TEST_CASE("a circle of three classes is found, through the one between") {
  Scene s;
  s.rig.thread<Scene>(0, s, nest<&Scene::a, &Scene::b>);
  s.rig.thread<Scene>(0, s, nest<&Scene::b, &Scene::c>);
  s.rig.run();
  CHECK(s.found().empty());
  s.rig.thread<Scene>(0, s, nest<&Scene::c, &Scene::a>);
  s.rig.run();
  REQUIRE(s.order.findings().size() == 1);
  INFO(s.found());
  for (const char* name : {"class_a", "class_b", "class_c"}) CHECK(s.has(name));
}

TEST_CASE("a circle with a mutex in it is found, and a try closes none") {
  Scene s;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await scene.m.lock(ctx);
    { const Spinlock::Guard inner = co_await scene.a.lock(ctx); }
    co_await scene.m.unlock(ctx);
  });
  s.rig.thread<Scene>(0, s, nest<&Scene::a, &Scene::b>);
  s.rig.thread<Scene>(1, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Spinlock::Guard outer = co_await scene.b.lock(ctx);
    const bool taken = co_await scene.m.try_lock(ctx);
    CHECK(taken);
    co_await scene.m.unlock(ctx);
  });
  s.rig.run();
  CHECK(s.found().empty());
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await scene.m.lock(ctx);
    co_await scene.m.unlock(ctx);
    const Spinlock::Guard outer = co_await scene.b.lock(ctx);
    const Spinlock::Guard inner = co_await scene.a.lock(ctx);
  });
  s.rig.run();
  CHECK(s.order.findings().size() == 1);  // a and b, through nothing
}

TEST_CASE("a lock of a hardirq that is also taken with interrupts on is found") {
  for (const bool safe : {true, false}) {
    Scene s;
    IrqAction& takes = s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
      const Spinlock::Guard guard = co_await scene.a.lock(ctx);
    });
    s.rig.irq_at(10ns, 1, takes);
    if (safe)
      s.rig.thread<Scene>(0, s, nest<&Scene::a, &Scene::b>);
    else
      s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
        const Spinlock::Guard guard = co_await scene.a.lock_plain(ctx);
      });
    s.rig.run();
    INFO(s.found());
    CHECK(s.has("class_a is taken in a hardirq at") == !safe);
    CHECK(s.order.findings().size() == (safe ? 0 : 1));
  }
}
