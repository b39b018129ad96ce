// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/model/kernel/fail_allocation.h"
#include "tests/model/kernel/vfs/writing.h"

using namespace iodrome;
using namespace iodrome::kernel;
using Call = Writing::Call;

TEST_CASE("a buffered write is read back, costs its copy, and reaches the device with fsync") {
  Writing s;
  Inode& inode = s.file("/f", 40'000);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 4096, 8192, 0x5a) == 8192);
  CHECK(s.disk.issued.empty());  // whole pages: nothing to read, nothing written yet
  CHECK(s.rig.probe.counters().bytes_copied_cpu == 8192);
  CHECK(Writing::all_are(s.read(file, 4096, 8192), 0x5a));
  CHECK(s.stored(inode, 4096, 8192) == Writing::original(inode, 4096, 8192));
  CHECK(s.fsync(file) == 0);
  CHECK(Writing::all_are(s.stored(inode, 4096, 8192), 0x5a));
  CHECK(s.stored(inode, 0, 4096) == Writing::original(inode, 0, 4096));
  CHECK(s.stored(inode, 12'288, 27'000) == Writing::original(inode, 12'288, 27'000));
}

TEST_CASE("a write of part of a page reads the page first and keeps what is around it") {
  Writing s;
  s.cache.params.readahead_bytes = hw::kPageBytes;
  Inode& inode = s.file("/f", 40'000);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 5000, 100, 0x11) == 100);
  CHECK(s.disk.issued.size() == 1);
  CHECK(s.write(file, 8000, 1000, 0x22) == 1000);  // the end of that page, and the next's start
  CHECK(s.disk.issued.size() == 2);
  CHECK(s.fsync(file) == 0);
  for (const auto& bytes : {s.read(file, 4096, 8192), s.stored(inode, 4096, 8192)}) {
    const std::span<const std::byte> all(bytes);
    CHECK(content_matches(inode.number, 4096, all.first(904)));
    CHECK(Writing::all_are(all.subspan(904, 100), 0x11));
    CHECK(content_matches(inode.number, 5100, all.subspan(1004, 2900)));
    CHECK(Writing::all_are(all.subspan(3904, 1000), 0x22));
    CHECK(content_matches(inode.number, 9000, all.subspan(4904)));
  }
}

TEST_CASE("a write past the end extends the file, and what it left out reads as zeros") {
  Writing s;
  Inode& inode = s.file("/f", 5000);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 100'000, 50, 0x33) == 50);
  CHECK(inode.size_bytes == 100'050);
  CHECK(s.fsync(file) == 0);
  s.cache.drop(inode, 0, 100);
  for (const bool direct : {false, true}) {
    // Alignment: a direct read takes whole sectors and ends where the file does.
    const auto bytes = s.read(file, 0, 100'352, direct);
    const std::span<const std::byte> all(bytes);
    REQUIRE(all.size() == 100'050);
    CHECK(content_matches(inode.number, 0, all.first(5000)));
    CHECK(Writing::all_are(all.subspan(5000, 95'000), 0));
    CHECK(Writing::all_are(all.subspan(100'000), 0x33));
  }
  CHECK(inode.map(20).hole);
  CHECK_FALSE(inode.map(24).hole);
}

TEST_CASE("writers that append at once leave every byte of all of them, each write in one piece") {
  Writing s(4);
  Inode& inode = s.file("/f", 1000);
  s.rig.system.costs.page_write.each = 700ns;
  std::vector<Call*> calls;
  for (std::uint32_t i = 0; i < 4; ++i) {
    const FilePtr file = s.open(inode);
    file->append = true;
    for (std::uint8_t round = 0; round < 3; ++round)
      calls.push_back(&s.start_write(file, 0, 5000,
                                     static_cast<std::uint8_t>(0x10 * (i + 1) + round), false, i));
  }
  for (Call* const call : calls) CHECK(s.finish(*call) == 5000);
  CHECK(inode.size_bytes == 61'000);
  const auto bytes = s.read(s.open(inode), 0, 61'000);
  const std::span<const std::byte> all(bytes);
  CHECK(content_matches(inode.number, 0, all.first(1000)));
  std::set<std::byte> seen;
  for (std::size_t at = 1000; at < 61'000; at += 5000) {
    const auto piece = all.subspan(at, 5000);
    CHECK(Writing::all_are(piece, static_cast<std::uint8_t>(piece.front())));
    seen.insert(piece.front());
  }
  CHECK(seen.size() == 12);
}

TEST_CASE("a reader meets the old page or the new one, never one that is being filled") {
  Writing s(2);
  s.cache.params.readahead_bytes = hw::kPageBytes;
  Inode& inode = s.file("/f", hw::kPageBytes);
  const FilePtr file = s.open(inode);
  Call& write = s.start_write(file, 0, 4096, 0x44);
  Call& read = s.start({s, Call::What::read, file, false, 0, 4096, s.filled(4096, 0xee)}, 1);
  CHECK(s.finish(read) == 4096);
  CHECK(s.finish(write) == 4096);
  CHECK(Writing::all_are(s.rig.memory.bytes(read.user[0], 4096), 0x44));
  CHECK(s.disk.issued.empty());
}

TEST_CASE("a full device gives what fits, then ENOSPC; cutting files off makes room again") {
  Writing s;
  const Result<Inode*> big =
      s.files.add_file("/big", (64 << 20) - 8 * 4096, Inode::Metadata::cached);
  REQUIRE(big);
  Inode& inode = s.file("/f", 0);
  CHECK(s.files.volume().blocks_free() == 6);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 0, 10 * 4096, 0x55) == 6 * 4096);
  CHECK(inode.size_bytes == 6 * 4096);
  CHECK(s.write(file, 6 * 4096, 4096, 0x55) == fail(Errno::enospc));
  CHECK(s.write(file, 0, 4096, 0x66) == 4096);  // it has its block
  CHECK(s.truncate(s.open(**big), 4096) == 0);
  CHECK(s.write(file, 6 * 4096, 4096, 0x55) == 4096);
  CHECK(s.fsync(file) == 0);
  CHECK(Writing::all_are(s.stored(inode, 4096, 6 * 4096), 0x55));
}

TEST_CASE("a file at its largest takes what is left, then EFBIG") {
  Writing s;
  s.files.max_file_bytes = 10'000;
  const FilePtr file = s.open(s.file("/f", 0));
  CHECK(s.write(file, 8000, 5000, 1) == 2000);
  CHECK(s.write(file, 10'000, 1, 1) == fail(Errno::efbig));
  CHECK(s.write(file, 10'000, 0, 1) == 0);
  CHECK(s.truncate(file, 10'001) == fail(Errno::efbig));
}

TEST_CASE("descriptors of the wrong mode, and what are no files, are EBADF") {
  Writing s;
  Inode& inode = s.file("/f", 10'000);
  const FilePtr reader = s.open(inode);
  reader->writable = false;
  const FilePtr writer = s.open(inode);
  writer->readable = false;
  for (const bool direct : {false, true}) {
    CHECK(s.write(reader, 0, 4096, 1, direct) == fail(Errno::ebadf));
    CHECK(s.finish(s.start({s, Call::What::read, writer, direct, 0, 4096, s.pages(1)})) ==
          fail(Errno::ebadf));
    CHECK(s.write(FilePtr{new File}, 0, 4096, 1, direct) == fail(Errno::ebadf));
  }
  CHECK(s.truncate(reader, 0) == fail(Errno::einval));
  CHECK(s.fsync(FilePtr{new File}) == fail(Errno::einval));
  CHECK(s.fsync(reader) == 0);
  CHECK(inode.dirty.empty());
}

TEST_CASE("without memory for its page a write is ENOMEM, and the file is as it was") {
  Writing s;
  Inode& inode = s.file("/f", 10'000);
  FailAllocation oracle(1, "page cache");
  s.rig.timeline.choices().ask(&oracle);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 20'000, 100, 1) == fail(Errno::enomem));
  CHECK(inode.size_bytes == 10'000);
  CHECK_FALSE(inode.lock.held());
  CHECK(s.write(file, 20'000, 100, 1) == 100);
  s.rig.end();
}

TEST_CASE("a page that cannot be read first makes the write EIO; a whole one need not be read") {
  Writing s;
  Inode& inode = s.file("/f", 10'000);
  s.disk.broken = {inode.first_sector};
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 10, 100, 1) == fail(Errno::eio));
  CHECK(s.write(file, 0, 4096, 2) == 4096);
  CHECK(Writing::all_are(s.read(file, 0, 4096), 2));
}

TEST_CASE("cutting a file off forgets its pages, and growing again shows zeros") {
  Writing s;
  Inode& inode = s.file("/f", 20'000);
  const FilePtr file = s.open(inode);
  CHECK(s.write(file, 8192, 11'000, 0x77) == 11'000);
  Call& sync = s.start({s, Call::What::fsync, file});
  Call& cut = s.start({s, Call::What::truncate, file, false, 0, 5000});  // while it is written back
  CHECK(s.finish(cut) == 0);
  CHECK(s.finish(sync) == 0);
  CHECK(inode.size_bytes == 5000);
  CHECK(inode.dirty.size() == 1);  // the block that the file ends in
  CHECK(s.files.volume().blocks_free() == (64 << 20) / 4096 - 1 - 2);
  CHECK(s.truncate(file, 20'000) == 0);
  CHECK(s.fsync(file) == 0);
  s.cache.drop(inode, 0, 100);
  const auto bytes = s.read(file, 0, 30'000);
  const std::span<const std::byte> all(bytes);
  REQUIRE(all.size() == 20'000);
  CHECK(content_matches(inode.number, 0, all.first(5000)));
  CHECK(Writing::all_are(all.subspan(5000), 0));
}

TEST_CASE("blocks written one behind the other lie together, and come back when they are freed") {
  Writing s;
  Inode& inode = s.file("/f", 4096);
  Inode& other = s.file("/g", 4096);
  const std::uint64_t free = s.files.volume().blocks_free();
  CHECK(s.write(s.open(inode), 4096, 10 * 4096, 1) == 10 * 4096);
  CHECK(s.write(s.open(other), 4096, 4096, 2) == 4096);
  CHECK(inode.more.size() == 1);
  CHECK(inode.more[0].count == 10);
  CHECK(s.files.volume().blocks_free() == free - 11);
  CHECK(s.truncate(s.open(inode), 6 * 4096) == 0);
  CHECK(s.files.volume().blocks_free() == free - 6);
  CHECK(s.write(s.open(other), 8192, 4096, 2) == 4096);  // right behind is free no more than before
  CHECK(s.truncate(s.open(inode), 0) == 0);
  CHECK(inode.map(0).hole);
  CHECK(s.files.volume().blocks_free() == free - 2 + 1);
}
