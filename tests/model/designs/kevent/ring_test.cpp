// SPDX-License-Identifier: Apache-2.0
// The ring's arithmetic: indexes, the count of turns, who may commit what.
#include "tests/model/designs/kevent/queue_scene.h"

using namespace iodrome;
using namespace iodrome::designs::kevent;

namespace {
using Value = Result<std::int64_t>;
}  // namespace

TEST_CASE("a queue has both a ring and its size or neither, and no ring has one entry") {
  QueueScene s;
  KeventRing ring(8);
  KeventQueue queue(s.rig.system, s.costs, s.sleepers);
  CHECK(queue.init(&ring, 0) == Errno::einval);
  CHECK(queue.init(nullptr, 8) == Errno::einval);
  CHECK(queue.init(&ring, 1) == Errno::einval);
  CHECK(queue.init(nullptr, 0) == Errno::ok);
  CHECK(queue.init(&ring, 2) == Errno::ok);
}

TEST_CASE("every entry of the ring can be used, and full tells all from nothing") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    co_await scene.make_ready(ctx, 6);
    CHECK(scene.queue.space() == 4);
    for (std::uint32_t filled = 1; filled <= 4; ++filled) {
      const std::int64_t moved = co_await scene.fill(ctx, 1);
      CHECK(moved == 1);
      CHECK(scene.queue.space() == 4 - filled);
      CHECK(scene.ring.ring_kidx == filled % 4);
      CHECK(scene.queue.full() == (filled == 4));
    }
    // The fifth and sixth stay on the list: nothing is written over.
    const std::int64_t none = co_await scene.fill(ctx, 4);
    CHECK(none == 0);
    CHECK(ids_of(scene.ring) == Ids{1, 2, 3, 4});
    CHECK(scene.queue.ready_count() == 2);
    const Value freed = co_await scene.commit(ctx, 2);
    CHECK(freed == 2);
    CHECK(scene.queue.space() == 2);
    const std::int64_t rest = co_await scene.fill(ctx, 4);
    CHECK(rest == 2);
    CHECK(ids_of(scene.ring) == Ids{5, 6, 3, 4});
  });
}

TEST_CASE("a commit below the last index is a turn of the ring, which is counted and published") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    co_await scene.make_ready(ctx, 9);
    co_await scene.fill(ctx, 3);
    const Value three = co_await scene.commit(ctx, 3);
    CHECK(three == 3);
    co_await scene.fill(ctx, 3);  // entries 3, 0, 1
    CHECK(scene.queue.space() == 1);
    const Value wrapped = co_await scene.commit(ctx, 1);
    CHECK(wrapped == 2);  // 4 - (3 - 1)
    CHECK(scene.ring.ring_over == 1);
    CHECK(scene.queue.uidx() == 1);
    CHECK(scene.queue.space() == 3);
    const Value same = co_await scene.commit(ctx, 1);
    CHECK(same == 0);
  });
}

TEST_CASE("a commit of what is no index, was not written, or belongs to another turn is refused") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    co_await scene.make_ready(ctx, 8);
    co_await scene.fill(ctx, 2);
    const Value no_index = co_await scene.queue.commit(ctx, 4, 0);
    CHECK(no_index == fail(Errno::einval));
    const Value unwritten = co_await scene.queue.commit(ctx, 3, 0);
    CHECK(unwritten == fail(Errno::einval));
    for (const std::uint32_t over : {1U, 2U, ~1U}) {
      const Value foreign = co_await scene.queue.commit(ctx, 1, over);
      CHECK(foreign == fail(Errno::eoverflow));
    }
    // The turn before may be told, but not to go forward in this one.
    const Value stale = co_await scene.queue.commit(ctx, 1, ~0U);
    CHECK(stale == fail(Errno::eoverflow));
    CHECK(scene.queue.uidx() == 0);
    const Value right = co_await scene.queue.commit(ctx, 2, 0);
    CHECK(right == 2);
  });
}

