// SPDX-License-Identifier: Apache-2.0
#include "hw/memory/memory_bus.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace iodrome;
using namespace iodrome::hw;

namespace {

constexpr Duration kSlice{std::int64_t{1} << 19};  // of the bus

SimTime at(Duration since_start) {
  return SimTime{since_start};
}

SimTime carry(MemoryBus& bus, SimTime from, SimTime until, std::int64_t bytes) {
  return bus.carry(from, {from, until}, bytes);
}

// Carries `count` transfers one after another, each as soon as the one before has ended.
SimTime one_by_one(MemoryBus& bus, int count, Duration alone, std::int64_t bytes) {
  SimTime now{};
  for (int i = 0; i < count; ++i) now = carry(bus, now, now + alone, bytes);
  return now;
}

}  // namespace

TEST_CASE("a transfer with memory to itself takes its own time") {
  MemoryBus bus(Rate{1'000'000'000});
  CHECK(carry(bus, at(3us), at(7us), 4000) == at(7us));  // the whole bandwidth
  CHECK(bus.held_up() == Duration{0});
  CHECK(bus.bytes_carried() == 4000);
}

TEST_CASE("without a bandwidth nothing waits") {
  MemoryBus bus(Rate{0});
  for (int i = 0; i < 100; ++i) CHECK(carry(bus, at(1us), at(2us), 1 << 30) == at(2us));
}

TEST_CASE("a transfer faster than memory takes as long as memory") {
  MemoryBus bus(Rate{1'000'000'000});
  const SimTime end = carry(bus, at(0us), at(1us), 100'000);
  CHECK(end >= at(100us) - kSlice);
  CHECK(end <= at(100us) + kSlice);
}

TEST_CASE("two that together want less than all of it do not notice each other") {
  MemoryBus bus(Rate{1'000'000'000});
  CHECK(carry(bus, at(0us), at(100us), 40'000) == at(100us));
  CHECK(carry(bus, at(10us), at(90us), 40'000) == at(90us));
  CHECK(bus.held_up() == Duration{0});
}

TEST_CASE("who begins first is served first and the next has what is left") {
  MemoryBus bus(Rate{1'000'000'000});
  CHECK(carry(bus, at(0us), at(100us), 75'000) == at(100us));
  // A quarter is left for 100 us, then all of it, of which it can use three quarters.
  const SimTime end = carry(bus, at(0us), at(100us), 75'000);
  const SimTime exact = at(100us) + Duration{50'000us} / 750;
  CHECK(end >= exact - 2 * kSlice);
  CHECK(end <= exact + 2 * kSlice);
}

TEST_CASE("short transfers one after another come to the bandwidth exactly") {
  MemoryBus bus(Rate{500'000'000});
  const SimTime end = one_by_one(bus, 1000, 1us, 1000);  // each alone at twice the bandwidth
  CHECK(end >= at(2ms) - kSlice);
  CHECK(end <= at(2ms) + kSlice);
}

TEST_CASE("short transfers pass beside a long one") {
  MemoryBus bus(Rate{1'000'000'000});
  CHECK(carry(bus, at(0us), at(10ms), 5'000'000) == at(10ms));  // half of it for 10 ms
  SimTime now{};
  for (int i = 0; i < 1000; ++i) now = carry(bus, now, now + 1us, 1000);
  CHECK(now >= at(2ms) - kSlice);
  CHECK(now <= at(2ms) + kSlice);
}

TEST_CASE("a trickle takes nothing from others") {
  MemoryBus bus(Rate{1'000'000'000});
  CHECK(carry(bus, at(0us), at(10ms), 30'000) == at(10ms));
  CHECK(carry(bus, at(0us), at(100us), 100'000) == at(100us));
  CHECK(bus.bytes_carried() == 130'000);
}

TEST_CASE("a slice of the past is forgotten") {
  MemoryBus bus(Rate{1'000'000'000});
  carry(bus, at(0us), at(1us), 20'000);
  CHECK(carry(bus, at(10ms), at(10ms) + 1us, 1000) == at(10ms) + 1us);
}

TEST_CASE("what waits for its device's own link has not begun") {
  // 100 transfers of 5,000 bytes that a link of half the bandwidth takes one after another.
  MemoryBus bus(Rate{1'000'000'000});
  for (int i = 0; i < 100; ++i) {
    const SimTime from = at(i * 10us);
    CHECK(bus.carry(at(0us), {from, from + 10us}, 5'000) == from + 10us);
  }
  // Beside them there is half of the bandwidth left for somebody else until the last one ends.
  const SimTime end = bus.carry(at(0us), {at(0us), at(100us)}, 100'000);
  CHECK(end >= at(200us) - 2 * kSlice);
  CHECK(end <= at(200us) + 2 * kSlice);
}

TEST_CASE("a bus hurries nobody who queues far ahead of time") {
  MemoryBus bus(Rate{1'000'000'000});
  // So far ahead that the ring of slices must grow, and what was booked before it must stay.
  CHECK(carry(bus, at(0us), at(10us), 10'000) == at(10us));
  CHECK(bus.carry(at(0us), {at(1ms), at(1ms) + 1us}, 1'000) == at(1ms) + 1us);
  const SimTime end = carry(bus, at(0us), at(10us), 10'000);
  CHECK(end >= at(20us) - kSlice);
  CHECK(end <= at(20us) + kSlice);
}

TEST_CASE("short transfers count however small they are") {
  MemoryBus bus(Rate{1'000'000'000});
  SimTime last{};
  // Two bytes in a nanosecond is twice the bandwidth.
  for (int i = 0; i < 10'000; ++i) last = std::max(last, carry(bus, at(0us), at(1ns), 2));
  CHECK(last >= at(20us) - kSlice);
  CHECK(last <= at(20us) + kSlice);
}
