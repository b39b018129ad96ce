// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/nic/moderation.h"

#include <catch2/catch.hpp>

using namespace iodrome;
using namespace iodrome::drivers;

namespace {

constexpr Traffic kNothing{};
constexpr Traffic kPing{1, 66};
constexpr Traffic kMixed{20, 8'000};
constexpr Traffic kFullFrames{40, 60'000};  // of 1,500 bytes
constexpr Traffic kManySmall{100, 30'000};
constexpr Traffic kHuge{2, 60'000};  // cut by the card

// The interval after so many polls of one kind of traffic, in whole interrupts per second.
std::int64_t rate_after(InterruptModeration& moderation, int polls, const Traffic& received,
                        const Traffic& sent = kNothing) {
  for (int i = 0; i < polls; ++i) moderation.polled(received, sent);
  return Duration{1s} / moderation.interval();
}

}  // namespace

TEST_CASE("moderation begins with 20,000 interrupts a second and keeps it for mixed traffic") {
  InterruptModeration moderation(true);
  CHECK(moderation.interval() == 50us);
  CHECK_FALSE(moderation.polled(kMixed, kNothing));
  CHECK_FALSE(moderation.polled(kNothing, kNothing));
  CHECK(moderation.interval() == 50us);
}

TEST_CASE("huge frames either way come down to 4,000 interrupts a second at once") {
  InterruptModeration receives(false);
  CHECK(receives.polled(kHuge, kNothing) == 250us);
  InterruptModeration sends(false);
  CHECK(sends.polled(kPing, kHuge) == 250us);
}

TEST_CASE("many full frames are bulk for whom low latency is enough") {
  InterruptModeration conservative(true);
  CHECK_FALSE(conservative.polled(kFullFrames, kNothing));
  CHECK(conservative.polled(kFullFrames, kNothing) == 250us);
  // Who has the lowest takes many frames for the reason to have it.
  InterruptModeration dynamic(false);
  CHECK(rate_after(dynamic, 10, kFullFrames) == 70'000);
}

TEST_CASE("after bulk a little traffic goes up by a quarter of the aim at a time") {
  InterruptModeration moderation(true);
  CHECK(rate_after(moderation, 2, kFullFrames) == 4'000);
  CHECK(moderation.polled(kMixed, kNothing) == std::nullopt);  // 8,000 bytes: still bulk
  for (const int rate : {9'000, 14'000, 19'000, 20'000})
    CHECK(moderation.polled(kPing, kNothing) == Duration{1s} / rate);
  CHECK_FALSE(moderation.polled(kPing, kNothing));
}

TEST_CASE("small traffic goes up to 70,000 interrupts a second unless it is conservative") {
  InterruptModeration dynamic(false);
  CHECK(rate_after(dynamic, 10, kPing) == 70'000);
  CHECK(rate_after(dynamic, 10, kManySmall) == 70'000);
  // A few larger frames bear some latency again.
  CHECK(rate_after(dynamic, 1, {2, 1'000}) == 20'000);
  InterruptModeration conservative(true);
  CHECK(rate_after(conservative, 10, kPing) == 20'000);
}

TEST_CASE("the direction that bears more latency decides") {
  InterruptModeration moderation(false);
  CHECK(rate_after(moderation, 10, kPing, kPing) == 70'000);
  CHECK(rate_after(moderation, 1, kPing, kHuge) == 4'000);
  CHECK(rate_after(moderation, 10, kPing, kHuge) == 4'000);
}
