// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/writeback.h"

#include <catch2/catch.hpp>

#include "tests/model/kernel/vfs/writing.h"

using namespace iodrome;
using namespace iodrome::kernel;
using Call = Writing::Call;

TEST_CASE("dirty pages are written when they are old, and then the machine comes to rest") {
  Writing s;
  Inode& inode = s.file("/f", 0);
  CHECK(s.write(s.open(inode), 0, 8192, 0x5a) == 8192);
  s.go_on(29s);
  CHECK(s.disk.writes == 0);
  CHECK(s.cache.writeback.pages_dirty() == 2);
  s.rig.run();                // until nothing is left to happen
  CHECK(s.disk.writes == 2);  // the pages, and the inode's block
  CHECK(s.disk.flushes == 0);
  CHECK(s.cache.writeback.pages_dirty() == 0);
  CHECK(Writing::all_are(s.stored(inode, 0, 8192), 0x5a));
  CHECK(s.rig.now() >= 30s);
  CHECK(s.rig.now() <= 40s);
}

TEST_CASE("many dirty pages are written at once, down to the lower limit, and none is lost") {
  Writing s;  // 256 pages of cache: 25 start the flusher, 51 hold writers up
  Inode& inode = s.file("/f", 0);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 0, 24 * 4096, 0x11) == 24 * 4096);
  s.go_on(1ms);
  CHECK(s.disk.writes == 0);
  CHECK(s.write(file, 24 * 4096, 4 * 4096, 0x22) == 4 * 4096);
  s.go_on(1ms);
  CHECK(s.disk.writes != 0);
  CHECK(s.cache.writeback.pages_dirty() <= 25);
  s.rig.run();
  CHECK(Writing::all_are(s.stored(inode, 0, 24 * 4096), 0x11));
  CHECK(Writing::all_are(s.stored(inode, 24 * 4096, 4 * 4096), 0x22));
}

TEST_CASE("above the upper limit a writer waits for the device, and never leaves it far behind") {
  for (const Duration latency : {Duration{1us}, Duration{100us}}) {
    Writing s(2);
    s.disk.latency = latency;
    Inode& inode = s.file("/f", 0);
    Call& write = s.start_write(s.open(inode), 0, 1000 * 4096, 0x33);
    std::uint64_t most = 0;
    for (int i = 0; i < 100'000 && !write.ended; ++i) {
      s.go_on(1us);
      most =
          std::max(most, s.cache.writeback.pages_dirty() + s.cache.writeback.pages_written_back());
    }
    CHECK(write.result == 1000 * 4096);
    CHECK(most > 51);
    CHECK(most <= 51 + 16);  // it looks once every 16 pages
    s.rig.run();
    CHECK(Writing::all_are(s.stored(inode, 0, 1000 * 4096), 0x33));
    CHECK(s.cache.pages_cached() <= 256);
  }
}

TEST_CASE("with both limits at nothing every write waits until its page is on the device") {
  Writing s;
  s.cache.params.dirty_background = s.cache.params.dirty = Fraction{0};
  Inode& inode = s.file("/f", 0);
  CHECK(s.write(s.open(inode), 0, 3 * 4096, 0x44) == 3 * 4096);
  CHECK(s.cache.writeback.pages_dirty() == 0);
  CHECK(Writing::all_are(s.stored(inode, 0, 3 * 4096), 0x44));
}

