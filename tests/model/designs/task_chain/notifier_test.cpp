// SPDX-License-Identifier: Apache-2.0
// When a sleeping consumer is woken for completions that come one after another.
#include "model/designs/task_chain/notifier.h"

#include "model/explore/random_walk.h"
#include "tests/model/designs/task_chain/ring_scene.h"

namespace iodrome::designs::task_chain {
namespace {

struct Batches : RingScene {
  using RingScene::RingScene;
  Log log;  // who woke when, with how many entries
  std::uint64_t ended = 0;
  std::uint64_t wanted = 0;
  std::uint64_t taken = 0;
};

Task<void> end_one(Atomic& ctx, Batches& s) {
  s.ring.accept();
  co_await s.end_chain(ctx, s.ended++);
}

Task<void> consume(Sleepable& ctx, Batches& s) {
  while (s.taken < s.wanted) {
    const Entries some = co_await s.take_all(ctx);
    s.taken += some.size();
    if (!some.empty()) s.log.add(std::to_string(some.size()), ctx.now());
    if (some.empty()) co_await s.sleepers.wait(ctx, "chain_wait", events::Stage::reap);
  }
}

std::string wake_ups(std::int64_t count, Duration age, const std::vector<int>& microseconds) {
  ChainParams params = ring_params(RingFull::reserve, WakeBy::syscall, 8);
  params.batch_count = count;
  params.batch_ns = age / 1ns;
  Batches s(params);
  s.wanted = microseconds.size();
  s.rig.thread(0, s, consume);
  IrqAction& end = s.rig.action(s, end_one);
  for (const int when : microseconds) s.rig.irq_at(when * 1us, 1, end);
  s.rig.run();
  CHECK(s.taken == s.wanted);
  return s.log.text;
}

}  // namespace

TEST_CASE("without batches every completion wakes the consumer when it comes") {
  CHECK(wake_ups(1, 0ns, {1, 2, 7}) == "1@1000 1@2000 1@7000");
  CHECK(wake_ups(1, 10us, {1, 2, 7}) == "1@1000 1@2000 1@7000");
}

TEST_CASE("a batch wakes with its last completion, or when its first is old enough") {
  // Three by count; then two, of which the first comes at 20 and is 10 old at 30.
  CHECK(wake_ups(3, 10us, {1, 2, 4, 20, 25}) == "3@4000 2@30000");
  // The age counts anew for each batch.
  CHECK(wake_ups(4, 10us, {1, 15, 16, 40}) == "1@11000 2@25000 1@50000");
  // The n-th completion of every n of a steady stream: each waits for those behind it.
  CHECK(wake_ups(4, 1ms, {1, 2, 3, 4, 5, 6, 7, 8}) == "4@4000 4@8000");
}

TEST_CASE("a batch's latency is what is left to its last completion, no more than the age") {
  // Completions every T, batches of n, age a: the k-th of a batch waits (n - k) T if (n - 1) T < a,
  // else the first of each group waits a, and floor(a / T) others came meanwhile.
  constexpr int kEvery = 4;
  constexpr int kAll = 24;
  for (const int n : {2, 3, 4, 6})
    for (const int age : {7, 9, 13, 50}) {
      std::vector<int> when;
      for (int i = 1; i <= kAll; ++i) when.push_back(i * kEvery);
      std::string expected;
      for (int first = 1; first <= kAll;) {
        const int by_age = age / kEvery + 1;  // completions that are there when the first is old
        const int size = std::min({n, by_age, kAll - first + 1});
        const bool full = size == n;
        const int at = full ? (first + n - 1) * kEvery : first * kEvery + age;
        expected +=
            (expected.empty() ? "" : " ") + std::to_string(size) + "@" + std::to_string(at * 1000);
        first += size;
      }
      CAPTURE(n, age);
      CHECK(wake_ups(n, age * 1us, when) == expected);
    }
}

TEST_CASE("the age is that of the oldest completion that nobody has taken") {
  ChainParams params = ring_params(RingFull::reserve, WakeBy::eventfd, 8);
  params.batch_count = 8;
  params.batch_ns = 10'000;
  Batches s(params);
  IrqAction& end = s.rig.action(s, end_one);
  s.rig.irq_at(1us, 1, end);
  s.rig.irq_at(6us, 1, end);
  s.rig.at(5us, [&s] {  // the first is taken without a wake-up, which its timer does not know
    s.ring.user_words().head.store(s.rig.cpu(0).memory(), 1);
  });
  const auto& counter = static_cast<EventFd&>(*s.notifier.eventfd()->object);
  std::vector<std::uint64_t> signals;
  for (const Duration when : {12us, 15us, 17us})
    s.rig.at(when, [&] { signals.push_back(counter.count()); });
  s.rig.run();
  CHECK(signals == std::vector<std::uint64_t>{0, 0, 1});
}

TEST_CASE("a full ring wakes however large a batch may be, and so does the list behind it") {
  for (const RingFull full : {RingFull::hold, RingFull::spill, RingFull::drop}) {
    ChainParams params = ring_params(full, WakeBy::eventfd, 4);
    params.batch_count = 4;
    params.batch_ns = 1'000'000;
    Batches s(params);
    IrqAction& end = s.rig.action(s, end_one);
    for (int i = 1; i <= 5; ++i) s.rig.irq_at(i * 1us, 1, end);
    std::uint64_t by_then = 0;
    const auto& counter = static_cast<EventFd&>(*s.notifier.eventfd()->object);
    s.rig.at(6us, [&] { by_then = counter.count(); });
    s.rig.run();
    CHECK(by_then == 2);
  }
}

TEST_CASE("a futex is woken by a worker, and only if somebody may wait") {
  RingScene s(ring_params(RingFull::reserve, WakeBy::futex));
  s.rig.system.costs.queue_work.each = 7ns;
  bool woken = false;
  struct Both {
    RingScene& scene;
    bool& woken;
  } both{s, woken};
  Handler<RingScene> end = [](Atomic& ctx, RingScene& scene) -> Task<void> {
    scene.ring.accept();
    co_await scene.end_chain(ctx, 1);
  };
  IrqAction& action = s.rig.action(s, end);
  s.rig.irq_at(1us, 1, action);
  s.rig.run();
  CHECK(s.rig.system.costs.queue_work.count == 0);
  s.rig.thread<Both>(0, both, [](Sleepable& ctx, Both& all) -> Task<void> {
    co_await all.scene.futexes.wait(ctx, all.scene.ring.completed(), 1);
    all.woken = true;
  });
  s.rig.irq_at(s.rig.now() + 1us, 1, action);
  s.rig.run();
  CHECK(woken);
  CHECK(s.rig.system.costs.queue_work.count == 1);
}

TEST_CASE("on no schedule does a futex miss a completion that came after the look") {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    CAPTURE(seed);
    RingScene s(ring_params(RingFull::reserve, WakeBy::futex));
    explore::RandomWalk walk(seed);
    s.rig.timeline.choices().ask(&walk);
    const Thread& waiter =
        s.rig.thread<RingScene>(0, s, [](Sleepable& ctx, RingScene& scene) -> Task<void> {
          for (;;) {
            const ChainRing::View view = co_await scene.ring.look(ctx);
            if (view.entries) co_return;
            co_await scene.futexes.wait(ctx, scene.ring.completed(), view.completed);
          }
        });
    s.rig.thread<RingScene>(1, s, [](Sleepable& ctx, RingScene& scene) -> Task<void> {
      scene.ring.accept();
      co_await scene.end_chain(ctx, 1);
    });
    s.rig.run();
    CHECK(waiter.state == Thread::State::dead);
    s.rig.timeline.choices().ask(nullptr);
    s.rig.end();
  }
}

