// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/inotify/inotify.h"

#include "model/kernel/epoll/epoll.h"
#include "tests/model/kernel/inotify/watching.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

constexpr std::int32_t kMake = kOpenCreate | kOpenReadWrite;

Task<void> touch(Sleepable& ctx, NameScene& s, std::string path) {
  const int fd = co_await open_fd(ctx, s, path, kMake);
  co_await sys_close(ctx, s.table, fd);
}

Task<void> write_once(Sleepable& ctx, NameScene& s, int fd) {
  const Value wrote = co_await sys_pwrite(ctx, s.os, s.table, fd, false, 0, 1, s.user);
  CHECK(wrote == 1);
}

void check_at_base_line(const NameScene& s) {
  CHECK(s.rig.system.inotify.instances == 0);
  CHECK(s.rig.system.inotify.watches == 0);
}

}  // namespace

TEST_CASE("a deleted object that is watched tells ATTRIB, DELETE_SELF, IGNORED") {
  NameScene s;
  s.file("/f", 1);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    co_await sys_mkdir(ctx, scene.os, "/d");
    const int fd = co_await instance(ctx, scene);
    co_await watch(ctx, scene, fd, "/f");
    co_await sys_unlink(ctx, scene.os, "/f");
    TOLD("1:ATTRIB 1:DELETE_SELF 1:IGNORED ", fd);
    co_await watch(ctx, scene, fd, "/d");
    co_await sys_rmdir(ctx, scene.os, "/d");
    TOLD("2:DELETE_SELF 2:IGNORED ", fd);
    CHECK(inotify_of(**scene.table.get(fd))->watched() == 0);
    co_await sys_close(ctx, scene.table, fd);
  });
  check_at_base_line(s);
}

TEST_CASE("a file that is open is told gone when it is closed, whatever is asked for") {
  NameScene s;
  s.file("/f", 1);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int fd = co_await instance(ctx, scene);
    co_await watch(ctx, scene, fd, "/", kInDelete);
    co_await watch(ctx, scene, fd, "/f", kInModify);
    const int file = co_await open_fd(ctx, scene, "/f", kOpenReadWrite);
    co_await sys_unlink(ctx, scene.os, "/f");
    TOLD("1:DELETE=f ", fd);
    co_await write_once(ctx, scene, file);
    TOLD("2:MODIFY ", fd);
    co_await sys_close(ctx, scene.table, file);
    TOLD("2:IGNORED ", fd);
    CHECK(scene.files.file_count() == 0);
    co_await sys_close(ctx, scene.table, fd);
  });
  check_at_base_line(s);
}

TEST_CASE("a full queue ends with one overflow event, and what came before it is whole") {
  NameScene s;
  s.rig.system.inotify.max_queued_events = 3;
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int fd = co_await instance(ctx, scene);
    co_await watch(ctx, scene, fd, "/", kInCreate);
    for (const char* path : {"/a", "/b", "/c", "/d", "/e"}) co_await touch(ctx, scene, path);
    std::vector<std::byte> buffer(4096);
    const Value got = co_await sys_read(ctx, scene.table, fd, buffer);
    REQUIRE(got == 3 * 32 + 16);
    std::span<const std::byte> rest(buffer.data(), 112);
    std::string text;
    for (int i = 0; i < 3; ++i) text += text_of(take_inotify_event(rest));
    CHECK(text == "1:CREATE=a 1:CREATE=b 1:CREATE=c ");
    const InotifyEvent last = take_inotify_event(rest);
    CHECK(last.wd == -1);
    CHECK(last.mask == kInQOverflow);
    CHECK(last.cookie == 0);
    CHECK(last.name.empty());
    for (const char* path : {"/f", "/g", "/h", "/i"}) co_await touch(ctx, scene, path);
    TOLD("1:CREATE=f 1:CREATE=g 1:CREATE=h -1:Q_OVERFLOW ", fd);
    co_await sys_close(ctx, scene.table, fd);
  });
  check_at_base_line(s);
}

