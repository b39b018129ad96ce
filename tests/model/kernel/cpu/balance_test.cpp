// SPDX-License-Identifier: Apache-2.0
// Which threads load balancing moves, when, and what it costs.
#include "model/kernel/cpu/balance.h"

#include "model/kernel/cpu/affinity.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus, std::uint32_t sockets = 1) : rig(cpus, sockets) {
    rig.system.scheduler.balancing = true;
    rig.system.costs.context_switch.each = 10ns;
    rig.system.costs.migration.each = 20ns;
    rig.system.costs.socket_migration.each = 50ns;
    rig.system.costs.load_balance.each = 7ns;
  }
  // Ticks, at which every fair thread has had its share or none has.
  void tick(std::int64_t hz, bool share) {
    rig.system.scheduler.hz = hz;
    rig.system.scheduler.latency = share ? ps(1) : Duration{1h};
  }
  std::uint64_t looks() { return rig.system.costs.load_balance.count; }
  Log log;
  Cost work{100ns};
  WaitQueue queue{"queue"};
  Rig rig;
};

template <int kUnits>
Task<void> work_for(Sleepable& ctx, Scene& s) {
  for (int i = 0; i < kUnits; ++i) co_await ctx.spend(s.work);
  s.log.add(ctx.thread().name + "/cpu" + std::to_string(ctx.cpu().index()), ctx.now());
}
// One burst, so that long runs stay cheap.
template <int kMilliseconds>
Task<void> work_long(Sleepable& ctx, Scene& s) {
  co_await ctx.spend(s.work, kMilliseconds * 10'000);
  s.log.add(ctx.thread().name + "/cpu" + std::to_string(ctx.cpu().index()), ctx.now());
}

void add(Scene& s, std::uint32_t cpu, const char* name, Code<Scene> code) {
  s.rig.thread(cpu, s, code).name = name;
}

}  // namespace

TEST_CASE("a CPU that has nothing left to run takes over a thread that waits elsewhere") {
  Scene s(2);
  add(s, 0, "a", work_for<100>);
  add(s, 0, "b", work_for<100>);
  add(s, 1, "c", work_for<1>);
  s.rig.run();
  // From 110 ns on: the look, the switch, the work. It never ran, so no cache has cooled.
  CHECK(s.log.text == "c/cpu1@110 a/cpu0@10010 b/cpu1@10127");
  CHECK(s.looks() == 1);
}

TEST_CASE("without balancing a thread waits where it is") {
  Scene s(2);
  s.rig.system.scheduler.balancing = false;
  add(s, 0, "a", work_for<100>);
  add(s, 0, "b", work_for<100>);
  add(s, 1, "c", work_for<1>);
  s.rig.run();
  CHECK(s.log.text == "c/cpu1@110 a/cpu0@10010 b/cpu0@20020");
}

TEST_CASE("a thread that ran less than the migration cost ago stays where its caches are warm") {
  Scene s(2);
  s.tick(1'000'000, true);  // a has run until 1 us, and is 310 ns colder when c ends
  s.rig.system.scheduler.migration_cost = 311ns;
  add(s, 0, "a", work_for<15>);
  add(s, 0, "b", work_for<15>);
  add(s, 1, "c", work_for<13>);
  s.rig.run();
  CHECK(s.log.text.find("a/cpu0") != std::string::npos);
  CHECK(s.looks() == 0);
}

TEST_CASE("at the migration cost it goes, and finds cold caches") {
  Scene s(2);
  s.tick(1'000'000, true);
  s.rig.system.scheduler.migration_cost = 310ns;
  add(s, 0, "a", work_for<15>);
  add(s, 0, "b", work_for<15>);
  add(s, 1, "c", work_for<13>);
  s.rig.run();
  // c until 1310 ns; look 7, switch 10, caches 20; of a's 1500 ns, 990 were done.
  CHECK(s.log.text == "c/cpu1@1310 a/cpu1@1857 b/cpu0@2510");
  CHECK(s.rig.system.costs.migration.count == 1);
}

TEST_CASE("bound threads and those that may not run there are left") {
  Scene s(2);
  CpuMask first;
  first.set(0);
  add(s, 0, "a", work_for<10>);
  s.rig.thread(0, s, work_for<10>).pinned = true;
  CHECK(set_affinity(s.rig.system, s.rig.thread(0, s, work_for<10>), first, nullptr) == Errno::ok);
  add(s, 1, "c", work_for<1>);
  s.rig.run();
  CHECK(s.log.text == "c/cpu1@110 a/cpu0@1010 thread/cpu0@2020 thread/cpu0@3030");
}

TEST_CASE("half of the difference comes over, or one thread to a preemptible kernel") {
  const auto looks = [](Preemption preemption) {
    Scene s(2);
    s.rig.system.scheduler.preemption = preemption;
    for (int i = 0; i < 6; ++i) add(s, 0, "a", work_for<100>);
    add(s, 1, "c", work_for<1>);
    s.rig.run();
    CHECK(s.rig.now() == (preemption == Preemption::none ? 30'147ns : 30'161ns));
    return s.looks();
  };
  CHECK(looks(Preemption::none) == 1);
  CHECK(looks(Preemption::full) == 3);
}

