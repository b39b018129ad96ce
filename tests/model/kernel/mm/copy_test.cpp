// SPDX-License-Identifier: Apache-2.0
// Copies by CPUs that share memory's bandwidth.
#include "model/kernel/mm/copy.h"

#include "tests/model/kernel/rig.h"

namespace iodrome::kernel {
namespace {

constexpr int kCopies = 250;
constexpr std::uint64_t kBytes = 4096;

struct Scene {
  explicit Scene(std::int64_t bandwidth) : bus(Rate{bandwidth}) {
    rig.system.memory_bus = &bus;
    rig.system.copy_rates = {20'000'000'000, 10'000'000'000};
  }
  Rig rig{2};
  hw::MemoryBus bus;
  CacheState source = CacheState::cold;
  SimTime end[2] = {};
};

Task<void> copy_on(Sleepable& ctx, Scene& s) {
  for (int i = 0; i < kCopies; ++i) co_await charge_copy(ctx, kBytes, s.source);
  s.end[ctx.cpu().index()] = ctx.now();
}

Duration length_of(Scene& s) {
  s.rig.thread(0, s, copy_on);
  s.rig.thread(1, s, copy_on);
  s.rig.run();
  return std::max(s.end[0], s.end[1]).time_since_epoch();
}

}  // namespace

TEST_CASE("cold copies of two CPUs take as long as memory needs for three times their bytes") {
  Scene s(10'000'000'000);  // each alone would move 30 GB/s
  const Duration length = length_of(s);
  const Duration exact = Rate{10'000'000'000}.time_for(2 * kCopies * 3 * kBytes);
  CHECK(length >= exact - 1us);
  CHECK(length <= exact + 1us);
  CHECK(s.bus.bytes_carried() == 2 * kCopies * 3 * kBytes);
}

TEST_CASE("copies that memory is wide enough for go at the CPUs' own rate") {
  Scene s(100'000'000'000);
  CHECK(length_of(s) == kCopies * Rate{10'000'000'000}.time_for(kBytes));
}

TEST_CASE("hot copies need no memory") {
  Scene s(10'000'000);
  s.source = CacheState::hot;
  CHECK(length_of(s) == kCopies * Rate{20'000'000'000}.time_for(kBytes));
  CHECK(s.bus.bytes_carried() == 0);
}

}  // namespace iodrome::kernel
