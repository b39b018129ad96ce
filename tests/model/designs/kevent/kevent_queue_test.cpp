// SPDX-License-Identifier: Apache-2.0
// How events become ready, and how consumers get them.
#include "model/designs/kevent/kevent_queue.h"

#include "tests/model/designs/kevent/queue_scene.h"

using namespace iodrome;
using namespace iodrome::designs::kevent;

namespace {
using Value = Result<std::int64_t>;
}  // namespace

TEST_CASE("an event that stirs often before it is taken is told once") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    co_await scene.add(ctx, 1, 0);
    for (int i = 0; i < 5; ++i) co_await scene.queue.storage_ready(ctx, scene.storage, kMaskAll);
    CHECK(scene.queue.ready_count() == 1);
    const std::int64_t moved = co_await scene.fill(ctx, 4);
    CHECK(moved == 1);
    CHECK(scene.ring.event[0].ret_flags == kDone);
    CHECK(scene.ring.event[0].user == 101);
    // It is neither one-shot nor broken, so it can become ready again.
    CHECK(scene.queue.kevents() == 1);
    co_await scene.queue.storage_ready(ctx, scene.storage, kMaskAll);
    const std::int64_t again = co_await scene.fill(ctx, 4);
    CHECK(again == 1);
  });
}

TEST_CASE("a one-shot event leaves its origin when it is ready and the queue when it is told") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    co_await scene.add(ctx, 1, kOneshot);
    co_await scene.queue.storage_ready(ctx, scene.storage, kMaskAll);
    CHECK(scene.storage.empty());
    CHECK(scene.queue.kevents() == 1);
    co_await scene.fill(ctx, 1);
    CHECK(scene.queue.kevents() == 0);
  });
}

TEST_CASE("an edge-triggered event forgets what it told, a level-triggered one does not") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    for (const std::uint32_t flags : {kEdge, 0U}) {
      co_await scene.add(ctx, flags, flags);
      co_await scene.queue.storage_ready(ctx, scene.storage, kMaskAll);
      co_await scene.fill(ctx, 1);
      CHECK(scene.storage.front().event.ret_flags == (flags == kEdge ? 0U : kDone));
      co_await scene.queue.remove(ctx, flags);
    }
  });
}

TEST_CASE(
    "of an origin's events the first one that is ready is queued, and those that want to be") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    co_await scene.add(ctx, 1);
    co_await scene.add(ctx, 2);
    co_await scene.add(ctx, 3, kOneshot | kWakeupAll);
    co_await scene.queue.storage_ready(ctx, scene.storage, kMaskAll);
    co_await scene.fill(ctx, 4);
    CHECK(ids_of(scene.ring) == Ids{1, 3, 0, 0});
    co_await scene.queue.storage_ready(ctx, scene.storage, kMaskAll);
    co_await scene.fill(ctx, 4);
    CHECK(ids_of(scene.ring) == Ids{1, 3, 2, 0});
  });
}

TEST_CASE("an event whose origin says no, or that listens for something else, stays") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    co_await scene.add(ctx, 1);
    scene.storage.front().event.event = 0x1;
    const int asked = scene.origin.asked;
    co_await scene.queue.storage_ready(ctx, scene.storage, 0x4);
    CHECK(scene.origin.asked == asked);
    scene.origin.answer = 0;
    co_await scene.queue.storage_ready(ctx, scene.storage, 0x1);
    CHECK(scene.origin.asked == asked + 1);
    CHECK(scene.queue.ready_count() == 0);
    scene.origin.answer = -1;
    co_await scene.queue.storage_ready(ctx, scene.storage, 0x1);
    CHECK(scene.storage.empty());  // broken: its origin has nothing more to say
    co_await scene.fill(ctx, 1);
    CHECK(scene.ring.event[0].ret_flags == (kDone | kBroken));
    CHECK(scene.queue.kevents() == 0);
  });
}

TEST_CASE("an event that is ready when it is added is told on the spot, or queued if it asks so") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    Ukevent now{.id = 1, .req_flags = kOneshot};
    const Result<bool> told =
        co_await scene.queue.add(ctx, now, scene.storage, &Origin::ask, &scene.origin);
    CHECK(told == false);
    CHECK(now.ret_flags == kDone);
    CHECK(now.ret_data[0] == 1);
    CHECK(scene.queue.kevents() == 0);
    Ukevent later{.id = 2, .req_flags = kOneshot | kAlwaysQueue};
    const Result<bool> queued =
        co_await scene.queue.add(ctx, later, scene.storage, &Origin::ask, &scene.origin);
    CHECK(queued == true);
    CHECK(later.ret_flags == 0);
    CHECK(scene.queue.ready_count() == 1);
    const Result<bool> twice =
        co_await scene.queue.add(ctx, later, scene.storage, &Origin::ask, &scene.origin);
    CHECK(twice == fail(Errno::eexist));
  });
}

