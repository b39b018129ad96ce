// SPDX-License-Identifier: Apache-2.0
// A process whose sockets reach one another over the loopback device.
#pragma once
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/socket_calls.h"
#include "tests/model/kernel/disk.h"
#include "tests/model/kernel/poll/scene.h"

namespace iodrome::kernel {

struct NetScene : PollScene {
  explicit NetScene(std::uint32_t cpus = 2, const SocketParams& sizes = {60'000, 20'000, 60'000})
      : PollScene(cpus), params(sizes) {
    rig.system.scheduler.hz = 1000;
    pages_before = rig.memory.pages_in_use();
  }
  ~NetScene() {
    rig.end();
    files = FileTable(0);  // sockets end before their network
  }
  Socket& socket(int fd) { return *(*files.get(fd))->socket; }
  std::vector<hw::PhysAddr> user(std::uint64_t bytes) {
    std::vector<hw::PhysAddr> pages;
    for (std::uint64_t at = 0; at < bytes; at += hw::kPageBytes)
      pages.push_back(rig.memory.allocate_page());
    return pages;
  }
  void give_back(const std::vector<hw::PhysAddr>& pages) {
    for (const hw::PhysAddr page : pages) rig.memory.free_page(page);
  }

  FileSystem volumes{64 << 20, true};
  TestDisk disk{rig, volumes.volume(), 8};
  PageCache cache{rig.system};
  Os os{rig.system, volumes, cache};
  SocketParams params;
  NetRx rx{rig.system};
  Loopback net{rig.system, rx, params};
  std::uint64_t pages_before = 0;
};

/// Runs the code in a thread of CPU 0 to its end.
inline void play(NetScene& s, Code<NetScene> code) {
  play_in(s, code);
}

/// The byte that belongs at an offset of a stream.
inline std::byte byte_at(std::uint64_t offset) {
  return static_cast<std::byte>((offset + 1) * 0x9e37'79b9'7f4a'7c15ull >> 56);
}

/// Sends the stream's bytes [offset, offset + bytes).
inline Task<Value> send_stream(Sleepable& ctx, NetScene& s, int fd, std::uint64_t offset,
                               std::uint64_t bytes) {
  const std::vector<hw::PhysAddr> pages = s.user(bytes);
  for (std::uint64_t i = 0; i < bytes; ++i)
    s.rig.memory.bytes(pages[i / hw::kPageBytes], hw::kPageBytes)[i % hw::kPageBytes] =
        byte_at(offset + i);
  const Value sent = co_await sys_send(ctx, s.os, s.files, fd, pages, bytes);
  s.give_back(pages);
  co_return sent;
}

/// Receives at most that much once, and checks that it is what the stream has from `offset` on.
inline Task<Value> recv_stream(Sleepable& ctx, NetScene& s, int fd, std::uint64_t offset,
                               std::uint64_t most, std::int32_t flags = 0) {
  const std::vector<hw::PhysAddr> pages = s.user(most);
  const Value got = co_await sys_recv(ctx, s.files, fd, pages, most, flags);
  std::uint64_t wrong = 0;
  for (std::uint64_t i = 0; got && i < static_cast<std::uint64_t>(*got); ++i)
    if (s.rig.memory.bytes(pages[i / hw::kPageBytes], hw::kPageBytes)[i % hw::kPageBytes] !=
        byte_at(offset + i))
      ++wrong;
  CHECK(wrong == 0);
  s.give_back(pages);
  co_return got;
}

/// A socket that listens at the port.
inline Task<int> listening(Sleepable& ctx, NetScene& s, Port port, std::int32_t backlog = 8) {
  const Value fd = co_await sys_socket(ctx, s.net, s.files);
  const Value bound = co_await sys_bind(ctx, s.files, static_cast<int>(*fd), port);
  CHECK(bound == 0);
  const Value heard = co_await sys_listen(ctx, s.files, static_cast<int>(*fd), backlog);
  CHECK(heard == 0);
  co_return static_cast<int>(*fd);
}

/// A socket that is connected to it.
inline Task<int> connected(Sleepable& ctx, NetScene& s, Port port, std::int32_t flags = 0) {
  const Value fd = co_await sys_socket(ctx, s.net, s.files, flags);
  const Value done = co_await sys_connect(ctx, s.files, static_cast<int>(*fd), port);
  CHECK((done == 0 || (flags & kSockNonblock) != 0));
  co_return static_cast<int>(*fd);
}

/// Puts three descriptors into s.fds: who listens at port 80, a client, and the accepted end.
inline Task<void> pair(Sleepable& ctx, NetScene& s, std::int32_t flags = 0) {
  const int listener = co_await listening(ctx, s, 80);
  const int client = co_await connected(ctx, s, 80, flags);
  const Value server = co_await sys_accept4(ctx, s.files, listener, flags);
  s.fds = {listener, client, static_cast<int>(*server)};
}

/// Closes all of s.fds.
inline Task<void> close_all(Sleepable& ctx, NetScene& s) {
  for (const int fd : s.fds) co_await sys_close(ctx, s.files, fd);
  s.fds.clear();
}

}  // namespace iodrome::kernel
