// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/name_ops.h"

#include "tests/model/kernel/vfs/names.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

constexpr std::int32_t kMake = kOpenCreate | kOpenReadWrite;

Task<Errno> opened(Sleepable& ctx, NameScene& s, std::string path, std::int32_t flags) {
  const Value fd = co_await sys_open(ctx, s.os, s.table, path, flags);
  if (!fd) co_return fd.error();
  co_await sys_close(ctx, s.table, static_cast<int>(*fd));
  co_return Errno::ok;
}

Task<Errno> mkdir(Sleepable& ctx, NameScene& s, std::string path) {
  co_return co_await error_of(sys_mkdir(ctx, s.os, path));
}
Task<Errno> rmdir(Sleepable& ctx, NameScene& s, std::string path) {
  co_return co_await error_of(sys_rmdir(ctx, s.os, path));
}
Task<Errno> unlink(Sleepable& ctx, NameScene& s, std::string path) {
  co_return co_await error_of(sys_unlink(ctx, s.os, path));
}

}  // namespace

#define EXPECT(errno_wanted, call)                          \
  do {                                                      \
    const Errno errno_got = co_await call;                  \
    CHECK(name_of(errno_got) == std::string(errno_wanted)); \
  } while (false)

TEST_CASE("open with O_CREAT makes what is not there, and says why where it cannot") {
  NameScene s;
  s.file("/d/laid", 4096);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    EXPECT("ENOENT", opened(ctx, scene, "/new", kOpenReadWrite));
    EXPECT("OK", opened(ctx, scene, "/new", kMake));
    EXPECT("OK", opened(ctx, scene, "/new", kMake));
    EXPECT("OK", opened(ctx, scene, "/new", 0));
    EXPECT("EEXIST", opened(ctx, scene, "/new", kMake | kOpenExclusive));
    EXPECT("EEXIST", opened(ctx, scene, "/d", kMake | kOpenExclusive));
    EXPECT("ENOENT", opened(ctx, scene, "/no/new", kMake));
    EXPECT("ENOENT", opened(ctx, scene, "", kMake));
    EXPECT("ENOTDIR", opened(ctx, scene, "/d/laid/new", kMake));
    EXPECT("ENOTDIR", opened(ctx, scene, "/new/", 0));
    EXPECT("ENOTDIR", opened(ctx, scene, "/new", kOpenDirectory));
    EXPECT("EISDIR", opened(ctx, scene, "/d", kMake));
    EXPECT("EISDIR", opened(ctx, scene, "/d", kOpenWriteOnly));
    EXPECT("EISDIR", opened(ctx, scene, "/other/", kMake));
    EXPECT("EISDIR", opened(ctx, scene, "/", kMake));
    EXPECT("EINVAL", opened(ctx, scene, "/dir", kMake | kOpenDirectory));
    EXPECT("EINVAL", opened(ctx, scene, "/new", 3));
    EXPECT("OK", opened(ctx, scene, "/d/../d/./second", kMake));
    EXPECT("OK", opened(ctx, scene, "/" + std::string(255, 'x'), kMake));
    EXPECT("ENAMETOOLONG", opened(ctx, scene, "/" + std::string(256, 'x'), kMake));
    EXPECT("ENAMETOOLONG", opened(ctx, scene, std::string(4096, '/'), 0));
    EXPECT("OK", opened(ctx, scene, std::string(4095, '/'), 0));
    const std::string names = co_await names_in(ctx, scene, "/d");
    CHECK(names == "./ ../ laid second ");
    CHECK(scene.table.open_count() == 0);
  });
  CHECK(s.files.file_count() == 4);
}

