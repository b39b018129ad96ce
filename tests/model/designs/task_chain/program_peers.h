// SPDX-License-Identifier: Apache-2.0
// Whom a program's steps on sockets and readiness have to do with. Each such step has an end of its
// own, at which something happens as often as the program asks for it, or never.
#pragma once
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/socket_calls.h"
#include "model/kernel/eventfd/eventfd.h"
#include "tests/model/chain/reference_model.h"
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {

using chain::reference::Outcome;

/// Connections come, and bytes are there, before the program begins: as many as it takes by the
/// reference model's word.
class Peers {
 public:
  explicit Peers(Scene& scene) : scene_(scene) {}
  ~Peers() {
    scene_.rig.end();
    scene_.process.files = FileTable(0);  // sockets end before their network
    files_ = FileTable(0);
  }

  static bool has(chain::Op op) {
    return op == chain::Op::accept || op == chain::Op::connect || op == chain::Op::receive ||
           op == chain::Op::poll;
  }
  /// Makes the step's end. `outcome` is how its first try ends.
  void add(std::size_t index, chain::Step& step, Outcome outcome) {
    scene_.os.loopback = &net_;
    scene_.rig.system.scheduler.hz = 1000;
    ends_[index] = {step.op, outcome};
    if (step.op == chain::Op::accept) step.fd = install(listening(port_of(index), kMost));
    if (step.op == chain::Op::connect) step.bytes = port_of(index);
    if (step.op != chain::Op::poll) return;
    step.bytes = kPollIn;
    step.fd = install(*make_eventfd(waits(outcome) ? 0 : 1, 0));
  }
  /// How a try of the step ends, by the reference model's word. A reset is told once, and behind
  /// the end of a stream nothing comes. Of a process that has `gone` nobody waits for an answer.
  Outcome met(std::size_t index, int attempt, bool gone) {
    End& end = ends_.at(index);
    if (gone && end.op == chain::Op::connect) return Outcome::dropped;
    const bool over = end.op == chain::Op::receive && end.outcome != Outcome::ok;
    const Outcome outcome = attempt > 0 && over ? Outcome::ended : end.outcome;
    if (outcome == Outcome::ok || outcome == Outcome::is_short) ++end.times;
    if (waits(outcome)) exits_ = outcome == Outcome::dropped;
    return outcome;
  }
  void forget_counts() {
    for (auto& [index, end] : ends_) end.times = 0;
  }
  bool any() const { return !ends_.empty(); }
  /// Whether who waits for ever is ended by its process's end, not by a cancellation.
  bool exits() const { return exits_; }

  /// What they do. Receives get their descriptors, in `steps` too.
  Task<void> act(Sleepable& ctx, chain::Chain& chain, std::vector<chain::Step>& steps) {
    if (!any()) co_return;
    page_ = scene_.pages(1);
    for (auto& [index, end] : ends_) {
      if (end.op == chain::Op::accept) co_await call_in(ctx, port_of(index), end.times);
      if (end.op == chain::Op::connect) co_await answer(ctx, index, end);
      if (end.op != chain::Op::receive) continue;
      co_await talk(ctx, index, end);
      chain.steps[index].fd = steps[index].fd = end.fd;
    }
    co_await pause(ctx);  // until everything has arrived
  }
  /// Whether the step's memory holds what its last receive took, the stream's `bytes` before its
  /// end.
  bool received(std::size_t index, std::span<const std::byte> memory) const {
    const std::byte expected = chunk(index, ends_.at(index).times - 1);
    return std::ranges::all_of(memory, [expected](std::byte b) { return b == expected; });
  }

 private:
  static constexpr int kMost = 4000;  // connections that wait
  struct End {
    chain::Op op = chain::Op::nop;
    Outcome outcome = Outcome::ok;
    int times = 0;
    int fd = -1;
  };
  static bool waits(Outcome outcome) {
    return outcome == Outcome::cancel || outcome == Outcome::dropped;
  }
  static Port port_of(std::size_t index) { return static_cast<Port>(100 + index); }
  static std::byte chunk(std::size_t index, int number) {
    return static_cast<std::byte>(17 * index + static_cast<std::size_t>(number) * 3 + 1);
  }
  int install(FilePtr file) { return *scene_.process.files.install(std::move(file)); }
  FilePtr listening(Port port, std::int32_t backlog) {
    SocketPtr socket = net_.make_socket();
    REQUIRE(socket->bind(port) == Errno::ok);
    REQUIRE(socket->listen(backlog) == Errno::ok);
    return *SocketFile::make(net_, std::move(socket), 0);
  }

  static Task<void> pause(Sleepable& ctx) {
    co_await schedule_hrtimeout(ctx, ctx.now() + 10us, "peers", events::Stage::queue);
  }
  Task<int> call(Sleepable& ctx, Port port) {
    const Result<std::int64_t> fd = co_await sys_socket(ctx, net_, files_);
    REQUIRE(fd);
    const auto socket = static_cast<int>(*fd);
    const Result<std::int64_t> connected = co_await sys_connect(ctx, files_, socket, port);
    REQUIRE(connected);
    co_return socket;
  }
  Task<void> call_in(Sleepable& ctx, Port port, int times) {
    for (int i = 0; i < times; ++i) co_await call(ctx, port);
  }
  // A full queue never answers, a port without a listener refuses.
  Task<void> answer(Sleepable& ctx, std::size_t index, const End& end) {
    if (end.outcome == Outcome::refused) co_return;
    const bool full = waits(end.outcome);
    const Result<int> installed = files_.install(listening(port_of(index), full ? 0 : kMost));
    REQUIRE(installed);
    if (full) co_await call(ctx, port_of(index));
  }
  // Of a connection's ends the process has the one that was accepted.
  Task<void> talk(Sleepable& ctx, std::size_t index, End& end) {
    const Result<int> listener = files_.install(listening(port_of(index), 1));
    REQUIRE(listener);
    const int theirs = co_await call(ctx, port_of(index));
    const Result<std::int64_t> accepted = co_await sys_accept4(ctx, files_, *listener);
    REQUIRE(accepted);
    const FilePtr file = *files_.get(static_cast<int>(*accepted));
    end.fd = install(file);
    if (end.outcome == Outcome::reset) co_await reset(ctx, end.fd, theirs);
    for (int number = 0; number < end.times; ++number) {
      const std::uint64_t bytes = end.outcome == Outcome::is_short ? kBlock / 2 : kBlock;
      std::ranges::fill(scene_.rig.memory.bytes(page_[0], kBlock), chunk(index, number));
      const Result<std::int64_t> sent =
          co_await sys_send(ctx, scene_.os, files_, theirs, page_, bytes);
      REQUIRE(sent == static_cast<std::int64_t>(bytes));
    }
    if (end.outcome == Outcome::is_short) co_await sys_shutdown(ctx, files_, theirs, 1);
  }
  // Who closes with something unread resets.
  Task<void> reset(Sleepable& ctx, int ours, int theirs) {
    co_await sys_send(ctx, scene_.os, scene_.process.files, ours, page_, 1);
    co_await pause(ctx);
    co_await close_file(ctx, files_, theirs);
  }

  Scene& scene_;
  const SocketParams sizes_{32 << 20, 60'000, 32 << 20};
  NetRx rx_{scene_.rig.system};
  Loopback net_{scene_.rig.system, rx_, sizes_};
  FileTable files_{4 * kMost};  // of the peers
  std::map<std::size_t, End> ends_;
  std::vector<hw::PhysAddr> page_;
  bool exits_ = false;
};

}  // namespace iodrome::designs::task_chain
