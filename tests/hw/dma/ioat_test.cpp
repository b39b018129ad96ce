// SPDX-License-Identifier: Apache-2.0
#include "tests/hw/dma/ioat_host.h"

namespace iodrome::hw::test {
namespace {

std::byte pattern(std::size_t i) {
  return static_cast<std::byte>(i * 37 + i / 251);
}

// The n-th time it is asked at that site, it picks; otherwise the default.
class PickAt final : public ChoiceOracle {
 public:
  PickAt(std::string_view site, int number, std::uint32_t pick)
      : site_(site), number_(number), pick_(pick) {}
  std::uint32_t choose(Choice, std::uint32_t, const char* site) override {
    return site_ == site && --number_ == 0 ? pick_ : 0;
  }

 private:
  std::string_view site_;
  int number_;
  std::uint32_t pick_;
};

// Of what happens at one instant, the latest comes first.
class LastFirst final : public ChoiceOracle {
 public:
  std::uint32_t choose(Choice kind, std::uint32_t options, const char*) override {
    if (kind != Choice::order) return 0;
    ++asked;
    return options - 1;
  }
  int asked = 0;
};

SimTime at_time(Duration time) {
  return SimTime{} + time;
}

}  // namespace

TEST_CASE("an unloaded copy takes exactly the sum of its parameters") {
  IoatHost host;
  const PhysAddr page = host.memory.allocate_contiguous(8192);
  host.queue(page + 4096, page, 4096);
  host.ring_count();
  host.timeline.run();
  REQUIRE(host.messages.messages.size() == 1);
  // doorbell 0.1 + set-up 0.3 + 4096 B 1 + completion 0.2 + message 0.4
  CHECK(host.told() == at_time(2us));
  CHECK(host.status() == (host.ring[0] | 1));  // idle after the first descriptor
}

TEST_CASE("copies of every size and alignment move exactly their bytes") {
  IoatHost host;
  const PhysAddr from = host.memory.allocate_contiguous(1 << 17);
  const PhysAddr to = host.memory.allocate_contiguous(1 << 17);
  const auto source = host.memory.bytes(from, 1 << 17);
  for (std::size_t i = 0; i < source.size(); ++i) source[i] = pattern(i);
  for (const std::uint32_t size : {1u, 63u, 64u, 65u, 4095u, 4096u, 4097u, 65536u})
    for (const std::uint32_t shift : {0u, 1u, 7u, 4095u}) {
      const auto target = host.memory.bytes(to, 1 << 17);
      std::fill(target.begin(), target.end(), std::byte{0xee});
      host.queue(to + shift, from + 2 * shift, size);
      host.ring_count();
      host.timeline.run();
      bool right = true;
      for (std::size_t i = 0; i < target.size(); ++i) {
        const bool inside = i >= shift && i < shift + size;
        const std::byte want = inside ? pattern(i - shift + 2 * shift) : std::byte{0xee};
        right = right && target[i] == want;
      }
      CAPTURE(size, shift);
      CHECK(right);
    }
  CHECK(host.engine.counters().copies == 32);
}

TEST_CASE("a chain of large copies goes at the rate of the bus") {
  IoatHost host;
  const PhysAddr area = host.memory.allocate_contiguous(8192);
  for (int i = 0; i < 50; ++i) host.queue(area + 4096, area, 4096, i == 49 ? ioat::kInterrupt : 0);
  host.ring_count();
  host.timeline.run();
  // The first set-up is seen, the others hide behind the copy before them.
  CHECK(host.told() == at_time(100ns + 300ns + 50us + 200ns + 400ns));
}

TEST_CASE("a chain of small copies goes at the rate of the set-up") {
  IoatHost host;
  const PhysAddr area = host.memory.allocate_contiguous(8192);
  for (int i = 0; i < 50; ++i) host.queue(area + 4096, area, 512, i == 49 ? ioat::kInterrupt : 0);
  host.ring_count();
  host.timeline.run();
  CHECK(host.told() == at_time(100ns + 50 * 300ns + 125ns + 200ns + 400ns));
}

TEST_CASE("two channels share the bus") {
  IoatHost host;
  const PhysAddr area = host.memory.allocate_contiguous(8192);
  for (std::uint32_t channel : {0u, 1u}) {
    for (int i = 0; i < 20; ++i)
      host.queue(area + 4096, area, 4096, i == 19 ? ioat::kInterrupt : 0, channel);
    host.ring_count(channel);
  }
  host.timeline.run();
  REQUIRE(host.messages.messages.size() == 2);
  CHECK(host.told() == at_time(100ns + 300ns + 40us + 200ns + 400ns));
}

TEST_CASE("a null descriptor moves nothing and still interrupts") {
  IoatHost host;
  host.queue(0, 0, 0, ioat::kNull | ioat::kInterrupt);
  host.ring_count();
  host.timeline.run();
  CHECK(host.told() == at_time(100ns + 300ns + 200ns + 400ns));
  CHECK(host.engine.counters().nulls == 1);
  CHECK(host.engine.counters().bytes == 0);
}

TEST_CASE("a message held back tells of everything that ended meanwhile") {
  IoatHost host;
  std::uint16_t delay = 20;
  REQUIRE(host.engine.access(Command::write, ioat::kIntrDelay,
                             std::as_writable_bytes(std::span{&delay, 1})) == Response::ok);
  const PhysAddr area = host.memory.allocate_contiguous(8192);
  for (int i = 0; i < 10; ++i) host.queue(area + 4096, area, 4096);
  host.ring_count();
  host.timeline.run();
  REQUIRE(host.messages.messages.size() == 1);
  CHECK(host.told() == at_time(100ns + 300ns + 1us + 200ns + 20us + 400ns));
  CHECK(host.status() == ((host.ring[0] + 9 * 64) | 1));
}

TEST_CASE("an error halts the channel until a reset, and the rest of the chain then runs") {
  IoatHost host;
  PickAt oracle("ioat.transfer", 2, 1);
  host.timeline.choices().ask(&oracle);
  const PhysAddr area = host.memory.allocate_contiguous(8192);
  for (int i = 0; i < 4; ++i) host.queue(area + 4096, area, 4096);
  host.ring_count();
  host.timeline.run();
  CHECK(host.status() == (host.ring[0] | 3));
  CHECK(host.read(0, ioat::kChanErr, 4) == ioat::kErrorReadData);
  CHECK(host.engine.counters().copies == 1);
  const std::uint64_t told = host.messages.messages.size();

  host.write(0, ioat::kChanCmd, ioat::kCmdReset, 1);
  host.write(0, ioat::kChanErr, ioat::kErrorReadData, 4);
  CHECK(host.read(0, ioat::kChanErr, 4) == 0);
  host.write(0, ioat::kChainAddr, host.ring[0] + 2 * 64, 8);
  host.at_reset[0] = 2;
  host.ring_count();
  host.timeline.run();
  CHECK(host.engine.counters().copies == 3);
  CHECK(host.messages.messages.size() == told + 2);
  CHECK(host.status() == ((host.ring[0] + 3 * 64) | 1));
  host.timeline.choices().ask(nullptr);
}

// Set-up hides behind the copy, so that a descriptor that moves nothing ends at the copy's instant.
TEST_CASE("of two ends of one instant the later one stands in memory, whichever comes first") {
  for (const bool fails : {false, true})
    for (const bool swapped : {false, true}) {
      CAPTURE(fails, swapped);
      IoatHost host;
      LastFirst oracle;
      if (swapped) host.timeline.choices().ask(&oracle);
      const PhysAddr area = host.memory.allocate_contiguous(8192);
      host.queue(area + 4096, area, 4096, 0);
      host.queue(0, 0, 0, (fails ? 0 : ioat::kNull) | ioat::kInterrupt);
      host.ring_count();
      host.timeline.run();
      CHECK((oracle.asked > 0) == swapped);
      CHECK(host.status() == (fails ? host.ring[0] | 3 : (host.ring[0] + 64) | 1));
      CHECK(host.messages.messages.size() == 1);
      CHECK(host.told() == at_time(2us));
      host.timeline.choices().ask(nullptr);
    }
}

TEST_CASE("what a host does wrong is named in CHANERR") {
  const auto error_of = [](std::uint32_t size, std::uint32_t control, PhysAddr from, bool chain) {
    IoatHost host;
    const PhysAddr page = host.memory.allocate_contiguous(4096);
    host.queue(page, from == 0 ? page : from, size, control);
    if (chain) host.write(0, ioat::kChainAddr, PhysAddr{1} << 50, 8);
    host.ring_count();
    host.timeline.run();
    return host.read(0, ioat::kChanErr, 4);
  };
  CHECK(error_of(0, 0, 0, false) == ioat::kErrorLength);
  CHECK(error_of((1 << 20) + 1, 0, 0, false) == ioat::kErrorLength);
  CHECK(error_of(64, 7u << 24, 0, false) == ioat::kErrorControl);
  CHECK(error_of(64, 0, PhysAddr{1} << 50, false) == ioat::kErrorSource);
  CHECK(error_of(64, 0, 0, true) == ioat::kErrorNext);
}

TEST_CASE("a reset in the middle of a copy drops it silently") {
  IoatHost host;
  const PhysAddr area = host.memory.allocate_contiguous(8192);
  host.queue(area + 4096, area, 4096);
  host.ring_count();
  host.timeline.run(at_time(1us));
  host.write(0, ioat::kChanCmd, ioat::kCmdReset, 1);
  host.timeline.run();
  CHECK(host.messages.messages.empty());
  CHECK(host.status() == 0);
  CHECK(host.engine.activities().count() == 0);
}

}  // namespace iodrome::hw::test
