// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/inotify/inotify_take.h"

#include "tests/model/kernel/inotify/watching.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

constexpr std::int32_t kMake = kOpenCreate | kOpenReadWrite;

Task<void> touch(Sleepable& ctx, NameScene& s, std::string path) {
  const int fd = co_await open_fd(ctx, s, path, kMake);
  co_await sys_close(ctx, s.table, fd);
}

// Who waits, and what the try that follows the arrival has brought.
struct Waiter final : IoWait {
  Waiter(NameScene& in, int fd, std::string called)
      : IoWait(&Waiter::come), scene(in), name(std::move(called)), take(*in.table.get(fd)) {}
  static Task<void> come(Atomic& ctx, IoWait& self) {
    return static_cast<Waiter&>(self).go_on(ctx);
  }
  Task<void> go_on(Atomic& ctx) {
    const Value got = co_await take.try_run(ctx, buffer, *this);
    if (!got) co_return static_cast<void>(said = name_of(got.error()));
    std::span<const std::byte> rest(buffer.data(), static_cast<std::size_t>(*got));
    said = text_of(take_inotify_event(rest));
    scene.text += name + said;
    CHECK(rest.empty());
  }

  NameScene& scene;
  const std::string name;
  InotifyTake take;
  std::vector<std::byte> buffer = std::vector<std::byte>(kInotifyLongest);
  std::string said;
};

}  // namespace

TEST_CASE("takes that wait get an event each: who has waited longest the first one") {
  NameScene s;
  s.rig.system.costs.inotify_copy.each = 700ns;
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int fd = co_await instance(ctx, scene);
    co_await watch(ctx, scene, fd, "/", kInCreate);
    Waiter a(scene, fd, "a=");
    Waiter b(scene, fd, "b=");
    for (Waiter* each : {&a, &b}) {
      co_await each->go_on(ctx);
      CHECK(each->said == "EAGAIN");
      CHECK(each->pending == 1);
      CHECK(each->take.queued());
    }
    for (const char* path : {"/x", "/y", "/z"}) co_await touch(ctx, scene, path);
    CHECK(scene.text == "a=1:CREATE=x b=1:CREATE=y ");
    TOLD("1:CREATE=z ", fd);
    co_await sys_close(ctx, scene.table, fd);
  });
}

TEST_CASE("a take finds what is queued without waiting, and a take that is destroyed loses none") {
  NameScene s;
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int fd = co_await instance(ctx, scene);
    co_await watch(ctx, scene, fd, "/", kInCreate);
    {
      Waiter gone(scene, fd, "gone=");
      co_await gone.go_on(ctx);
      CHECK(gone.said == "EAGAIN");
    }
    co_await touch(ctx, scene, "/x");
    co_await touch(ctx, scene, "/y");
    Waiter a(scene, fd, "a=");
    co_await a.go_on(ctx);
    CHECK(a.pending == 0);
    CHECK(scene.text == "a=1:CREATE=x ");
    TOLD("1:CREATE=y ", fd);
    co_await sys_close(ctx, scene.table, fd);
  });
}

TEST_CASE("the overflow is taken as any event, and the next one is told anew") {
  NameScene s;
  s.rig.system.inotify.max_queued_events = 1;
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int fd = co_await instance(ctx, scene);
    co_await watch(ctx, scene, fd, "/", kInCreate);
    for (const char* paths : {"/a", "/b", "/c"}) co_await touch(ctx, scene, paths);
    for (int i = 0; i < 2; ++i) co_await Waiter(scene, fd, "").go_on(ctx);
    CHECK(scene.text == "1:CREATE=a -1:Q_OVERFLOW ");
    for (const char* paths : {"/d", "/e"}) co_await touch(ctx, scene, paths);
    TOLD("1:CREATE=d -1:Q_OVERFLOW ", fd);
    co_await sys_close(ctx, scene.table, fd);
  });
}

TEST_CASE("a take is served ahead of a thread that reads, which sleeps on") {
  NameScene s(2);
  const int fd = *s.table.install(*Inotify::make(s.rig.system, 0));
  Waiter waiter(s, fd, "take=");
  struct Both {
    NameScene& scene;
    Waiter& waiter;
    int fd;
  } both{s, waiter, fd};
  s.rig.thread<Both>(1, both, [](Sleepable& ctx, Both& in) -> Task<void> {
    const std::string text = co_await told(ctx, in.scene, in.fd);
    in.scene.text += "read=" + text;
  });
  s.rig.thread<Both>(0, both, [](Sleepable& ctx, Both& in) -> Task<void> {
    co_await watch(ctx, in.scene, in.fd, "/", kInCreate);
    co_await in.waiter.go_on(ctx);
    co_await touch(ctx, in.scene, "/x");
    co_await ctx.spend(in.scene.work);  // a reader that was woken would have it by now
    co_await touch(ctx, in.scene, "/y");
  });
  s.rig.run();
  CHECK(s.text == "take=1:CREATE=x read=1:CREATE=y ");
}

TEST_CASE(
    "an event serves as many takes as there are events, if some have come without a context") {
  NameScene s(2);
  s.file("/f", 1);
  FilePtr held = s.open(**s.files.find("/f"));
  const int fd = *s.table.install(*Inotify::make(s.rig.system, 0));
  Waiter a(s, fd, "a=");
  Waiter b(s, fd, "b=");
  struct Both {
    NameScene& scene;
    Waiter& a;
    Waiter& b;
    int fd;
  } both{s, a, b, fd};
  s.rig.thread<Both>(0, both, [](Sleepable& ctx, Both& in) -> Task<void> {
    co_await watch(ctx, in.scene, in.fd, "/f", kInDeleteSelf);
    co_await watch(ctx, in.scene, in.fd, "/", kInCreate);
    co_await in.a.go_on(ctx);
    co_await in.b.go_on(ctx);
    co_await sys_unlink(ctx, in.scene.os, "/f");
  });
  s.rig.at(5us, [&] { held = nullptr; });
  s.rig.at(6us, [&] {
    CHECK(s.text.empty());
    s.rig.thread<Both>(0, both, [](Sleepable& ctx, Both& in) -> Task<void> {
      co_await touch(ctx, in.scene, "/x");
      const std::string rest = co_await told(ctx, in.scene, in.fd);
      in.scene.text += "rest=" + rest;
    });
  });
  s.rig.run();
  CHECK(s.text == "a=1:DELETE_SELF b=1:IGNORED rest=2:CREATE=x ");
}

TEST_CASE("a take needs an instance, and room for the longest name") {
  NameScene s;
  s.file("/f", 1);
  play(s, [](Sleepable& ctx, NameScene& scene) -> Task<void> {
    const int fd = co_await instance(ctx, scene);
    co_await watch(ctx, scene, fd, "/", kInCreate);
    const std::string longest(kNameMax, 'n');
    co_await touch(ctx, scene, "/" + longest);
    Waiter a(scene, fd, "");
    a.buffer.pop_back();
    co_await a.go_on(ctx);
    CHECK(a.said == "EINVAL");
    a.buffer.push_back({});
    co_await a.go_on(ctx);
    CHECK(a.said == "1:CREATE=" + longest + " ");
    const int file = co_await open_fd(ctx, scene, "/f", kOpenReadWrite);
    Waiter none(scene, file, "");
    co_await none.go_on(ctx);
    CHECK(none.said == "EINVAL");
    co_await sys_close(ctx, scene.table, fd);
  });
}
