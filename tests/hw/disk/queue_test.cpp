// SPDX-License-Identifier: Apache-2.0
// The disk's queue: what it serves next, against a reference that shares no code with it.
#include <catch2/catch.hpp>

#include <cmath>
#include <set>

#include "tests/hw/disk/host.h"
#include "tests/hw/disk/round_disk.h"
#include "tests/hw/part_file.h"
#include "tests/hw/scripted_oracle.h"

namespace iodrome::hw::test {
namespace {

using disk::AtaCommand;
using Int = std::int64_t;

// A disk with the figures of round_disk(), worked out the long way round: angles are counted in
// sector slots of 8 us, and every waiting request is looked at.
class Reference {
 public:
  struct Request {
    std::uint32_t slot;
    Int sector;
    Int arrived;  // ps
  };

  explicit Reference(Int phase) : phase_(phase) {}

  // Serves one request that the disk turns to at `now`; returns its slot, and when it has ended.
  std::pair<std::uint32_t, Int> serve(std::vector<Request>& waiting, Int now, Int age) {
    const Int start = now + kOverhead;
    std::size_t best = 0;
    if (now - waiting[0].arrived < age)
      for (std::size_t i = 1; i < waiting.size(); ++i)
        if (begins(waiting[i].sector, start) < begins(waiting[best].sector, start)) best = i;
    const Request request = waiting[best];
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(best));
    const Int passed = begins(request.sector, start) + kSector;
    cylinder_ = request.sector / 3'000;
    head_ = request.sector / 1'000 % 3;
    return {request.slot, passed + kOverInterface};
  }

 private:
  static constexpr Int kUs = 1'000'000;
  static constexpr Int kTurn = 8'000 * kUs;
  static constexpr Int kSector = 8 * kUs;
  static constexpr Int kOverhead = 300 * kUs;
  static constexpr Int kOverInterface = 2 * kUs;  // 512 B