TEST_CASE(
    "fsync writes pages, then the inode's block, then flushes; fdatasync leaves out the block") {
  Writing s;
  Inode& inode = s.file("/f", 100'000);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 0, 4096, 1) == 4096);
  CHECK(s.write(file, 5 * 4096, 2 * 4096, 1) == 8192);
  CHECK(s.fdatasync(file) == 0);
  const std::uint64_t data = inode.first_sector;
  CHECK(s.disk.issued == std::vector<std::uint64_t>{data, data + 40, 0});
  CHECK(s.disk.flushes == 1);
  s.disk.issued.clear();
  CHECK(s.fsync(file) == 0);  // the times have changed
  CHECK(s.disk.issued == std::vector<std::uint64_t>{inode.metadata_sector, 0});
  s.disk.issued.clear();
  CHECK(s.write(file, 100'000, 10, 2) == 10);
  s.disk.issued.clear();          // the last page was read
  CHECK(s.fdatasync(file) == 0);  // without its size the data is lost
  CHECK(s.disk.issued == std::vector<std::uint64_t>{data + 192, inode.metadata_sector, 0});
  s.disk.issued.clear();
  s.disk.has_cache = false;
  CHECK(s.fsync(file) == 0);
  CHECK(s.disk.issued.empty());
}

TEST_CASE("an fsync covers a page that was changed while the flusher had it at the device") {
  Writing s(2);
  s.disk.latency = 50us;
  Inode& inode = s.file("/f", 4096);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 0, 4096, 0x11) == 4096);
  Call& first = s.start({s, Call::What::fsync, file});
  s.go_on(10us);
  CHECK(inode.writeback.size() == 1);
  CHECK(s.write(file, 0, 4096, 0x22) == 4096);  // it is not held up: pages are not stable
  s.go_on(30us);
  CHECK(!first.ended);
  CHECK(inode.writeback.size() == 1);
  CHECK(s.disk.writes == 1);  // overwriting the page has not told the fsync that it is written
  Call& second = s.start({s, Call::What::fsync, file}, 1);
  CHECK(s.finish(second) == 0);
  CHECK(Writing::all_are(s.stored(inode, 0, 4096), 0x22));
  CHECK(inode.dirty.empty());
  CHECK(s.finish(first) == 0);
}

TEST_CASE("an error of writeback is told once to each descriptor, and to the next one opened") {
  Writing s;
  Inode& inode = s.file("/f", 40'000);
  const FilePtr one = s.open(inode);
  const FilePtr two = s.open(inode);
  s.disk.broken = {inode.first_sector};
  CHECK(s.write(one, 0, 4096, 1) == 4096);
  CHECK(s.fsync(one) == fail(Errno::eio));
  CHECK(s.fsync(one) == 0);
  CHECK(s.fdatasync(two) == fail(Errno::eio));
  CHECK(s.fsync(two) == 0);
  CHECK(s.fsync(s.open(inode)) == 0);  // it was told
  CHECK(s.write(one, 0, 4096, 1) == 4096);
  s.rig.run();  // the flusher meets the error, nobody is there
  CHECK(s.fsync(s.open(inode)) == fail(Errno::eio));
  CHECK(s.fsync(one) == fail(Errno::eio));
  CHECK(Writing::all_are(s.read(one, 0, 4096), 1));  // as Linux: clean, and in memory alone
}

TEST_CASE("sync_file_range starts, waits or both, and never flushes the device") {
  Writing s;
  s.disk.latency = 50us;
  Inode& inode = s.file("/f", 40'960);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 0, 40'960, 1) == 40'960);
  const auto sync = [&](SyncRange what, std::uint64_t offset, std::uint64_t bytes) {
    return s.finish(s.start({s, Call::What::sync_range, file, false, offset, bytes, {}, what}));
  };
  CHECK(sync({.write = true}, 4096, 8192) == 0);
  CHECK(inode.writeback == std::set<std::uint64_t>{1, 2});
  CHECK(inode.dirty.size() == 8);
  CHECK(sync({.wait_before = true}, 0, 0) == 0);
  CHECK(inode.writeback.empty());
  CHECK(sync({true, true, true}, 0, 0) == 0);
  CHECK(inode.dirty.empty());
  CHECK(inode.writeback.empty());
  CHECK(inode.attributes_dirty);
  CHECK(s.disk.flushes == 0);
}

TEST_CASE("a direct write goes past the cache and drops what the cache had there") {
  Writing s;
  Inode& inode = s.file("/f", 100'000);
  const FilePtr file = s.open(inode);
  s.read(file, 0, 40'000);
  CHECK(s.write(file, 4096, 4096, 0x11) == 4096);  // dirty: it goes to the device first
  CHECK(s.write(file, 512, 20'480, 0x22, true) == 20'480);
  CHECK(inode.pages[2] == nullptr);
  CHECK(inode.dirty.empty());
  CHECK(Writing::all_are(s.stored(inode, 512, 20'480), 0x22));
  CHECK(Writing::all_are(s.read(file, 512, 20'480), 0x22));
  CHECK(s.stored(inode, 0, 512) == Writing::original(inode, 0, 512));
  CHECK(s.disk.flushes == 0);
  CHECK(s.rig.probe.counters().bytes_copied_cpu == 40'000 + 4096 + 20'480);
}

TEST_CASE("a direct read meets what was written through the cache") {
  Writing s;
  Inode& inode = s.file("/f", 100'000);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 4096, 4096, 0x11) == 4096);
  CHECK(Writing::all_are(s.read(file, 4096, 4096, true), 0x11));
  CHECK(inode.dirty.empty());
}

TEST_CASE("direct writes of odd sectors, or from odd memory, are EINVAL and start nothing") {
  Writing s;
  const FilePtr file = s.open(s.file("/f", 100'000));
  CHECK(s.write(file, 100, 512, 1, true) == fail(Errno::einval));
  CHECK(s.write(file, 512, 100, 1, true) == fail(Errno::einval));
  Call odd{s, Call::What::write, file, true, 0, 512, s.pages(1)};
  odd.user[0] += 8;
  CHECK(s.finish(s.start(std::move(odd))) == fail(Errno::einval));
  CHECK(s.write(file, 512, 0, 1, true) == 0);
  CHECK(s.disk.issued.empty());
}

TEST_CASE(
    "a direct write into a hole or past the end goes through the cache and is on the device") {
  Writing s;
  Inode& inode = s.file("/f", 4096);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 2048, 8192, 0x66, true) == 8192);
  CHECK(inode.size_bytes == 10'240);
  CHECK(Writing::all_are(s.stored(inode, 2048, 8192), 0x66));
  CHECK(s.cache.pages_cached() == 0);
  s.disk.broken = {inode.map(3).sector, inode.map(2).sector + 8};
  CHECK(s.write(file, 12'288, 4096, 0x77, true) == fail(Errno::eio));
}

TEST_CASE("one bad piece makes a direct write EIO, also when the device is at once") {
  for (const bool at_once : {false, true}) {
    Writing s;
    s.disk.at_once = at_once;
    Inode& inode = s.file("/f", 1'000'000);
    s.disk.broken = {inode.first_sector + 128};
    const FilePtr file = s.open(inode);
    CHECK(s.write(file, 0, 262'144, 1, true) == fail(Errno::eio));
    CHECK(s.write(file, 131'072, 65'536, 1, true) == 65'536);
  }
}
