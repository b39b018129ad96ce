// SPDX-License-Identifier: Apache-2.0
// Chains that wait for events of a watched directory, and what they do with the names.
#include "model/kernel/calls/event_calls.h"
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/inotify_calls.h"
#include "model/kernel/calls/name_calls.h"
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::Continue;
using chain::Op;

constexpr std::int64_t kCanceled = -static_cast<std::int64_t>(Errno::ecanceled);
constexpr std::int64_t kShortName = 32;  // of an event with a name of up to 15 bytes
constexpr std::uint32_t kWanted = kInCloseWrite | kInMovedTo;

chain::Step timeout_step(std::uint64_t ns) {
  return {.op = Op::timeout, .bytes = ns};
}

/// A spool directory, a writer in CPU 1, and one thread that submits in CPU 0.
struct Spool : Scene {
  explicit Spool(Continue policy = Continue::cheapest) : Scene(policy) {
    REQUIRE(files.add_directory("/spool"));
    fd = *process.files.install(*Inotify::make(rig.system, 0));
  }

  chain::Step event(std::uint64_t memory = 0) const {
    chain::Step step{.op = Op::inotify};
    step.fd = fd;
    step.memory = memory;
    step.path = &directory;
    return step;
  }
  chain::Step named(Op op, std::int16_t from) const {
    return {.op = op, .fd_from = from, .path = &directory};
  }
  /// The event that a chain has got, by its memory.
  InotifyEvent told(const ChainRun& run, std::uint64_t page = 0) {
    std::span<const std::byte> bytes = rig.memory.bytes(run.buffer[page], kInotifyLongest);
    return take_inotify_event(bytes);
  }
  std::vector<std::string> left();

  std::string directory = "/spool";
  int fd = 0;
  std::vector<std::string> writes;       // files it makes, one after another
  std::optional<std::uint64_t> cancels;  // the submitter does, by its user data
  bool exits = false;
  std::vector<std::int64_t> errors;  // of the entries, in their order
  SimTime ended{};
  WaitQueue ready{"watched"};
  bool watched = false;
  bool written = false;
};

Task<void> write_all(Sleepable& ctx, Spool& s) {
  while (!s.watched) co_await s.ready.wait(ctx, "the watch", events::Stage::queue);
  for (const std::string& path : s.writes) {
    const Result<std::int64_t> fd =
        co_await sys_open(ctx, s.os, s.process.files, path, kOpenCreate | kOpenReadWrite);
    REQUIRE(fd);
    co_await sys_close(ctx, s.process.files, static_cast<int>(*fd));
  }
  s.written = true;
  co_await s.ready.wake_all(ctx);
}

Task<void> submit_all(Sleepable& ctx, Spool& s) {
  const Never never;
  co_await sys_inotify_add_watch(ctx, s.os, s.process.files, s.fd, s.directory, kWanted);
  std::vector<ChainRun*> all;
  for (ChainRun& run : s.runs) all.push_back(&run);
  const Result<std::int64_t> accepted = co_await s.queue.submit(ctx, all);
  REQUIRE(accepted == static_cast<std::int64_t>(all.size()));
  if (s.cancels) co_await s.queue.cancel(ctx, *s.cancels);
  if (s.exits) co_return co_await s.queue.exit(ctx);
  s.watched = true;
  co_await s.ready.wake_all(ctx);
  while (!s.written) co_await s.ready.wait(ctx, "the writer", events::Stage::queue);
  while (s.errors.size() < all.size()) {
    co_await s.queue.wait(ctx, never);
    const std::optional<ChainEvent> event = co_await s.queue.take(ctx);
    REQUIRE(event);
    s.errors.push_back(event->error);
    s.ended = ctx.now();
  }
}

// What is still to be read, names alone.
Task<void> drain(Sleepable& ctx, Spool& s) {
  std::vector<std::byte> buffer(4096);
  (*s.process.files.get(s.fd))->nonblocking = true;
  const Result<std::int64_t> got = co_await sys_read(ctx, s.process.files, s.fd, buffer);
  if (!got) co_return;
  std::span<const std::byte> rest(buffer.data(), static_cast<std::size_t>(*got));
  while (!rest.empty()) s.writes.push_back(take_inotify_event(rest).name);
}

std::vector<std::string> Spool::left() {
  writes.clear();
  rig.thread(0, *this, drain);
  rig.run();
  return writes;
}