TEST_CASE("removing watches while events are delivered and files removed does no harm") {
  NameScene s(3);
  s.rig.system.costs.inotify_event.each = 700ns;
  s.rig.system.costs.inotify_watch.each = 300ns;
  s.rig.system.costs.dirent_change.each = 500ns;
  s.work.each = 130ns;
  static_cast<void>(s.table.install(*Inotify::make(s.rig.system, kInNonblock)));
  for (std::uint32_t cpu : {0u, 1u})
    s.rig.thread<NameScene>(cpu, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
      for (int i = 0; i < 200; ++i) {
        const Value fd = co_await sys_open(ctx, scene.os, scene.table, "/f", kMake);
        REQUIRE(fd);
        co_await write_once(ctx, scene, static_cast<int>(*fd));
        co_await sys_close(ctx, scene.table, static_cast<int>(*fd));
        co_await sys_unlink(ctx, scene.os, "/f");
      }
      ++scene.done;
    });
  s.rig.thread<NameScene>(2, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    std::int64_t ignored = 0;
    std::int64_t added = 0;
    while (scene.done < 2) {
      const Value wd =
          co_await sys_inotify_add_watch(ctx, scene.os, scene.table, 0, "/f", kInAllEvents);
      if (wd) {
        added = std::max(added, *wd);
        co_await ctx.spend(scene.work, static_cast<std::uint64_t>(*wd) % 5);
        co_await sys_inotify_rm_watch(ctx, scene.table, 0, static_cast<std::int32_t>(*wd));
      }
      co_await ctx.spend(scene.work);
      std::vector<std::byte> buffer(1 << 16);
      const Value got = co_await sys_read(ctx, scene.table, 0, buffer);
      const std::size_t bytes = got ? static_cast<std::size_t>(*got) : 0;
      std::span<const std::byte> rest(buffer.data(), bytes);
      while (!rest.empty()) {
        const InotifyEvent event = take_inotify_event(rest);
        CHECK(event.wd > ignored);  // nothing comes behind a watch's last event
        if (event.mask == kInIgnored) ++ignored;
      }
    }
    CHECK(added > 20);
    CHECK(ignored == added);
    co_await sys_close(ctx, scene.table, 0);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 3);
  CHECK(s.files.file_count() == 0);
  check_at_base_line(s);
}

TEST_CASE("an instance closed while an event is on its way takes its watches along") {
  NameScene s(2);
  s.file("/f", 1);
  s.rig.system.costs.inotify_event.each = 10us;
  s.rig.thread<NameScene>(0, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int fd = co_await instance(ctx, scene);
    co_await watch(ctx, scene, fd, "/f");
    co_await ctx.spend(scene.work, 6);
    co_await sys_close(ctx, scene.table, fd);
    CHECK(ctx.system().inotify.watches == 0);
    CHECK(ctx.system().inotify.instances == 1);  // whoever tells it keeps it so long
  });
  s.rig.thread<NameScene>(1, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    co_await ctx.spend(scene.work);
    co_await touch(ctx, scene, "/f");  // told from 1 us to 11 us
    CHECK(ctx.costs().inotify_event.count == 1);
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
  check_at_base_line(s);
}

TEST_CASE("a file whose last holder is no thread ends its watches all the same") {
  NameScene s;
  s.file("/f", 1);
  FilePtr held = s.open(**s.files.find("/f"));
  static_cast<void>(s.table.install(*Inotify::make(s.rig.system, 0)));
  s.rig.thread<NameScene>(0, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    co_await watch(ctx, scene, 0, "/f", kInDeleteSelf);
    co_await sys_unlink(ctx, scene.os, "/f");
    const std::string text = co_await told(ctx, scene, 0);
    CHECK(text == "1:DELETE_SELF 1:IGNORED ");
    CHECK(ctx.now() == SimTime{} + 5us);
    co_await sys_close(ctx, scene.table, 0);
    ++scene.done;
  });
  s.rig.at(5us, [&] { held = nullptr; });
  s.rig.run();
  CHECK(s.done == 1);
  CHECK(s.files.file_count() == 0);
  check_at_base_line(s);
}

