// SPDX-License-Identifier: Apache-2.0
// Steps on sockets of the loopback network, and on readiness. Nothing costs time but what a test
// says.
#include "model/chain/validate.h"
#include "model/kernel/eventfd/eventfd.h"
#include "model/kernel/socket/socket_file.h"
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::Continue;
using chain::OnShort;
using chain::Op;
using chain::Step;
using chain::UserCopy;

constexpr std::uint64_t kPort = 80;
const std::string kFile = "/f";
const std::int64_t kCanceled = error(Errno::ecanceled);

struct Net : Scene {
  explicit Net(const ChainParams& as = params_of(Continue::cheapest),
               const SocketParams& sizes = {60'000, 20'000, 60'000})
      : Scene(as), socket_params(sizes) {
    rig.system.scheduler.hz = 1000;
    os.loopback = &net;
  }
  ~Net() {
    rig.end();
    process.files = FileTable(0);  // sockets end before their network
  }
  // Without a chain, and at no cost.
  int listen(Port port = kPort) {
    SocketPtr socket = net.make_socket();
    REQUIRE(socket->bind(port) == Errno::ok);
    REQUIRE(socket->listen(8) == Errno::ok);
    return *process.files.install(*SocketFile::make(net, std::move(socket), 0));
  }
  std::span<std::byte> memory(const ChainRun& run, std::size_t page) {
    return rig.memory.bytes(run.buffer[page], kBlock);
  }
  void fill(const ChainRun& run, std::uint8_t seed) {
    for (std::size_t page = 0; page < run.buffer.size(); ++page)
      for (std::size_t i = 0; i < kBlock; ++i)
        memory(run, page)[i] = static_cast<std::byte>(seed + page * 7 + i % 251);
  }
  bool same(const ChainRun& a, std::size_t page_a, const ChainRun& b, std::size_t page_b,
            std::uint64_t bytes) {
    for (std::uint64_t i = 0; i < bytes; ++i)
      if (memory(a, page_a + i / kBlock)[i % kBlock] != memory(b, page_b + i / kBlock)[i % kBlock])
        return false;
    return true;
  }

  SocketParams socket_params;
  NetRx rx{rig.system};
  Loopback net{rig.system, rx, socket_params};
  Duration cancels_at{};
  bool exits = false;
  std::int64_t told = 0;  // by cancel
};

Task<void> cancel_later(Sleepable& ctx, Net& s) {
  co_await sleep_until(s.rig.timeline, SimTime{} + s.cancels_at);
  if (s.exits) co_return co_await s.queue.exit(ctx);
  const Result<std::int64_t> said = co_await s.queue.cancel(ctx, std::nullopt);
  s.told = as_return_value(said);
}
void play(Net& s) {
  if (s.cancels_at != Duration{}) s.rig.thread(1, s, cancel_later);
  play_all(s);
}

Step accept_step(int fd) {
  return {.op = Op::accept, .fd = fd, .bytes = kPort};
}
Step connect_step(std::uint64_t port = kPort) {
  return {.op = Op::connect, .bytes = port};
}
Step receive_step(int from, std::uint64_t bytes, std::uint64_t page,
                  OnShort on_short = OnShort::resume) {
  return {.op = Op::receive,
          .on_short = on_short,
          .fd_from = static_cast<std::int16_t>(from),
          .bytes = bytes,
          .memory = page * kBlock};
}
Step send_memory_step(int to, std::uint64_t bytes, std::uint64_t page) {
  return {.op = Op::send, .to_fd = to, .to_opened = true, .bytes = bytes, .memory = page * kBlock};
}
Step poll_step(int fd, PollEvents events) {
  return {.op = Op::poll, .fd = fd, .bytes = events};
}

ChainParams policy(Continue in, UserCopy copy = UserCopy::pinned, bool start_in_submitter = true) {
  ChainParams params = Scene::params_of(in);
  params.copy_way = copy;
  params.start_in_submitter = start_in_submitter;
  return params;
}

TEST_CASE("two chains meet over the loopback and pass bytes both ways wherever they go on") {
  for (const Continue in : kPolicies)
    for (const UserCopy copy : {UserCopy::pinned, UserCopy::thread, UserCopy::consumer})
      for (const bool in_submitter : {true, false}) {
        CAPTURE(static_cast<int>(in), static_cast<int>(copy), in_submitter);
        Net s(policy(in, copy, in_submitter), {8000, 3000, 8000});
        const int listener = s.listen();
        ChainRun& server = s.run({accept_step(listener), receive_step(0, 10'000, 0),
                                  send_memory_step(0, 9'000, 0), close_step(0)});
        ChainRun& client = s.run({connect_step(), send_memory_step(0, 10'000, 0),
                                  receive_step(0, 9'000, 4), close_step(0)});
        s.fill(client, 3);
        play(s);
        CHECK(results(server) == Results{0, 10'000, 9'000, 0});
        CHECK(results(client) == Results{0, 10'000, 9'000, 0});
        CHECK(s.same(server, 0, client, 0, 10'000));
        CHECK(s.same(server, 0, client, 4, 9'000));
        CHECK(s.net.connections() == 0);
        CHECK(s.process.files.open_count() == 1);
      }
}

TEST_CASE("the sum of a request's stages is its latency while it waits for peers") {
  Net s;
  const int listener = s.listen();
  s.rig.system.costs.socket_recv.each = 100ns;
  s.rig.system.costs.segment_receive.each = 300ns;
  ChainRun& server = s.run({accept_step(listener), receive_step(0, 5000, 0)});
  ChainRun& client = s.run({connect_step(), send_memory_step(0, 5000, 0)});
  play(s);
  for (ChainRun* const run : {&server, &client}) {
    const Duration latency = run->ledger.close(s.rig.timeline.now());
    CHECK(latency == s.rig.now());
  }
  CHECK(server.ledger.totals()[static_cast<std::size_t>(events::Stage::network)] > Duration{0});
}

TEST_CASE("a send of a file goes to an accepted socket as to any other") {
  Net s;
  const int listener = s.listen();
  Step sends = send_step(1, 512, 50'000);
  sends.to_fd = 0;
  sends.to_opened = true;
  ChainRun& server = s.run({accept_step(listener), open_step(s.path), sends, close_step(1)});
  ChainRun& client = s.run({connect_step(), receive_step(0, 20'000, 0), close_step(0)});
  play(s);
  // The client resets what it does not read: the send is cut or done by then.
  CHECK(server.results[0] == 0);
  CHECK(client.results[1] == 20'000);
  const Inode& inode = **s.files.lookup(s.path);
  CHECK(content_matches(inode.number, 512, s.memory(client, 0)));
  CHECK(s.net.connections() == 0);
}

TEST_CASE("what a peer has not sent makes a receive short: 0 at the end of the stream") {
  for (const OnShort on_short : {OnShort::accept, OnShort::resume, OnShort::error}) {
    Net s;
    const int listener = s.listen();
    ChainRun& server = s.run({accept_step(listener), receive_step(0, 8000, 0, on_short),
                              receive_step(0, 100, 2, OnShort::accept)});
    s.run({connect_step(), send_memory_step(0, 3000, 0), close_step(0)});
    play(s);
    if (on_short == OnShort::error)
      CHECK(results(server) == Results{0, error(Errno::enodata), kCanceled});
    else
      CHECK(results(server) == Results{0, 3000, 0});
  }
}

TEST_CASE("a connection that nobody listens for is refused, and leaves nothing") {
  Net s;
  ChainRun& run = s.run({connect_step(81), send_memory_step(0, 10, 0), close_step(0)});
  play(s);
  CHECK(results(run) == Results{error(Errno::econnrefused), kCanceled, kCanceled});
  CHECK(s.net.connections() == 0);
}

TEST_CASE("steps on sockets tell what is none, or not of their kind") {
  Net s;
  const int file = *s.process.files.install(s.open(**s.files.lookup(s.path)));
  const int idle = *s.process.files.install(*SocketFile::make(s.net, s.net.make_socket(), 0));
  Step receive_fd = receive_step(-1, 10, 0);
  receive_fd.fd = file;
  Step send_fd = send_memory_step(0, 10, 0);
  send_fd.to_opened = false;
  send_fd.to_fd = file;
  Step receive_idle = receive_fd;
  receive_idle.fd = idle;
  std::vector<Step> steps = {accept_step(file), accept_step(idle), accept_step(15),
                             receive_fd,        send_fd,           receive_idle};
  for (Step& step : steps) step.on_error = chain::OnError::carry_on;
  ChainRun& run = s.run(steps);
  play(s);
  CHECK(results(run) == Results{error(Errno::enotsock), error(Errno::einval), error(Errno::ebadf),
                                error(Errno::enotsock), error(Errno::enotsock),
                                error(Errno::enotconn)});
}

TEST_CASE("without a network nothing is reached") {
  Net s;
  s.os.loopback = nullptr;
  ChainRun& run = s.run({connect_step()});
  play(s);
  CHECK(results(run) == Results{error(Errno::enetunreach)});
}

TEST_CASE("an accepted socket that is kept has a descriptor and outlives its chain") {
  for (const Continue in : kPolicies) {
    Net s(policy(in));
    const int listener = s.listen();
    Step kept = accept_step(listener);
    kept.keep = true;
    ChainRun& server = s.run({kept});
    s.run({connect_step(), {.op = Op::timeout, .bytes = 1000}});
    play(s);
    REQUIRE(server.results[0] > 0);
    const Result<FilePtr> file = s.process.files.get(static_cast<int>(server.results[0]));
    REQUIRE(file);
    CHECK((*file)->socket != nullptr);
    CHECK((*file)->socket->state() == SocketState::established);
    CHECK(s.net.connections() == 2);  // the client's FIN has had no answer
  }
}

TEST_CASE("without a free descriptor a socket that is to be kept is closed") {
  Net s;
  const int listener = s.listen();
  while (s.process.files.install(s.open(**s.files.lookup(s.path)))) {
  }
  Step kept = accept_step(listener);
  kept.keep = true;
  ChainRun& server = s.run({kept});
  ChainRun& client = s.run({connect_step(), receive_step(0, 10, 0)});
  play(s);
  CHECK(results(server) == Results{error(Errno::emfile)});
  CHECK(results(client) == Results{0, 0});
  CHECK(s.net.connections() == 0);
}

TEST_CASE("waits for a connection and for bytes are cancelled at once and leave the line") {
  Net s;
  s.cancels_at = 5us;
  const int listener = s.listen();
  const int other = s.listen(81);
  ChainRun& accepts = s.run({accept_step(other), receive_step(0, 10, 0)});
  ChainRun& server = s.run({accept_step(listener), receive_step(0, 10, 0), close_step(0)});
  ChainRun& client = s.run({connect_step(), receive_step(0, 10, 0), close_step(0)});
  play(s);
  CHECK(s.told == 3);
  CHECK(results(accepts) == Results{kCanceled, kCanceled});
  CHECK(results(server) == Results{0, kCanceled, 0});
  CHECK(results(client) == Results{0, kCanceled, 0});
  CHECK(s.net.connections() == 0);
}

TEST_CASE("a send from memory waits for room; cancelled there it tells what went before") {
  Net s(Scene::params_of(Continue::cheapest), {4000, 2000, 6000});
  s.cancels_at = 5us;
  const int listener = s.listen();
  ChainRun& server = s.run({accept_step(listener), {.op = Op::timeout, .bytes = 20'000}});
  ChainRun& client = s.run({connect_step(), send_memory_step(0, 30'000, 0), close_step(0)});
  play(s);
  CHECK(client.results[1] >= 6000);
  CHECK(client.results[1] <= 10'000);  // both buffers, no more
  CHECK(server.results[1] == kCanceled);
  CHECK(s.net.connections() == 0);
}

TEST_CASE("a deadline ends a wait for a connection with ETIME") {
  Net s;
  const int listener = s.listen();
  ChainRun& run = s.run({accept_step(listener), close_step(0)});
  run.chain.deadline_us = 3;
  play(s);
  CHECK(results(run) == Results{kCanceled, kCanceled});
  CHECK(run.first_error() == Errno::etime);
}

TEST_CASE("a process that exits leaves no chain that waits for a peer and no connection") {
  Net s;
  s.cancels_at = 5us;
  s.exits = true;
  const int listener = s.listen();
  const int event = *s.process.files.install(*make_eventfd(0, 0));
  s.run({accept_step(listener), accept_step(listener)});
  s.run({connect_step(), receive_step(0, 10, 0)});
  s.run({poll_step(event, kPollIn)});
  const auto submit = [](Sleepable& ctx, Net& n) -> Task<void> {
    std::vector<ChainRun*> all;
    for (ChainRun& run : n.runs) all.push_back(&run);
    co_await n.queue.submit(ctx, all);
  };
  s.rig.thread(1, s, cancel_later);
  s.rig.thread<Net>(0, s, submit);
  s.rig.run();
  CHECK(s.process.files.open_count() == 0);
  CHECK(s.net.connections() == 0);
  for (const ChainRun& run : s.runs) CHECK(run.results.back() == kCanceled);
}

// --- poll ----------------------------------------------------------------------------------------

TEST_CASE("a poll tells what is there at once, and no more than was asked for but errors") {
  Net s;
  const int listener = s.listen();
  const int file = *s.process.files.install(s.open(**s.files.lookup(s.path)));
  const int full = *s.process.files.install(*make_eventfd(1, 0));
  Step on_client = poll_step(-1, kPollIn | kPollOut);
  on_client.fd_from = 1;
  std::vector<Step> steps = {poll_step(file, kPollIn | kPollOut),
                             connect_step(),
                             on_client,
                             poll_step(full, kPollIn),
                             poll_step(listener, kPollIn),
                             poll_step(file, kPollPri)};
  for (Step& step : steps) step.on_error = chain::OnError::carry_on;
  ChainRun& run = s.run(steps);
  play(s);
  CHECK(results(run) ==
        Results{kPollIn | kPollOut, 0, kPollOut, kPollIn, kPollIn, error(Errno::eperm)});
}

struct Signalled : Net {
  using Net::Net;
  int event = -1;
};
Task<void> signal_later(Sleepable& ctx, Signalled& s) {
  co_await sleep_until(s.rig.timeline, SimTime{} + 2us);
  const FilePtr file = *s.process.files.get(s.event);
  co_await static_cast<EventFd&>(*file->object).signal(ctx, 1);
}

TEST_CASE("a poll waits until it is told, and hears of nothing afterwards") {
  for (const Continue in : kPolicies) {
    Signalled s(policy(in));
    // Pools of workers have timers of their own.
    const bool timers = carrier_of(in) >= Carrier::workqueue;
    if (!timers) s.rig.system.scheduler.hz = 0;
    s.event = *s.process.files.install(*make_eventfd(0, 0));
    ChainRun& run = s.run({poll_step(s.event, kPollIn), {.op = Op::timeout, .bytes = 10}});
    ChainRun& other = s.run({poll_step(s.event, kPollIn)});
    s.rig.thread(1, s, signal_later);
    play(s);
    CHECK(results(run) == Results{kPollIn, 0});
    CHECK(results(other) == Results{kPollIn});
    if (!timers) CHECK(s.rig.now() == 2us + 10ns);
  }
}

TEST_CASE("bytes that arrive and a peer that goes end polls of a connection") {
  Net s;
  const int listener = s.listen();
  Step waits = poll_step(-1, kPollIn);
  waits.fd_from = 0;
  Step again = waits;
  ChainRun& server = s.run({accept_step(listener), waits, receive_step(0, 700, 0), again});
  s.run({connect_step(),
         {.op = Op::timeout, .bytes = 5000},
         send_memory_step(0, 700, 0),
         {.op = Op::timeout, .bytes = 5000},
         close_step(0)});
  play(s);
  CHECK(server.results[1] == kPollIn);
  CHECK(server.results[2] == 700);
  CHECK((server.results[3] & kPollIn) != 0);
}

TEST_CASE("a cancelled poll leaves the file's queue") {
  Signalled s;
  s.cancels_at = 1us;
  s.event = *s.process.files.install(*make_eventfd(0, 0));
  ChainRun& run = s.run({poll_step(s.event, kPollIn), {}});
  s.rig.thread<Net>(1, s, cancel_later);
  Thread& thread = s.rig.thread<Scene>(0, s, submit_and_take);
  s.rig.thread(0, s, signal_later);
  s.rig.run();
  CHECK(thread.state == Thread::State::dead);
  CHECK(s.told == 1);
  CHECK(results(run) == Results{kCanceled, kCanceled});
}

TEST_CASE("a chain of socket steps is refused whole where it makes no sense") {
  const auto refused = [](std::vector<Step> steps) {
    chain::Chain made;
    made.steps.assign(steps.begin(), steps.end());
    return chain::validate(made, 8, 4 * kBlock);
  };
  Step none = connect_step(0);
  Step far = connect_step(65'536);
  CHECK(refused({none}) == Errno::einval);
  CHECK(refused({far}) == Errno::einval);
  CHECK(refused({poll_step(0, 0)}) == Errno::einval);
  CHECK(refused({send_memory_step(0, 10, 0)}) == Errno::einval);                    // itself
  CHECK(refused({open_step(kFile), send_memory_step(0, 10, 0)}) == Errno::einval);  // no socket
  CHECK(refused({connect_step(), send_memory_step(0, 10, 4)}) == Errno::efault);
  CHECK(refused({connect_step(), receive_step(0, kBlock + 1, 3)}) == Errno::efault);
  Step file_to = send_step(0, 0, 10);
  file_to.op = Op::read;
  file_to.to_fd = 0;
  file_to.to_opened = true;
  CHECK(refused({open_step(kFile), file_to}) == Errno::einval);  // a read goes to no socket
  CHECK(refused({connect_step(), send_memory_step(0, 10, 3), receive_step(0, kBlock, 3)}) ==
        Errno::ok);
}

}  // namespace
}  // namespace iodrome::designs::task_chain
