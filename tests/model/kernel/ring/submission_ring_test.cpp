// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/ring/submission_ring.h"

#include "model/explore/random_walk.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct Scene {
  explicit Scene(std::uint32_t entries, std::uint32_t first = 0) : ring(entries, first) {}
  SubmissionRing<std::uint64_t> ring;
  std::vector<std::uint64_t> taken;
  std::uint64_t pushed = 0;
  std::uint64_t wanted = 0;
  bool copies_first = true;
  Rig rig{2};
};

// One entry, if there is room.
Task<bool> push(Sleepable& ctx, Scene& s, std::uint64_t entry) {
  const std::uint32_t head = co_await s.ring.load_head(ctx);
  if (s.ring.room(head) == 0) co_return false;
  s.ring.write(entry);
  co_await s.ring.publish(ctx);
  co_return true;
}

// Everything that waits, as a kernel takes it: the copies are made before the slots go back, unless
// it is careless.
Task<std::uint32_t> drain(Sleepable& ctx, Scene& s) {
  const std::uint32_t tail = co_await s.ring.load_tail(ctx);
  const std::uint32_t count = s.ring.waiting(tail);
  std::vector<const std::uint64_t*> seen;
  for (std::uint32_t i = 0; i < count; ++i) seen.push_back(&s.ring.take());
  std::vector<std::uint64_t> copies;
  if (s.copies_first)
    for (const std::uint64_t* entry : seen) copies.push_back(*entry);
  co_await s.ring.commit(ctx);
  if (!s.copies_first) {
    co_await smp_mb(ctx);
    for (const std::uint64_t* entry : seen) copies.push_back(*entry);
  }
  s.taken.insert(s.taken.end(), copies.begin(), copies.end());
  co_return count;
}

Task<void> produce(Sleepable& ctx, Scene& s) {
  while (s.pushed < s.wanted) {
    const bool in = co_await push(ctx, s, s.pushed + 1);
    if (in) ++s.pushed;
  }
}

// A kernel thread that polls the ring, as SQPOLL does.
Task<void> poll(Sleepable& ctx, Scene& s) {
  while (s.taken.size() < s.wanted) co_await drain(ctx, s);
}

// Whether every entry was taken once and in order, on a walk of its own per seed.
int wrong_in_1000(std::uint32_t first, bool copies_first) {
  int wrong = 0;
  for (std::uint64_t seed = 0; seed < 1000; ++seed) {
    explore::RandomWalk walk(seed);
    Scene s(2, first);
    s.wanted = 7;
    s.copies_first = copies_first;
    s.rig.timeline.choices().ask(&walk);
    s.rig.thread(0, s, produce);
    s.rig.thread(1, s, poll);
    s.rig.run();
    bool right = s.taken.size() == s.wanted;
    for (std::size_t i = 0; i < s.taken.size(); ++i) right = right && s.taken[i] == i + 1;
    wrong += right ? 0 : 1;
    s.rig.end();
  }
  return wrong;
}

constexpr std::uint32_t kBeforeTheWrap = 0xffff'fffd;

}  // namespace

TEST_CASE("a submission ring takes as many entries as it has, and more once the kernel commits") {
  Scene s(4);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    for (std::uint64_t i = 0; i < 4; ++i) {
      const bool in = co_await push(ctx, scene, i);
      CHECK(in);
    }
    const bool fifth = co_await push(ctx, scene, 4);
    CHECK_FALSE(fifth);
    const std::uint32_t tail = co_await scene.ring.load_tail(ctx);
    CHECK(scene.ring.waiting(tail) == 4);
    CHECK(scene.ring.take() == 0);
    const bool before_the_commit = co_await push(ctx, scene, 5);
    CHECK_FALSE(before_the_commit);
    co_await scene.ring.commit(ctx);
    const bool after_it = co_await push(ctx, scene, 5);
    CHECK(after_it);
    const std::uint32_t rest = co_await drain(ctx, scene);
    CHECK(rest == 4);
    CHECK(scene.taken == std::vector<std::uint64_t>{1, 2, 3, 5});
  });
  s.rig.run();
}

TEST_CASE("what is written is not seen before it is published") {
  Scene s(4);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    scene.ring.write(1);
    scene.ring.write(2);
    const std::uint32_t before = co_await drain(ctx, scene);
    CHECK(before == 0);
    co_await scene.ring.publish(ctx);
    const std::uint32_t after = co_await drain(ctx, scene);
    CHECK(after == 2);
  });
  s.rig.run();
}

TEST_CASE("entries keep their order while the indices wrap at 2^32") {
  Scene s(4, kBeforeTheWrap);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    std::uint64_t in = 0;
    for (std::uint64_t turn = 0; turn < 20; ++turn) {
      for (std::uint64_t i = 0; i <= turn % 4; ++i) {
        const bool pushed = co_await push(ctx, scene, in);
        REQUIRE(pushed);
        ++in;
      }
      const std::uint32_t count = co_await drain(ctx, scene);
      REQUIRE(count == turn % 4 + 1);
    }
    REQUIRE(scene.taken.size() == in);
    for (std::uint64_t i = 0; i < in; ++i) CHECK(scene.taken[i] == i);
  });
  s.rig.run();
}

TEST_CASE("a full ring is full across the wrap too") {
  Scene s(4, kBeforeTheWrap);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    std::uint64_t in = 0;
    for (bool pushed = true; pushed; in += pushed ? 1 : 0) pushed = co_await push(ctx, scene, in);
    CHECK(in == 4);
  });
  s.rig.run();
}

TEST_CASE("whatever a user writes into the tail, the kernel takes a ring full at most") {
  for (const std::uint32_t tail : {0u, 5u, 0x7fff'ffffu, 0x8000'0000u, 0xffff'ffffu}) {
    Scene s(4);
    s.wanted = tail;
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      const auto hostile = static_cast<std::uint32_t>(scene.wanted);
      co_await scene.ring.mapped_tail().store_release(ctx, hostile);
      const std::uint32_t count = co_await drain(ctx, scene);
      CHECK(count == std::min(hostile, 4u));
      // And it goes on from where it was itself: behind a tail that runs backwards, too.
      co_await scene.ring.mapped_tail().store_release(ctx, count - 1);
      const std::uint32_t backwards = co_await drain(ctx, scene);
      CHECK(backwards == 4);
    });
    s.rig.run();
  }
}

TEST_CASE("a submission ring whose size is no power of two is an internal error") {
  CHECK_THROWS_AS((SubmissionRing<int>(3)), InternalError);
}

TEST_CASE("a random walk loses and doubles no entry between a user and a polling kernel") {
  CHECK(wrong_in_1000(0, true) == 0);
  CHECK(wrong_in_1000(kBeforeTheWrap, true) == 0);
}

TEST_CASE("a random walk finds a kernel that gives slots back before it has copied them") {
  CHECK(wrong_in_1000(0, false) > 0);
}
