// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/scheduled_queue.h"

#include <algorithm>

#include "model/events/block.h"
#include "model/explore/random_walk.h"
#include "tests/model/kernel/disk.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct TestBio : Bio {
  std::vector<std::uint64_t>* ends = nullptr;
  static Task<void> ended(Atomic&, Bio& bio) {
    static_cast<TestBio&>(bio).ends->push_back(bio.sector);
    return Task<void>::ready();
  }
};

// What the block layer has told of a run.
struct Seen final : events::Observer {
  void on(const events::EventInfo& info, SimTime, std::uint32_t,
          std::span<const std::uint64_t>) override {
    ++counts[info.name];
  }
  std::size_t of(const char* name) { return counts[name]; }
  std::map<std::string, std::size_t> counts;
};

QueueParams params_of(const char* scheduler, std::int64_t nr_requests = 128) {
  QueueParams params;
  params.scheduler = scheduler;
  params.nr_requests = nr_requests;
  return params;
}

struct Scene : DiskRig {
  explicit Scene(const QueueParams& params, std::uint32_t cpus = 1, std::uint32_t depth = 1)
      : DiskRig(cpus, depth, params) {
    static constexpr events::Subsystem kBlock[] = {events::Subsystem::block};
    rig.probe.attach(seen, kBlock);
    disk.latency = 100us;
  }
  TestBio& bio(std::uint64_t sector, BlockOp op = BlockOp::read, std::uint32_t bytes = 4096) {
    bios.push_back(std::make_unique<TestBio>());
    TestBio& made = *bios.back();
    made.sector = sector;
    made.op = op;
    made.bytes = op == BlockOp::flush ? 0 : bytes;
    for (std::uint32_t at = 0; at < made.bytes; at += 4096)
      made.segments.push_back({rig.memory.allocate_page(), std::min(4096u, made.bytes - at)});
    made.ends = &ends;
    made.end_io = &TestBio::ended;
    return made;
  }
  /// Submits them all at once, as code that must not sleep does.
  void submit() {
    rig.thread<Scene>(0, *this, [](Sleepable& ctx, Scene& s) -> Task<void> {
      for (const auto& each : s.bios) co_await s.device.submit(ctx, *each);
    });
    rig.run();
    CHECK(device.in_flight() == 0);
    CHECK(device.waiting() == 0);
    CHECK(ends.size() == bios.size());
  }
  std::deque<std::unique_ptr<TestBio>> bios;
  std::vector<std::uint64_t> ends;
  Seen seen;
};

using Sectors = std::vector<std::uint64_t>;
const char* const kSchedulers[] = {"deadline", "mq-deadline"};

}  // namespace

TEST_CASE("what waits for the device goes in the elevator's order, and not in that of its coming") {
  for (const char* scheduler : kSchedulers) {
    CAPTURE(scheduler);
    Scene s(params_of(scheduler));
    for (const std::uint64_t sector : {500u, 900u, 100u, 700u, 300u, 1100u}) s.bio(sector);
    s.submit();
    // The first finds the device idle. Behind it 2.6 has seen nobody when it went.
    const Sectors order = scheduler == std::string("deadline")
                              ? Sectors{500, 100, 300, 700, 900, 1100}
                              : Sectors{500, 700, 900, 1100, 100, 300};
    CHECK(s.disk.issued == order);
    CHECK(s.ends == s.disk.issued);
    CHECK(s.seen.of("block_rq_insert") == 6);
    CHECK(s.rig.now() == 600us);
  }
}

TEST_CASE("bios that touch a waiting request join it, behind, before, and where they close a gap") {
  for (const char* scheduler : kSchedulers) {
    CAPTURE(scheduler);
    Scene s(params_of(scheduler));
    s.bio(9000);  // keeps the device busy
    s.bio(100);
    s.bio(108);                  // behind
    s.bio(92);                   // before
    s.bio(124);                  // leaves a gap
    s.bio(116);                  // closes it: one request
    s.bio(116, BlockOp::write);  // another direction
    s.submit();
    CHECK(s.disk.issued == Sectors{9000, 92, 116});
    CHECK(s.seen.of("block_bio_backmerge") == 2);
    CHECK(s.seen.of("block_bio_frontmerge") == 1);
    CHECK(s.seen.of("block_rq_insert") == 4);
    CHECK(s.seen.of("block_rq_issue") == 3);
    // Each in the order of its place in the request.
    CHECK(s.ends == Sectors{9000, 92, 100, 108, 116, 124, 116});
    CHECK(s.rig.now() == 300us);
  }
}

