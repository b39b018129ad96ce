// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/epoll/epoll.h"

#include "model/kernel/calls/file_calls.h"
#include "tests/model/kernel/poll/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

// --- calls and their errors ---------------------------------------------------------------------

TEST_CASE("epoll_create wants a positive size, epoll_create1 known flags, both a free descriptor") {
  PollScene s;
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (const std::int32_t size : {0, -1}) {
      const Value none = co_await sys_epoll_create(ctx, scene.files, size);
      CHECK(none.error() == Errno::einval);
    }
    const Value flags = co_await sys_epoll_create1(ctx, scene.files, -1);
    CHECK(flags.error() == Errno::einval);
    const Value first = co_await sys_epoll_create(ctx, scene.files, 1);
    CHECK(first == 0);
    const Value cloexec = co_await sys_epoll_create1(ctx, scene.files, kEpollCloexec);
    CHECK(cloexec == 1);
    while (scene.files.open_count() < 64) scene.eventfd();
    const Value full = co_await sys_epoll_create1(ctx, scene.files, 0);
    CHECK(full.error() == Errno::emfile);
  });
}

TEST_CASE("epoll_ctl fails with EBADF, EPERM, EINVAL, EEXIST and ENOENT where Linux does") {
  PollScene s;
  Inode inode;
  FilePtr regular{new File};
  regular->inode = &inode;
  s.fds = {s.epoll(), s.eventfd(), s.install(regular)};
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int epfd = scene.fds[0];
    const int fd = scene.fds[1];
    const Value no_instance = co_await add(ctx, scene, 40, fd, kPollIn);
    CHECK(no_instance.error() == Errno::ebadf);
    const Value no_file = co_await add(ctx, scene, epfd, 40, kPollIn);
    CHECK(no_file.error() == Errno::ebadf);
    const Value regular_file = co_await add(ctx, scene, epfd, scene.fds[2], kPollIn);
    CHECK(regular_file.error() == Errno::eperm);
    const Value itself = co_await add(ctx, scene, epfd, epfd, kPollIn);
    CHECK(itself.error() == Errno::einval);
    const Value not_epoll = co_await add(ctx, scene, fd, epfd, kPollIn);
    CHECK(not_epoll.error() == Errno::einval);
    const Value operation = co_await sys_epoll_ctl(ctx, scene.files, epfd, EpollOp{4}, fd);
    CHECK(operation.error() == Errno::einval);
    const Value mod_unknown = co_await modify(ctx, scene, epfd, fd, kPollIn);
    CHECK(mod_unknown.error() == Errno::enoent);
    const Value del_unknown = co_await del(ctx, scene, epfd, fd);
    CHECK(del_unknown.error() == Errno::enoent);
    const Value added = co_await add(ctx, scene, epfd, fd, kPollIn);
    CHECK(added == 0);
    const Value twice = co_await add(ctx, scene, epfd, fd, kPollIn);
    CHECK(twice.error() == Errno::eexist);
    const Value removed = co_await del(ctx, scene, epfd, fd);
    CHECK(removed == 0);
    CHECK(scene.instance(epfd).watched() == 0);
  });
}

TEST_CASE("EPOLLEXCLUSIVE is for adding, of files that are no instances, with few other bits") {
  PollScene s;
  s.fds = {s.epoll(), s.eventfd(), s.epoll()};
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int epfd = scene.fds[0];
    const int fd = scene.fds[1];
    const PollEvents exclusive = kPollIn | kEpollExclusive;
    const Value oneshot = co_await add(ctx, scene, epfd, fd, exclusive | kEpollOneshot);
    CHECK(oneshot.error() == Errno::einval);
    const Value priority = co_await add(ctx, scene, epfd, fd, exclusive | kPollPri);
    CHECK(priority.error() == Errno::einval);
    const Value nested = co_await add(ctx, scene, epfd, scene.fds[2], exclusive);
    CHECK(nested.error() == Errno::einval);
    const Value good = co_await add(ctx, scene, epfd, fd, exclusive | kEpollEdge | kPollErr);
    CHECK(good == 0);
    const Value to_exclusive = co_await modify(ctx, scene, epfd, fd, exclusive);
    CHECK(to_exclusive.error() == Errno::einval);
    const Value from_exclusive = co_await modify(ctx, scene, epfd, fd, kPollIn);
    CHECK(from_exclusive.error() == Errno::einval);
  });
}

