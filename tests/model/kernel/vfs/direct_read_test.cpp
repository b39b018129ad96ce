// SPDX-License-Identifier: Apache-2.0
// Reads past the page cache, and the opening of files.
#include <catch2/catch.hpp>

#include "model/kernel/calls/file_calls.h"
#include "tests/model/kernel/disk.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct Scene : DiskRig {
  using DiskRig::DiskRig;
  Inode* inode = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::vector<hw::PhysAddr> user;
  Result<std::int64_t> result = 0;
  FileTable table{4};
  std::string path = "/f";
  std::vector<Result<std::int64_t>> fds;
};

Task<void> read_direct(Sleepable& ctx, Scene& s) {
  s.result = co_await pread_blocking(ctx, s.os, s.open(*s.inode), true, s.offset, s.bytes, s.user);
}

Task<void> open_file(Sleepable& ctx, Scene& s) {
  const Result<std::int64_t> fd = co_await sys_openat(ctx, s.os, s.table, s.path);
  s.fds.push_back(fd);
}

Result<std::int64_t> direct(Scene& s, std::uint64_t offset, std::uint64_t bytes) {
  s.offset = offset;
  s.bytes = bytes;
  s.rig.thread(0, s, read_direct);
  s.rig.run();
  return s.result;
}

}  // namespace

TEST_CASE("a direct read brings the file's bytes in pieces that the device takes") {
  Scene s;
  s.inode = &s.file("/f", 1'000'000);
  s.user = s.pages(64);
  CHECK(direct(s, 512, 262'144) == 262'144);
  CHECK(s.holds(s.user, *s.inode, 512, 262'144));
  CHECK(s.disk.issued.size() == 4);  // of 64 KiB each
  CHECK(s.cache.pages_cached() == 0);
}

TEST_CASE("a direct read of odd sectors is EINVAL and starts nothing") {
  Scene s;
  s.inode = &s.file("/f", 1'000'000);
  s.user = s.pages(4);
  CHECK(direct(s, 100, 512) == fail(Errno::einval));
  CHECK(direct(s, 512, 100) == fail(Errno::einval));
  CHECK(direct(s, 511, 513) == fail(Errno::einval));
  CHECK(s.disk.issued.empty());
}

TEST_CASE("a direct read at the end of the file is 0, across it short") {
  Scene s;
  s.inode = &s.file("/f", 10'000);
  s.user = s.pages(4);
  CHECK(direct(s, 10'240, 512) == 0);
  CHECK(direct(s, 1 << 20, 4096) == 0);
  CHECK(direct(s, 0, 0) == 0);
  CHECK(s.disk.issued.empty());
  CHECK(direct(s, 8192, 8192) == 10'000 - 8192);
  CHECK(s.holds(s.user, *s.inode, 8192, 10'000 - 8192));
  CHECK(direct(s, 9'728, 512) == 10'000 - 9'728);
}

TEST_CASE("one bad piece makes the whole direct read EIO, also when the device is at once") {
  for (const bool at_once : {false, true}) {
    Scene s;
    s.disk.at_once = at_once;
    s.inode = &s.file("/f", 1'000'000);
    s.user = s.pages(64);
    s.disk.broken = {s.inode->first_sector + 128};
    CHECK(direct(s, 0, 262'144) == fail(Errno::eio));
    CHECK(direct(s, 131'072, 65'536) == 65'536);
  }
}

TEST_CASE("opening a cold file reads its inode once, for everybody who waits") {
  Scene s(3);
  s.inode = &s.file("/f", 10'000, Inode::Metadata::cold);
  for (std::uint32_t cpu = 0; cpu < 3; ++cpu) s.rig.thread(cpu, s, open_file);
  s.rig.run();
  CHECK(s.disk.issued == std::vector<std::uint64_t>{s.inode->metadata_sector});
  CHECK(s.fds.size() == 3);
  CHECK(s.table.open_count() == 3);
  CHECK(s.rig.now() == 1us);
  s.rig.thread(0, s, open_file);
  s.rig.run();
  CHECK(s.disk.issued.size() == 1);
}

TEST_CASE("a path without a file is ENOENT, a full table EMFILE, and neither takes anything") {
  Scene s;
  s.file("/f", 10'000);
  s.path = "/nowhere";
  s.rig.thread(0, s, open_file);
  s.rig.run();
  CHECK(s.fds[0] == fail(Errno::enoent));
  CHECK(s.table.open_count() == 0);
  s.path = "/f";
  for (int i = 0; i < 5; ++i) s.rig.thread(0, s, open_file);
  s.rig.run();
  for (int i = 0; i < 4; ++i) CHECK(s.fds[static_cast<std::size_t>(1 + i)] == i);
  CHECK(s.fds[5] == fail(Errno::emfile));
  CHECK(s.table.open_count() == 4);
}

TEST_CASE("an inode that cannot be read is EIO for everybody who waits, and tried anew later") {
  Scene s(2);
  s.inode = &s.file("/f", 10'000, Inode::Metadata::cold);
  s.disk.broken = {s.inode->metadata_sector};
  s.rig.thread(0, s, open_file);
  s.rig.thread(1, s, open_file);
  s.rig.at(5us, [&] { s.disk.broken.clear(); });
  s.rig.run();
  CHECK(s.fds.size() == 2);
  CHECK(s.fds[0] == fail(Errno::eio));
  CHECK(s.fds[1] == fail(Errno::eio));
  CHECK(s.disk.issued.size() == 1);
  s.rig.thread(0, s, open_file);
  s.rig.run();
  CHECK(s.fds[2] == 0);
  CHECK(s.disk.issued.size() == 2);
}

TEST_CASE("calls on descriptors that are not open, or no files, are EBADF") {
  Scene s;
  s.user = s.pages(1);
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    Result<std::int64_t> got = co_await sys_fstat(ctx, scene.table, 0);
    CHECK(got == fail(Errno::ebadf));
    got = co_await sys_close(ctx, scene.table, -1);
    CHECK(got == fail(Errno::ebadf));
    got = co_await sys_pread(ctx, scene.os, scene.table, 99, true, 0, 512, scene.user);
    CHECK(got == fail(Errno::ebadf));
    got = co_await sys_sendfile(ctx, scene.os, scene.table, 1, 0, 0, 512);
    CHECK(got == fail(Errno::ebadf));
    FilePtr nothing{new File};
    const Result<int> fd = scene.table.install(nothing);
    got = co_await sys_fstat(ctx, scene.table, *fd);
    CHECK(got == fail(Errno::ebadf));
    got = co_await sys_pread(ctx, scene.os, scene.table, *fd, false, 0, 512, scene.user);
    CHECK(got == fail(Errno::ebadf));
    got = co_await sys_send(ctx, scene.os, scene.table, *fd, scene.user, 512);
    CHECK(got == fail(Errno::ebadf));
  });
  s.rig.run();
  CHECK(s.rig.probe.counters().syscalls == 7);
}
