// SPDX-License-Identifier: Apache-2.0
// Time-outs, deadlines and the order between chains. Nothing costs time but the disk and timers.
#include "model/chain/validate.h"
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {
namespace {

struct Timed : Scene {
  using Scene::Scene;
  Log log;  // the chain and its error, when its entry was taken
  bool cancels = false;
};

Task<void> submit_and_log(Sleepable& ctx, Timed& s) {
  const Never never;
  std::vector<ChainRun*> all;
  for (ChainRun& run : s.runs) all.push_back(&run);
  const Result<std::int64_t> accepted = co_await s.queue.submit(ctx, all);
  REQUIRE(accepted == static_cast<std::int64_t>(all.size()));
  for (std::int64_t left = *accepted; left > 0;) {
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
Task<void> cancel_all(Sleepable& ctx, Timed& s) {
  co_await sleep_until(s.rig.timeline, SimTime{} + 300ns);
  co_await s.queue.cancel(ctx, std::nullopt);
}
std::string play(Timed& s) {
  Thread& thread = s.rig.thread(0, s, submit_and_log);
  if (s.cancels) s.rig.thread(1, s, cancel_all);
  s.rig.run();
  CHECK(thread.state == Thread::State::dead);
  CHECK(s.queue.slots_free() == 4);
  CHECK(s.carriers_rest());
  return s.log.text;
}

chain::Step timeout_step(std::uint64_t ns) {
  return {.op = chain::Op::timeout, .bytes = ns};
}

using chain::Continue;
const std::int64_t kCanceled = error(Errno::ecanceled);

TEST_CASE("a timeout lasts as long as it says, wherever the chain goes on, and does so in a loop") {
  for (const chain::Continue policy : kPolicies) {
    Timed s(policy);
    ChainRun& run = s.run({timeout_step(700), timeout_step(0), {}});
    run.chain.steps[1].loop = {0, 3};
    CHECK(play(s) == "0@2100");
    CHECK(results(run) == Results{0, 0, 0});
  }
}

TEST_CASE("a cancelled timeout ends there and then, and leaves no timer") {
  Timed s;
  s.cancels = true;
  ChainRun& run = s.run({timeout_step(5000), {}});
  CHECK(play(s) == "0ECANCELED@300");
  CHECK(results(run) == Results{kCanceled, kCanceled});
  CHECK(s.rig.now() == 300ns);
}

TEST_CASE("a chain whose deadline passes in a wait ends then, with ETIME") {
  for (const chain::Continue policy : kPolicies) {
    Timed s(policy);
    ChainRun& run = s.run({timeout_step(1'000'000), {}});
    run.chain.deadline_us = 3;
    CHECK(play(s) == "0ETIME@3000");
    CHECK(results(run) == Results{kCanceled, kCanceled});
    // Pools of workers have had timers of their own.
    if (carrier_of(policy) < Carrier::workqueue) CHECK(s.rig.now() == 3us);
  }
}

TEST_CASE("past its deadline a chain lets the device end, begins nothing and cleans up") {
  for (const chain::Continue policy : kPolicies) {
    Timed s(policy);
    s.disk.latency = 5us;
    chain::Step tidy{.clean_up = true};
    ChainRun& run =
        s.run({open_step(s.path), read_step(0, 0, 4096), timeout_step(1), tidy, close_step(0)});
    run.chain.deadline_us = 2;
    CHECK(play(s) == "0ETIME@5000");
    CHECK(results(run) == Results{0, 4096, kCanceled, 0, 0});
  }
}

TEST_CASE("a chain that has ended before its deadline leaves no timer") {
  Timed s;
  ChainRun& run = s.run({timeout_step(2000)});
  run.chain.deadline_us = 50;
  CHECK(play(s) == "0@2000");
  CHECK(s.rig.now() == 2us);
}

TEST_CASE("a chain that is past its deadline when it is submitted begins nothing") {
  Timed s;
  ChainRun& run = s.run({{}, {.clean_up = true}});
  run.chain.deadline_us = 1;
  run.arrival -= 2us;
  CHECK(play(s) == "0ETIME@0");
  CHECK(results(run) == Results{kCanceled, 0});
}

TEST_CASE("while a thread is on its way to end what waits, nothing begins any more") {
  Timed s(Continue::cheapest);
  s.rig.system.costs.try_to_wake_up.each = 5us;
  ChainRun& run = s.run({timeout_step(2100), {}});
  run.chain.deadline_us = 2;
  CHECK(play(s).starts_with("0ETIME"));
  CHECK(results(run)[1] == kCanceled);
}

TEST_CASE("the completion of a chain that drains comes before those that waited for it") {
  Timed s;
  s.rig.system.costs.queue_work.each = 3us;
  s.costs.ring_post.each = 100ns;
  s.run({timeout_step(100)}).chain.drain = true;
  for (int i = 0; i < 3; ++i) s.run({{}});
  const std::string log = play(s);
  CAPTURE(log);
  CHECK(log.starts_with("0@"));
}

TEST_CASE("an error before the deadline stays the chain's error") {
  Timed s;
  chain::Step missing = open_step(s.missing);
  missing.on_error = chain::OnError::carry_on;
  ChainRun& run = s.run({missing, timeout_step(9000)});
  run.chain.deadline_us = 4;
  CHECK(play(s) == "0ENOENT@4000");
}

TEST_CASE(
    "a chain that drains begins when all before it have ended, and those behind it after it") {
  for (const chain::Continue policy : kPolicies) {
    Timed s(policy);
    s.run({timeout_step(900)});
    s.run({timeout_step(500)});
    s.run({timeout_step(100)}).chain.drain = true;
    s.run({timeout_step(10)});
    CHECK(play(s) == "1@500 0@900 2@1000 3@1010");
  }
}

TEST_CASE("without drain chains of one queue do not wait for each other") {
  Timed s;
  s.run({timeout_step(900)});
  s.run({timeout_step(500)});
  s.run({timeout_step(100)});
  CHECK(play(s) == "2@100 1@500 0@900");
}

TEST_CASE("two chains that drain follow one another") {
  Timed s;
  for (int i = 0; i < 3; ++i) s.run({timeout_step(100)}).chain.drain = true;
  CHECK(play(s) == "0@100 1@200 2@300");
}

TEST_CASE("a cancelled chain that waits for others does not wait any more") {
  Timed s;
  s.cancels = true;
  s.disk.latency = 8us;
  ChainRun& first = s.run({open_step(s.path), read_step(0, 0, 4096)});
  ChainRun& held = s.run({{}, {.clean_up = true}});
  held.chain.drain = true;
  CHECK(play(s) == "1ECANCELED@300 0@8000");
  CHECK(results(held) == Results{kCanceled, 0});
  CHECK(results(first) == Results{0, 4096});
}

TEST_CASE("a chain's deadline passes while it waits for others") {
  Timed s;
  s.run({timeout_step(9000)});
  ChainRun& held = s.run({{}});
  held.chain.drain = true;
  held.chain.deadline_us = 2;
  s.run({timeout_step(10)});
  CHECK(play(s) == "1ETIME@2000 2@2010 0@9000");
}

TEST_CASE("a timeout of more than eleven days is EINVAL") {
  chain::Chain chain;
  chain.steps.push_back(timeout_step(chain::kLongestTimeout));
  CHECK(chain::validate(chain, 4, 0) == Errno::ok);
  ++chain.steps[0].bytes;
  CHECK(chain::validate(chain, 4, 0) == Errno::einval);
}

}  // namespace
}  // namespace iodrome::designs::task_chain