TEST_CASE("epoll_wait on what is no instance or for no event is EINVAL, without a file EBADF") {
  PollScene s;
  s.fds = {s.epoll(), s.eventfd()};
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const std::string not_epoll = co_await wait_text(ctx, scene, scene.fds[1]);
    CHECK(not_epoll == "EINVAL");
    for (const std::int32_t most : {0, -1}) {
      const std::string no_place = co_await wait_text(ctx, scene, scene.fds[0], 0s, most);
      CHECK(no_place == "EINVAL");
    }
    const std::string closed = co_await wait_text(ctx, scene, 40);
    CHECK(closed == "EBADF");
  });
}

TEST_CASE("a failed allocation is ENOMEM and leaves nothing behind") {
  struct Fails final : ChoiceOracle {
    std::uint32_t choose(Choice kind, std::uint32_t, const char*) override {
      return kind == Choice::allocation ? 1 : 0;
    }
  } fails;
  PollScene s;
  s.fds = {s.epoll(), s.eventfd(1)};
  s.rig.timeline.choices().ask(&fails);
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const Value added = co_await add(ctx, scene, scene.fds[0], scene.fds[1], kPollIn);
    CHECK(added.error() == Errno::enomem);
    CHECK(scene.instance(scene.fds[0]).watched() == 0);
  });
  s.rig.timeline.choices().ask(nullptr);
}

// --- what is reported ---------------------------------------------------------------------------

TEST_CASE("ADD, MOD and DEL take effect for the next wait") {
  PollScene s;
  s.fds = {s.epoll(), s.eventfd(1)};
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const int epfd = scene.fds[0];
    co_await add(ctx, scene, epfd, 1, kPollIn);
    const std::string added = co_await wait_text(ctx, scene, epfd);
    CHECK(added == "1i");
    co_await modify(ctx, scene, epfd, 1, kPollOut);
    const std::string modified = co_await wait_text(ctx, scene, epfd);
    CHECK(modified == "1o");
    co_await modify(ctx, scene, epfd, 1, 0);
    const std::string nothing = co_await wait_text(ctx, scene, epfd);
    CHECK(nothing.empty());
    co_await modify(ctx, scene, epfd, 1, kPollIn | kPollOut);
    const std::string both = co_await wait_text(ctx, scene, epfd);
    CHECK(both == "1io");
    co_await del(ctx, scene, epfd, 1);
    const std::string removed = co_await wait_text(ctx, scene, epfd);
    CHECK(removed.empty());
  });
}

TEST_CASE("level triggered, a file is reported as long as it is ready") {
  PollScene s;
  s.fds = {s.epoll(), s.eventfd(2, kEfdSemaphore | kEfdNonblock)};
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await add(ctx, scene, 0, 1, kPollIn);
    for (int i = 0; i < 2; ++i) {
      const std::string ready = co_await wait_text(ctx, scene, 0);
      CHECK(ready == "1i");
      co_await drain(ctx, scene, 1);
    }
    const std::string drained = co_await wait_text(ctx, scene, 0);
    CHECK(drained.empty());
    CHECK(scene.instance(0).listed() == 0);
  });
}

TEST_CASE("edge triggered, a wait after a partial read reports nothing until there is new data") {
  PollScene s;
  s.fds = {s.epoll(), s.eventfd(2, kEfdSemaphore | kEfdNonblock)};
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await add(ctx, scene, 0, 1, kPollIn | kEpollEdge);
    const std::string first = co_await wait_text(ctx, scene, 0);
    CHECK(first == "1i");
    co_await drain(ctx, scene, 1);  // one of two
    const std::string partly = co_await wait_text(ctx, scene, 0);
    CHECK(partly.empty());
    co_await put(ctx, scene, 1, 1);
    const std::string again = co_await wait_text(ctx, scene, 0);
    CHECK(again == "1i");
  });
}