TEST_CASE("the request that two others were joined into gives one back, at once and every time") {
  for (const char* scheduler : kSchedulers) {
    CAPTURE(scheduler);
    Scene s(params_of(scheduler, 4));
    for (int round = 0; round < 6; ++round) {
      const std::size_t first = s.bios.size();
      // One at the device and three that wait have all there is; the fifth has none until the last
      // one closes the gap between two of them.
      for (const std::uint64_t sector : {9000u, 100u, 116u, 5000u, 7000u, 108u}) s.bio(sector);
      struct Round {
        Scene& scene;
        std::size_t first;
        std::size_t inserted;
      } all{s, first, s.seen.of("block_rq_insert")};
      s.rig.thread<Round>(0, all, [](Sleepable& ctx, Round& mine) -> Task<void> {
        for (std::size_t i = mine.first; i < mine.scene.bios.size(); ++i) {
          const std::size_t now = mine.scene.seen.of("block_rq_insert") - mine.inserted;
          CHECK(now == std::min<std::size_t>(i - mine.first, 4));
          co_await mine.scene.device.submit(ctx, *mine.scene.bios[i]);
        }
        CHECK(mine.scene.seen.of("block_rq_insert") - mine.inserted == 5);
      });
      s.rig.run();
      CHECK(s.ends.size() == s.bios.size());
    }
  }
}

