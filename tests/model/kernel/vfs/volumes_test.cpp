// SPDX-License-Identifier: Apache-2.0
// Files on two block devices under one page cache.
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/write_calls.h"
#include "tests/model/kernel/disk.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct TwoDisks {
  TwoDisks() {
    cache.params = {1 << 20, 16'384, 65'536};
    for (std::size_t i = 0; i < 2; ++i) {
      files.volume(i).mount(devices[i]);
      const Result<Inode*> inode =
          files.add_file("/f" + std::to_string(i), 64 << 10, Inode::Metadata::cached);
      REQUIRE(inode);
      file[i] = FilePtr{new File};
      file[i]->inode = *inode;
    }
    for (int page = 0; page < 16; ++page) user.push_back(rig.memory.allocate_page());
  }
  ~TwoDisks() { rig.end(); }
  void fill(std::uint64_t inode) {
    for (std::uint64_t i = 0; i < user.size(); ++i)
      fill_content(inode, i * hw::kPageBytes, rig.memory.bytes(user[i], hw::kPageBytes));
  }

  Rig rig{2};
  FileSystem files{64 << 20, true, 2};
  TestDisk disks[2] = {{rig, files.volume(0), 8}, {rig, files.volume(1), 8}};
  BlockDevice devices[2] = {BlockDevice{disks[0]}, BlockDevice{disks[1]}};
  PageCache cache{rig.system};
  Os os{rig.system, files, cache};
  FilePtr file[2];
  std::vector<hw::PhysAddr> user;
  Result<std::int64_t> result = 0;
};

}  // namespace

TEST_CASE("each device is asked for its own files' blocks, and the cache keeps them apart") {
  TwoDisks s;
  s.rig.thread<TwoDisks>(0, s, [](Sleepable& ctx, TwoDisks& two) -> Task<void> {
    for (std::size_t i = 0; i < 2; ++i)
      for (const bool direct : {false, true}) {
        const Result<std::int64_t> got =
            co_await pread_blocking(ctx, two.os, two.file[i], direct, 0, 4096, two.user);
        CHECK(got == 4096);
        CHECK(content_matches(two.file[i]->inode->number, 0,
                              two.rig.memory.bytes(two.user[0], 4096)));
      }
  });
  s.rig.run();
  // Both files lie at the same place of their devices.
  CHECK(s.disks[0].issued.size() == 2);
  CHECK(s.disks[1].issued == s.disks[0].issued);
}

TEST_CASE("an fsync writes and flushes the device of its file alone") {
  TwoDisks s;
  s.fill(40);
  s.rig.thread<TwoDisks>(0, s, [](Sleepable& ctx, TwoDisks& two) -> Task<void> {
    for (std::size_t i = 0; i < 2; ++i) {
      const Result<std::int64_t> put =
          co_await pwrite_blocking(ctx, two.os, two.file[i], false, 0, 8192, two.user);
      CHECK(put == 8192);
    }
    two.result = co_await fsync_blocking(ctx, two.os, two.file[1], false);
    CHECK(two.disks[0].issued.empty());
    CHECK(two.disks[1].writes == 2);  // the pages, and the inode's block
    CHECK(two.disks[1].flushes == 1);
    CHECK(two.cache.writeback.pages_dirty() == 2);
  });
  s.rig.run();
  CHECK(s.result == 0);
  // What nobody has synced its own flusher writes when it is old.
  CHECK(s.disks[0].writes == 2);
  CHECK(s.disks[0].flushes == 0);
  CHECK(s.disks[1].writes == 2);
  CHECK(s.cache.writeback.pages_dirty() == 0);
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<std::byte> stored(8192);
    s.files.volume(i).read_file(*s.file[i]->inode, 0, stored);
    CHECK(content_matches(40, 0, stored));
  }
}

TEST_CASE("a slow device's dirty pages hold writers to another one up, until they are written") {
  TwoDisks s;
  s.disks[0].latency = 10ms;
  // 256 pages of cache: 25 start the flushers, 51 hold writers up.
  s.cache.params.capacity_bytes = 64 * 4096;
  s.cache.params.dirty_background = {200'000};  // 12 pages
  s.cache.params.dirty = {400'000};             // 25
  s.rig.thread<TwoDisks>(0, s, [](Sleepable& ctx, TwoDisks& two) -> Task<void> {
    const Result<std::int64_t> first =
        co_await pwrite_blocking(ctx, two.os, two.file[0], false, 0, 64 << 10, two.user);
    CHECK(first == 64 << 10);
    const Result<std::int64_t> second =
        co_await pwrite_blocking(ctx, two.os, two.file[1], false, 0, 64 << 10, two.user);
    CHECK(second == 64 << 10);
    two.result = co_await fsync_blocking(ctx, two.os, two.file[1], true);
  });
  s.rig.run();
  CHECK(s.result == 0);
  CHECK(s.disks[0].writes > 0);
  CHECK(s.rig.now() >= 10ms);
  CHECK(s.cache.writeback.pages_dirty() == 0);
}