  static Int seek(Int distance) {
    if (distance == 0) return 0;
    if (distance <= 1'000) {
      // The largest root whose square fits, in steps of 2^-16.
      const auto square = static_cast<long double>(distance - 1) / 999;
      Int root = static_cast<Int>(std::sqrt(square) * 65'536);
      const auto fits = [&](Int r) {
        return static_cast<Wide>(r) * static_cast<Wide>(r) * 999 <= static_cast<Wide>(distance - 1)
                                                                        << 32;
      };
      while (!fits(root)) --root;
      while (fits(root + 1)) ++root;
      return 800 * kUs +
             static_cast<Int>(static_cast<Wide>(7'700 * kUs) * static_cast<Wide>(root) / 65'536);
    }
    return 8'500 * kUs + 9'500 * kUs / 1'999 * (distance - 1'000) +
           9'500 * kUs % 1'999 * (distance - 1'000) / 1'999;
  }

  Int begins(Int sector, Int start) const {
    const Int cylinder = sector / 3'000;
    const Int head = sector / 1'000 % 3;
    Int ready = start + seek(std::abs(cylinder - cylinder_));
    if (cylinder == cylinder_ && head != head_) ready += 600 * kUs;
    // Tracks are skewed by 75 slots a head and, after two of those, 100 a cylinder.
    const Int slot = (sector % 1'000 + 75 * head + 250 * cylinder) % 1'000;
    Int turned = (ready + phase_) % kTurn;
    Int wait = slot * kSector - turned;
    if (wait < 0) wait += kTurn;
    return ready + wait;
  }

  Int phase_;
  Int cylinder_ = 0;
  Int head_ = 0;
};

Int phase_of(const DiskParams& params, std::uint64_t seed) {
  const auto turn = static_cast<std::uint64_t>(to_ps(params.revolution()));
  return static_cast<Int>(below(draw(seed, Purpose::media_read, 7), turn));
}

Int random_sector(std::uint64_t seed, std::uint64_t number, Int sectors) {
  return static_cast<Int>(
      below(draw(seed, Purpose::access_offset, number), static_cast<std::uint64_t>(sectors)));
}

struct Ended {
  std::uint32_t slot;
  Int time;  // when the host heard of it
  bool operator==(const Ended&) const = default;
};

// `depth` random reads of one sector are kept queued; what the device does.
std::vector<Ended> on_the_device(const DiskParams& params, std::uint64_t seed, std::uint32_t depth,
                                 std::size_t reads) {
  DiskHost host(params, false, seed);
  std::uint64_t number = 0;
  const auto next = [&](std::uint32_t slot) {
    host.queue(slot, AtaCommand::read_fpdma_queued,
               static_cast<std::uint64_t>(random_sector(seed, number++, 9'000'000)), 1);
  };
  std::vector<Ended> ended;
  host.on_done = [&](std::uint32_t slot) {
    ended.push_back({slot, to_ps(host.timeline.now().time_since_epoch())});
    if (number < reads) next(slot);
  };
  for (std::uint32_t slot = 0; slot < depth; ++slot) next(slot);
  host.timeline.run();
  return ended;
}

// The same by the reference; a request is told 0.3 us after its end and the next arrives 1.15 us
// after that.
std::vector<Ended> by_the_reference(const DiskParams& params, std::uint64_t seed,
                                    std::uint32_t depth, std::size_t reads) {
  Reference disk(phase_of(params, seed));
  constexpr Int kArrives = 1'150'000;
  constexpr Int kTold = 300'000;
  std::uint64_t number = 0;
  std::vector<Reference::Request> waiting;
  std::vector<Reference::Request> coming;
  for (std::uint32_t slot = 0; slot < depth; ++slot)
    coming.push_back({slot, random_sector(seed, number++, 9'000'000), kArrives});
  std::vector<Ended> ended;
  Int now = kArrives;
  // The first command finds an idle disk, before the others are there.
  waiting.push_back(coming.front());
  coming.erase(coming.begin());
  while (ended.size() < reads) {
    if (waiting.empty()) {
      now = coming.front().arrived;
      waiting.push_back(coming.front());
      coming.erase(coming.begin());
    }
    const auto [slot, end] = disk.serve(waiting, now, to_ps(params.queue_age));
    ended.push_back({slot, end + kTold});
    now = end;
    if (number < reads)
      coming.push_back({slot, random_sector(seed, number++, 9'000'000), end + kTold + kArrives});
    while (!coming.empty() && coming.front().arrived <= now) {
      waiting.push_back(coming.front());
      coming.erase(coming.begin());
    }
  }
  return ended;
}

}  // namespace

TEST_CASE("queued reads go by shortest positioning time, as a reference that looks at all says") {
  const DiskParams params = round_disk();
  for (const std::uint32_t depth : {1u, 2u, 8u, 32u}) {
    CAPTURE(depth);
    const std::vector<Ended> device = on_the_device(params, depth, depth, 2'000);
    REQUIRE(device.size() == 2'000);
    CHECK(device == by_the_reference(params, depth, depth, 2'000));
  }
}

TEST_CASE("who has waited for the age limit goes first, as in the reference") {
  DiskParams params = round_disk();
  params.queue_age = 200ms;
  CHECK(on_the_device(params, 3, 32, 2'000) == by_the_reference(params, 3, 32, 2'000));
  CHECK(on_the_device(params, 3, 32, 2'000) != on_the_device(round_disk(), 3, 32, 2'000));
  // No age at all is first come, first served.
  params.queue_age = 0ms;
  const std::vector<Ended> fifo = on_the_device(params, 3, 8, 400);
  for (std::size_t i = 0; i < fifo.size(); ++i) REQUIRE(fifo[i].slot == i % 8);
}

TEST_CASE("the age limit keeps the longest wait near it; without, some wait far longer") {
  const auto longest = [](Duration age) {
    DiskParams params = round_disk();
    params.queue_age = age;
    const std::vector<Ended> ended = on_the_device(params, 1, 32, 4'000);
    std::vector<Int> since(32, 0);
    Int most = 0;
    for (const Ended& one : ended) {
      most = std::max(most, one.time - since[one.slot]);
      since[one.slot] = one.time;
    }
    return ps(most);
  };
  CHECK(longest(10s) > 600ms);
  // Above the limit only what is as old goes before it: at most a queue of 32, at 13 ms and less.
  CHECK(longest(300ms) < 500ms);
}

TEST_CASE("a full queue makes 2.4 and 2.3 times as many random reads of the shipped parts") {
  struct Expected {
    const char* name;
    double one;  // reads per second, as the disk's page says
    double queued;
  };
  for (const Expected& expected :
       {Expected{"sata_7200_2007", 79, 189}, Expected{"sas_15k_2007", 182, 424}}) {
    CAPTURE(expected.name);
    const DiskParams params = part<DiskParams>("disk", expected.name);
    const auto rate = [&](std::uint32_t depth) {
      DiskHost host(params, false, 1);
      std::uint64_t number = 0;
      const auto next = [&](std::uint32_t slot) {
        host.queue(
            slot, AtaCommand::read_fpdma_queued,
            static_cast<std::uint64_t>(random_sector(1, number++, host.device.sectors() - 8)), 8);
      };
      host.on_done = [&](std::uint32_t slot) {
        if (number < 2'000) next(slot);
      };
      for (std::uint32_t slot = 0; slot < depth; ++slot) next(slot);
      host.timeline.run();
      CHECK(host.done.size() == 2'000);
      return 2'000 / (static_cast<double>(to_ps(host.done.back().time - SimTime{})) / 1e12);
    };
    CHECK(rate(1) == Approx(expected.one).margin(0.5));
    CHECK(rate(32) == Approx(expected.queued).margin(0.5));
  }
}

TEST_CASE("two that are reached at the same time go in the order of their arrival") {
  DiskHost host(round_disk());
  for (std::uint32_t slot : {5u, 2u, 9u}) host.queue(slot, AtaCommand::read_fpdma_queued, 777, 1);
  host.timeline.run();
  REQUIRE(host.done.size() == 3);
  CHECK(host.done[0].slot == 5);
  CHECK(host.done[1].slot == 2);
  CHECK(host.done[2].slot == 9);
}

TEST_CASE("what the buffer holds is served before what needs the arm") {
  DiskParams params = round_disk();
  params.buffer_size = 512 * 1000;
  DiskHost host(params);
  host.run(AtaCommand::read_dma_ext, 5'000, 100);
  host.done.clear();
  host.queue(0, AtaCommand::read_fpdma_queued, 8'000'000, 1);  // taken up before the others come
  for (std::uint32_t slot = 1; slot < 4; ++slot)
    host.queue(slot, AtaCommand::read_fpdma_queued, 6'000 + 100 * slot, 1);
  host.queue(4, AtaCommand::read_fpdma_queued, 8'000'000, 1);
  host.timeline.run();
  REQUIRE(host.done.size() == 5);
  CHECK(host.done[0].slot == 0);
  CHECK(host.done[1].slot == 4);  // the sector that was just read
}

TEST_CASE("queued and other commands do not mix: whoever comes second fails, the first does not") {
  DiskHost host(round_disk());
  host.queue(0, AtaCommand::read_fpdma_queued, 100, 1);
  host.prepare(1, AtaCommand::read_dma_ext, 200, 1);
  host.issue(2);
  host.timeline.run();
  REQUIRE(host.done.size() == 2);
  CHECK_FALSE(host.done[0].failed);
  CHECK(host.done[1].failed);
  host.done.clear();
  host.prepare(1, AtaCommand::read_dma_ext, 200, 1);
  host.issue(2);
  host.queue(0, AtaCommand::read_fpdma_queued, 100, 1);
  host.timeline.run();
  REQUIRE(host.done.size() == 2);
  CHECK_FALSE(host.done[0].failed);
  CHECK(host.done[1].failed);
  CHECK(host.read(disk::kPxSact) == 0);
  CHECK(host.read(disk::kPxCi) == 0);
}

TEST_CASE("a queued command without its bit in PxSACT, with another tag, or too many, fails") {
  DiskParams params = round_disk();
  params.queue_depth = 2;
  DiskHost host(params);
  host.prepare(3, AtaCommand::read_fpdma_queued, 100, 1);
  host.issue(8);
  host.timeline.run();
  REQUIRE(host.done.size() == 1);
  CHECK(host.done[0].failed);
  host.done.clear();
  host.prepare(3, AtaCommand::read_fpdma_queued, 100, 1);
  host.fis(3).count = 4 << 3;
  host.issue_queued(8);
  host.timeline.run();
  REQUIRE(host.done.size() == 1);
  CHECK(host.done[0].failed);
  host.done.clear();
  for (std::uint32_t slot = 0; slot < 3; ++slot)
    host.queue(slot, AtaCommand::read_fpdma_queued, 100 * slot, 1);
  host.timeline.run();
  REQUIRE(host.done.size() == 3);
  for (const DiskHost::Done& done : host.done) CHECK(done.failed == (done.slot == 2));
}

TEST_CASE("a disk without NCQ refuses queued commands and says so in its identification") {
  DiskParams params = round_disk();
  params.queue_depth = 1;
  DiskHost host(params, true);
  const PhysAddr page = host.memory.allocate_page();
  host.run(AtaCommand::identify_device, 0, 1, {{page, 512}});
  CHECK(host.memory.at<std::uint16_t>(page + disk::kIdentifySataAt) == 0);
  host.done.clear();
  host.queue(0, AtaCommand::read_fpdma_queued, 100, 1);
  host.timeline.run();
  REQUIRE(host.done.size() == 1);
  CHECK(host.done[0].failed);
  DiskHost queueing(round_disk(), true);
  const PhysAddr other = queueing.memory.allocate_page();
  queueing.run(AtaCommand::identify_device, 0, 1, {{other, 512}});
  CHECK(queueing.memory.at<std::uint16_t>(other + disk::kIdentifySataAt) == disk::kIdentifyNcq);
  CHECK(queueing.memory.at<std::uint16_t>(other + disk::kIdentifyQueueDepthAt) == 31);
}

TEST_CASE("a lost command stays, others pass it by; stopping the port takes it back") {
  DiskHost host(round_disk());
  ScriptedOracle oracle;
  oracle.script["disk.command"] = {2};
  host.timeline.choices().ask(&oracle);
  host.queue(0, AtaCommand::read_fpdma_queued, 100, 1);
  host.queue(1, AtaCommand::read_fpdma_queued, 200, 1);
  host.timeline.run();
  REQUIRE(host.done.size() == 1);
  CHECK(host.done[0].slot == 1);
  CHECK(host.read(disk::kPxSact) == 1);
  host.restart();
  CHECK(host.read(disk::kPxSact) == 0);
  host.queue(0, AtaCommand::read_fpdma_queued, 100, 1);
  host.timeline.run();
  CHECK(host.done.size() == 2);
  host.timeline.choices().ask(nullptr);
}

TEST_CASE("a lost command that is not queued keeps the others waiting until the port is stopped") {
  DiskHost host(round_disk());
  ScriptedOracle oracle;
  oracle.script["disk.command"] = {2};
  host.timeline.choices().ask(&oracle);
  host.prepare(0, AtaCommand::read_dma_ext, 100, 1);
  host.prepare(1, AtaCommand::read_dma_ext, 200, 1);
  host.issue(3);
  host.timeline.run();
  CHECK(host.done.empty());
  CHECK(host.read(disk::kPxCi) == 3);
  host.restart();
  CHECK(host.read(disk::kPxCi) == 0);
  host.run(AtaCommand::read_dma_ext, 100, 1);
  CHECK_FALSE(host.done[0].failed);
  host.timeline.choices().ask(nullptr);
}

TEST_CASE("stopping the port with commands in flight ends none and writes nothing to the host") {
  DiskHost host(round_disk(), true);
  const PhysAddr page = host.memory.allocate_page();
  for (std::uint32_t slot = 0; slot < 4; ++slot)
    host.queue(slot, AtaCommand::read_fpdma_queued, 1'000'000 * slot, 1, {{page, 512}});
  run_until(host, SimTime{} + 1ms);
  host.restart();
  host.timeline.run();
  CHECK(host.done.empty());
  CHECK(host.device.counters().reads == 0);
  for (const std::byte one : host.memory.bytes(page, 512)) CHECK(one == std::byte{0});
  for (std::uint32_t slot = 0; slot < 4; ++slot) CHECK(host.bytes_moved(slot) == 0);
  host.queue(0, AtaCommand::read_fpdma_queued, 4321, 1, {{page, 512}});
  host.timeline.run();
  CHECK(host.done.size() == 1);
  CHECK(host.memory.bytes(page, 512)[0] == TestMedium::original(4321 * 512));
}

TEST_CASE("a lost message leaves the end to be found in the registers, a doubled one finds none") {
  DiskHost host(round_disk());
  ScriptedOracle oracle;
  oracle.script["disk.interrupt"] = {1, 2};
  host.timeline.choices().ask(&oracle);
  host.queue(0, AtaCommand::read_fpdma_queued, 100, 1);
  host.timeline.run();
  CHECK(host.handled == 0);
  CHECK(host.read(disk::kPxSact) == 0);
  CHECK(host.read(disk::kPxIs) == disk::kPxIsQueued);
  host.restart();
  host.queue(1, AtaCommand::read_fpdma_queued, 100, 1);
  host.timeline.run();
  CHECK(host.handled == 2);
  CHECK(host.done.size() == 1);
  host.timeline.choices().ask(nullptr);
}

TEST_CASE("the oracle may have the disk serve its queue in any other order") {
  const auto second = [](std::uint32_t answer) {
    DiskHost host(round_disk());
    ScriptedOracle oracle;
    for (std::uint32_t slot = 0; slot < 4; ++slot)
      host.queue(slot, AtaCommand::read_fpdma_queued, 2'999'000ull * slot, 1);
    run_until(host, SimTime{} + 100us);  // slot 0 is being served
    oracle.script["disk.order"] = {answer};
    host.timeline.choices().ask(&oracle);
    host.timeline.run();
    host.timeline.choices().ask(nullptr);
    REQUIRE(host.done.size() == 4);
    CHECK(host.done[0].slot == 0);
    return host.done[1].slot;
  };
  CHECK(std::set<std::uint32_t>{second(0), second(1), second(2)} ==
        std::set<std::uint32_t>{1, 2, 3});
}

}  // namespace iodrome::hw::test
