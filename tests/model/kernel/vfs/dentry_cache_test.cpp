// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/dentry_cache.h"

#include "tests/model/kernel/vfs/names.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

// Files in two directories, on a machine that knows `limit` names at most.
struct ColdScene : NameScene {
  explicit ColdScene(std::uint64_t limit, std::uint32_t cpus = 1) : NameScene(cpus) {
    files.dentries.limit = limit;
    for (const char* path : {"/d/a", "/d/b", "/e/c"}) file(path, 1, Inode::Metadata::cold);
    rig.system.costs.path_lookup.each = 100ns;
    rig.system.costs.path_component.each = 10ns;
    rig.system.costs.directory_search.each = 1ns;
  }
};

Task<Errno> reopened(Sleepable& ctx, NameScene& s, std::string path) {
  const Value fd = co_await sys_open(ctx, s.os, s.table, path, 0);
  if (!fd) co_return fd.error();
  co_await sys_close(ctx, s.table, static_cast<int>(*fd));
  co_return Errno::ok;
}

// What opening and closing costs: reads of the device, and nanoseconds.
Task<std::string> cost_of(Sleepable& ctx, NameScene& s, std::string path) {
  const std::size_t reads = s.disk.issued.size();
  const SimTime before = ctx.now();
  const Errno error = co_await reopened(ctx, s, path);
  co_return std::string(name_of(error)) + " " + std::to_string(s.disk.issued.size() - reads) + " " +
      std::to_string(to_ps(ctx.now() - before) / 1000);
}

}  // namespace

#define COSTS(wanted, path)                                           \
  do {                                                                \
    const std::string text_cost = co_await cost_of(ctx, scene, path); \
    CHECK(text_cost == wanted);                                       \
  } while (false)

TEST_CASE("a cold path reads every directory and inode on its way, a known one costs its names") {
  ColdScene s(100);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    // The root's and /d's inode and block, each with a look-up anew behind it, then the file's
    // inode: 100 + 100 + 101 + 110 + 111 ns of look-ups.
    COSTS("OK 5 5522", "/d/a");
    COSTS("OK 0 120", "/d/a");
    // A block of /d is there and searched, the inode of b is read.
    COSTS("OK 1 1111", "/d/b");
    COSTS("OK 0 120", "/d/b");
    CHECK(scene.files.dentries.size() == 3);
    CHECK(ctx.costs().directory_search.count == 3);
  });
}

TEST_CASE("a name that is not there is searched once and then known to be missing") {
  ColdScene s(100);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    co_await reopened(ctx, scene, "/d/a");
    const std::uint64_t searched = ctx.costs().directory_search.count;
    COSTS("ENOENT 0 111", "/d/x");
    COSTS("ENOENT 0 120", "/d/x");
    CHECK(ctx.costs().directory_search.count == searched + 1);
    const Value made =
        co_await sys_open(ctx, scene.os, scene.table, "/d/x", kOpenCreate | kOpenReadWrite);
    REQUIRE(made);
    co_await sys_close(ctx, scene.table, static_cast<int>(*made));
    COSTS("OK 0 120", "/d/x");
    co_await sys_unlink(ctx, scene.os, "/d/x");
    COSTS("ENOENT 0 120", "/d/x");
    co_await sys_rename(ctx, scene.os, "/d/b", "/d/x");
    CHECK(ctx.costs().directory_search.count == searched + 2);  // b's
    COSTS("ENOENT 0 111", "/d/b");  // the name has moved, and nothing is known of the old one
    CHECK(ctx.costs().directory_search.count == searched + 3);
  });
}

TEST_CASE("the least recently used name goes, and with it its inode; directories in use stay") {
  ColdScene s(4);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    for (const char* path : {"/d/a", "/d/b"}) co_await reopened(ctx, scene, path);
    co_await reopened(ctx, scene, "/d/a");
    const Value held = co_await sys_open(ctx, scene.os, scene.table, "/d/b", 0);
    REQUIRE(held);
    co_await reopened(ctx, scene, "/e/c");  // d, a, b, e are full: of a and b the one not open goes
    CHECK(scene.files.dentries.size() == 4);
    COSTS("OK 0 120", "/d/b");
    COSTS("OK 1 1111", "/d/a");
    CHECK(scene.files.dentries.size() == 4);
    co_await sys_close(ctx, scene.table, static_cast<int>(*held));
    const Inode& c = **scene.files.find("/e/c");
    CHECK(c.metadata == Inode::Metadata::cold);
  });
}

TEST_CASE("without a limit every name is known and a path costs one look-up") {
  ColdScene s(0);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    COSTS("OK 1 1100", "/d/a");  // the look-up, and its inode's block
    COSTS("OK 0 100", "/d/a");
    COSTS("ENOENT 0 100", "/d/x");
    CHECK(ctx.costs().path_component.count == 0);
    CHECK(ctx.costs().directory_search.count == 0);
    CHECK(scene.files.dentries.size() == 0);
  });
}

TEST_CASE("two threads that look for the same cold names read each block once") {
  ColdScene s(100, 2);
  for (std::uint32_t cpu : {0u, 1u})
    s.rig.thread<NameScene>(cpu, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
      const Errno error = co_await reopened(ctx, scene, "/d/a");
      CHECK(error == Errno::ok);
      ++scene.done;
    });
  s.rig.run();
  CHECK(s.done == 2);
  CHECK(s.disk.issued.size() == 5);
  CHECK(s.files.dentries.size() == 2);
}

TEST_CASE("a directory that cannot be read fails the look-up, and is tried anew") {
  ColdScene s(100);
  REQUIRE(s.files.place(s.files.root()) == Errno::ok);
  s.files.root().metadata = Inode::Metadata::cold;
  s.disk.broken = {s.files.root().metadata_sector};
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const Errno broken = co_await reopened(ctx, scene, "/d/a");
    CHECK(broken == Errno::eio);
    scene.disk.broken.clear();
    const Errno healed = co_await reopened(ctx, scene, "/d/a");
    CHECK(healed == Errno::ok);
  });
}