TEST_CASE("the CPU with most threads gives, the next one after it of those with as many") {
  Scene s(4);
  for (const std::uint32_t cpu : {0u, 0u, 0u, 2u, 2u, 3u, 3u, 3u}) add(s, cpu, "a", work_for<100>);
  add(s, 1, "c", work_for<1>);
  s.rig.timeline.run(SimTime{} + 1us);
  CHECK(s.rig.cpu(3).fair_threads() == 2);
  CHECK(s.rig.cpu(0).fair_threads() == 3);
  s.rig.end();
}

TEST_CASE("what has been taken over is given on to the next CPU that becomes idle") {
  Scene s(4);
  for (int i = 0; i < 8; ++i) add(s, 0, "a", work_for<100>);
  add(s, 1, "b", work_for<1>);
  add(s, 2, "c", work_for<2>);
  add(s, 3, "d", work_for<3>);
  s.rig.timeline.run(SimTime{} + 1us);
  // Four of eight, two of four, and of those with four that come after the third one the first.
  CHECK(s.rig.cpu(0).fair_threads() + s.rig.cpu(1).fair_threads() == 4);
  CHECK(s.rig.cpu(2).fair_threads() == 2);
  CHECK(s.rig.cpu(3).fair_threads() == 2);
  s.rig.end();
}

TEST_CASE("its own socket comes first, then the others") {
  Scene s(4, 2);
  for (const std::uint32_t cpu : {0u, 0u, 0u, 3u, 3u}) add(s, cpu, "a", work_for<100>);
  add(s, 2, "c", work_for<1>);
  add(s, 1, "d", work_for<2>);
  s.rig.timeline.run(SimTime{} + 1us);
  CHECK(s.rig.cpu(3).fair_threads() == 1);
  CHECK(s.rig.cpu(0).fair_threads() == 2);
  s.rig.end();

  Scene far(4, 2);
  for (const std::uint32_t cpu : {0u, 0u, 3u}) add(far, cpu, "a", work_for<100>);
  add(far, 2, "c", work_for<1>);
  add(far, 1, "d", work_for<100>);
  far.rig.timeline.run(SimTime{} + 1us);
  CHECK(far.rig.cpu(0).fair_threads() == 1);
  CHECK(far.rig.cpu(2).fair_threads() == 1);
  far.rig.end();
}

TEST_CASE("where its own socket has nothing to give, it is not asked again with the machine") {
  Scene s(4, 2);
  add(s, 1, "d", work_for<1>);
  add(s, 3, "c", work_for<100>);
  for (int i = 0; i < 3; ++i) s.rig.thread(0, s, work_for<100>).pinned = true;
  for (int i = 0; i < 2; ++i) add(s, 2, "a", work_for<100>);
  s.rig.timeline.run(SimTime{} + 1us);
  CHECK(s.rig.cpu(1).fair_threads() == 1);
  CHECK(s.rig.cpu(2).fair_threads() == 1);
  s.rig.end();
}

TEST_CASE("a CPU whose idle times are shorter than a look does not look") {
  // Twice the migration cost at first; an eighth of the way to 1 ns each time it is woken.
  const auto looks = [](int naps) {
    Scene s(2);
    s.rig.system.scheduler.migration_cost = 1us;
    s.rig.system.costs.load_balance.each = 1us;
    struct Napper {
      Scene& scene;
      int naps;
    } napper{s, naps};
    add(s, 0, "a", work_for<100>);
    Thread& waits = s.rig.thread(0, s, work_for<100>);
    waits.pinned = true;
    s.rig.thread<Napper>(1, napper, [](Sleepable& ctx, Napper& self) -> Task<void> {
      for (int i = 0; i < self.naps; ++i)
        co_await self.scene.queue.wait(ctx, "test", events::Stage::queue);
    });
    for (int i = 0; i < naps; ++i)
      s.rig.at(100ns + i * 11ns, [&] { s.queue.wake_from_outside(s.rig.system); });
    s.rig.at(105ns + (naps - 1) * 11ns, [&] { waits.pinned = false; });
    s.rig.run();
    return s.looks();
  };
  CHECK(looks(5) == 1);  // (2 us - 1 ns) (7/8)^5 + 1 ns = 1026 ns
  CHECK(looks(8) == 0);
}

TEST_CASE("the tick where threads wait calls an idle CPU, once its last look is long enough ago") {
  Scene s(2);
  s.tick(1000, false);
  s.rig.system.costs.ipi_send.each = 5ns;
  s.rig.system.scheduler.ipi_latency = 300ns;
  add(s, 0, "a", work_long<10>);
  add(s, 0, "b", work_long<10>);
  s.rig.run();
  // At 2 ms, 1 ms for each CPU of the socket; on its way, the look, the switch.
  CHECK(s.log.text == "a/cpu0@10000015 b/cpu1@12000317");
  CHECK(s.rig.system.costs.ipi_send.count == 1);
}

