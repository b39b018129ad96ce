// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/file_system.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "model/kernel/vfs/file_content.h"
#include "model/kernel/vfs/file_table.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

using Bytes = std::vector<std::byte>;

Bytes content(std::uint64_t inode, std::uint64_t offset, std::size_t size) {
  Bytes bytes(size);
  fill_content(inode, offset, bytes);
  return bytes;
}

Inode& add(FileSystem& files, const std::string& path, std::uint64_t size) {
  return **files.add_file(path, size, Inode::Metadata::cold);
}

}  // namespace

TEST_CASE("a piece of a file is the same bytes whichever way it is cut") {
  const Bytes whole = content(3, 0, 4096);
  for (const std::size_t start : {0u, 1u, 7u, 8u, 1000u})
    for (const std::size_t size : {1u, 7u, 8u, 9u, 512u, 3000u}) {
      const Bytes piece = content(3, start, size);
      CHECK(std::equal(piece.begin(), piece.end(), whole.begin() + static_cast<long>(start)));
      CHECK(content_matches(3, start, piece));
    }
}

TEST_CASE("every wrong byte is found, and so are right bytes in the wrong place") {
  for (const std::size_t size : {64u, 61u}) {
    Bytes bytes = content(5, 4096, size);
    for (std::size_t i = 0; i < size; ++i)
      for (int bit = 0; bit < 8; ++bit) {
        bytes[i] ^= std::byte{1} << bit;
        CHECK_FALSE(content_matches(5, 4096, bytes));
        bytes[i] ^= std::byte{1} << bit;
      }
    CHECK(content_matches(5, 4096, bytes));
    for (const std::uint64_t other : {0u, 8u, 4095u, 4097u, 4104u, 8192u})
      CHECK_FALSE(content_matches(5, other, bytes));
    for (const std::uint64_t inode : {0u, 4u, 6u, 1000u})
      CHECK_FALSE(content_matches(inode, 4096, bytes));
  }
}

TEST_CASE("files lie one behind the other, each behind its inode's block") {
  FileSystem files(1 << 20, true);
  const Inode& first = add(files, "/a", 5000);
  const Inode& second = add(files, "/b", 1);
  CHECK(first.metadata_sector == 0);
  CHECK(first.first_sector == 8);
  CHECK(second.metadata_sector == 24);
  CHECK(second.first_sector == 32);
  CHECK(*files.lookup("/b") == &second);
  Bytes bytes(512);
  files.volume().read(first.first_sector * 512 + 4096, bytes);
  CHECK(content_matches(first.number, 4096, bytes));
  files.volume().read(second.first_sector * 512, bytes);
  const std::span<const std::byte> all(bytes);
  CHECK(content_matches(second.number, 0, all.first(1)));
  CHECK(std::ranges::all_of(all.subspan(1), [](std::byte each) { return each == std::byte{0}; }));
  files.volume().read(second.metadata_sector * 512, bytes);
  CHECK_FALSE(content_matches(first.number, 0, bytes));
  CHECK_FALSE(content_matches(second.number, 0, bytes));
}

TEST_CASE("a name is given once, and a device holds what fits") {
  FileSystem files(64 << 10, true);
  add(files, "/a", 4096);
  CHECK(files.add_file("/a", 1, Inode::Metadata::cold) == fail(Errno::eexist));
  CHECK(files.lookup("/b") == fail(Errno::enoent));
  CHECK(files.add_file("/b", 64 << 10, Inode::Metadata::cold) == fail(Errno::enospc));
  CHECK(files.add_file("/b", ~0ull - 8192, Inode::Metadata::cold) == fail(Errno::enospc));
  CHECK(files.add_file("/b", 13 * 4096, Inode::Metadata::cold).has_value());
  CHECK(files.add_file("/c", 0, Inode::Metadata::cold) == fail(Errno::enospc));
  CHECK(files.file_count() == 2);
}