TEST_CASE("edge triggered, EPOLLOUT is reported when what was full has been drained") {
  PollScene s;
  s.fds = {s.epoll(), s.eventfd(0)};
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await put(ctx, scene, 1, ~std::uint64_t{0} - 1);
    co_await add(ctx, scene, 0, 1, kPollOut | kEpollEdge);
    const std::string full = co_await wait_text(ctx, scene, 0);
    CHECK(full.empty());
    co_await drain(ctx, scene, 1);
    const std::string drained = co_await wait_text(ctx, scene, 0);
    CHECK(drained == "1o");
    const std::string once = co_await wait_text(ctx, scene, 0);
    CHECK(once.empty());
  });
}

TEST_CASE("EPOLLONESHOT reports once until it is armed again") {
  PollScene s;
  s.fds = {s.epoll(), s.eventfd(1)};
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    const PollEvents once = kPollIn | kEpollOneshot;
    co_await add(ctx, scene, 0, 1, once);
    const std::string first = co_await wait_text(ctx, scene, 0);
    CHECK(first == "1i");
    co_await put(ctx, scene, 1, 1);
    const std::string disarmed = co_await wait_text(ctx, scene, 0);
    CHECK(disarmed.empty());
    co_await modify(ctx, scene, 0, 1, once);
    const std::string armed = co_await wait_text(ctx, scene, 0);
    CHECK(armed == "1i");
  });
}

TEST_CASE("an error is reported whatever is asked") {
  PollScene s;
  s.fds = {s.epoll(), s.eventfd(0)};
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await put(ctx, scene, 1, ~std::uint64_t{0} - 1);
    co_await scene.counter(1).signal(ctx);
    co_await add(ctx, scene, 0, 1, kPollOut);
    const std::string error = co_await wait_text(ctx, scene, 0);
    CHECK(error == "1e");
  });
}

TEST_CASE("at most maxevents per call, all ready ones in their turn, never one that is not") {
  PollScene s;
  s.epoll();
  for (int i = 0; i < 5; ++i) s.eventfd(i == 3 ? 0 : 1);
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (int fd = 1; fd <= 5; ++fd) co_await add(ctx, scene, 0, fd, kPollIn);
    // 1, 2, 3 and 5 are ready; what was reported goes behind the others.
    std::string all;
    for (int i = 0; i < 4; ++i) {
      const std::string some = co_await wait_text(ctx, scene, 0, 0s, 3);
      all += (i == 0 ? "" : ", ") + some;
    }
    CHECK(all == "1i 2i 3i, 5i 1i 2i, 3i 5i 1i, 2i 3i 5i");
  });
}

TEST_CASE("the ready list is in the order in which files became ready") {
  PollScene s;
  s.epoll();
  for (int i = 0; i < 4; ++i) s.eventfd();
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (int fd = 1; fd <= 4; ++fd) co_await add(ctx, scene, 0, fd, kPollIn | kEpollEdge);
    for (const int fd : {3, 1, 4, 1, 2}) co_await put(ctx, scene, fd, 1);
    const std::string all = co_await wait_text(ctx, scene, 0);
    CHECK(all == "3i 1i 4i 2i");
  });
}

TEST_CASE(
    "what becomes ready while a call reports comes behind what it has left, before the rest") {
  PollScene s(1);
  s.rig.system.costs.epoll_event.each = 100ns;
  s.epoll();
  for (int i = 0; i < 5; ++i) s.eventfd(i < 3 ? 1 : 0);
  // Two events are told, up to 200 ns; meanwhile 5 and then 4 become ready, and the first again.
  IrqAction& arrive = s.rig.action<PollScene>(s, [](Atomic& ctx, PollScene& scene) -> Task<void> {
    for (const int fd : {5, 4, 1}) co_await scene.counter(fd).signal(ctx);
  });
  s.rig.irq_at(150ns, 0, arrive);
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (int fd = 1; fd <= 5; ++fd) co_await add(ctx, scene, 0, fd, kPollIn);
    CHECK(ctx.now() == SimTime{});
    const std::string first = co_await wait_text(ctx, scene, 0, 0s, 2);
    CHECK(first == "1i 2i");
    const std::string second = co_await wait_text(ctx, scene, 0);
    CHECK(second == "3i 5i 4i 1i 2i");
  });
}

