// SPDX-License-Identifier: Apache-2.0
// Chains over the loopback device: a listener at port 80 with descriptor 0, and chains submitted
// and reaped by one thread. Nothing costs time but timers.
#pragma once
#include "model/kernel/calls/socket_calls.h"
#include "model/kernel/epoll/epoll.h"
#include "model/kernel/eventfd/eventfd.h"
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {

inline constexpr SocketParams kRoomy{60'000, 20'000, 60'000};

struct Wired : Scene {
  explicit Wired(chain::Continue policy = chain::Continue::cheapest,
                 chain::UserCopy copy = chain::UserCopy::pinned, const SocketParams& room = kRoomy)
      : Scene(params_with(policy, copy)), sizes(room) {
    os.loopback = &net;
    rig.system.scheduler.hz = 1000;
  }
  ~Wired() {
    rig.end();
    process.files = FileTable(0);  // sockets end before their network
  }
  static ChainParams params_with(chain::Continue policy, chain::UserCopy copy) {
    ChainParams with = params_of(policy);
    with.copy_way = copy;
    return with;
  }
  /// Its memory holds bytes of a stream that begins with `first`.
  ChainRun& talk(std::vector<chain::Step> steps, std::uint64_t first = 0) {
    ChainRun& added = run(std::move(steps));
    for (std::uint64_t i = 0; i < added.buffer.size() * hw::kPageBytes; ++i)
      at(added, i) = byte_of(first + i);
    return added;
  }
  std::byte& at(const ChainRun& of, std::uint64_t offset) {
    return rig.memory.bytes(of.buffer[offset / hw::kPageBytes],
                            hw::kPageBytes)[offset % hw::kPageBytes];
  }
  static std::byte byte_of(std::uint64_t offset) {
    return static_cast<std::byte>((offset + 1) * 0x9e37'79b9'7f4a'7c15ull >> 56);
  }
  /// Bytes of its memory from `memory` on that are not those of the stream from `first` on.
  std::uint64_t wrong(const ChainRun& of, std::uint64_t memory, std::uint64_t first,
                      std::uint64_t bytes) {
    std::uint64_t count = 0;
    for (std::uint64_t i = 0; i < bytes; ++i)
      if (at(of, memory + i) != byte_of(first + i)) ++count;
    return count;
  }
  int install(FilePtr opened) { return *process.files.install(std::move(opened)); }

  SocketParams sizes;
  NetRx rx{rig.system};
  Loopback net{rig.system, rx, sizes};
  std::int32_t backlog = 8;
  Log log;                 // a chain and its error, when its entry was taken
  bool exits = false;      // the process ends instead of reaping
  SimTime acts{};          // when somebody cancels, or the process ends
  std::size_t kept = 0;    // descriptors that chains leave open
  std::size_t cached = 0;  // pages that a file leaves in the cache
  std::int64_t outcome{};  // of the cancellation
};

inline chain::Step accept_step(int fd = 0) {
  return {.op = chain::Op::accept, .fd = fd};
}
inline chain::Step connect_step(std::uint64_t port = 80) {
  return {.op = chain::Op::connect, .bytes = port};
}
inline chain::Step receive_step(int from, std::uint64_t bytes, std::uint64_t memory = 0) {
  return {.op = chain::Op::receive,
          .on_short = chain::OnShort::resume,
          .fd_from = static_cast<std::int16_t>(from),
          .bytes = bytes,
          .memory = memory};
}
inline chain::Step send_memory(int to, std::uint64_t bytes, std::uint64_t memory = 0) {
  return {.op = chain::Op::send, .to_fd = to, .to_opened = true, .bytes = bytes, .memory = memory};
}
inline chain::Step poll_fd(int fd, PollEvents events) {
  return {.op = chain::Op::poll, .fd = fd, .bytes = events};
}
inline chain::Step poll_from(int from, PollEvents events) {
  return {.op = chain::Op::poll, .fd_from = static_cast<std::int16_t>(from), .bytes = events};
}
inline chain::Step pause_step(std::uint64_t ns) {
  return {.op = chain::Op::timeout, .bytes = ns};
}

inline Task<void> reap(Sleepable& ctx, Wired& s, std::int64_t left) {
  const Never never;
  while (left > 0) {
    const std::optional<ChainEvent> event = co_await s.queue.take(ctx);
    if (!event) {
      co_await s.queue.wait(ctx, never);
      continue;
    }
    --left;
    const std::string end = event->error == 0 ? "" : name_of(static_cast<Errno>(-event->error));
    s.log.add(std::to_string(ChainRun::slot_of(event->user_data)) + end, ctx.now());
  }
}

inline Task<void> listen_and_submit(Sleepable& ctx, Wired& s) {
  const SocketPtr listener = s.net.make_socket();
  CHECK(listener->bind(80) == Errno::ok);
  CHECK(listener->listen(s.backlog) == Errno::ok);
  Result<FilePtr> file = SocketFile::make(s.net, listener, 0);
  const Result<int> installed = s.process.files.install(std::move(*file));
  REQUIRE(installed);
  std::vector<ChainRun*> all;
  for (ChainRun& run : s.runs) all.push_back(&run);
  const Result<std::int64_t> accepted = co_await s.queue.submit(ctx, all);
  REQUIRE(accepted == static_cast<std::int64_t>(all.size()));
  if (s.exits) co_return;  // in its other thread
  co_await reap(ctx, s, *accepted);
  co_await close_file(ctx, s.process.files, *installed);
}

inline Task<void> exit_process(Sleepable& ctx, Wired& s) {
  co_await sleep_until(s.rig.timeline, s.acts);
  co_await s.queue.exit(ctx);
  s.log.add("exit", ctx.now());
}

inline Task<void> cancel_first(Sleepable& ctx, Wired& s) {
  co_await sleep_until(s.rig.timeline, s.acts);
  const Result<std::int64_t> ended = co_await s.queue.cancel(ctx, s.runs.front().cookie());
  s.outcome = as_return_value(ended);
}

/// Runs all chains to their ends; nothing is left of them.
inline std::string play(Wired& s) {
  const std::size_t pages = s.rig.memory.pages_in_use();
  Thread& thread = s.rig.thread(0, s, listen_and_submit);
  if (s.acts != SimTime{}) s.rig.thread(1, s, s.exits ? exit_process : cancel_first);
  s.rig.run();
  CHECK(thread.state == Thread::State::dead);
  if (s.kept == 0) CHECK(s.net.connections() == 0);
  if (!s.exits) CHECK(s.process.files.open_count() == s.kept);
  if (s.exits) CHECK(s.process.files.open_count() == 0);
  if (s.kept == 0) CHECK(s.rig.memory.pages_in_use() == pages + s.cached);
  return s.log.text;
}

}  // namespace iodrome::designs::task_chain
