// SPDX-License-Identifier: Apache-2.0
// Where a woken thread runs, where it may run, and what it costs to come from elsewhere.
#include "model/kernel/cpu/affinity.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct Scene {
  explicit Scene(std::uint32_t cpus, std::uint32_t sockets = 1) : rig(cpus, sockets) {
    rig.system.costs.context_switch.each = 10ns;
    rig.system.costs.mm_switch.each = 3ns;
    rig.system.costs.migration.each = 20ns;
    rig.system.costs.socket_migration.each = 50ns;
  }
  void wake_at(Duration time) {
    rig.at(time, [this] { queue.wake_from_outside(rig.system); });
  }
  Log log;
  Cost work{100ns};
  WaitQueue queue{"queue"};
  Rig rig;
};

Task<void> sleep_once(Sleepable& ctx, Scene& s) {
  co_await s.queue.wait(ctx, "test", events::Stage::queue);
  s.log.add("cpu" + std::to_string(ctx.cpu().index()), ctx.now());
}

Task<void> busy(Sleepable& ctx, Scene& s) {
  co_await ctx.spend(s.work, 100);
}

// In pieces, so that it can be moved between two of them.
Task<void> steps(Sleepable& ctx, Scene& s) {
  for (int i = 0; i < 3; ++i) {
    co_await ctx.spend(s.work);
    s.log.add("cpu" + std::to_string(ctx.cpu().index()), ctx.now());
  }
}

CpuMask only(std::uint32_t cpu) {
  CpuMask mask;
  mask.set(cpu);
  return mask;
}

}  // namespace

TEST_CASE("a mask gives its CPUs in order, within bounds and another mask") {
  CpuMask mask;
  CpuMask also;
  for (const std::uint32_t cpu : {3u, 63u, 64u, 700u}) mask.set(cpu);
  for (const std::uint32_t cpu : {63u, 700u}) also.set(cpu);
  CHECK(mask.next(0, 1024) == 3);
  CHECK(mask.next(4, 1024) == 63);
  CHECK(mask.next(64, 1024) == 64);
  CHECK(mask.next(65, 1024) == 700);
  CHECK(mask.next(65, 700) == 700);
  CHECK(mask.next(65, 130) == 130);
  CHECK(mask.next(0, 1024, &also) == 63);
  CHECK(mask.next(64, 1024, &also) == 700);
  mask.clear(3);
  CHECK_FALSE(mask.test(3));
  CHECK(mask.next(0, 10) == 10);
}

TEST_CASE("a thread looks for an idle CPU in its own socket first") {
  Scene s(8, 2);
  CHECK(s.rig.cpu(3).socket() == 0);
  CHECK(s.rig.cpu(4).socket() == 1);
  s.rig.thread(6, s, sleep_once);
  for (const std::uint32_t cpu : {6u, 7u, 4u}) s.rig.thread(cpu, s, busy);
  s.wake_at(1us);
  s.rig.run();
  CHECK(s.log.text == "cpu5@1033");  // switch, address space and cold caches of the same socket
}

TEST_CASE("with its socket busy it goes to the next one") {
  Scene s(8, 2);
  s.rig.thread(6, s, sleep_once);
  for (const std::uint32_t cpu : {4u, 5u, 6u, 7u, 0u}) s.rig.thread(cpu, s, busy);
  s.wake_at(1us);
  s.rig.run();
  CHECK(s.log.text == "cpu1@1063");
  CHECK(s.rig.system.costs.socket_migration.count == 1);
  CHECK(s.rig.system.costs.migration.count == 0);
}

TEST_CASE("sockets need not have the same number of CPUs") {
  Scene s(5, 2);
  CHECK(s.rig.cpu(2).socket() == 0);
  CHECK(s.rig.cpu(3).socket() == 1);
  s.rig.thread(4, s, sleep_once);
  for (const std::uint32_t cpu : {4u, 3u}) s.rig.thread(cpu, s, busy);
  s.wake_at(1us);
  s.rig.run();
  CHECK(s.log.text == "cpu0@1063");
}

TEST_CASE("a change of address space costs, and a kernel thread makes none") {
  Scene s(1);
  s.rig.thread(0, s, busy).mm = 1;
  s.rig.thread(0, s, busy, events::CpuClass::kthread);
  s.rig.thread(0, s, busy).mm = 1;
  s.rig.thread(0, s, busy).mm = 2;
  s.rig.run();
  CHECK(s.rig.system.costs.context_switch.count == 4);
  CHECK(s.rig.system.costs.mm_switch.count == 2);  // to 1 and to 2
}

TEST_CASE("sched_setaffinity: EINVAL without a CPU that is there, or for a bound thread") {
  Scene s(2);
  Thread& thread = s.rig.thread(0, s, sleep_once);
  s.rig.timeline.run();
  CHECK(set_affinity(s.rig.system, thread, CpuMask{}, nullptr) == Errno::einval);
  CHECK(set_affinity(s.rig.system, thread, only(2), nullptr) == Errno::einval);
  CHECK(thread.allowed == nullptr);
  CHECK(set_affinity(s.rig.system, thread, only(1), nullptr) == Errno::ok);
  thread.pinned = true;
  CHECK(set_affinity(s.rig.system, thread, only(0), nullptr) == Errno::einval);
}

TEST_CASE("a thread wakes up only where it may run, and waits there though others are idle") {
  Scene s(3);
  Thread& thread = s.rig.thread(0, s, sleep_once);
  s.rig.thread(2, s, busy);
  s.rig.at(500ns,
           [&] { CHECK(set_affinity(s.rig.system, thread, only(2), nullptr) == Errno::ok); });
  s.wake_at(1us);
  s.rig.run();
  CHECK(s.log.text == "cpu2@10043");  // after the busy one; switch, cold caches
}

TEST_CASE("a thread that waits for a CPU it may not have any more goes to another at once") {
  Scene s(2);
  s.rig.thread(0, s, busy);
  Thread& waits = s.rig.thread(0, s, steps);
  s.rig.at(1us, [&] { CHECK(set_affinity(s.rig.system, waits, only(1), nullptr) == Errno::ok); });
  s.rig.run();
  CHECK(s.log.text == "cpu1@1113 cpu1@1213 cpu1@1313");  // it has not run yet: nothing is cold
}

TEST_CASE("a thread whose affinity is set before it has ever run begins where it may") {
  Scene s(2);
  Thread& thread = s.rig.thread(0, s, steps);
  CHECK(set_affinity(s.rig.system, thread, only(1), nullptr) == Errno::ok);
  s.rig.run();
  CHECK(s.log.text == "cpu1@113 cpu1@213 cpu1@313");
}

TEST_CASE("a thread that runs where it may not any more goes away in mid-burst from user mode") {
  Scene s(2);
  Thread& runs = s.rig.thread(0, s, steps);
  s.rig.at(150ns, [&] { CHECK(set_affinity(s.rig.system, runs, only(1), nullptr) == Errno::ok); });
  s.rig.run();
  // Until 150 the second step has had 37 ns; then switch, address space, cold caches.
  CHECK(s.log.text == "cpu0@113 cpu1@246 cpu1@346");
  CHECK(s.rig.cpu(0).idle());
}
