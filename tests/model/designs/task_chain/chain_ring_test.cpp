// SPDX-License-Identifier: Apache-2.0
// What becomes of completions that find the ring full.
#include "model/designs/task_chain/chain_ring.h"

#include "tests/model/designs/task_chain/ring_scene.h"
#include "tests/model/kernel/fail_allocation.h"

namespace iodrome::designs::task_chain {
namespace {

// Ends chains 0 … count-1; how many were accepted.
Task<std::uint64_t> run_chains(Atomic& ctx, RingScene& s, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const bool accepted = co_await s.run_chain(ctx, i);
    if (!accepted) co_return i;
  }
  co_return count;
}

}  // namespace

TEST_CASE("reserve: a chain is accepted with a slot of its own, free again when it is taken") {
  RingScene s(ring_params(RingFull::reserve));
  play_in<RingScene>(s, [](Sleepable& ctx, RingScene& scene) -> Task<void> {
    const std::uint64_t accepted = co_await run_chains(ctx, scene, 6);
    CHECK(accepted == 4);
    const auto oldest = co_await scene.ring.take(ctx);
    CHECK(oldest->user_data == 0);
    scene.ring.accept();
    const bool more = co_await scene.ring.room(ctx);
    CHECK_FALSE(more);  // it is under way, and the slot is its own already
    co_await scene.end_chain(ctx, 9);
    const Entries all = co_await scene.take_all(ctx);
    CHECK(all == Entries{1, 2, 3, 9});
    CHECK(scene.ring.counts().dropped == 0);
    CHECK(scene.ring.counts().high_water == 4);
  });
}

TEST_CASE("hold: nothing comes into the ring but by the consumer's call, and nothing is lost") {
  RingScene s(ring_params(RingFull::hold));
  s.costs.ready_list.each = 20ns;
  s.costs.ring_post.each = 40ns;
  play_in<RingScene>(s, [](Sleepable& ctx, RingScene& scene) -> Task<void> {
    const std::uint64_t accepted = co_await run_chains(ctx, scene, 10);
    CHECK(accepted == 8);  // max_chains
    CHECK(scene.rig.now() == 8 * 20ns);
    Entries none = co_await scene.take_all(ctx);
    CHECK(none.empty());
    Entries all;
    for (int turn = 0; turn < 2; ++turn) {
      const std::size_t moved = co_await scene.move_all(ctx);
      CHECK(moved == 4);
      const bool again = co_await scene.run_chain(ctx, 8 + static_cast<std::uint64_t>(turn));
      CHECK(again);  // the ring's entries are the user's, not the kernel's
      const Entries some = co_await scene.take_all(ctx);
      all.insert(all.end(), some.begin(), some.end());
    }
    CHECK(all == Entries{0, 1, 2, 3, 4, 5, 6, 7});
    CHECK(scene.ring.counts().held == 10);
    CHECK(scene.ring.counts().dropped == 0);
    CHECK(scene.costs.ring_post.count == 8);
  });
}

TEST_CASE("spill: what finds the ring full goes to the list, and what comes later behind it") {
  RingScene s(ring_params(RingFull::spill));
  play_in<RingScene>(s, [](Sleepable& ctx, RingScene& scene) -> Task<void> {
    const std::uint64_t accepted = co_await run_chains(ctx, scene, 6);
    CHECK(accepted == 6);
    CHECK(scene.costs.overflow_entry.count == 2);
    Entries all = co_await scene.take_all(ctx);
    CHECK(all == Entries{0, 1, 2, 3});
    const bool late = co_await scene.run_chain(ctx, 6);  // there is room, but not for it
    CHECK(late);
    const Entries none = co_await scene.take_all(ctx);
    CHECK(none.empty());
    const std::size_t moved = co_await scene.move_all(ctx);
    CHECK(moved == 3);
    const bool last = co_await scene.run_chain(ctx, 7);
    CHECK(last);
    all = co_await scene.take_all(ctx);
    CHECK(all == Entries{4, 5, 6, 7});
    CHECK(scene.ring.counts().spilled == 3);
    CHECK(scene.ring.counts().held == 0);
  });
}

TEST_CASE("spill: without memory for an overflow entry that completion is lost, and counted") {
  RingScene s(ring_params(RingFull::spill));
  FailAllocation fails(2, "chain overflow entry");
  s.rig.timeline.choices().ask(&fails);
  play_in<RingScene>(s, [](Sleepable& ctx, RingScene& scene) -> Task<void> {
    co_await run_chains(ctx, scene, 7);
    Entries all = co_await scene.take_all(ctx);
    co_await scene.move_all(ctx);
    const Entries rest = co_await scene.take_all(ctx);
    all.insert(all.end(), rest.begin(), rest.end());
    CHECK(all == Entries{0, 1, 2, 3, 4, 6});
    const ChainRing::View view = co_await scene.ring.look(ctx);
    CHECK(view.dropped == 1);
    CHECK(view.completed == 7);
  });
  CHECK(fails.failed());
  s.rig.timeline.choices().ask(nullptr);
}

TEST_CASE("drop: what finds the ring full is lost, and counted where the user sees it") {
  RingScene s(ring_params(RingFull::drop));
  play_in<RingScene>(s, [](Sleepable& ctx, RingScene& scene) -> Task<void> {
    const std::uint64_t accepted = co_await run_chains(ctx, scene, 20);
    CHECK(accepted == 20);  // those that ended are in nobody's way
    const ChainRing::View view = co_await scene.ring.look(ctx);
    CHECK(view.entries);
    CHECK(view.dropped == 16);
    CHECK(view.completed == 20);
    const Entries all = co_await scene.take_all(ctx);
    CHECK(all == Entries{0, 1, 2, 3});
    CHECK(scene.ring.counts().dropped == 16);
  });
}

TEST_CASE("drop and hold: no more chains are under way than max_chains") {
  for (const RingFull full : {RingFull::drop, RingFull::hold, RingFull::spill}) {
    RingScene s(ring_params(full));
    play_in<RingScene>(s, [](Sleepable& ctx, RingScene& scene) -> Task<void> {
      for (int i = 0; i < 8; ++i) scene.ring.accept();
      const bool ninth = co_await scene.ring.room(ctx);
      CHECK_FALSE(ninth);
    });
  }
}

TEST_CASE("reserve: a head that the user puts back loses the user's own entries, no one's count") {
  RingScene s(ring_params(RingFull::reserve));
  play_in<RingScene>(s, [](Sleepable& ctx, RingScene& scene) -> Task<void> {
    co_await run_chains(ctx, scene, 4);
    co_await scene.take_all(ctx);
    const bool room = co_await scene.ring.room(ctx);
    CHECK(room);
    scene.ring.accept();
    const auto words = scene.ring.user_words();
    co_await words.head.store_release(ctx, 0);
    co_await scene.end_chain(ctx, 5);
    CHECK(scene.ring.counts().dropped == 1);
    co_await words.head.store_release(ctx, 4);
    CHECK(scene.ring.slots_free() == 4);
    const std::uint64_t accepted = co_await run_chains(ctx, scene, 5);
    CHECK(accepted == 4);
  });
}

}  // namespace iodrome::designs::task_chain
