// SPDX-License-Identifier: Apache-2.0
// Taking signals instead of handling them: sigtimedwait and signalfd.
#include "model/kernel/calls/event_calls.h"
#include "tests/model/kernel/signal/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

constexpr SigSet kMine = SigSet::of(kSigUsr1, 40);

Task<int> signalfd(Sleepable& ctx, SignalScene& s, std::int32_t flags = 0) {
  const Value fd = co_await sys_signalfd4(ctx, s.files, -1, kMine, flags);
  co_return static_cast<int>(*fd);
}

Task<Value> read_one(Sleepable& ctx, SignalScene& s, int fd, SignalFdInfo& info) {
  co_return co_await sys_read(ctx, s.files, fd, std::as_writable_bytes(std::span(&info, 1)));
}

}  // namespace

TEST_CASE("sigtimedwait sleeps until the signal comes, and no handler runs") {
  SignalScene s;
  send_at(s, 5us, kSigUsr1);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigaction(ctx, kSigUsr1, noting(scene));
    co_await sys_rt_sigprocmask(ctx, SigHow::block, kMine);
    SigInfo info;
    const Value number = co_await sys_rt_sigtimedwait(ctx, kMine, &info, Duration{-1});
    CHECK(number == kSigUsr1);
    CHECK(info.code == kSiUser);
    CHECK(ctx.now() == SimTime{} + 5us);
    CHECK(scene.first->blocked() == kMine);
    CHECK(scene.log.empty());
  });
}

TEST_CASE("sigtimedwait is EAGAIN when its time has passed and EINTR when another signal came") {
  SignalScene s;
  send_at(s, 50us, kSigUsr2);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigaction(ctx, kSigUsr2, noting(scene));
    co_await sys_rt_sigprocmask(ctx, SigHow::block, kMine);
    const Value late = co_await sys_rt_sigtimedwait(ctx, kMine, nullptr, 10us);
    CHECK(late.error() == Errno::eagain);
    CHECK(ctx.now() == SimTime{} + 10us);
    const Value other = co_await sys_rt_sigtimedwait(ctx, kMine, nullptr, Duration{-1});
    CHECK(other.error() == Errno::eintr);
    CHECK(scene.log == "h12");
  });
}

TEST_CASE("a signalfd tells what is blocked and waits, as many as there is room for") {
  SignalScene s;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigprocmask(ctx, SigHow::block, kMine);
    const int fd = co_await signalfd(ctx, scene, kSfdNonblock);
    SignalFdInfo one;
    const Value none = co_await read_one(ctx, scene, fd, one);
    CHECK(none.error() == Errno::eagain);
    for (std::uint64_t value : {5, 6}) co_await sys_rt_sigqueueinfo(ctx, scene.process, 40, value);
    co_await sys_kill(ctx, scene.process, kSigUsr1);
    SignalFdInfo two[2];
    const Value both =
        co_await sys_read(ctx, scene.files, fd, std::as_writable_bytes(std::span(two)));
    CHECK(both == 256);
    CHECK(two[0].number == static_cast<std::uint32_t>(kSigUsr1));
    CHECK(two[0].code == kSiUser);
    CHECK(two[1].number == 40);
    CHECK(two[1].value == 5);
    const Value last = co_await read_one(ctx, scene, fd, one);
    CHECK(last == 128);
    CHECK(one.pointer == 6);
    std::array<std::byte, 127> few{};
    const Value small = co_await sys_read(ctx, scene.files, fd, few);
    CHECK(small.error() == Errno::einval);
  });
}

TEST_CASE("a signal wakes who sleeps in a read of a signalfd, and who waits in epoll for it") {
  SignalScene s;
  send_at(s, 5us, kSigUsr1);
  send_at(s, 9us, 40);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigprocmask(ctx, SigHow::block, kMine);
    const int fd = co_await signalfd(ctx, scene);
    SignalFdInfo info;
    const Value read = co_await read_one(ctx, scene, fd, info);
    CHECK(read == 128);
    CHECK(ctx.now() == SimTime{} + 5us);
    const Value epfd = co_await sys_epoll_create1(ctx, scene.files, 0);
    EpollEvent event{kPollIn, 77};
    co_await sys_epoll_ctl(ctx, scene.files, static_cast<int>(*epfd), EpollOp::add, fd, event);
    const Value count =
        co_await sys_epoll_wait(ctx, scene.files, static_cast<int>(*epfd), &event, 1, Duration{-1});
    CHECK(count == 1);
    CHECK(event.data == 77);
    CHECK(ctx.now() == SimTime{} + 9us);
    const Value second = co_await read_one(ctx, scene, fd, info);
    CHECK(second == 128);
    CHECK(info.number == 40);
  });
}

TEST_CASE("a read of a signalfd ends when a signal comes that it does not tell") {
  SignalScene s;
  send_at(s, 5us, kSigUsr2);
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigaction(ctx, kSigUsr2, noting(scene));
    co_await sys_rt_sigprocmask(ctx, SigHow::block, kMine);
    const int fd = co_await signalfd(ctx, scene);
    SignalFdInfo info;
    const Value read = co_await read_one(ctx, scene, fd, info);
    CHECK(read.error() == Errno::eintr);
    CHECK(scene.log == "h12");
  });
}

TEST_CASE("signalfd4 changes the mask of one that is there, and refuses all else") {
  SignalScene s;
  play(s, [](Sleepable& ctx, SignalScene& scene) -> Task<void> {
    co_await sys_rt_sigprocmask(ctx, SigHow::block, ~SigSet{});
    const int fd = co_await signalfd(ctx, scene, kSfdNonblock);
    co_await sys_kill(ctx, scene.process, kSigUsr2);
    SignalFdInfo info;
    const Value before = co_await read_one(ctx, scene, fd, info);
    CHECK(before.error() == Errno::eagain);
    const Value same = co_await sys_signalfd4(ctx, scene.files, fd, SigSet::of(kSigUsr2), 0);
    CHECK(same == fd);
    const Value after = co_await read_one(ctx, scene, fd, info);
    CHECK(after == 128);
    const Value eventfd = co_await sys_eventfd2(ctx, scene.files, 0, 0);
    const Value other =
        co_await sys_signalfd4(ctx, scene.files, static_cast<int>(*eventfd), kMine, 0);
    CHECK(other.error() == Errno::einval);
    const Value closed = co_await sys_signalfd4(ctx, scene.files, 33, kMine, 0);
    CHECK(closed.error() == Errno::ebadf);
    const Value flags = co_await sys_signalfd4(ctx, scene.files, -1, kMine, 1);
    CHECK(flags.error() == Errno::einval);
  });
}