TEST_CASE("what is removed while it is ready is not told") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    co_await scene.make_ready(ctx, 2);
    const Errno removed = co_await scene.queue.remove(ctx, 1);
    CHECK(removed == Errno::ok);
    const Errno again = co_await scene.queue.remove(ctx, 1);
    CHECK(again == Errno::enoent);
    co_await scene.fill(ctx, 4);
    CHECK(ids_of(scene.ring) == Ids{2, 0, 0, 0});
  });
}

TEST_CASE("an interrupt links and wakes; the ring is written in the call of who consumes") {
  QueueScene s;
  s.costs.deliver.each = 1us;
  Thread& consumer =
      s.rig.thread<QueueScene>(0, s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
        co_await scene.add(ctx, 1);
        const Value moved = co_await scene.queue.wait(ctx, 4, 0, kNever);
        CHECK(moved == 1);
        CHECK(scene.rig.now() == 11us);
        CHECK(scene.ring.ring_kidx == 1);
      });
  s.rig.irq_at(10us, 1,
               s.rig.action<QueueScene>(s, [](Atomic& ctx, QueueScene& scene) -> Task<void> {
                 co_await scene.queue.storage_ready(ctx, scene.storage, kMaskAll);
                 CHECK(scene.queue.ready_count() == 1);
                 CHECK(scene.ring.ring_kidx == 0);
               }));
  s.rig.run();
  CHECK(consumer.state == Thread::State::dead);
  CHECK(consumer.blocked_total == 10us);
  CHECK(s.rig.spent(1, events::CpuClass::hardirq) == Duration{0});
}

TEST_CASE("a ring that stays full lets kevent_get_events sleep its time, then tells COPY_FAILED") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    co_await scene.make_ready(ctx, 6);
    co_await scene.fill(ctx, 4);
    std::vector<Ukevent> told(4);
    const Value got = co_await scene.queue.get_events(ctx, ctx.now() + 50us, told);
    CHECK(scene.rig.now() >= 50us);
    CHECK(got == 2);
    for (const std::uint32_t i : {0U, 1U}) {
      CHECK(told[i].id == 5 + i);
      CHECK(told[i].ret_flags == (kDone | kCopyFailed));
    }
    CHECK(ids_of(scene.ring) == Ids{1, 2, 3, 4});
    CHECK(scene.queue.kevents() == 0);  // told all the same
  });
}

TEST_CASE("kevent_get_events tells in the caller's buffer and in the ring, or without one") {
  for (const std::uint32_t entries : {4U, 0U}) {
    QueueScene s(entries);
    play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
      co_await scene.make_ready(ctx, 3);
      std::vector<Ukevent> told(2);
      const Value two = co_await scene.queue.get_events(ctx, kNever, told);
      CHECK(two == 2);
      CHECK(told[1].id == 2);
      CHECK(told[1].ret_flags == kDone);
      if (!scene.ring.event.empty()) CHECK(ids_of(scene.ring) == Ids{1, 2, 0, 0});
      CHECK(scene.queue.ready_count() == 1);
    });
  }
}

TEST_CASE("who waits with an old index is woken by another's commit, which makes room as well") {
  QueueScene s;
  Thread& waiter =
      s.rig.thread<QueueScene>(0, s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
        co_await scene.make_ready(ctx, 4);
        co_await scene.fill(ctx, 4);
        const Value none = co_await scene.queue.wait(ctx, 4, 0, kNever);
        CHECK(none == 0);
        CHECK(scene.rig.now() == 5us);
        // And at once, if that was before the call.
        const Value stale = co_await scene.queue.wait(ctx, 4, 0, kNever);
        CHECK(stale == 0);
      });
  s.rig.at(5us, [&s] {
    s.rig.thread<QueueScene>(1, s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
      const Value freed = co_await scene.commit(ctx, 2);
      CHECK(freed == 2);
    });
  });
  s.rig.run();
  CHECK(waiter.state == Thread::State::dead);
}
