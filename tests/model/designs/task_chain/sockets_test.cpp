// SPDX-License-Identifier: Apache-2.0
// Chains that accept, connect, receive and send: what they move, and how it ends.
#include "tests/model/designs/task_chain/socket_scene.h"

namespace iodrome::designs::task_chain {
namespace {

constexpr auto& kCopies = kUserCopies;
const std::int64_t kCanceled = error(Errno::ecanceled);

chain::Step echo_step(int to, int received) {
  chain::Step step = send_memory(to, 0);
  step.bytes_from = {static_cast<std::int16_t>(received), false};
  return step;
}

TEST_CASE("two chains echo bytes over a connection, whoever goes on and copies") {
  for (const chain::Continue policy : kPolicies) {
    for (const chain::UserCopy copy : kCopies) {
      Wired s(policy, copy);
      ChainRun& server = s.talk({accept_step(), receive_step(0, 9'001), echo_step(0, 1)}, 77);
      ChainRun& client =
          s.talk({connect_step(), send_memory(0, 9'001), receive_step(0, 9'001, 12'288)});
      play(s);
      CHECK(results(server) == Results{0, 9'001, 9'001});
      CHECK(results(client) == Results{0, 9'001, 9'001});
      CHECK(s.wrong(server, 0, 0, 9'001) == 0);
      CHECK(s.wrong(client, 12'288, 0, 9'001) == 0);
      CHECK(s.at(client, 12'288 + 9'001) == Wired::byte_of(12'288 + 9'001));  // and no more
    }
  }
}

TEST_CASE("a send waits for room as often as it must, and a receive goes on inside a page") {
  for (const chain::Continue policy : kPolicies) {
    Wired s(policy, chain::UserCopy::pinned, {3'000, 700, 1'100});
    ChainRun& server = s.talk({accept_step(), receive_step(0, 30'000)}, 77);
    ChainRun& client = s.talk({connect_step(), send_memory(0, 30'000)});
    play(s);
    CHECK(results(server) == Results{0, 30'000});
    CHECK(results(client) == Results{0, 30'000});
    CHECK(s.wrong(server, 0, 0, 30'000) == 0);
  }
}

TEST_CASE("a receive that is short is a result, an error, or goes on to the end of the stream") {
  for (const auto& [rule, result] : {std::pair{chain::OnShort::accept, std::int64_t{100}},
                                     std::pair{chain::OnShort::error, error(Errno::enodata)},
                                     std::pair{chain::OnShort::resume, std::int64_t{300}}}) {
    Wired s;
    ChainRun& server = s.talk({accept_step(), receive_step(0, 4'096)});
    server.chain.steps[1].on_short = rule;
    s.talk({connect_step(), send_memory(0, 100), pause_step(500), send_memory(0, 200),
            pause_step(500), close_step(0)});
    play(s);
    CHECK(results(server) == Results{0, result});
  }
}

TEST_CASE("a server echoes round after round until its client says that it is done") {
  for (const chain::Continue policy : kPolicies) {
    Wired s(policy);
    ChainRun& server = s.talk({accept_step(), receive_step(0, 4'096), echo_step(0, 1)});
    server.chain.steps[1].on_short = chain::OnShort::accept;
    server.chain.steps[2].loop = {1, 0};
    ChainRun& client =
        s.talk({connect_step(), send_memory(0, 100), receive_step(0, 100, 4'096), close_step(0)});
    client.chain.steps[2].loop = {1, 5};
    play(s);
    CHECK(results(server) == Results{0, 0, 0});
    CHECK(results(client) == Results{0, 100, 100, 0});
    CHECK(s.wrong(client, 4'096, 0, 100) == 0);
  }
}

TEST_CASE("a file goes to the socket that a chain has connected") {
  Wired s;
  ChainRun& server = s.talk({accept_step(), receive_step(0, 20'000)});
  ChainRun& client = s.run({connect_step(), open_step(s.path), send_memory(0, 20'000)});
  client.chain.steps[2].fd_from = 1;
  s.cached = 5;
  play(s);
  CHECK(results(server) == Results{0, 20'000});
  CHECK(results(client) == Results{0, 0, 20'000});
  CHECK(s.holds(server.buffer, **s.files.lookup(s.path), 0, 20'000));
}

TEST_CASE("a close says so to the peer at once, and what is not closed is at the chain's end") {
  for (const bool closes : {true, false}) {
    Wired s;
    std::vector<chain::Step> steps{connect_step()};
    if (closes) steps.push_back(close_step(0));
    steps.push_back(pause_step(2'000));
    s.talk(std::move(steps));
    s.talk({accept_step(), receive_step(0, 100)});
    CHECK(play(s) == (closes ? "1@0 0@2000" : "0@2000 1@2000"));
  }
}

TEST_CASE("sockets that are kept are the process's, and their results its descriptors") {
  for (const chain::Continue policy : kPolicies) {
    Wired s(policy);
    ChainRun& server = s.talk({accept_step(), receive_step(0, 10)});
    ChainRun& client = s.talk({connect_step(), send_memory(0, 10)});
    server.chain.steps[0].keep = client.chain.steps[0].keep = true;
    s.kept = 2;
    play(s);
    CHECK(server.results[1] == 10);
    CHECK(client.results[1] == 10);
    for (const ChainRun* of : {&server, &client}) {
      const Result<FilePtr> file = s.process.files.get(static_cast<int>(of->results[0]));
      REQUIRE(file);
      CHECK((*file)->socket->state() == SocketState::established);
    }
  }
}

TEST_CASE("without a free descriptor a kept socket is lost, and its peer hears of it") {
  Wired s;
  s.process.files = FileTable(1);
  ChainRun& server = s.talk({accept_step()});
  server.chain.steps[0].keep = true;
  ChainRun& client = s.talk({connect_step(), receive_step(0, 10)});
  play(s);
  CHECK(results(server) == Results{error(Errno::emfile)});
  CHECK(results(client) == Results{0, 0});
}

TEST_CASE("each operation on what it cannot be done on says why") {
  Wired s;
  chain::Step on_file = accept_step(9);  // the listener's is 0: the file's is the next
  on_file.fd_from = 1;
  std::vector<chain::Step> steps{connect_step(), open_step(s.path), accept_step(9), on_file};
  on_file.fd_from = 0;
  steps.push_back(on_file);                                             // 4: connected
  steps.push_back(connect_step(81));                                    // 5
  steps.push_back(receive_step(5, 10));                                 // 6
  steps.push_back(send_memory(5, 10));                                  // 7
  steps.push_back(receive_step(1, 10));                                 // 8
  steps.push_back({.op = chain::Op::receive, .fd = 0, .bytes = 10});    // 9: listens
  steps.push_back({.op = chain::Op::send, .to_fd = 9, .bytes = 10});    // 10
  steps.push_back({.op = chain::Op::poll, .fd = 9, .bytes = kPollIn});  // 11
  for (chain::Step& step : steps) step = carry_on(step);
  ChainRun& run = s.run(std::move(steps));
  play(s);
  CHECK(results(run) == Results{0, 0, error(Errno::ebadf), error(Errno::enotsock),
                                error(Errno::einval), error(Errno::econnrefused),
                                error(Errno::ebadf), error(Errno::ebadf), error(Errno::enotsock),
                                error(Errno::enotconn), error(Errno::ebadf), error(Errno::ebadf)});
}

TEST_CASE("a socket of a device that has no ports accepts nobody and no net is ENETUNREACH") {
  Wired s;
  struct Silent final : NetDriver {
    Task<void> xmit(Atomic&, Segment&) override { return Task<void>::ready(); }
  };
  Silent card;
  Socket one_way(s.rig.system, card, s.sizes, 7);
  FilePtr file{new File};
  file->socket = &one_way;
  const int fd = s.install(std::move(file));  // 0; the listener's is 1
  ChainRun& run = s.run({carry_on(accept_step(fd)), carry_on(connect_step())});
  s.os.loopback = nullptr;
  s.kept = 1;
  play(s);
  CHECK(results(run) == Results{error(Errno::eopnotsupp), error(Errno::enetunreach)});
}

TEST_CASE("a peer that has gone is the end of a receive and, once it has said so, EPIPE") {
  Wired s;
  const chain::Step send = carry_on(send_memory(0, 10));
  ChainRun& server =
      s.talk({accept_step(), receive_step(0, 100), send, pause_step(1'000), send, send});
  s.talk({connect_step(), close_step(0)});
  play(s);
  CHECK(results(server) == Results{0, 0, 10, 0, error(Errno::epipe), error(Errno::epipe)});
}

TEST_CASE("a chain on sockets goes on in a softirq where that is asked, and nowhere else") {
  using events::CpuClass;
  for (const chain::Continue policy : kPolicies) {
    Wired s(policy);
    s.costs.walker.step.each = 100ns;
    ChainRun& server = s.talk({accept_step(), receive_step(0, 100), echo_step(0, 1)});
    s.talk({pause_step(10'000), connect_step(), send_memory(1, 100), receive_step(1, 100)});
    play(s);
    CHECK(results(server) == Results{0, 100, 100});
    const bool by_softirq =
        policy == chain::Continue::cheapest || policy == chain::Continue::softirq;
    const Duration softirq = s.rig.spent(0, CpuClass::softirq) + s.rig.spent(1, CpuClass::softirq);
    const Duration threads = s.rig.spent(0, CpuClass::kthread) + s.rig.spent(1, CpuClass::kthread);
    CHECK((softirq > 0ns) == by_softirq);
    const bool by_submitter = policy == chain::Continue::submitter;
    CHECK((threads > 0ns) == !(by_softirq || by_submitter));
    // All its time is some stage's, and that it waited for others is the network's.
    const Duration all = server.ledger.close(s.rig.timeline.now());
    Duration sum{};
    for (const Duration part : server.ledger.totals()) sum += part;
    CHECK(sum == all);
    CHECK(server.ledger.totals()[static_cast<std::size_t>(events::Stage::network)] >= 10us);
  }
}

TEST_CASE("where a thread has to copy, a receive is handed to one") {
  for (const chain::UserCopy copy : kCopies) {
    Wired s(chain::Continue::softirq, copy);
    s.costs.walker.step.each = 100ns;
    s.talk({accept_step(), receive_step(0, 100)});
    s.talk({pause_step(10'000), connect_step(), send_memory(1, 100)});
    play(s);
    using events::CpuClass;
    const Duration threads = s.rig.spent(0, CpuClass::kthread) + s.rig.spent(1, CpuClass::kthread);
    CHECK((threads > 0ns) == (copy == chain::UserCopy::thread));
  }
}

}  // namespace
}  // namespace iodrome::designs::task_chain