TEST_CASE("an unlinked file lives on while it is open, and gives its blocks back with the last") {
  NameScene s;
  s.file("/a", 3 * 4096);
  s.rig.system.costs.inode_evict.each = 1us;
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    Volume& volume = scene.files.volume();
    EXPECT("OK", opened(ctx, scene, "/keep", kMake));  // the directory has its blocks now
    const std::uint64_t before = volume.blocks_free();
    const Value first = co_await sys_open(ctx, scene.os, scene.table, "/a", kOpenReadWrite);
    const Value second = co_await sys_open(ctx, scene.os, scene.table, "/a", 0);
    REQUIRE((first && second));
    EXPECT("OK", unlink(ctx, scene, "/a"));
    EXPECT("ENOENT", unlink(ctx, scene, "/a"));
    EXPECT("ENOENT", opened(ctx, scene, "/a", 0));
    const Value wrote = co_await sys_pwrite(ctx, scene.os, scene.table, static_cast<int>(*first),
                                            false, 3 * 4096, 4096, scene.user);
    CHECK(wrote == 4096);
    const Value read = co_await sys_pread(ctx, scene.os, scene.table, static_cast<int>(*second),
                                          false, 0, 4 * 4096, scene.user);
    CHECK(read == 4 * 4096);
    co_await sys_close(ctx, scene.table, static_cast<int>(*first));
    CHECK(volume.blocks_free() == before - 1);
    CHECK(ctx.costs().inode_evict.count == 0);
    co_await sys_close(ctx, scene.table, static_cast<int>(*second));
    CHECK(volume.blocks_free() == before + 3 + 1);
    CHECK(ctx.costs().inode_evict.count == 1);
    CHECK(scene.cache.writeback.pages_dirty() == 1);  // the directory's; the file's is forgotten
  });
  CHECK(s.files.file_count() == 1);
  CHECK(s.cache.pages_cached() == 1);
}

TEST_CASE("what is on its way to the device keeps an unlinked file until it has ended") {
  NameScene s;
  s.file("/a", 4096);
  s.disk.latency = 100us;
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    EXPECT("OK", opened(ctx, scene, "/keep", kMake));
    const std::uint64_t before = scene.files.volume().blocks_free();
    const Value fd = co_await sys_open(ctx, scene.os, scene.table, "/a", kOpenReadWrite);
    co_await sys_pwrite(ctx, scene.os, scene.table, static_cast<int>(*fd), false, 0, 4096,
                        scene.user);
    co_await sys_sync_file_range(ctx, scene.os, scene.table, static_cast<int>(*fd), 0, 0,
                                 SyncRange{false, true, false});
    CHECK(scene.cache.writeback.pages_written_back() == 1);
    EXPECT("OK", unlink(ctx, scene, "/a"));
    co_await sys_close(ctx, scene.table, static_cast<int>(*fd));
    CHECK(scene.files.volume().blocks_free() == before);  // another file's bytes could land there
    CHECK(scene.files.file_count() == 2);
    co_await sleep_for(ctx.system().timeline, 200us);
    CHECK(scene.cache.writeback.pages_written_back() == 0);
    CHECK(scene.files.volume().blocks_free() == before + 2);
    CHECK(scene.files.file_count() == 1);
  });
}