TEST_CASE("watches of a directory and of what is in it tell each what it has asked for") {
  NameScene s;
  s.file("/d/f", 4096);
  s.file("/d/g", 1);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int both = co_await instance(ctx, scene);
    const int other = co_await instance(ctx, scene);
    co_await watch(ctx, scene, both, "/d", kInModify | kInOpen);
    co_await watch(ctx, scene, both, "/d/f", kInCloseWrite | kInAccess | kInModify);
    co_await watch(ctx, scene, other, "/d", kInCloseNowrite | kInIsdir | kInAccess);
    const int file = co_await open_fd(ctx, scene, "/d/f", kOpenReadWrite);
    co_await write_once(ctx, scene, file);
    co_await sys_pread(ctx, scene.os, scene.table, file, false, 0, 10, scene.user);
    co_await sys_close(ctx, scene.table, file);
    TOLD("1:OPEN=f 1:MODIFY=f 2:MODIFY 2:ACCESS 2:CLOSE_WRITE ", both);
    TOLD("1:ACCESS=f ", other);
    const int second = co_await open_fd(ctx, scene, "/d/g", 0);
    co_await sys_close(ctx, scene.table, second);
    co_await names_in(ctx, scene, "/d");
    TOLD("1:OPEN=g 1:OPEN:ISDIR ", both);
    TOLD("1:CLOSE_NOWRITE=g 1:ACCESS:ISDIR 1:CLOSE_NOWRITE:ISDIR ", other);
    for (const int fd : {both, other}) co_await sys_close(ctx, scene.table, fd);
  });
  check_at_base_line(s);
}

TEST_CASE("flags of a mask are kept as set, and those of an instance only when asked for") {
  NameScene s;
  s.file("/f", 1);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int plain = co_await instance(ctx, scene, 0);
    const int nonblocking = co_await instance(ctx, scene, kInNonblock | kInCloexec);
    CHECK_FALSE((*scene.table.get(plain))->nonblocking);
    CHECK((*scene.table.get(nonblocking))->nonblocking);
    const Inotify& inotify = *inotify_of(**scene.table.get(plain));
    const std::string path = "/f";
    const auto set = [&](std::uint32_t mask) {
      return sys_inotify_add_watch(ctx, scene.os, scene.table, plain, path, mask);
    };
    const Value first = co_await set(kInModify | kInExclUnlink | kInOneshot);
    CHECK(first == 1);
    CHECK(inotify.mask_of(1) == (kInModify | kInExclUnlink | kInOneshot));
    const Value again = co_await set(kInOpen);
    CHECK(again == 1);
    CHECK(inotify.mask_of(1) == kInOpen);
    co_await set(kInMaskAdd | kInAccess | kInOneshot);
    CHECK(inotify.mask_of(1) == (kInOpen | kInAccess | kInOneshot));
    const Value exists = co_await set(kInMaskCreate | kInModify);
    CHECK(exists == fail(Errno::eexist));
    CHECK(inotify.mask_of(1) == (kInOpen | kInAccess | kInOneshot));
    for (const int fd : {plain, nonblocking}) co_await sys_close(ctx, scene.table, fd);
  });
  check_at_base_line(s);
}

TEST_CASE("both halves of a renaming have a cookie that no other renaming has") {
  NameScene s;
  for (const char* path : {"/d/f", "/d/g", "/e/h"}) s.file(path, 1);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int fd = co_await instance(ctx, scene);
    for (const char* path : {"/d", "/e", "/d/f", "/d/g"}) co_await watch(ctx, scene, fd, path);
    co_await sys_rename(ctx, scene.os, "/d/f", "/e/x");
    TOLD("1:MOVED_FROM#1=f 2:MOVED_TO#1=x 3:MOVE_SELF ", fd);
    co_await sys_rename(ctx, scene.os, "/e/x", "/d/g");
    TOLD("2:MOVED_FROM#2=x 1:MOVED_TO#2=g 4:ATTRIB 3:MOVE_SELF 4:DELETE_SELF 4:IGNORED ", fd);
    co_await sys_rename(ctx, scene.os, "/e", "/d/e");
    TOLD("1:MOVED_TO:ISDIR#3=e 2:MOVE_SELF ", fd);
    co_await touch(ctx, scene, "/d/g");  // it tells of its new name
    TOLD("1:OPEN=g 3:OPEN 1:CLOSE_WRITE=g 3:CLOSE_WRITE ", fd);
    co_await sys_close(ctx, scene.table, fd);
  });
  check_at_base_line(s);
}

TEST_CASE("equal events that follow each other are one, unless something came between") {
  NameScene s;
  s.file("/f", 1);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int fd = co_await instance(ctx, scene);
    co_await watch(ctx, scene, fd, "/f", kInModify | kInAccess);
    const int file = co_await open_fd(ctx, scene, "/f", kOpenReadWrite);
    for (int i = 0; i < 3; ++i) co_await write_once(ctx, scene, file);
    co_await sys_pread(ctx, scene.os, scene.table, file, false, 0, 1, scene.user);
    co_await sys_ftruncate(ctx, scene.os, scene.table, file, 0);
    co_await write_once(ctx, scene, file);
    TOLD("1:MODIFY 1:ACCESS 1:MODIFY ", fd);
    co_await write_once(ctx, scene, file);
    TOLD("1:MODIFY ", fd);
    for (const int each : {fd, file}) co_await sys_close(ctx, scene.table, each);
  });
}