TEST_CASE("threads that come for a CPU out of a deep sleep count there from the start") {
  Scene s(2);
  s.tick(1000, false);
  s.rig.system.scheduler.idle_exit_latency = 1us;
  add(s, 0, "a", work_long<10>);
  add(s, 0, "b", work_long<10>);
  s.rig.timeline.run(SimTime{} + 3ms);
  CHECK(s.rig.cpu(1).fair_threads() == 1);
  s.rig.end();
}

TEST_CASE("a thread that may no longer run here still leaves when the one that waits is taken") {
  Scene s(2);
  CpuMask other;
  other.set(1);
  Thread& moves = s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    ctx.turn_to(events::CpuClass::syscall);
    co_await ctx.spend(scene.work, 10);
    ctx.turn_to(events::CpuClass::user);
    co_await ctx.spend(scene.work);
    scene.log.add("moves/cpu" + std::to_string(ctx.cpu().index()), ctx.now());
  });
  add(s, 0, "b", work_for<20>);
  add(s, 1, "c", work_for<5>);
  s.rig.at(200ns, [&] { CHECK(set_affinity(s.rig.system, moves, other, nullptr) == Errno::ok); });
  s.rig.run();
  CHECK(s.log.text.find("moves/cpu1") != std::string::npos);
}

TEST_CASE("threads with warm caches go too, once two looks have found no others") {
  Scene s(2);
  s.tick(1000, true);
  s.rig.system.scheduler.migration_cost = 1s;
  add(s, 0, "a", work_long<10>);
  add(s, 0, "b", work_long<10>);
  s.rig.timeline.run(SimTime{} + 5999us);
  CHECK(s.rig.cpu(0).fair_threads() == 2);
  CHECK(s.looks() == 2);  // at 2 and 4 ms
  s.rig.timeline.run(SimTime{} + 6001us);
  CHECK(s.rig.cpu(0).fair_threads() == 1);
  CHECK(s.rig.cpu(1).fair_threads() == 1);
  CHECK(s.looks() == 3);
  s.rig.end();
}

TEST_CASE("busy CPUs even out sixteen times as seldom, from two threads apart on") {
  Scene s(2);
  s.tick(1000, false);
  for (const std::uint32_t cpu : {0u, 0u, 0u, 1u}) add(s, cpu, "a", work_long<100>);
  s.rig.timeline.run(SimTime{} + 31'999us);
  CHECK(s.rig.cpu(0).fair_threads() == 3);
  s.rig.timeline.run(SimTime{} + 32'001us);
  CHECK(s.rig.cpu(0).fair_threads() == 2);
  CHECK(s.rig.cpu(1).fair_threads() == 2);
  CHECK(s.looks() == 2);  // one of each CPU
  s.rig.end();

  Scene even(2);
  even.tick(1000, false);
  for (const std::uint32_t cpu : {0u, 0u, 1u}) add(even, cpu, "a", work_long<100>);
  even.rig.timeline.run(SimTime{} + 50ms);
  CHECK(even.rig.cpu(0).fair_threads() == 2);
  even.rig.end();
}

TEST_CASE("real-time threads that wait are left where they are") {
  Scene s(2);
  s.rig.thread(0, s, work_for<10>).set_fifo(20);
  s.rig.thread(0, s, work_for<10>).set_fifo(10);
  add(s, 1, "c", work_for<1>);
  s.rig.run();
  CHECK(s.log.text == "c/cpu1@110 thread/cpu0@1010 thread/cpu0@2020");
}

TEST_CASE("a thread that is moved before it took the CPU takes it from nobody") {
  Scene s(2);
  s.rig.system.scheduler.wakeup_granularity = Duration{0};
  s.rig.system.scheduler.latency = 1us;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    co_await scene.queue.wait(ctx, "test", events::Stage::queue);
    scene.log.add("b/cpu" + std::to_string(ctx.cpu().index()), ctx.now());
  });
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    ctx.turn_to(events::CpuClass::syscall);
    co_await ctx.spend(scene.work, 10);
    CHECK_FALSE(ctx.cpu().need_resched());
    ctx.turn_to(events::CpuClass::user);
    co_await ctx.spend(scene.work, 10);
    scene.log.add("a/cpu" + std::to_string(ctx.cpu().index()), ctx.now());
  });
  add(s, 1, "c", work_for<5>);
  s.rig.at(200ns, [&] { s.queue.wake_from_outside(s.rig.system); });
  s.rig.at(300ns, [&] { CHECK(s.rig.cpu(0).need_resched()); });
  s.rig.run();
  CHECK(s.log.text == "c/cpu1@510 b/cpu1@547 a/cpu0@2020");
}