void play(Spool& s) {
  s.rig.thread(1, s, write_all);
  Thread& thread = s.rig.thread(0, s, submit_all);
  s.rig.run();
  REQUIRE(thread.state == Thread::State::dead);
  CHECK(s.queue.slots_free() == 4);
}

TEST_CASE("a file that somebody closes is opened by its event's name, read and removed") {
  for (const Continue policy : kPolicies) {
    Spool s(policy);
    s.file("/spool/job", 10'000);
    ChainRun& run = s.run({s.event(), s.named(Op::open, 0), stat_step(1), read_step(1, 0, 8192),
                           close_step(1), s.named(Op::unlink, 0)});
    for (chain::Step& step : run.chain.steps)
      if (step.op == Op::read) step.memory = 4096;
    const Inode& job = **s.files.lookup("/spool/job");
    const std::uint64_t number = job.number;
    s.writes = {"/spool/job"};
    play(s);
    CHECK(results(run) == Results{kShortName, 0, 10'000, 8192, 0, 0});
    const InotifyEvent event = s.told(run);
    CHECK(event.name == "job");
    CHECK(event.mask == kInCloseWrite);
    CHECK(content_matches(number, 4096, s.rig.memory.bytes(run.buffer[2], 4096)));
    CHECK_FALSE(s.files.lookup("/spool/job"));
    CHECK(s.left().empty());
  }
}

TEST_CASE("chains that wait on one instance get an event each, in the order of their coming") {
  for (const Continue policy : kPolicies) {
    Spool s(policy);
    for (int i = 0; i < 3; ++i) s.run({s.event(), s.named(Op::open, 0), close_step(1)});
    s.writes = {"/spool/a", "/spool/b", "/spool/c", "/spool/d"};
    play(s);
    for (std::size_t i = 0; i < 3; ++i) {
      CHECK(results(s.runs[i]) == Results{kShortName, 0, 0});
      CHECK(s.told(s.runs[i]).name == std::string(1, static_cast<char>('a' + i)));
    }
    CHECK(s.left() == std::vector<std::string>{"d"});
  }
}

TEST_CASE("a chain that waits for an event is cancelled there and then, and takes none along") {
  for (const Continue policy : kPolicies) {
    Spool s(policy);
    s.run({s.event(), s.named(Op::open, 0), {.clean_up = true}});
    s.run({s.event()});
    s.cancels = s.runs[0].cookie();
    s.writes = {"/spool/a", "/spool/b"};
    play(s);
    CHECK(results(s.runs[0]) == Results{kCanceled, kCanceled, 0});
    CHECK(results(s.runs[1]) == Results{kShortName});
    CHECK(s.told(s.runs[1]).name == "a");
    CHECK(s.left() == std::vector<std::string>{"b"});
  }
}

TEST_CASE("a deadline or the process's end ends the wait for an event") {
  for (const Continue policy : kPolicies) {
    Spool s(policy);
    s.run({s.event(), {.clean_up = true}}).chain.deadline_us = 3;
    play(s);
    CHECK(results(s.runs[0]) == Results{kCanceled, 0});
    CHECK(s.errors == Results{error(Errno::etime)});

    Spool gone(policy);
    gone.run({gone.event(), {.clean_up = true}});
    gone.exits = true;
    gone.rig.thread(0, gone, submit_all);
    gone.rig.run();
    CHECK(results(gone.runs[0]) == Results{kCanceled, 0});
    CHECK(gone.process.files.open_count() == 0);
    CHECK(gone.rig.system.inotify.instances == 0);
  }
}

TEST_CASE("the overflow is an event without a name, whatever name lay there before") {
  Spool s;
  s.rig.system.inotify.max_queued_events = 1;
  s.writes = {"/spool/a", "/spool/b", "/spool/c"};
  // A chain that comes after the events: the second round finds the overflow.
  chain::Step open = s.named(Op::open, 1);
  open.on_error = chain::OnError::carry_on;
  chain::Step second = s.event();
  s.run({timeout_step(1'000'000), s.event(), open, second, s.named(Op::open, 3)});
  play(s);
  CHECK(results(s.runs[0]) == Results{0, kShortName, 0, 16, error(Errno::enoent)});
  CHECK(s.told(s.runs[0]).mask == kInQOverflow);
}

TEST_CASE("a name that a user has made of an event is an error at worst") {
  struct Case {
    std::string field;
    std::uint32_t bytes;
    Errno expected;
  };
  const Case cases[] = {{std::string(kNameMax + 1, 'x'), 16, Errno::enametoolong},
                        {std::string(kNameMax, 'x'), 256, Errno::enoent},
                        {std::string("\0abc", 4), 16, Errno::enoent},
                        {"job", 0, Errno::enoent},
                        {"job", ~0U, Errno::ok},
                        {"../spool/job", 16, Errno::einval},
                        {"nobody", 16, Errno::enoent}};
  for (const Case& hostile : cases) {
    CAPTURE(hostile.field, hostile.bytes);
    Spool s;
    ChainRun& run = s.run({s.event(), timeout_step(50'000), s.named(Op::open, 0)});
    s.writes = {"/spool/job"};
    s.rig.at(s.rig.now() + 40us, [&] {
      const std::span<std::byte> event = s.rig.memory.bytes(run.buffer[0], kInotifyLongest);
      CHECK(s.told(run).name == "job");
      std::ranges::fill(event.subspan(kInotifyHeader), std::byte{0});
      std::memcpy(event.data() + 12, &hostile.bytes, 4);
      std::memcpy(event.data() + kInotifyHeader, hostile.field.data(), hostile.field.size());
    });
    play(s);
    const std::int64_t end = hostile.expected == Errno::ok ? 0 : error(hostile.expected);
    CHECK(results(run) == Results{kShortName, 0, end});
  }
}

TEST_CASE("a descriptor that is no instance, and one that is none, are errors of the step") {
  Spool s;
  const int file = *s.process.files.install(s.open(s.file("/spool/f", 1)));
  chain::Step wrong = s.event();
  wrong.fd = file;
  wrong.on_error = chain::OnError::carry_on;
  chain::Step none = s.event();
  none.fd = 15;
  s.run({wrong, none, s.named(Op::open, 1)});
  play(s);
  CHECK(results(s.runs[0]) == Results{error(Errno::einval), error(Errno::ebadf), kCanceled});
}

TEST_CASE("a branch that waits for an event holds up none beside it") {
  for (const Continue policy : kPolicies) {
    Spool s(policy);
    const std::string made = "/spool/made";
    chain::Step create{.op = Op::open, .create = true, .path = &made};
    chain::Step open = s.named(Op::open, 0);
    chain::Step shut = close_step(1);
    chain::Step shut_named = close_step(3);
    open.after = 1;
    shut.after = 2;
    shut_named.after = 8;
    ChainRun& run = s.run({s.event(), create, shut, open, shut_named});
    run.chain.graph = true;
    play(s);
    CHECK(results(run) == Results{kShortName, 0, 0, 0, 0});
    CHECK(s.told(run).name == "made");
  }
}

TEST_CASE("a chain's close tells whether the chain could write to the file") {
  Spool s;
  s.file("/spool/in", 4096);
  s.file("/spool/out", 4096);
  const std::string in = "/spool/in";
  const std::string out = "/spool/out";
  chain::Step write = read_step(2, 0, 4096);
  write.op = Op::write;
  s.run({open_step(in), close_step(0), open_step(out), write, close_step(2)});
  play(s);
  CHECK(results(s.runs[0]) == Results{0, 0, 0, 4096, 0});
  CHECK(s.left() == std::vector<std::string>{"out"});
}

TEST_CASE("an event costs its reader's call, a pinned page and the event; a name its bytes") {
  const std::string path = "/spool/a";
  const auto time_of = [&path](Cost KernelCosts::*cost, bool by_name) {
    Spool s;
    if (cost != nullptr) (s.rig.system.costs.*cost).each = 10us;
    s.writes = {path};
    s.run({timeout_step(500'000), s.event(), by_name ? s.named(Op::open, 1) : open_step(path)});
    play(s);
    CHECK(results(s.runs[0]) == Results{0, kShortName, 0});
    return s.ended;
  };
  const SimTime plain = time_of(nullptr, false);
  CHECK(time_of(&KernelCosts::inotify_call, false) - plain == 10us);
  CHECK(time_of(&KernelCosts::page_pin, false) - plain == 10us);
  CHECK(time_of(&KernelCosts::inotify_copy, false) - plain == 10us);
  CHECK(time_of(nullptr, true) - plain == 2ns);  // the rig copies a byte per ns
}

}  // namespace
}  // namespace iodrome::designs::task_chain