TEST_CASE("merged reads bring each bio its own bytes") {
  Scene s(params_of("mq-deadline"));
  Inode& inode = s.file("/f", 64 << 10);
  s.bio(90'000);
  for (const std::uint64_t page : {3u, 5u, 4u, 2u}) s.bio(inode.first_sector + page * 8);
  s.submit();
  CHECK(s.seen.of("block_rq_issue") == 2);
  const std::uint64_t pages[] = {3, 5, 4, 2};
  for (std::size_t i = 0; i < 4; ++i)
    CHECK(content_matches(inode.number, pages[i] * 4096,
                          s.rig.memory.bytes(s.bios[i + 1]->segments[0].address, 4096)));
}

TEST_CASE("no request grows beyond what the device or the machine lets it carry") {
  struct Case {
    std::int64_t max_bytes;
    QueueLimits limits;
    std::size_t requests;
  };
  const Case cases[] = {
      {1 << 20, {.max_bytes = 1 << 20, .max_segments = 256}, 1},
      {16'384, {.max_bytes = 1 << 20, .max_segments = 256}, 4},
      {1 << 20, {.max_bytes = 16'384, .max_segments = 256}, 4},
      {1 << 20, {.max_bytes = 1 << 20, .max_segments = 5}, 4},  // 5, 5, 5, 1
  };
  for (const Case& each : cases) {
    CAPTURE(each.max_bytes, each.limits.max_bytes, each.limits.max_segments);
    QueueParams params = params_of("deadline");
    params.max_bytes = each.max_bytes;
    Rig rig(1);
    FileSystem files(64 << 20, true);
    TestDisk disk(rig, files.volume(), 1);
    disk.queue_limits = each.limits;
    BlockDevice device(disk, params);
    std::deque<TestBio> bios(17);
    std::vector<std::uint64_t> ends;
    for (std::size_t i = 0; i < bios.size(); ++i) {
      bios[i].sector = i == 0 ? 9000 : 100 + i * 8;
      bios[i].bytes = 4096;
      bios[i].segments.push_back({rig.memory.allocate_page(), 4096});
      bios[i].ends = &ends;
      bios[i].end_io = &TestBio::ended;
    }
    struct Both {
      BlockDevice& device;
      std::deque<TestBio>& bios;
    } both{device, bios};
    rig.thread<Both>(0, both, [](Sleepable& ctx, Both& all) -> Task<void> {
      for (TestBio& bio : all.bios) co_await all.device.submit(ctx, bio);
    });
    rig.run();
    CHECK(disk.issued.size() == 1 + each.requests);
    CHECK(ends.size() == bios.size());
    rig.end();
  }
}

TEST_CASE("a device that wants whole pages gets no request with a gap in its memory") {
  for (const bool whole_pages : {false, true}) {
    Rig rig(1);
    FileSystem files(64 << 20, true);
    TestDisk disk(rig, files.volume(), 1);
    disk.queue_limits.whole_pages = whole_pages;
    BlockDevice device(disk, params_of("mq-deadline"));
    std::deque<TestBio> bios(3);
    std::vector<std::uint64_t> ends;
    for (std::size_t i = 0; i < bios.size(); ++i) {
      bios[i].sector = i == 0 ? 9000 : 100 + i;
      bios[i].bytes = 512;  // ends within its page
      bios[i].segments.push_back({rig.memory.allocate_page(), 512});
      bios[i].ends = &ends;
      bios[i].end_io = &TestBio::ended;
    }
    struct Both {
      BlockDevice& device;
      std::deque<TestBio>& bios;
    } both{device, bios};
    rig.thread<Both>(0, both, [](Sleepable& ctx, Both& all) -> Task<void> {
      for (TestBio& bio : all.bios) co_await all.device.submit(ctx, bio);
    });
    rig.run();
    CHECK(disk.issued.size() == (whole_pages ? 3 : 2));
    rig.end();
  }
}

TEST_CASE("a request that fails fails all its bios and no other") {
  Scene s(params_of("deadline"));
  s.bio(9000);
  s.bio(100);
  s.bio(108);
  s.bio(500);
  s.disk.broken = {100};
  s.submit();
  CHECK(s.bios[1]->status == Errno::eio);
  CHECK(s.bios[2]->status == Errno::eio);
  CHECK(s.bios[0]->status == Errno::ok);
  CHECK(s.bios[3]->status == Errno::ok);
}

TEST_CASE("a flush goes before what waits, and neither it nor a forced write merges") {
  Scene s(params_of("mq-deadline"));
  s.bio(9000);
  s.bio(100, BlockOp::write);
  s.bio(108, BlockOp::write).fua = true;
  s.bio(116, BlockOp::write).fua = true;
  s.bio(0, BlockOp::flush);
  s.submit();
  CHECK(s.disk.issued == Sectors{9000, 0, 100, 108, 116});
  CHECK(s.disk.flushes == 1);
}

TEST_CASE("a submitter that may sleep does so at 128 requests, and goes on when one came back") {
  Scene s(params_of("deadline"));
  for (std::uint64_t i = 0; i < 300; ++i) s.bio(i * 16);  // none touches another
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    std::size_t submitted = 0;
    for (const auto& each : scene.bios) {
      each->submitter = &ctx;
      co_await scene.device.submit(ctx, *each);
      // 128, and the 31 of the batch that taking the last one has begun.
      if (++submitted == 159) CHECK(ctx.now() == SimTime{});
      if (submitted == 160) CHECK(ctx.now() > SimTime{});
    }
    CHECK(ctx.thread().blocked_total > Duration{0});
  });
  s.rig.run();
  CHECK(s.ends.size() == 300);
  CHECK(s.seen.of("block_sleeprq") > 0);
  CHECK(s.device.in_flight() == 0);
  CHECK(s.device.waiting() == 0);
  // First come in order of sectors, the head never turns: all in one sweep of 300 requests.
  CHECK(s.rig.now() == 300 * 100us);
}

TEST_CASE("who must not sleep never does, whatever the limit") {
  for (const char* scheduler : kSchedulers) {
    CAPTURE(scheduler);
    Scene s(params_of(scheduler, 4));
    for (std::uint64_t i = 0; i < 50; ++i)
      s.bio(i * 16, i % 3 == 0 ? BlockOp::write : BlockOp::read);
    s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      for (const auto& each : scene.bios) co_await scene.device.submit(ctx, *each);
      CHECK(ctx.now() == SimTime{});
      CHECK(scene.device.waiting() == 49);
    });
    s.rig.run();
    CHECK(s.ends.size() == 50);
    CHECK(s.seen.of("block_sleeprq") == 0);
    CHECK(s.device.waiting() == 0);
  }
}