TEST_CASE("a completion that comes while the worker wakes for the last one wakes as well") {
  for (int apart = 1; apart < 40; ++apart) {
    CAPTURE(apart);
    RingScene s(ring_params(RingFull::reserve, WakeBy::futex));
    KernelCosts& costs = s.rig.system.costs;
    for (Cost* const cost : {&costs.futex_call, &costs.try_to_wake_up, &costs.context_switch})
      cost->each = 100ns;
    s.rig.system.scheduler.idle_exit_latency = 1ns;  // an idle CPU needs an interrupt
    costs.ipi_send.each = 1us;  // the woken thread is back in the call before the worker is done
    const Thread& waiter =
        s.rig.thread<RingScene>(0, s, [](Sleepable& ctx, RingScene& scene) -> Task<void> {
          FutexWord& word = scene.ring.completed();
          for (std::uint32_t seen = 0; seen < 2; seen = word.value.peek())
            co_await scene.futexes.wait(ctx, word, seen);
        });
    const Handler<RingScene> end = [](Atomic& ctx, RingScene& scene) -> Task<void> {
      scene.ring.accept();
      co_await scene.end_chain(ctx, 1);
    };
    IrqAction& action = s.rig.action(s, end);
    s.rig.irq_at(1us, 1, action);
    s.rig.irq_at(1us + apart * 50ns, 1, action);
    s.rig.run();
    CHECK(waiter.state == Thread::State::dead);
  }
}

}  // namespace iodrome::designs::task_chain