TEST_CASE("what was written is read back, and nothing around it has changed") {
  FileSystem files(1 << 20, true);
  const Inode& inode = add(files, "/a", 40'000);
  const std::uint64_t start = inode.first_sector * 512;
  const Bytes mine(9000, std::byte{0x5a});
  files.volume().write(start + 3000, mine);
  Bytes bytes(40'000);
  files.volume().read(start, bytes);
  const std::span<const std::byte> all(bytes);
  CHECK(content_matches(inode.number, 0, all.first(3000)));
  CHECK(std::equal(mine.begin(), mine.end(), bytes.begin() + 3000));
  CHECK(content_matches(inode.number, 12'000, all.subspan(12'000)));
}

TEST_CASE("a descriptor is the lowest that is free") {
  FileTable table(100);
  const auto open = [&] { return *table.install(FilePtr{new File}); };
  for (int i = 0; i < 6; ++i) CHECK(open() == i);
  for (const int fd : {4, 1, 3}) CHECK(table.remove(fd).has_value());
  CHECK(table.open_count() == 3);
  CHECK(open() == 1);
  CHECK(open() == 3);
  CHECK(open() == 4);
  CHECK(open() == 6);
}

TEST_CASE("a table refuses descriptors beyond its limit and those that are not open") {
  FileTable table(2);
  CHECK(table.install(FilePtr{new File}) == 0);
  CHECK(table.install(FilePtr{new File}) == 1);
  CHECK(table.install(FilePtr{new File}) == fail(Errno::emfile));
  CHECK(table.open_count() == 2);
  for (const int fd : {-1, 2, 1'000'000}) {
    CHECK(table.get(fd) == fail(Errno::ebadf));
    CHECK(table.remove(fd) == fail(Errno::ebadf));
  }
  CHECK(table.remove(0).has_value());
  CHECK(table.get(0) == fail(Errno::ebadf));
  CHECK(table.remove(0) == fail(Errno::ebadf));
  CHECK(table.open_count() == 1);
}

TEST_CASE("files lie on each volume in turn unless one is named, and each volume fills by itself") {
  FileSystem files(64 << 10, true, 3);
  const Inode& a = add(files, "/a", 4096);
  const Inode& b = add(files, "/b", 4096);
  const Inode& c = add(files, "/c", 4096);
  const Inode& d = add(files, "/d", 4096);
  CHECK(a.volume == &files.volume(0));
  CHECK(b.volume == &files.volume(1));
  CHECK(c.volume == &files.volume(2));
  CHECK(d.volume == &files.volume(0));
  CHECK(b.first_sector == a.first_sector);
  CHECK(d.first_sector == 24);
  Inode* const named = *files.add_file("/e", 12 * 4096, Inode::Metadata::cold, 2);
  CHECK(named->volume == &files.volume(2));
  CHECK(files.add_file("/f", 12 * 4096, Inode::Metadata::cold, 2) == fail(Errno::enospc));
  CHECK(files.lookup("/f") == fail(Errno::enoent));
  CHECK(files.add_file("/f", 12 * 4096, Inode::Metadata::cold, 1).has_value());
  CHECK(files.volume(0).blocks_free() == 16 - 4);
  CHECK(files.volume(1).blocks_free() == 16 - 2 - 13);
  CHECK(files.volume(2).blocks_free() == 16 - 2 - 13);
}

TEST_CASE("volumes hold bytes of their own at the same place") {
  FileSystem files(64 << 10, true, 2);
  const Inode& a = add(files, "/a", 4096);
  const Inode& b = add(files, "/b", 4096);
  const std::uint64_t at = a.first_sector * 512;
  Bytes bytes(4096);
  files.volume(1).read(at, bytes);
  CHECK(content_matches(b.number, 0, bytes));
  files.volume(0).write(at, Bytes(100, std::byte{0x5a}));
  files.volume(1).read(at, bytes);
  CHECK(content_matches(b.number, 0, bytes));
  files.volume(0).read_file(a, 0, bytes);
  CHECK(bytes[99] == std::byte{0x5a});
  CHECK(content_matches(a.number, 100, std::span<const std::byte>(bytes).subspan(100)));
}