namespace {

// Six threads on three CPUs, two of which must not sleep, share a queue of four requests.
void contend(const char* scheduler, std::uint32_t depth, ChoiceOracle* oracle) {
  Scene s(params_of(scheduler, 4), 3, depth);
  KernelCosts& costs = s.rig.system.costs;
  costs.bio_submit.each = costs.bio_merge.each = 100ns;
  costs.elevator_add.each = costs.elevator_dispatch.each = 200ns;
  costs.bio_complete.each = costs.try_to_wake_up.each = 300ns;
  costs.context_switch.each = 1us;
  s.disk.latency = 5us;
  s.rig.timeline.choices().ask(oracle);
  for (std::uint64_t i = 0; i < 240; ++i)
    s.bio(i * 7919 % 4096 * 8, i % 4 == 0 ? BlockOp::write : BlockOp::read);
  struct Part {
    Scene& scene;
    std::size_t first;
  };
  std::deque<Part> parts;
  for (std::uint32_t thread = 0; thread < 6; ++thread) {
    Part& part = parts.emplace_back(Part{s, thread});
    s.rig.thread<Part>(thread % 3, part, [](Sleepable& ctx, Part& mine) -> Task<void> {
      for (std::size_t i = mine.first; i < mine.scene.bios.size(); i += 6) {
        Bio& bio = *mine.scene.bios[i];
        if (mine.first >= 2) bio.submitter = &ctx;
        co_await mine.scene.device.submit(ctx, bio);
      }
    });
  }
  s.rig.run();
  std::sort(s.ends.begin(), s.ends.end());
  std::vector<std::uint64_t> all;
  for (const auto& bio : s.bios) all.push_back(bio->sector);
  std::sort(all.begin(), all.end());
  CHECK(s.ends == all);  // each once
  CHECK(s.seen.of("block_sleeprq") > 0);
  CHECK(s.seen.of("block_rq_issue") == s.seen.of("block_rq_complete"));
  CHECK(s.device.in_flight() == 0);
  CHECK(s.device.waiting() == 0);
  CHECK(s.disk.in_flight_most <= depth);
}

}  // namespace

TEST_CASE("threads that sleep for requests of a small queue all get theirs, in any schedule") {
  for (const char* scheduler : kSchedulers)
    for (const std::uint32_t depth : {1u, 3u}) {
      CAPTURE(scheduler, depth);
      contend(scheduler, depth, nullptr);
      for (std::uint64_t seed = 0; seed < 20; ++seed) {
        CAPTURE(seed);
        explore::RandomWalk walk(seed);
        contend(scheduler, depth, &walk);
      }
    }
}

TEST_CASE("a driver that ends requests at once is no special case for an elevator") {
  for (const char* scheduler : kSchedulers) {
    Scene s(params_of(scheduler, 4));
    s.disk.at_once = true;
    for (std::uint64_t i = 0; i < 20; ++i) s.bio(i * 8);
    s.submit();
  }
}

TEST_CASE("a bio's time in an elevator is the queue's, and merged bios share the device's") {
  Scene s(params_of("deadline"));
  events::StageLedger ledgers[3];
  const std::uint64_t sectors[] = {9000, 100, 108};
  for (std::size_t i = 0; i < 3; ++i) {
    ledgers[i].open(SimTime{}, events::Stage::kernel);
    s.bio(sectors[i]).ledger = &ledgers[i];
  }
  s.submit();
  for (events::StageLedger& ledger : ledgers) ledger.close(s.rig.timeline.now());
  CHECK(stage(ledgers[0], events::Stage::queue) == 0ns);
  for (const std::size_t i : {1u, 2u}) {
    CHECK(stage(ledgers[i], events::Stage::queue) == 100us);
    CHECK(stage(ledgers[i], events::Stage::device) == 100us);
  }
}
