// SPDX-License-Identifier: Apache-2.0
// Head and tail stand in memory that the user may write at any time.
#include "model/explore/random_walk.h"
#include "model/kernel/ring/completion_ring.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

constexpr std::uint32_t kSlots = 4;
constexpr std::uint64_t kTries = 40;

// Values that arithmetic on rings gets wrong, and any others.
std::uint32_t hostile(std::uint64_t seed, std::uint64_t number) {
  static constexpr std::uint32_t kEdges[] = {0, 1, 3, 4, 5, 0x7fffffff, 0x80000000, 0xffffffff};
  const std::uint64_t bits = (seed * 1'000 + number + 1) * 0x9e3779b97f4a7c15u;
  const auto value = static_cast<std::uint32_t>(bits >> 16);
  return bits >> 63 != 0 ? kEdges[value % std::size(kEdges)] : value;
}

struct Scene {
  WaitQueue sleepers{"ring"};
  CompletionRing<std::uint64_t> ring{kSlots, sleepers};
  std::uint64_t seed = 0;
  std::uint64_t in = 0;
  std::uint64_t written = 0;
  bool over = false;
  Rig rig{2};
};

Task<void> produce(Sleepable& ctx, Scene& s) {
  for (std::uint64_t i = 0; i < kTries; ++i) {
    const bool in = co_await s.ring.post(ctx, i);
    if (in) ++s.in;
    const std::uint32_t used = co_await s.ring.occupied(ctx);
    CHECK(used <= kSlots);
    CHECK(s.ring.posted() == s.in);
  }
  s.over = true;
}

Task<void> spoil(Sleepable& ctx, Scene& s) {
  const auto words = s.ring.user_words();
  for (; s.written < kTries; ++s.written) {
    const std::uint32_t value = hostile(s.seed, s.written);
    const bool head = s.written % 2 == 0;
    Shared<std::uint32_t>& word = head ? words.head : words.tail;
    co_await word.store_release(ctx, value);
    const auto taken = co_await s.ring.take(ctx);
    static_cast<void>(taken);
  }
}

}  // namespace

TEST_CASE("a ring looks neither fuller than it is nor emptier than nothing, whatever its head") {
  for (std::uint64_t number = 0; number < 64; ++number) {
    Scene s;
    s.seed = number;
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      for (std::uint64_t i = 0; i < 3; ++i) co_await scene.ring.post(ctx, i);
      const std::uint32_t value = hostile(scene.seed, 0);
      co_await scene.ring.user_words().head.store_release(ctx, value);
      const std::uint32_t used = co_await scene.ring.occupied(ctx);
      CHECK(used == std::min(3 - value, kSlots));
      const bool in = co_await scene.ring.post(ctx, 3);
      CHECK(in == (used < kSlots));
      CHECK(scene.ring.posted() == (in ? 4 : 3));
    });
    s.rig.run();
  }
}

TEST_CASE("a tail that the user wrote means nothing to the kernel, which puts its own there") {
  Scene s;
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const auto words = scene.ring.user_words();
    for (std::uint64_t i = 0; i < 100; ++i) {
      co_await words.tail.store_release(ctx, hostile(7, i));
      const std::uint32_t before = co_await scene.ring.occupied(ctx);
      CHECK(before == 0);
      const bool in = co_await scene.ring.post(ctx, i);
      CHECK(in);
      const auto entry = co_await scene.ring.take(ctx);
      CHECK(entry == i);
    }
  });
  s.rig.run();
}

TEST_CASE(
    "on no schedule does a user that writes both words keep the producer or spoil its count") {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    CAPTURE(seed);
    Scene s;
    explore::RandomWalk walk(seed);
    s.seed = seed;
    s.rig.timeline.choices().ask(&walk);
    s.rig.thread(0, s, produce);
    s.rig.thread(1, s, spoil);
    s.rig.run();
    CHECK(s.over);
    CHECK(s.written == kTries);
    CHECK(s.ring.high_water() <= kSlots);
    s.rig.timeline.choices().ask(nullptr);

    // A user that comes to its senses finds all it needs in the kernel's tail.
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      const auto tail = static_cast<std::uint32_t>(scene.ring.posted());
      co_await scene.ring.user_words().head.store_release(ctx, tail);
      for (std::uint64_t i = 0; i < kSlots; ++i) {
        const bool in = co_await scene.ring.post(ctx, i);
        CHECK(in);
      }
      const bool more = co_await scene.ring.post(ctx, 4);
      CHECK_FALSE(more);
      for (std::uint64_t i = 0; i < kSlots; ++i) {
        const auto entry = co_await scene.ring.take(ctx);
        CHECK(entry == i);
      }
    });
    s.rig.run();
    s.rig.end();
  }
}
