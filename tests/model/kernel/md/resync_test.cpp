// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/md/resync.h"

#include <set>

#include "tests/model/kernel/md/random_load.h"

namespace iodrome::kernel {
namespace {

constexpr std::uint64_t kStripes = 64;  // of the rig's 256 KiB members

struct Watched final : ResyncObserver {
  void on_stripe_begin(std::uint64_t sector, SimTime) override { begun.push_back(sector); }
  void on_stripe_end(std::uint64_t sector, SimTime now) override {
    ended.insert(sector);
    last = now.time_since_epoch();
  }
  std::vector<std::uint64_t> begun;
  std::multiset<std::uint64_t> ended;
  Duration last{};
};

ArrayOptions random_data(std::uint32_t members = 4) {
  ArrayOptions options;
  options.members = members;
  options.random_data = true;
  return options;
}

struct Scene : ArrayRig {
  explicit Scene(const ArrayOptions& with = random_data()) : ArrayRig(with) {
    params.speed_min = {1'024'000};
    params.speed_max = {204'800'000};
    start();
  }
  Resync& sync(SyncAction action) {
    resyncs.push_back(std::make_unique<Resync>(rig.system, *array, action, params, &watched));
    return *resyncs.back();
  }
  Resync& run(SyncAction action) {
    Resync& resync = sync(action);
    rig.run();
    CHECK(resync.ended());
    CHECK(at_rest());
    return resync;
  }
  void corrupt(std::uint32_t member, std::uint64_t stripe) {
    media[member]->bytes[stripe * kStripeBytes + 77] ^= std::byte{0x10};
  }
  /// Stripes whose parity lies on that member and which are written anew need no other member.
  std::uint64_t parities_on(std::uint32_t member, const std::vector<std::uint64_t>& stripes) const {
    std::uint64_t count = 0;
    for (const std::uint64_t stripe : stripes)
      count += array_layout().parity_at(stripe * kStripeSectors) == member;
    return count;
  }

  ResyncParams params;
  Watched watched;
  std::vector<std::unique_ptr<Resync>> resyncs;
};

std::vector<std::uint64_t> all_stripes() {
  std::vector<std::uint64_t> sectors;
  for (std::uint64_t i = 0; i < kStripes; ++i) sectors.push_back(i * kStripeSectors);
  return sectors;
}

}  // namespace

TEST_CASE("a resync takes up every stripe once, in order, and reads each block once") {
  Scene s;
  const Resync& resync = s.run(SyncAction::resync);
  CHECK(resync.completed());
  CHECK(resync.sectors_done() == kStripes * kStripeSectors);
  CHECK(s.watched.begun == all_stripes());
  CHECK(std::ranges::equal(s.watched.ended, all_stripes()));
  CHECK(s.array->counters().checks == kStripes);
  CHECK(s.array->counters().mismatches == 0);
  CHECK(s.member_reads() == 4 * kStripes);
  CHECK(s.member_writes() == 0);
}

TEST_CASE(
    "a resync finds exactly the stripes whose parity is wrong, and writes their parity alone") {
  Scene s;
  const std::vector<std::uint64_t> corrupted = {0, 5, 6, 31, 62, 63};
  for (const std::uint64_t stripe : corrupted)
    s.corrupt(static_cast<std::uint32_t>(stripe % 4), stripe);
  CHECK(s.wrong_stripes().size() == corrupted.size());
  const auto before = s.content();
  s.run(SyncAction::resync);
  CHECK(s.array->counters().mismatches == corrupted.size());
  CHECK(s.member_writes() == corrupted.size());
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(s.disks[i]->writes == s.parities_on(i, corrupted));
  CHECK(s.wrong_stripes().empty());
  CHECK((s.content() == before));
}

TEST_CASE("a check counts the wrong stripes and leaves them; a repair then makes them right") {
  Scene s;
  for (const std::uint64_t stripe : {3u, 40u, 41u}) s.corrupt(2, stripe);
  s.run(SyncAction::check);
  CHECK(s.array->counters().mismatches == 3);
  CHECK(s.member_writes() == 0);
  CHECK(s.wrong_stripes().size() == 3);
  s.run(SyncAction::repair);
  CHECK(s.array->counters().mismatches == 6);
  CHECK(s.wrong_stripes().empty());
  s.run(SyncAction::check);
  CHECK(s.array->counters().mismatches == 6);
}

TEST_CASE("of a new array every stripe is wrong, and right afterwards") {
  for (const std::uint32_t members : {3u, 5u}) {
    ArrayOptions options = random_data(members);
    options.parity_right = false;
    Scene s(options);
    const auto before = s.content();
    s.run(SyncAction::resync);
    CHECK(s.array->counters().mismatches == kStripes);
    CHECK(s.member_writes() == kStripes);
    CHECK(s.wrong_stripes().empty());
    CHECK((s.content() == before));
  }
}

TEST_CASE("a spare gets what the lost member had, and is in sync then") {
  Scene s;
  const auto before = s.content();
  const auto lost = s.media[1]->bytes;
  std::ranges::fill(s.media[1]->bytes, std::byte{0xee});
  s.array->fail_member(1);
  s.array->add_spare(1);
  CHECK(s.array->degraded() == 1);
  const Resync& resync = s.run(SyncAction::recover);
  CHECK(resync.completed());
  CHECK((s.media[1]->bytes == lost));
  CHECK((s.content() == before));
  CHECK(s.array->degraded() == 0);
  CHECK(s.member_reads() == 3 * kStripes);
  CHECK(s.disks[1]->writes == kStripes);
}

TEST_CASE("reads and writes under a resync stay right, whatever it finds") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    ArrayOptions options = random_data();
    options.parity_right = seed % 2 == 0;
    Scene s(options);
    RandomLoad load(s, seed, 40);
    s.sync(SyncAction::resync);
    load.run();
    CHECK(load.errors == 0);
    CHECK(load.wrong_reads == 0);
    CHECK((s.content() == load.expected));
    CHECK(s.resyncs[0]->completed());
    CHECK(s.wrong_stripes().empty());
  }
}

