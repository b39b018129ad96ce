// SPDX-License-Identifier: Apache-2.0
#include "tests/model/kernel/vfs/names.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

Task<std::string> renamed(Sleepable& ctx, NameScene& s, std::string from, std::string to) {
  co_return name_of(co_await error_of(sys_rename(ctx, s.os, from, to)));
}

}  // namespace

#define RENAME(wanted, from, to)                                    \
  do {                                                              \
    const std::string got = co_await renamed(ctx, scene, from, to); \
    CHECK(got == wanted);                                           \
  } while (false)

TEST_CASE("rename moves files and directories, and refuses what Linux refuses") {
  NameScene s;
  Inode& a = s.file("/d/a", 1);
  s.file("/d/e/b", 1);
  s.file("/c", 1);
  Inode& b = **s.files.find("/d/e/b");
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    RENAME("ENOENT", "/d/none", "/x");
    RENAME("ENOENT", "/d/a", "/none/x");
    RENAME("ENOTDIR", "/d/a", "/c/x");
    RENAME("ENOTDIR", "/d/a", "/x/");
    RENAME("ENOTDIR", "/d", "/c");
    RENAME("EISDIR", "/c", "/d");
    RENAME("EINVAL", "/d", "/d/x");
    RENAME("EINVAL", "/d", "/d/e/x");
    RENAME("ENOTEMPTY", "/d/e", "/d");
    RENAME("EBUSY", "/", "/x");
    RENAME("EBUSY", "/d/.", "/x");
    RENAME("EBUSY", "/d/a", "/d/..");
    RENAME("OK", "/d/a", "/d/a");
    RENAME("OK", "/d/a", "/d/longer name");
    RENAME("OK", "/d/e", "/e");
    RENAME("OK", "/d", "/e/d");
    co_await sys_mkdir(ctx, scene.os, "/empty");
    RENAME("OK", "/e", "/empty");
    RENAME("ENAMETOOLONG", "/c", "/" + std::string(256, 'x'));
    const std::string top = co_await names_in(ctx, scene, "/");
    CHECK(top == "./ ../ c empty/ ");
    const std::string below = co_await names_in(ctx, scene, "/empty");
    CHECK(below == "./ ../ b d/ ");
  });
  CHECK(*s.files.find("/empty/d/longer name") == &a);
  CHECK(*s.files.find("/empty/d/../../empty/b") == &b);
}

TEST_CASE("a renaming replaces a file at once: whoever looks finds the old or the new one") {
  NameScene s(2);
  Inode& old_one = s.file("/target", 4096);
  Inode& new_one = s.file("/fresh", 4096);
  s.rig.system.costs.dirent_change.each = 5us;
  s.rig.system.costs.path_lookup.each = 1us;
  const std::uint64_t number = old_one.number;
  s.rig.thread<NameScene>(1, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    for (int i = 0; i < 40; ++i) {
      const Result<FilePtr> file = co_await open_file(ctx, scene.os, "/target", 0);
      REQUIRE(file);
      scene.text += std::to_string((*file)->inode->number);
    }
  });
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    co_await ctx.spend(scene.work);
    RENAME("OK", "/fresh", "/target");
  });
  CHECK(number == 1);
  CHECK(new_one.number == 2);
  CHECK(s.text.find_first_not_of('1') != std::string::npos);
  CHECK(s.text.find("21") == std::string::npos);
  CHECK(s.text.size() == 40);
  CHECK(s.files.find("/fresh") == fail(Errno::enoent));
  CHECK(s.files.file_count() == 1);
}

TEST_CASE("what a renaming replaces lives on while it is open") {
  NameScene s;
  s.file("/target", 4096);
  s.file("/fresh", 4096);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const Value fd = co_await sys_open(ctx, scene.os, scene.table, "/target", 0);
    RENAME("OK", "/fresh", "/target");
    CHECK(scene.files.file_count() == 2);
    const Value got = co_await sys_pread(ctx, scene.os, scene.table, static_cast<int>(*fd), false,
                                         0, 4096, scene.user);
    CHECK(got == 4096);
    const Inode& inode = *(*scene.table.get(static_cast<int>(*fd)))->inode;
    CHECK(scene.holds(scene.user, inode, 0, 4096));
    co_await sys_close(ctx, scene.table, static_cast<int>(*fd));
    CHECK(scene.files.file_count() == 1);
  });
}

TEST_CASE("a file cannot be renamed to another volume") {
  Rig rig(1);
  FileSystem files(1 << 20, true, 2);
  TestDisk first(rig, files.volume(0), 8), second(rig, files.volume(1), 8);
  BlockDevice one(first, {}), two(second, {});
  files.volume(0).mount(one);
  files.volume(1).mount(two);
  PageCache cache{rig.system};
  cache.params = {1 << 20, 16'384, 65'536};
  struct Scene {
    Os os;
  } s{{rig.system, files, cache}};
  REQUIRE(files.add_directory("/one", 0));
  REQUIRE(files.add_directory("/two", 1));
  REQUIRE(files.add_file("/one/f", 1, Inode::Metadata::cached, 0));
  rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    const Value across = co_await sys_rename(ctx, scene.os, "/one/f", "/two/f");
    CHECK(across.error() == Errno::exdev);
    const Value made = co_await sys_mkdir(ctx, scene.os, "/two/d");
    CHECK(made == 0);
    const Value within = co_await sys_rename(ctx, scene.os, "/two/d", "/two/e");
    CHECK(within == 0);
  });
  rig.run();
  CHECK(files.find("/two/e").has_value());
  CHECK((*files.find("/two/e"))->volume == &files.volume(1));
  rig.end();
}

TEST_CASE("renamings up and down a tree do not deadlock") {
  NameScene s(2);
  for (const char* name : {"/x/1", "/x/y/2", "/x/y/z/3", "/w/4"}) s.file(name, 1);
  s.rig.system.costs.dirent_change.each = 3us;
  struct Mover {
    NameScene& scene;
    std::array<const char*, 4> paths;
  };
  std::array<Mover, 4> movers{{{s, {"/x/1", "/x/y/1", "/x/y/z/1", "/w/1"}},
                               {s, {"/x/y/2", "/x/2", "/w/2", "/x/y/z/2"}},
                               {s, {"/x/y/z/3", "/w/3", "/x/3", "/x/y/3"}},
                               {s, {"/w", "/x/w", "/x/y/w", "/w"}}}};
  for (std::uint32_t i = 0; i < 4; ++i)
    s.rig.thread<Mover>(i % 2, movers[i], [](Sleepable& ctx, Mover& mover) -> Task<void> {
      for (std::size_t turn = 0; turn < 60; ++turn)
        co_await renamed(ctx, mover.scene, mover.paths[turn % 4], mover.paths[(turn + 1) % 4]);
      ++mover.scene.done;
    });
  s.rig.run();
  CHECK(s.done == 4);
  CHECK(s.files.file_count() == 4);
}