TEST_CASE("directories are made and removed, empty ones alone") {
  NameScene s;
  s.file("/f", 1);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    EXPECT("OK", mkdir(ctx, scene, "/d/"));
    const std::uint64_t before = scene.files.volume().blocks_free();
    EXPECT("OK", mkdir(ctx, scene, "/d/e"));
    CHECK(scene.files.volume().blocks_free() == before - 2);
    EXPECT("EEXIST", mkdir(ctx, scene, "/d/e"));
    EXPECT("EEXIST", mkdir(ctx, scene, "/f"));
    EXPECT("EEXIST", mkdir(ctx, scene, "/"));
    EXPECT("EEXIST", mkdir(ctx, scene, "/d/."));
    EXPECT("ENOENT", mkdir(ctx, scene, "/no/e"));
    EXPECT("ENOTDIR", mkdir(ctx, scene, "/f/e"));
    EXPECT("ENOTEMPTY", rmdir(ctx, scene, "/d"));
    EXPECT("ENOTEMPTY", rmdir(ctx, scene, "/d/e/.."));
    EXPECT("EINVAL", rmdir(ctx, scene, "/d/e/."));
    EXPECT("EBUSY", rmdir(ctx, scene, "/"));
    EXPECT("ENOTDIR", rmdir(ctx, scene, "/f"));
    EXPECT("EISDIR", unlink(ctx, scene, "/d"));
    EXPECT("ENOTDIR", unlink(ctx, scene, "/f/"));
    EXPECT("ENOENT", unlink(ctx, scene, "/g/"));
    EXPECT("EISDIR", unlink(ctx, scene, "/d/.."));
    const Value inside = co_await sys_open(ctx, scene.os, scene.table, "/d/e", 0);
    REQUIRE(inside);
    EXPECT("OK", rmdir(ctx, scene, "/d/e"));
    CHECK(scene.files.volume().blocks_free() == before - 2);  // it is open
    std::array<std::byte, 64> buffer;
    EXPECT("ENOENT",
           error_of(sys_getdents64(ctx, scene.os, scene.table, static_cast<int>(*inside), buffer)));
    co_await sys_close(ctx, scene.table, static_cast<int>(*inside));
    CHECK(scene.files.volume().blocks_free() == before);
    EXPECT("ENOENT", rmdir(ctx, scene, "/d/e"));
    EXPECT("OK", rmdir(ctx, scene, "/d"));
  });
}

TEST_CASE("a full device refuses names and directories, and loses no block by it") {
  NameScene s;
  s.file("/big", (64 << 20) - 6 * 4096);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    EXPECT("OK", opened(ctx, scene, "/one", kMake));  // two for the root, one for the inode
    CHECK(scene.files.volume().blocks_free() == 2);
    EXPECT("OK", opened(ctx, scene, "/two", kMake));
    EXPECT("ENOSPC", mkdir(ctx, scene, "/d"));
    CHECK(scene.files.volume().blocks_free() == 1);
    EXPECT("OK", unlink(ctx, scene, "/one"));
    EXPECT("OK", mkdir(ctx, scene, "/d"));
    EXPECT("ENOSPC", opened(ctx, scene, "/d/f", kMake));
    CHECK(scene.files.volume().blocks_free() == 0);
    const std::string names = co_await names_in(ctx, scene, "/");
    CHECK(names == "./ ../ big d/ two ");
  });
}

TEST_CASE("getdents64 tells a name that stays once and only once while others come and go") {
  NameScene s;
  for (int i = 0; i < 300; ++i) s.file("/d/" + std::string(40, 'n') + std::to_string(100 + i), 0);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const Value fd = co_await sys_open(ctx, scene.os, scene.table, "/d", kOpenDirectory);
    std::vector<std::byte> buffer(600);
    std::map<std::string, int> seen;
    for (int call = 0;; ++call) {
      const Value got =
          co_await sys_getdents64(ctx, scene.os, scene.table, static_cast<int>(*fd), buffer);
      REQUIRE(got);
      if (*got == 0) break;
      CHECK(*got <= 600);
      std::span<const std::byte> rest(buffer.data(), static_cast<std::size_t>(*got));
      while (!rest.empty()) ++seen[std::string(take_dirent(rest).name)];
      const std::string stem = "/d/" + std::string(40, 'n');
      if (call < 50) {
        EXPECT("OK", unlink(ctx, scene, stem + std::to_string(100 + call)));
        EXPECT("OK", opened(ctx, scene, "/d/new" + std::to_string(call), kMake));
      }
    }
    for (int i = 50; i < 300; ++i) CHECK(seen[std::string(40, 'n') + std::to_string(100 + i)] == 1);
    CHECK(seen["."] == 1);
    CHECK(seen[".."] == 1);
    const std::string too_small = co_await names_in(ctx, scene, "/d", 16);
    CHECK(too_small == "EINVAL");
    EXPECT("EISDIR", error_of(sys_pread(ctx, scene.os, scene.table, static_cast<int>(*fd), false, 0,
                                        100, scene.user)));
    EXPECT("EISDIR", error_of(sys_pread(ctx, scene.os, scene.table, static_cast<int>(*fd), true, 0,
                                        512, scene.user)));
    co_await sys_close(ctx, scene.table, static_cast<int>(*fd));
  });
}

