// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/md/raid5.h"

#include "tests/model/kernel/md/random_load.h"

namespace iodrome::kernel {
namespace {

using Bytes = ArrayRig::Bytes;

// What a scene does in its one thread.
struct Scene : ArrayRig {
  explicit Scene(const ArrayOptions& with = {}) : ArrayRig(with) { start(); }
  void play(Code<Scene> code) { play_in(*this, code); }
  Bytes filled(std::size_t size, unsigned with) const { return Bytes(size, std::byte(with)); }
};

void fail_all(TestDisk& disk) {
  for (std::uint64_t sector = 0; sector < 4096; ++sector) disk.broken.insert(sector);
}

ArrayOptions random_data(std::uint32_t members = 4) {
  ArrayOptions options;
  options.members = members;
  options.random_data = true;
  return options;
}

}  // namespace

TEST_CASE("after reads and writes at random the members hold the data and its parity") {
  for (const std::uint32_t members : {3u, 4u, 5u}) {
    for (const std::int64_t stripes : {4, 16}) {
      ArrayOptions options = random_data(members);
      options.stripes = stripes;
      Scene s(options);
      RandomLoad load(s, members * 10 + static_cast<std::uint64_t>(stripes), 60);
      load.run();
      CHECK(load.errors == 0);
      CHECK(load.wrong_reads == 0);
      CHECK((s.content() == load.expected));
      CHECK(s.wrong_stripes().empty());
      // Of three members the other block is never more to read than parity and old data.
      CHECK((s.array->counters().read_modify_writes > 0) == (members > 3));
      CHECK(s.array->counters().reconstruct_writes > 0);
    }
  }
}

TEST_CASE("with any one member gone reads and writes go on, and the others hold the data") {
  for (std::uint32_t lost = 0; lost < 5; ++lost) {
    Scene s(random_data(5));
    s.array->fail_member(lost);
    RandomLoad load(s, lost + 1, 60);
    const std::uint64_t issued = s.disks[lost]->issued.size();
    load.run();
    CHECK(load.errors == 0);
    CHECK(load.wrong_reads == 0);
    CHECK((s.content(static_cast<int>(lost)) == load.expected));
    CHECK(s.disks[lost]->issued.size() == issued);
    CHECK(s.array->counters().computed > 0);
  }
}

TEST_CASE("a member that fails in the middle loses nothing") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const auto lost = static_cast<std::uint32_t>(seed % 4);
    Scene s(random_data());
    s.rig.at(Duration(1ms) * static_cast<std::int64_t>(seed), [&] { fail_all(*s.disks[lost]); });
    RandomLoad load(s, seed, 60);
    load.run();
    CHECK(s.array->member(lost).faulty);
    CHECK(s.array->degraded() == 1);
    CHECK(load.errors == 0);
    CHECK(load.wrong_reads == 0);
    CHECK((s.content(static_cast<int>(lost)) == load.expected));
  }
}

TEST_CASE("a write reads what the cheaper of its two ways needs, and no more") {
  struct Expectation {
    std::uint32_t members;
    std::uint64_t sector, sectors;
    std::uint64_t reads, writes;
    bool modify;
  };
  // The first row of chunks: blocks at the same place are 32 sectors apart.
  const Expectation all[] = {
      {4, 0, 8, 2, 2, false},    // two other blocks, or its old data and parity: as many
      {5, 0, 8, 2, 2, true},     // three other blocks are more than two
      {5, 0, 2, 2, 2, true},     // a part: its old data and parity
      {4, 0, 2, 2, 2, true},     // to reconstruct it would need its own block too
      {3, 0, 8, 1, 2, false},    // one other block
      {3, 0, 64, 0, 12, false},  // whole stripes
      {5, 0, 128, 0, 20, false},
  };
  for (const Expectation& e : all) {
    struct One : Scene {
      One(const ArrayOptions& with, const Expectation& expected) : Scene(with), e(expected) {}
      const Expectation& e;
    } s(random_data(e.members), e);
    s.play([](Sleepable& ctx, Scene& scene) -> Task<void> {
      auto& mine = static_cast<One&>(scene);
      Bytes data = mine.filled(mine.e.sectors * 512, 0x5a);
      const Errno status = co_await mine.transfer(ctx, BlockOp::write, mine.e.sector, data);
      CHECK(status == Errno::ok);
    });
    CAPTURE(e.members, e.sectors);
    CHECK(s.member_reads() == e.reads);
    CHECK(s.member_writes() == e.writes);
    CHECK((s.array->counters().read_modify_writes > 0) == e.modify);
    CHECK((s.array->counters().reconstruct_writes > 0) == !e.modify);
    CHECK(s.wrong_stripes().empty());
  }
}

TEST_CASE("what the stripes still hold is not read again") {
  Scene s(random_data());
  s.play([](Sleepable& ctx, Scene& scene) -> Task<void> {
    Bytes data = scene.filled(4096, 1);
    for (int i = 0; i < 3; ++i) {
      const Errno status = co_await scene.transfer(ctx, BlockOp::read, 8, data);
      CHECK(status == Errno::ok);
    }
    const Bytes whole = scene.content();
    CHECK(std::ranges::equal(data, std::span(whole).subspan(4096, 4096)));
  });
  CHECK(s.member_reads() == 1);
}