TEST_CASE("an edge that comes while its very file is reported is not lost") {
  PollScene s(1);
  s.rig.system.costs.epoll_event.each = 100ns;
  s.epoll();
  for (int i = 0; i < 2; ++i) s.eventfd(1);
  IrqAction& arrive = s.rig.action<PollScene>(s, [](Atomic& ctx, PollScene& scene) -> Task<void> {
    co_await scene.counter(1).signal(ctx);  // after 1 has been told
  });
  s.rig.irq_at(150ns, 0, arrive);
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (int fd = 1; fd <= 2; ++fd) co_await add(ctx, scene, 0, fd, kPollIn | kEpollEdge);
    const std::string first = co_await wait_text(ctx, scene, 0);
    CHECK(first == "1i 2i");
    const std::string second = co_await wait_text(ctx, scene, 0);
    CHECK(second == "1i");
    const std::string third = co_await wait_text(ctx, scene, 0);
    CHECK(third.empty());
  });
}

// --- the end of files ---------------------------------------------------------------------------

TEST_CASE("an item goes with the last descriptor of its file, not with one of two") {
  PollScene s;
  s.epoll();
  s.eventfd(1);
  s.install(*s.files.get(1));  // dup(2)
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await add(ctx, scene, 0, 1, kPollIn);
    co_await sys_close(ctx, scene.files, 1);
    const std::string lives_on = co_await wait_text(ctx, scene, 0);
    CHECK(lives_on == "1i");
    const Value gone = co_await del(ctx, scene, 0, 1);
    CHECK(gone.error() == Errno::ebadf);
    // Another file under the same number is another item.
    scene.eventfd(1);
    const Value added = co_await add(ctx, scene, 0, 1, kPollOut);
    CHECK(added == 0);
    const std::string both = co_await wait_text(ctx, scene, 0);
    CHECK(both == "1i 1o");
    const std::uint64_t paid = ctx.costs().epoll_ctl.count;
    co_await sys_close(ctx, scene.files, 2);
    CHECK(ctx.costs().epoll_ctl.count == paid + 1);
    const std::string ended = co_await wait_text(ctx, scene, 0);
    CHECK(ended == "1o");
    CHECK(scene.instance(0).watched() == 1);
  });
}

TEST_CASE("an instance that is closed leaves its files alone") {
  PollScene s;
  s.epoll();
  s.eventfd(0);
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    co_await add(ctx, scene, 0, 1, kPollIn);
    CHECK_FALSE((*scene.files.get(1))->watches.empty());
    co_await sys_close(ctx, scene.files, 0);
    CHECK((*scene.files.get(1))->watches.empty());
    const Value wrote = co_await put(ctx, scene, 1, 1);
    CHECK(wrote == 8);
    CHECK(ctx.costs().epoll_callback.count == 0);
  });
}

TEST_CASE("a file that is closed while it is being reported is gone from the lists") {
  PollScene s(2);
  s.rig.system.costs.epoll_event.each = 100ns;
  s.epoll();
  for (int i = 0; i < 3; ++i) s.eventfd(1);
  s.rig.at(150ns, [&] { (void)s.files.remove(3); });  // nobody's descriptor any more
  play(s, [](Sleepable& ctx, PollScene& scene) -> Task<void> {
    for (int fd = 1; fd <= 3; ++fd) co_await add(ctx, scene, 0, fd, kPollIn);
    const std::string some = co_await wait_text(ctx, scene, 0);
    CHECK(some == "1i 2i");
    CHECK(scene.instance(0).watched() == 2);
  });
}