TEST_CASE("reading a directory costs its blocks once and every entry each time") {
  NameScene s;
  for (int i = 0; i < 100; ++i) s.file("/d/" + std::string(72, 'n') + std::to_string(100 + i), 0);
  s.rig.system.costs.readdir_entry.each = 1us;
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    // 51 records of 84 bytes to a block, less '.' and '..': three blocks, read ahead as one.
    for (const std::size_t reads : {1u, 1u}) {
      const SimTime before = ctx.now();
      co_await names_in(ctx, scene, "/d", 1 << 16);
      CHECK(scene.disk.issued.size() == reads);
      CHECK(ctx.now() - before == (scene.text.empty() ? 103us : 102us));
      scene.text = "cached";
    }
    CHECK(ctx.costs().readdir_entry.count == 204);
  });
}

TEST_CASE("a directory's changed block reaches the device with the flusher or an fsync") {
  NameScene s;
  s.file("/a", 1);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    EXPECT("OK", mkdir(ctx, scene, "/d"));
    const Value fd = co_await sys_open(ctx, scene.os, scene.table, "/d", 0);
    EXPECT("OK", opened(ctx, scene, "/d/f", kMake));
    const Inode& directory = *(*scene.table.get(static_cast<int>(*fd)))->inode;
    CHECK(directory.dirty.size() == 1);
    const std::size_t before = scene.disk.writes;
    const Value synced = co_await sys_fsync(ctx, scene.os, scene.table, static_cast<int>(*fd));
    CHECK(synced == 0);
    CHECK(scene.disk.writes == before + 2);  // the block of names and the inode's
    CHECK(scene.disk.flushes == 1);
    CHECK(directory.dirty.empty());
    co_await sys_close(ctx, scene.table, static_cast<int>(*fd));
    CHECK(scene.cache.writeback.pages_dirty() == 1);  // the root's
  });
  CHECK(s.cache.writeback.pages_dirty() == 0);
}

TEST_CASE("a writer held up by dirty pages goes on when they are forgotten instead of written") {
  NameScene s(2);
  s.file("/many", 0);
  s.file("/one", 0);
  s.user = s.pages(10);
  s.cache.params.dirty_background = s.cache.params.dirty = Fraction{40'000};  // 10 pages
  s.rig.thread<NameScene>(0, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    EXPECT("OK", opened(ctx, scene, "/x", kMake));  // the directory's block: no reading later
    Result<FilePtr> file = co_await open_file(ctx, scene.os, "/many", kOpenReadWrite);
    REQUIRE(file);
    co_await pwrite_blocking(ctx, scene.os, *file, false, 0, 9 * 4096, scene.user);
    CHECK(scene.cache.writeback.pages_dirty() == 10);
    co_await ctx.spend(scene.work, 200);  // the flusher waits for this CPU
    CHECK(scene.cache.writeback.pages_dirty() == 11);
    *file = nullptr;
    EXPECT("OK", unlink(ctx, scene, "/many"));
  });
  s.rig.thread<NameScene>(1, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    co_await ctx.spend(scene.work, 100);
    const Result<FilePtr> file = co_await open_file(ctx, scene.os, "/one", kOpenReadWrite);
    REQUIRE(file);
    const Value wrote = co_await pwrite_blocking(ctx, scene.os, *file, false, 0, 4096, scene.user);
    CHECK(wrote == 4096);
    CHECK(ctx.now() > SimTime{} + 200us);
    CHECK(ctx.now() < SimTime{} + 1ms);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}