TEST_CASE("a one-shot watch ends with its first event") {
  NameScene s;
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int fd = co_await instance(ctx, scene);
    co_await watch(ctx, scene, fd, "/", kInCreate | kInOneshot);
    co_await touch(ctx, scene, "/a");
    co_await touch(ctx, scene, "/b");
    TOLD("1:CREATE=a 1:IGNORED ", fd);
    const Value gone = co_await sys_inotify_rm_watch(ctx, scene.table, fd, 1);
    CHECK(gone == fail(Errno::einval));
    const std::int32_t next = co_await watch(ctx, scene, fd, "/");
    CHECK(next == 2);
    co_await sys_inotify_rm_watch(ctx, scene.table, fd, 2);
    co_await touch(ctx, scene, "/c");
    TOLD("2:IGNORED ", fd);
    co_await sys_close(ctx, scene.table, fd);
  });
  check_at_base_line(s);
}

TEST_CASE("a read gives whole events alone: EINVAL if none fits, EAGAIN if there is none") {
  NameScene s;
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int fd = co_await instance(ctx, scene);
    co_await watch(ctx, scene, fd, "/", kInCreate);
    TOLD("EAGAIN", fd);
    co_await touch(ctx, scene, "/" + std::string(15, 'n'));
    co_await touch(ctx, scene, "/" + std::string(16, 'm'));
    const std::string none = co_await told(ctx, scene, fd, 31);
    CHECK(none == "EINVAL");
    const std::string one = co_await told(ctx, scene, fd, 32 + 47);
    CHECK(one == "1:CREATE=" + std::string(15, 'n') + " ");
    const std::string two = co_await told(ctx, scene, fd, 48);
    CHECK(two == "1:CREATE=" + std::string(16, 'm') + " ");
    std::array<std::byte, 16> bytes{};
    const Value wrote = co_await sys_write(ctx, scene.table, fd, bytes);
    CHECK(wrote == fail(Errno::ebadf));
    co_await sys_close(ctx, scene.table, fd);
  });
}

TEST_CASE("a reader sleeps until something happens, and an epoll instance hears of it") {
  NameScene s(2);
  s.file("/f", 1);
  static_cast<void>(s.table.install(*Inotify::make(s.rig.system, 0)));
  static_cast<void>(s.table.install(*Epoll::make(0)));
  s.rig.thread<NameScene>(0, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    co_await watch(ctx, scene, 0, "/f", kInModify | kInCloseWrite);
    const std::string text = co_await told(ctx, scene, 0);
    CHECK(text == "1:MODIFY ");
    scene.log.add("read", ctx.now());
    co_await sys_epoll_ctl(ctx, scene.table, 1, EpollOp::add, 0, {kPollIn, 7});
    std::array<EpollEvent, 2> events;
    const Value nothing =
        co_await sys_epoll_wait(ctx, scene.table, 1, events.data(), 2, Duration{0});
    CHECK(nothing == 0);
    const Value ready = co_await sys_epoll_wait(ctx, scene.table, 1, events.data(), 2, 1s);
    CHECK(ready == 1);
    CHECK(events[0].data == 7);
    scene.log.add("ready", ctx.now());
    const std::string closed = co_await told(ctx, scene, 0);
    CHECK(closed == "1:CLOSE_WRITE ");
    const Value drained =
        co_await sys_epoll_wait(ctx, scene.table, 1, events.data(), 2, Duration{0});
    CHECK(drained == 0);
    for (const int fd : {0, 1}) co_await sys_close(ctx, scene.table, fd);
    ++scene.done;
  });
  s.rig.thread<NameScene>(1, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int file = co_await open_fd(ctx, scene, "/f", kOpenReadWrite);
    co_await ctx.spend(scene.work, 5);
    co_await sys_pwrite(ctx, scene.os, scene.table, file, false, 1, 4096, scene.user);
    co_await ctx.spend(scene.work, 5);
    co_await sys_close(ctx, scene.table, file);
  });
  s.rig.run();
  CHECK(s.done == 1);
  CHECK(s.log.text.starts_with("read@"));
  CHECK(s.log.text.find("ready@") != std::string::npos);
  check_at_base_line(s);
}

