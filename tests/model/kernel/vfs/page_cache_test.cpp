// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/page_cache.h"

#include "model/kernel/calls/file_calls.h"
#include "tests/model/kernel/disk.h"
#include "tests/model/kernel/fail_allocation.h"

using namespace iodrome;
using namespace iodrome::kernel;
using events::Stage;

namespace {

struct Scene : DiskRig {
  using DiskRig::DiskRig;
  Inode* inode = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t bytes = hw::kPageBytes;
  std::vector<hw::PhysAddr> user;
  Result<std::int64_t> result = 0;
  Log log;
};

Task<void> read_file(Sleepable& ctx, Scene& s) {
  s.result = co_await pread_blocking(ctx, s.os, s.open(*s.inode), false, s.offset, s.bytes, s.user);
  s.log.add("read", ctx.now());
}

}  // namespace

TEST_CASE("a cold page is read from the disk, ahead of what was asked; a cached one is not") {
  Scene s;
  s.inode = &s.file("/f", 100'000);
  s.user = s.pages(1);
  s.rig.thread(0, s, read_file);
  s.rig.run();
  CHECK(s.result == hw::kPageBytes);
  CHECK(s.holds(s.user, *s.inode, 0, hw::kPageBytes));
  CHECK(s.cache.pages_cached() == 4);  // 16 KiB of read-ahead
  CHECK(s.disk.issued.size() == 1);
  s.offset = 3 * hw::kPageBytes;
  s.rig.thread(0, s, read_file);
  s.rig.run();
  CHECK(s.holds(s.user, *s.inode, s.offset, hw::kPageBytes));
  CHECK(s.disk.issued.size() == 1);
  s.offset = 4 * hw::kPageBytes;
  s.rig.thread(0, s, read_file);
  s.rig.run();
  CHECK(s.holds(s.user, *s.inode, s.offset, hw::kPageBytes));
  CHECK(s.disk.issued.size() == 2);
}

TEST_CASE("readers of one page wait for one read") {
  Scene s(3);
  s.inode = &s.file("/f", hw::kPageBytes);
  s.user = s.pages(1);
  for (std::uint32_t cpu = 0; cpu < 3; ++cpu) s.rig.thread(cpu, s, read_file);
  s.rig.run();
  // 4.096 us of copying at 1 GB/s behind the disk's 1 us.
  CHECK(s.log.text == "read@5096 read@5096 read@5096");
  CHECK(s.disk.issued.size() == 1);
  CHECK(s.rig.probe.counters().bytes_copied_cpu == 3 * hw::kPageBytes);
}

TEST_CASE("a read may start and end in the middle of pages and past the end of the file") {
  Scene s;
  s.inode = &s.file("/f", 30'000);
  s.user = s.pages(8);
  s.offset = 5'001;
  s.bytes = 31'000;
  s.rig.thread(0, s, read_file);
  s.rig.run();
  CHECK(s.result == 24'999);
  CHECK(s.holds(s.user, *s.inode, 5'001, 24'999));
  s.offset = 30'000;
  s.rig.thread(0, s, read_file);
  s.rig.run();
  CHECK(s.result == 0);
}

TEST_CASE("a page that cannot be read is EIO for everybody who waits for it") {
  Scene s(2);
  s.inode = &s.file("/f", hw::kPageBytes);
  s.disk.broken = {s.inode->first_sector};
  s.user = s.pages(1);
  s.rig.thread(0, s, read_file);
  s.rig.thread(1, s, read_file);
  s.rig.run();
  CHECK(s.result == fail(Errno::eio));
  CHECK(s.log.text == "read@1000 read@1000");
}

TEST_CASE("a full cache drops the least recently used page") {
  Scene s;
  s.cache.params.readahead_bytes = hw::kPageBytes;
  s.inode = &s.file("/f", 300 * hw::kPageBytes);
  s.user = s.pages(1);
  for (std::uint64_t page = 0; page < 256; ++page) {
    s.offset = page * hw::kPageBytes;
    s.rig.thread(0, s, read_file);
    s.rig.run();
  }
  CHECK(s.cache.pages_cached() == 256);
  s.offset = 0;  // used again: page 1 is now the oldest
  s.rig.thread(0, s, read_file);
  s.rig.run();
  s.offset = 256 * hw::kPageBytes;
  s.rig.thread(0, s, read_file);
  s.rig.run();
  CHECK(s.cache.pages_cached() == 256);
  CHECK(s.inode->pages[1] == nullptr);
  CHECK(s.inode->pages[2] != nullptr);
}

TEST_CASE("pages that somebody holds survive eviction, and their memory comes back at the end") {
  Scene s;
  s.cache.params.readahead_bytes = hw::kPageBytes;
  s.inode = &s.file("/f", 400 * hw::kPageBytes);
  s.user = s.pages(1);
  s.rig.thread(0, s, read_file);
  s.rig.run();
  PagePtr held = s.inode->pages[0];
  const hw::PhysAddr address = held->address;
  for (std::uint64_t page = 1; page < 400; ++page) {
    s.offset = page * hw::kPageBytes;
    s.rig.thread(0, s, read_file);
    s.rig.run();
  }
  CHECK(s.inode->pages[0] == held);
  CHECK(content_matches(s.inode->number, 0, s.rig.memory.bytes(address, hw::kPageBytes)));
  CHECK(s.cache.pages_cached() <= 256);
  const std::size_t in_use = s.rig.memory.pages_in_use();
  CHECK(in_use == s.cache.pages_cached() + 1);
}

TEST_CASE("the time of a cold read is the device's, of a copy the copy's") {
  Scene s;
  s.inode = &s.file("/f", hw::kPageBytes);
  s.user = s.pages(1);
  struct Both {
    Scene& scene;
    events::StageLedger ledger;
  } both{s, {}};
  s.rig.thread<Both>(0, both, [](Sleepable& ctx, Both& state) -> Task<void> {
    Scene& scene = state.scene;
    state.ledger.open(ctx.now(), Stage::kernel);
    {
      const WorkOn on(ctx, &state.ledger, Stage::kernel);
      co_await pread_blocking(ctx, scene.os, scene.open(*scene.inode), false, 0, 4096, scene.user);
    }
    state.ledger.close(ctx.now());
  });
  s.rig.run();
  CHECK(stage(both.ledger, Stage::device) == 1us);
  CHECK(stage(both.ledger, Stage::copy) == 4096ns);
  s.rig.end();
}

TEST_CASE("in a cache of one page many readers get every byte, each wait bringing one on") {
  constexpr std::uint64_t kPages = 20;
  constexpr std::uint32_t kReaders = 4;
  struct Reader {
    Scene& scene;
    Inode& inode;
    std::vector<hw::PhysAddr> user;
    Cost& think;
    Result<std::int64_t> result = 0;
  };
  Scene s(kReaders);
  s.cache.params.capacity_bytes = hw::kPageBytes;
  s.cache.params.readahead_bytes = hw::kPageBytes;
  // A reader that was told of its page runs only after others, out of step with it, have asked for
  // theirs.
  s.rig.system.costs.context_switch.each = 3us;
  Cost think{700ns};
  std::deque<Reader> readers;
  for (std::uint32_t i = 0; i < kReaders; ++i)
    readers.push_back(
        {s, s.file("/" + std::to_string(i), kPages * hw::kPageBytes), s.pages(kPages), think});
  for (std::uint32_t i = 0; i < kReaders; ++i)
    s.rig.thread<Reader>(i, readers[i], [](Sleepable& ctx, Reader& reader) -> Task<void> {
      Scene& scene = reader.scene;
      // A page at a time, so that every one is waited for.
      for (std::uint64_t page = 0; page < kPages; ++page) {
        co_await ctx.spend(reader.think, ctx.cpu().index() + page % 3);
        const auto to = std::span<const hw::PhysAddr>(reader.user).subspan(page, 1);
        reader.result = co_await pread_blocking(ctx, scene.os, scene.open(reader.inode), false,
                                                page * hw::kPageBytes, hw::kPageBytes, to);
        if (reader.result != hw::kPageBytes) co_return;
      }
    });
  // Far longer than it takes: readers that rob each other would go on for ever.
  CHECK(s.rig.timeline.run(SimTime{} + 10ms) == RunState::idle);
  for (const Reader& reader : readers) {
    CHECK(reader.result == hw::kPageBytes);
    CHECK(s.holds(reader.user, reader.inode, 0, kPages * hw::kPageBytes));
  }
  CHECK(s.disk.issued.size() == kReaders * kPages);
}

TEST_CASE("splicing from a cache of one page moves every page and ends at the file's end alone") {
  Scene s(2);
  s.cache.params.capacity_bytes = hw::kPageBytes;
  s.cache.params.readahead_bytes = 4 * hw::kPageBytes;
  s.rig.system.costs.context_switch.each = 3us;
  struct Splicer {
    Splicer(Scene& on, Inode& file) : scene(on), inode(file) {}
    Scene& scene;
    Inode& inode;
    Pipe pipe{16};
    Result<std::int64_t> result = 0;
  };
  std::deque<Splicer> splicers;
  for (std::uint32_t i = 0; i < 2; ++i) {
    splicers.emplace_back(s, s.file("/" + std::to_string(i), 10 * hw::kPageBytes - 7));
    s.rig.thread<Splicer>(i, splicers.back(), [](Sleepable& ctx, Splicer& self) -> Task<void> {
      self.result = co_await splice_in_blocking(ctx, self.scene.os, self.scene.open(self.inode),
                                                self.pipe, 0, 1'000'000);
    });
  }
  CHECK(s.rig.timeline.run(SimTime{} + 10ms) == RunState::idle);
  for (const Splicer& splicer : splicers) CHECK(splicer.result == 10 * hw::kPageBytes - 7);
}

TEST_CASE("without memory for its page a read is ENOMEM; for those behind it less is read ahead") {
  for (std::uint64_t number = 1; number <= 5; ++number) {
    CAPTURE(number);
    Scene s;
    s.inode = &s.file("/f", 100'000);
    s.user = s.pages(1);
    FailAllocation oracle(number);
    s.rig.timeline.choices().ask(&oracle);
    s.rig.thread(0, s, read_file);
    s.rig.run();
    const bool first = number == 1;
    CHECK(s.result == (first ? Result<std::int64_t>(fail(Errno::enomem)) : 4096));
    CHECK(s.cache.pages_cached() == number - 1);  // 16 KiB of read-ahead are four
    CHECK(s.rig.memory.pages_in_use() == s.cache.pages_cached() + 1);
    s.rig.thread(0, s, read_file);
    s.rig.run();
    CHECK(s.result == hw::kPageBytes);
    CHECK(s.holds(s.user, *s.inode, 0, hw::kPageBytes));
    s.rig.end();
  }
}