TEST_CASE("a block that cannot be read is computed, and written where it was lost") {
  Scene s(random_data());
  const Bytes before = s.content();
  s.disks[1]->broken_once.insert(8);
  // What is lost on the medium.
  s.media[1]->bytes[8 * 512] ^= std::byte{0xff};
  s.play([](Sleepable& ctx, Scene& scene) -> Task<void> {
    Bytes data = scene.filled(4096, 1);
    const Errno status = co_await scene.transfer(ctx, BlockOp::read, 32 + 8, data);
    CHECK(status == Errno::ok);
  });
  CHECK((s.content() == before));
  CHECK(s.array->degraded() == 0);
  CHECK(s.array->member(1).read_errors == 0);  // it was read again, and well
  CHECK(s.array->counters().computed == 1);
  CHECK(s.disks[1]->writes == 1);
  CHECK(s.at_rest());
}

TEST_CASE("a block that cannot be read after it was written again costs the member its place") {
  Scene s(random_data());
  const Bytes before = s.content();
  s.disks[1]->on_issue = [&s](std::uint64_t) { s.disks[1]->broken_once.insert(8); };
  s.play([](Sleepable& ctx, Scene& scene) -> Task<void> {
    Bytes data = scene.filled(4096, 1);
    const Errno status = co_await scene.transfer(ctx, BlockOp::read, 32 + 8, data);
    CHECK(status == Errno::ok);
  });
  CHECK(s.array->member(1).faulty);
  CHECK((s.content(1) == before));
  CHECK(s.at_rest());
}

TEST_CASE("a member that cannot be written is out of the array, and what it should have is safe") {
  Scene s(random_data());
  fail_all(*s.disks[1]);
  s.play([](Sleepable& ctx, Scene& scene) -> Task<void> {
    // Whole stripes: nothing is read, which would find it out first.
    Bytes data = scene.filled(96 * 512, 0x77);
    const Errno status = co_await scene.transfer(ctx, BlockOp::write, 0, data);
    CHECK(status == Errno::ok);
    CHECK(scene.member_reads() == 0);
    CHECK(scene.array->member(1).faulty);
    const Bytes whole = scene.content(1);
    CHECK(std::ranges::equal(data, std::span(whole).first(data.size())));
  });
  CHECK(s.at_rest());
}

TEST_CASE("with two members gone what they had is EIO, and what the others have can be read") {
  Scene s(random_data());
  s.array->fail_member(0);
  s.array->fail_member(2);
  s.play([](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Bytes whole = scene.content();
    for (std::uint64_t chunk = 0; chunk < 3; ++chunk) {  // on members 0, 1 and 2
      Bytes data = scene.filled(4096, 1);
      const Errno read = co_await scene.transfer(ctx, BlockOp::read, chunk * 32, data);
      CHECK(read == (chunk == 1 ? Errno::ok : Errno::eio));
      if (chunk == 1) CHECK(std::ranges::equal(data, std::span(whole).subspan(16'384, 4096)));
      const Errno write = co_await scene.transfer(ctx, BlockOp::write, chunk * 32, data);
      CHECK(write == Errno::eio);
    }
  });
  CHECK(s.at_rest());
}

TEST_CASE("two members that fail in the middle end every request, and nobody waits for ever") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    Scene s(random_data(5));
    s.rig.at(Duration(500us) * static_cast<std::int64_t>(seed), [&] { fail_all(*s.disks[1]); });
    s.rig.at(Duration(700us) * static_cast<std::int64_t>(seed), [&] { fail_all(*s.disks[4]); });
    RandomLoad load(s, seed, 40);
    load.run();
    CHECK(load.errors > 0);
    CHECK(s.array->degraded() == 2);
  }
}

TEST_CASE("a write that overlaps one that waits goes into the stripe after it") {
  struct Two : Scene {
    using Scene::Scene;
    Bytes first = Bytes(4096, std::byte{1});
    Bytes second = Bytes(2048, std::byte{2});
  } s(random_data());
  s.rig.thread<Two>(0, s, [](Sleepable& ctx, Two& scene) -> Task<void> {
    co_await scene.transfer(ctx, BlockOp::write, 0, scene.first);
  });
  s.rig.thread<Two>(0, s, [](Sleepable& ctx, Two& scene) -> Task<void> {
    co_await scene.transfer(ctx, BlockOp::write, 4, scene.second);
  });
  s.rig.run();
  const Raid5::Counters& counters = s.array->counters();
  CHECK(counters.read_modify_writes + counters.reconstruct_writes == 2);
  CHECK(s.content()[2047] == std::byte{1});
  CHECK(s.content()[2048] == std::byte{2});
  CHECK(s.wrong_stripes().empty());
}

TEST_CASE("RAID 5 knows neither flushes nor discards, and says so") {
  Scene s;
  s.play([](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Errno flush = co_await scene.transfer(ctx, BlockOp::flush, 0, {});
    CHECK(flush == Errno::eopnotsupp);
  });
  CHECK_FALSE(s.md->volatile_cache());
  CHECK(s.at_rest());
}

TEST_CASE("a request larger than all stripes together goes through them") {
  ArrayOptions options = random_data();
  options.stripes = 4;
  Scene s(options);
  s.play([](Sleepable& ctx, Scene& scene) -> Task<void> {
    Bytes data = scene.filled(scene.array->sectors() * 512, 0x3c);
    const Errno write = co_await scene.transfer(ctx, BlockOp::write, 0, data);
    CHECK(write == Errno::ok);
    CHECK((scene.content() == data));
    Bytes back(data.size());
    const Errno read = co_await scene.transfer(ctx, BlockOp::read, 0, back);
    CHECK(read == Errno::ok);
    CHECK((back == data));
  });
  CHECK(s.wrong_stripes().empty());
}

}  // namespace iodrome::kernel