TEST_CASE("a signal ends a blocked read of an inotify instance") {
  NameScene s;
  static_cast<void>(s.table.install(*Inotify::make(s.rig.system, 0)));
  Thread& reader =
      s.rig.thread<NameScene>(0, s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
        const std::string text = co_await told(ctx, scene, 0);
        CHECK(text == "ERESTARTSYS");
        ++scene.done;
      });
  s.rig.at(1us, [&] { signal_wake_up(s.rig.system, reader, nullptr); });
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE("inotify's calls refuse what Linux refuses") {
  NameScene s;
  s.file("/d/f", 1);
  s.rig.system.inotify.max_user_watches = 2;
  s.rig.system.inotify.max_user_instances = 1;
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const Value flags = co_await sys_inotify_init1(ctx, scene.table, 1);
    CHECK(flags == fail(Errno::einval));
    const int fd = co_await instance(ctx, scene);
    const Value second = co_await sys_inotify_init1(ctx, scene.table, 0);
    CHECK(second == fail(Errno::emfile));
    const int file = co_await open_fd(ctx, scene, "/d/f", 0);
    struct Case {
      int fd;
      const char* path;
      std::uint32_t mask;
      Errno wanted;
    };
    const Case cases[] = {{fd, "/d/f", 0, Errno::einval},
                          {fd, "/d/f", 0x08000000, Errno::einval},
                          {fd, "/d/f", kInMaskAdd | kInMaskCreate | kInOpen, Errno::einval},
                          {file, "/d/f", kInOpen, Errno::einval},
                          {9, "/d/f", kInOpen, Errno::ebadf},
                          {fd, "/d/x", kInOpen, Errno::enoent},
                          {fd, "/d/f/x", kInOpen, Errno::enotdir},
                          {fd, "/d/f", kInOpen | kInOnlydir, Errno::enotdir}};
    for (const Case& each : cases) {
      CAPTURE(each.path, each.mask);
      const Value got =
          co_await sys_inotify_add_watch(ctx, scene.os, scene.table, each.fd, each.path, each.mask);
      CHECK(got == fail(each.wanted));
    }
    co_await watch(ctx, scene, fd, "/d", kInOpen | kInOnlydir);
    co_await watch(ctx, scene, fd, "/");
    const Value third = co_await sys_inotify_add_watch(ctx, scene.os, scene.table, fd, "/d/f", 1);
    CHECK(third == fail(Errno::enospc));
    const Value no_such = co_await sys_inotify_rm_watch(ctx, scene.table, fd, 3);
    CHECK(no_such == fail(Errno::einval));
    const Value no_instance = co_await sys_inotify_rm_watch(ctx, scene.table, file, 1);
    CHECK(no_instance == fail(Errno::einval));
    for (const int each : {file, fd}) co_await sys_close(ctx, scene.table, each);
  });
  check_at_base_line(s);
}

TEST_CASE("nobody who watches, nothing that it costs; a watch's event costs once") {
  NameScene s;
  s.file("/f", 1);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int other = co_await instance(ctx, scene);
    co_await sys_mkdir(ctx, scene.os, "/d");
    co_await watch(ctx, scene, other, "/d");
    const int file = co_await open_fd(ctx, scene, "/f", kOpenReadWrite);
    co_await write_once(ctx, scene, file);
    CHECK(ctx.costs().inotify_event.count == 0);
    co_await watch(ctx, scene, other, "/f", kInModify | kInCloseWrite);
    co_await write_once(ctx, scene, file);
    co_await write_once(ctx, scene, file);  // merged
    CHECK(ctx.costs().inotify_event.count == 2);
    co_await sys_close(ctx, scene.table, file);
    TOLD("2:MODIFY 2:CLOSE_WRITE ", other);
    CHECK(ctx.costs().inotify_event.count == 3);
    CHECK(ctx.costs().inotify_copy.count == 2);
    CHECK(ctx.costs().inotify_call.count == 1);
    CHECK(ctx.costs().inotify_watch.count == 2);
    co_await sys_close(ctx, scene.table, other);
    CHECK(ctx.costs().inotify_watch.count == 4);
  });
  check_at_base_line(s);
}
