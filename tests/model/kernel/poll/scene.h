// SPDX-License-Identifier: Apache-2.0
// A process with descriptors of what can be polled.
#pragma once
#include <algorithm>
#include <cstring>

#include "model/kernel/calls/event_calls.h"
#include "model/kernel/eventfd/eventfd.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

struct PollScene {
  explicit PollScene(std::uint32_t cpus = 2) : rig(cpus) {}
  ~PollScene() { rig.end(); }

  int install(FilePtr file) { return *files.install(std::move(file)); }
  int eventfd(std::uint32_t initial = 0, std::int32_t flags = kEfdNonblock) {
    return install(*make_eventfd(initial, flags));
  }
  int epoll() { return install(*Epoll::make(0)); }
  EventFd& counter(int fd) { return static_cast<EventFd&>(*(*files.get(fd))->object); }
  Epoll& instance(int fd) { return *epoll_of(**files.get(fd)); }

  Rig rig;
  FileTable files{64};
  Log log;
  Cost work{1us};
  std::vector<int> fds;
  int done = 0;
};

/// Runs the code in a thread of CPU 0 to its end.
inline void play(PollScene& s, Code<PollScene> code) {
  play_in(s, code);
}

inline Task<Value> put(Sleepable& ctx, PollScene& s, int fd, std::uint64_t value) {
  const std::span<const std::uint64_t> one(&value, 1);
  co_return co_await sys_write(ctx, s.files, fd, std::as_bytes(one));
}

inline Task<Value> take(Sleepable& ctx, PollScene& s, int fd, std::uint64_t& value) {
  const std::span<std::uint64_t> one(&value, 1);
  co_return co_await sys_read(ctx, s.files, fd, std::as_writable_bytes(one));
}

/// Reads and forgets.
inline Task<void> drain(Sleepable& ctx, PollScene& s, int fd) {
  std::uint64_t value = 0;
  const Value read = co_await take(ctx, s, fd, value);
  CHECK(read == 8);
}

inline std::string letters(PollEvents events) {
  std::string text;
  if ((events & kPollIn) != 0) text += 'i';
  if ((events & kPollOut) != 0) text += 'o';
  if ((events & kPollErr) != 0) text += 'e';
  if ((events & kPollHup) != 0) text += 'h';
  return text;
}

/// Adds with the descriptor as data.
inline Task<Value> add(Sleepable& ctx, PollScene& s, int epfd, int fd, PollEvents events) {
  const EpollEvent event{events, static_cast<std::uint64_t>(fd)};
  co_return co_await sys_epoll_ctl(ctx, s.files, epfd, EpollOp::add, fd, event);
}
inline Task<Value> modify(Sleepable& ctx, PollScene& s, int epfd, int fd, PollEvents events) {
  const EpollEvent event{events, static_cast<std::uint64_t>(fd)};
  co_return co_await sys_epoll_ctl(ctx, s.files, epfd, EpollOp::mod, fd, event);
}
inline Task<Value> del(Sleepable& ctx, PollScene& s, int epfd, int fd) {
  co_return co_await sys_epoll_ctl(ctx, s.files, epfd, EpollOp::del, fd);
}

/// What a wait tells, e.g. "3i 4io"; an errno's name; or nothing.
inline Task<std::string> wait_text(Sleepable& ctx, PollScene& s, int epfd,
                                   Duration timeout = Duration{0}, std::int32_t most = 16) {
  std::array<EpollEvent, 16> events;
  const Value count = co_await sys_epoll_wait(ctx, s.files, epfd, events.data(), most, timeout);
  if (!count) co_return name_of(count.error());
  std::string text;
  for (std::size_t i = 0; i < static_cast<std::size_t>(*count); ++i)
    text += (i == 0 ? "" : " ") + std::to_string(events[i].data) + letters(events[i].events);
  co_return text;
}

}  // namespace iodrome::kernel