TEST_CASE("without a ring there is nothing to commit, and nothing to wait for in one") {
  QueueScene s(0);
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    const Value freed = co_await scene.queue.commit(ctx, 3, 7);
    CHECK(freed == 0);
    const Value waited = co_await scene.queue.wait(ctx, 1, 0, ctx.now());
    CHECK(waited == fail(Errno::einval));
  });
  QueueScene four;
  play_in<QueueScene>(four, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    const Value waited = co_await scene.queue.wait(ctx, 5, 0, ctx.now());
    CHECK(waited == fail(Errno::einval));
  });
}

// What follows is the interface as it was posted: an application must know it.

TEST_CASE("a ring that is full cannot be given back by one commit, but by two") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    co_await scene.make_ready(ctx, 5);
    co_await scene.fill(ctx, 4);
    const Value whole = co_await scene.commit(ctx, 0);
    CHECK(whole == 0);
    CHECK(scene.queue.full());
    const std::int64_t stuck = co_await scene.fill(ctx, 4);
    CHECK(stuck == 0);
    const Value most = co_await scene.commit(ctx, 3);
    CHECK(most == 3);
    const Value last = co_await scene.commit(ctx, 0);
    CHECK(last == 1);
    CHECK(scene.queue.space() == 4);
  });
}

TEST_CASE("of two commits in the wrong order the older one is taken for a turn of the ring") {
  SECTION("before the kernel has come round: uidx goes back, and the count is wrong") {
    QueueScene s;
    play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
      co_await scene.make_ready(ctx, 3);
      co_await scene.fill(ctx, 3);
      const Value both = co_await scene.commit(ctx, 2);
      CHECK(both == 2);
      const Value older = co_await scene.queue.commit(ctx, 1, 0);
      CHECK(older == 3);  // nothing was left to free before entry 1
      CHECK(scene.queue.uidx() == 1);
      CHECK(scene.ring.ring_over == 1);
    });
  }
  SECTION("after it: entries are freed that nobody has read") {
    QueueScene s;
    play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
      co_await scene.make_ready(ctx, 7);
      co_await scene.fill(ctx, 3);
      const Value both = co_await scene.commit(ctx, 3);
      CHECK(both == 3);
      co_await scene.fill(ctx, 3);  // events 4 to 6 in entries 3, 0, 1
      const Value older = co_await scene.queue.commit(ctx, 1, 0);
      CHECK(older == 2);
      co_await scene.make_ready(ctx, 2);
      co_await scene.fill(ctx, 4);
      CHECK(ids_of(scene.ring) == Ids{9, 6, 7, 8});  // 4 and 5 were never read
    });
  }
}

TEST_CASE("a commit of the turn before passes where it goes back, and frees what was not read") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    co_await scene.make_ready(ctx, 12);
    co_await scene.fill(ctx, 3);
    co_await scene.commit(ctx, 3);
    co_await scene.fill(ctx, 3);
    co_await scene.commit(ctx, 2);  // a turn: over is 1 now
    CHECK(scene.ring.ring_over == 1);
    co_await scene.fill(ctx, 3);  // entries 2, 3, 0
    CHECK(scene.queue.space() == 1);
    // Whoever read entry 0 in the turn before comes only now.
    const Value stale = co_await scene.queue.commit(ctx, 1, 0);
    CHECK(stale == 3);
    CHECK(scene.queue.space() == 4);
    CHECK(scene.ring.ring_over == 2);
  });
}

TEST_CASE("an empty ring lets anybody commit entries that were never written") {
  QueueScene s;
  play_in<QueueScene>(s, [](Sleepable& ctx, QueueScene& scene) -> Task<void> {
    const Value nothing = co_await scene.commit(ctx, 2);
    CHECK(nothing == 2);
    CHECK(scene.queue.space() == 2);  // the other two are lost until the next turn
  });
}
