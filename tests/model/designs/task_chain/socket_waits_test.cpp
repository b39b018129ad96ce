// SPDX-License-Identifier: Apache-2.0
// Chains that wait at sockets or for readiness: what they wait for, and who may end it.
#include "tests/model/designs/task_chain/socket_scene.h"

namespace iodrome::designs::task_chain {
namespace {

const std::int64_t kCanceled = error(Errno::ecanceled);

/// A chain that waits for ever in its last step but one, and what it then has to say.
struct Waiting {
  const char* what;
  std::vector<chain::Step> steps;
  Results cut;
  bool full = false;  // nobody may connect
};

std::vector<Waiting> waiting() {
  const chain::Step tidy{.clean_up = true};
  chain::Step half = receive_step(0, 1'000, 4'096);
  return {{"accept", {accept_step(), tidy}, {kCanceled, 0}},
          {"connect", {connect_step(), tidy}, {kCanceled, 0}, true},
          {"receive", {connect_step(), receive_step(0, 10), tidy}, {0, kCanceled, 0}},
          {"half",
           {connect_step(), accept_step(), send_memory(1, 300), half, tidy},
           {0, 0, 300, 300, 0}},
          {"send", {connect_step(), send_memory(0, 30'000), tidy}, {0, 6'000, 0}},
          {"poll", {connect_step(), poll_from(0, kPollIn), tidy}, {0, kCanceled, 0}},
          {"listener", {poll_fd(0, kPollIn), tidy}, {kCanceled, 0}}};
}

struct Waits : Wired {
  Waits(chain::Continue policy, const Waiting& of)
      : Wired(policy, chain::UserCopy::pinned, {3'000, 1'000, 3'000}) {
    if (of.full) backlog = 0;
    waits = &talk(of.steps);
  }
  ChainRun* waits;
};

TEST_CASE("a chain that waits at a socket is cancelled there and then") {
  for (const chain::Continue policy : kPolicies) {
    for (const Waiting& of : waiting()) {
      if (of.full) continue;
      CAPTURE(of.what);
      Waits s(policy, of);
      s.acts = SimTime{} + 50us;
      CHECK(play(s) == "0ECANCELED@50000");
      CHECK(s.outcome == 1);
      CHECK(results(*s.waits) == of.cut);
    }
  }
}

TEST_CASE("a deadline ends whatever a chain waits for at a socket, with ETIME") {
  for (const chain::Continue policy : kPolicies) {
    for (const Waiting& of : waiting()) {
      if (of.full) continue;
      CAPTURE(of.what);
      Waits s(policy, of);
      s.waits->chain.deadline_us = 70;
      CHECK(play(s) == "0ETIME@70000");
      CHECK(results(*s.waits) == of.cut);
    }
  }
}

TEST_CASE("a process that ends does not wait for what its chains wait for at sockets") {
  for (const chain::Continue policy : kPolicies) {
    for (const Waiting& of : waiting()) {
      if (of.full) continue;
      CAPTURE(of.what);
      Waits s(policy, of);
      s.exits = true;
      s.acts = SimTime{} + 50us;
      CHECK(play(s) == "exit@50000");
      CHECK(results(*s.waits) == of.cut);
    }
  }
}

TEST_CASE("a process that ends waits for no clean-up that only a peer or an event could end") {
  for (const chain::Continue policy : kPolicies) {
    for (Waiting of : waiting()) {
      if (of.full) continue;
      CAPTURE(of.what);
      of.steps[of.steps.size() - 2].clean_up = true;
      Waits s(policy, of);
      s.exits = true;
      s.acts = SimTime{} + 50us;
      CHECK(play(s) == "exit@50000");
      CHECK(results(*s.waits) == of.cut);
    }
    // Begun only once the chain has been stopped.
    Waiting late{"late", {accept_step(), accept_step(), {.clean_up = true}}, {}};
    late.steps[1].clean_up = true;
    Waits s(policy, late);
    s.exits = true;
    s.acts = SimTime{} + 50us;
    CHECK(play(s) == "exit@50000");
    CHECK(results(*s.waits) == Results{kCanceled, kCanceled, 0});
  }
}

TEST_CASE("a chain that waits for a connection keeps its listener when the descriptor is closed") {
  for (const chain::Continue policy : kPolicies) {
    Wired s(policy);
    ChainRun& accepts = s.talk({accept_step()});
    s.talk({pause_step(20'000), connect_step(), pause_step(20'000)});
    struct Closes {
      Wired& scene;
    } closes{s};
    s.rig.thread<Closes>(1, closes, [](Sleepable& ctx, Closes& in) -> Task<void> {
      co_await sleep_until(in.scene.rig.timeline, SimTime{} + 10us);
      co_await close_file(ctx, in.scene.process.files, 0);
    });
    play(s);
    CHECK(results(accepts) == Results{0});
  }
}

// The queue of the listener is full of others' connections, so the SYN is dropped.
TEST_CASE("a connect that nobody answers is left at the deadline, long before it would time out") {
  for (const chain::Continue policy : kPolicies) {
    Wired s(policy);
    s.backlog = 0;
    s.talk({connect_step(), connect_step(), {.clean_up = true}});
    s.runs.front().chain.deadline_us = 50;
    CHECK(play(s) == "0ETIME@50000");
    CHECK(results(s.runs.front()) == Results{0, kCanceled, 0});
  }
}

TEST_CASE("a connect that nobody answers times out after two minutes") {
  Wired s;
  s.backlog = 0;
  ChainRun& run = s.talk({connect_step(), connect_step()});
  play(s);
  CHECK(results(run) == Results{0, error(Errno::etimedout)});
  CHECK(s.rig.now() >= 127s);
}

// Everything costs time, so that the cancellation meets the connection anywhere on its way.
TEST_CASE("a connection and a cancellation that meet leave an accepted socket or none") {
  for (const chain::Continue policy : kPolicies) {
    std::set<std::int64_t> seen;
    for (Duration at = 1us; at < 40us; at += 500ns) {
      Wired s(policy);
      s.costs.walker.step.each = s.costs.walker.hand_over.each = 1us;
      KernelCosts& kernel = s.rig.system.costs;
      kernel.socket_accept.each = kernel.socket_connect.each = kernel.segment_receive.each = 1us;
      ChainRun& server = s.talk({accept_step(), pause_step(1)});
      s.talk({pause_step(5'000), connect_step(), receive_step(1, 10)});
      s.talk({pause_step(60'000), connect_step(), accept_step()});  // whoever is still there
      s.acts = SimTime{} + at;
      play(s);
      CHECK((server.results[0] == 0 || server.results[0] == kCanceled));
      seen.insert(server.results[0]);
    }
    CHECK(seen.size() == 2);
  }
}

TEST_CASE("connections go to the chains that wait for them, in the order of their waiting") {
  for (const chain::Continue policy : kPolicies) {
    Wired s(policy);
    ChainRun& first = s.talk({accept_step(), receive_step(0, 10)});
    ChainRun& second = s.talk({accept_step(), receive_step(0, 10)});
    s.talk({pause_step(1'000), connect_step(), send_memory(1, 10)}, 500);
    s.talk({pause_step(2'000), connect_step(), send_memory(1, 10)}, 900);
    play(s);
    CHECK(s.wrong(first, 0, 500, 10) == 0);
    CHECK(s.wrong(second, 0, 900, 10) == 0);
  }
}

// --- readiness ----------------------------------------------------------------------------------

TEST_CASE("a poll returns what is ready of what is asked, and errors and hang-ups unasked") {
  Wired s;
  const int counter = s.install(*make_eventfd(3, kEfdNonblock));
  s.kept = 1;
  ChainRun& run = s.run({open_step(s.path),
                         poll_from(0, kPollIn),
                         poll_from(0, kPollOut | kPollIn),
                         poll_fd(counter, kPollIn),
                         poll_fd(counter, kPollOut | kPollIn),
                         connect_step(81),
                         {}});
  run.chain.steps[5] = carry_on(run.chain.steps[5]);
  play(s);
  CHECK(results(run) == Results{0, kPollIn, kPollIn | kPollOut, kPollIn, kPollIn | kPollOut,
                                error(Errno::econnrefused), 0});
}

TEST_CASE("a poll waits for its event, wherever the chain goes on, and tells of the end") {
  for (const chain::Continue policy : kPolicies) {
    Wired s(policy);
    ChainRun& server = s.talk({poll_fd(1, kPollIn), accept_step(1), poll_from(1, kPollIn),
                               receive_step(1, 10), poll_from(1, kPollRdHup)});
    s.install(*make_eventfd(0, kEfdNonblock));  // 0; the listener's is 1
    s.kept = 1;
    s.talk({pause_step(1'000), connect_step(), pause_step(1'000), send_memory(1, 10),
            pause_step(1'000), close_step(1)});
    CHECK(play(s) == "1@3010 0@3010");
    CHECK(results(server) == Results{kPollIn, 0, kPollIn, 10, kPollRdHup});
  }
}

Task<void> ring_later(Sleepable& ctx, Wired& s) {
  co_await sleep_until(s.rig.timeline, SimTime{} + 3us);
  co_await static_cast<EventFd&>(*(*s.process.files.get(0))->object).signal(ctx);
}

TEST_CASE("a poll of an eventfd hears of a signal, and another event than its own is none") {
  for (const chain::Continue policy : kPolicies) {
    Wired s(policy);
    s.install(*make_eventfd(0, kEfdNonblock));
    s.kept = 1;
    ChainRun& run = s.run({poll_fd(0, kPollIn)});
    ChainRun& other = s.run({poll_fd(0, kPollPri)});
    other.chain.deadline_us = 9;
    s.rig.system.costs.epoll_event.each = 1ns;
    s.rig.thread(1, s, ring_later);
    CHECK(play(s) == "0@3000 1ETIME@9000");  // what the wake-up tells needs no look
    CHECK(results(run) == Results{kPollIn});
    Duration looking{};  // once, before it waits
    for (const events::Stage stage :
         {events::Stage::kernel, events::Stage::softirq, events::Stage::hardirq})
      looking += other.ledger.totals()[static_cast<std::size_t>(stage)];
    CHECK(looking == 1ns);
    CHECK(results(other) == Results{kCanceled});
  }
}

TEST_CASE("polls of a socket that one wake-up makes ready all end") {
  Wired s;
  ChainRun& one = s.run({poll_fd(0, kPollIn)});
  ChainRun& two = s.run({poll_fd(0, kPollIn)});
  s.talk({pause_step(1'000), connect_step()});
  play(s);
  CHECK(results(one) == Results{kPollIn});
  CHECK(results(two) == Results{kPollIn});
}

TEST_CASE(
    "branches of a graph wait at sockets beside each other, and a failure ends none of them") {
  for (const chain::Continue policy : kPolicies) {
    Wired s(policy);
    ChainRun& graph = s.talk({connect_step(), accept_step(), receive_step(1, 100, 4'096),
                              send_memory(0, 100), poll_from(0, kPollOut)});
    graph.chain.graph = true;
    graph.chain.steps[2].after = 0b11;
    graph.chain.steps[3].after = 0b11;
    graph.chain.steps[4].after = 0b1000;
    play(s);
    CHECK(results(graph) == Results{0, 0, 100, 100, kPollOut});
    CHECK(s.wrong(graph, 4'096, 0, 100) == 0);
  }
}

TEST_CASE("a chain and its branches are no larger for the sockets") {
  CHECK(sizeof(chain::Step) == 72);
  CHECK(sizeof(chain::Walker) <= 288);
}

}  // namespace
}  // namespace iodrome::designs::task_chain