TEST_CASE("reads and writes under a recovery stay right, and the spare has what was written") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    Scene s;
    RandomLoad load(s, seed, 40);
    std::ranges::fill(s.media[2]->bytes, std::byte{0xee});
    s.array->fail_member(2);
    s.array->add_spare(2);
    s.sync(SyncAction::recover);
    load.run();
    CHECK(load.wrong_reads == 0);
    CHECK((s.content() == load.expected));
    CHECK(s.wrong_stripes().empty());
    CHECK(s.array->degraded() == 0);
  }
}

TEST_CASE("a block that a resync cannot read is computed and written again") {
  Scene s;
  const auto before = s.content();
  s.disks[3]->broken_once.insert(8 * 20);
  s.media[3]->bytes[20 * kStripeBytes] ^= std::byte{1};
  const Resync& resync = s.run(SyncAction::resync);
  CHECK(resync.completed());
  CHECK(s.array->degraded() == 0);
  CHECK((s.content() == before));
  CHECK(s.wrong_stripes().empty());
}

TEST_CASE("a member that fails ends the resync, and nothing is left at work") {
  Scene s;
  s.rig.at(2ms, [&] { s.array->fail_member(2); });
  const Resync& resync = s.run(SyncAction::resync);
  CHECK_FALSE(resync.completed());
  CHECK(resync.sectors_done() > 0);
  CHECK(resync.sectors_done() < kStripes * kStripeSectors);
  CHECK(s.watched.begun.size() == s.watched.ended.size());
}

TEST_CASE("two members that fail under a resync end it, whatever it was about") {
  for (const Duration at : {100us, 400us, 1200us, 2100us}) {
    Scene s;
    s.rig.at(at, [&] {
      s.array->fail_member(2);
      s.array->fail_member(3);
    });
    CHECK_FALSE(s.run(SyncAction::resync).completed());
    CHECK(s.watched.begun.size() == s.watched.ended.size());
  }
}

TEST_CASE("there is nothing to resync in a degraded array, and nothing to recover in a whole one") {
  Scene s;
  CHECK_FALSE(s.run(SyncAction::recover).completed());
  s.array->fail_member(0);
  CHECK_FALSE(s.run(SyncAction::resync).completed());
  CHECK_FALSE(s.run(SyncAction::recover).completed());  // no spare is there
  CHECK(s.watched.begun.empty());
}

TEST_CASE("an array of few stripe heads is resynced as well") {
  ArrayOptions options = random_data();
  options.stripes = 4;
  Scene s(options);
  s.corrupt(0, 33);
  CHECK(s.run(SyncAction::resync).completed());
  CHECK(s.array->counters().mismatches == 1);
  CHECK(s.wrong_stripes().empty());
}

TEST_CASE("a resync never goes faster than its limit over ten marks of three seconds") {
  ArrayOptions options = random_data();
  options.member_bytes = 4 << 20;
  options.random_data = false;
  Scene s(options);
  s.params.speed_min = {0};
  s.params.speed_max = {100 * 1024};
  const Resync& resync = s.run(SyncAction::resync);
  CHECK(resync.completed());
  CHECK(resync.pauses() > 60);
  // 4096 KiB at 100 KiB/s, and what a window and the first seconds' rounding give.
  CHECK(s.watched.last > 38s);
  CHECK(s.watched.last < 42s);
}

TEST_CASE("a resync leaves the members to others above its lower limit, and takes them below it") {
  ArrayOptions options;
  options.member_bytes = 4 << 20;
  // 256 sectors of each member at a time: at first as fast as it can, then every 16 ms.
  const auto time_of = [&](bool busy, std::int64_t least) {
    Scene s(options);
    s.params.speed_min = {least};
    const Resync& resync = s.sync(SyncAction::resync);
    if (busy)
      s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& load) -> Task<void> {
        ArrayRig::Bytes data(384 << 10);
        for (std::uint64_t round = 0; !load.resyncs[0]->ended(); ++round) {
          const Errno status =
              co_await load.transfer(ctx, BlockOp::write, 768 * (round % 16), data);
          CHECK(status == Errno::ok);
          co_await schedule_timeout(ctx, round < 100 ? 1 : 15, "the next write",
                                    events::Stage::queue);
        }
      });
    s.rig.run();
    CHECK(resync.completed());
    return std::pair{s.watched.last, resync.pauses()};
  };
  const auto [alone, no_pauses] = time_of(false, 1024 * 1024);
  const auto [busy, pauses] = time_of(true, 1024 * 1024);
  const auto [pressed, few_pauses] = time_of(true, 204'800'000);
  CHECK(no_pauses == 0);
  CHECK(few_pauses == 0);
  CHECK(pauses >= 3);
  // Held to 1 MiB/s for its 4 MiB; the seconds are counted in whole ones, and one more.
  CHECK(busy > 2500ms);
  CHECK(busy < 4s);
  CHECK(alone < 1s);
  CHECK(pressed < 1s);
}

}  // namespace iodrome::kernel
