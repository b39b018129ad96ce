// SPDX-License-Identifier: Apache-2.0
// Bytes that wait for a consumer while their process exits, and how many may wait while files grow.
#include "tests/model/designs/task_chain/session.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::Continue;
using chain::UserCopy;

struct Waiting : Scene {
  Waiting() : Scene(Continue::softirq) { copy_by(UserCopy::consumer); }
  ChainRun& read(std::uint64_t offset, std::uint64_t bytes) {
    ChainRun& added = run({open_step(path), read_step(0, offset, bytes), close_step(0)});
    added.direct = false;
    added.buffer = pages(20);
    return added;
  }
  bool has(const ChainRun& of) {
    return holds(of.buffer, **files.lookup(path), of.chain.steps[1].offset,
                 static_cast<std::uint64_t>(of.results[1]));
  }
  std::size_t taken = 0;
};

Task<void> submit(Sleepable& ctx, Waiting& s) {
  std::vector<ChainRun*> all;
  for (ChainRun& run : s.runs) all.push_back(&run);
  const Result<std::int64_t> accepted = co_await s.queue.submit(ctx, all);
  CHECK(accepted == static_cast<std::int64_t>(all.size()));
}

Task<void> take_twice(Sleepable& ctx, Waiting& s) {
  for (int i = 0; i < 2; ++i) {
    const std::optional<ChainEvent> event = co_await s.queue.take(ctx);
    if (!event) continue;
    ++s.taken;
    CHECK(s.has(s.runs[ChainRun::slot_of(event->user_data)]));
  }
}

}  // namespace

TEST_CASE("a consumer that copies while its process exits shows no entry without its bytes") {
  // In the first copy, in the second, and behind them; each takes 65.5 us.
  for (const Duration exit_at : {Duration{230us}, Duration{300us}, Duration{400us}}) {
    Waiting s;
    s.read(0, 65'536);
    s.read(16'384, 65'536);
    struct Leaver {
      Waiting& s;
      Duration at;
      bool over = false;
    } leaver{s, exit_at};
    s.rig.thread<Waiting>(0, s, [](Sleepable& ctx, Waiting& scene) -> Task<void> {
      co_await submit(ctx, scene);
      co_await ctx.spend(Duration{200us});
      CHECK(scene.engine.held.used == 32);
      co_await scene.queue.flush(ctx);
      co_await take_twice(ctx, scene);
    });
    s.rig.thread<Leaver>(1, leaver, [](Sleepable& ctx, Leaver& who) -> Task<void> {
      co_await schedule_hrtimeout(ctx, SimTime{} + who.at, "later", events::Stage::queue);
      co_await who.s.queue.exit(ctx);
      who.over = true;
      // Whoever was copying is done.
      CHECK(who.s.engine.held.used == 0);
      CHECK(who.s.engine.chain_nr() == 0);
    });
    s.rig.run();
    CHECK(leaver.over);
    CHECK(s.taken == (exit_at == 230us ? 0 : exit_at == 300us ? 1 : 2));
    CHECK(s.engine.held.used == 0);
    CHECK(s.engine.chain_nr() == 0);
  }
}

TEST_CASE("whoever looks behind an exit finds no completion that was forgotten") {
  struct Looker : Session {
    using Session::Session;
    int waits = 0;
  };
  for (const RingFull full : {RingFull::hold, RingFull::spill})
    for (const WakeBy wake : {WakeBy::eventfd, WakeBy::futex, WakeBy::signal, WakeBy::busy_poll}) {
      CAPTURE(static_cast<int>(full), static_cast<int>(wake));
      Looker s(session_params(full, wake));
      s.add_chains(5);
      s.rig.thread<Looker>(0, s, [](Sleepable& ctx, Looker& it) -> Task<void> {
        co_await submit_more(ctx, it);
        co_await ctx.spend(Duration{200us});
        while (!it.bell.rung && it.waits < 10) {
          std::optional<ChainEvent> event = co_await it.consumer.take(ctx);
          if (event) continue;
          ++it.waits;
          co_await it.consumer.wait(ctx, it.bell);
        }
      });
      s.rig.thread<Looker>(1, s, [](Sleepable& ctx, Looker& it) -> Task<void> {
        co_await schedule_hrtimeout(ctx, SimTime{} + 100us, "later", events::Stage::queue);
        CHECK(it.queue.ring().holds_any());
        co_await it.queue.exit(ctx);
      });
      s.rig.at(400us, [&s] {
        s.bell.rung = true;
        s.consumer.interrupt(s.rig.system);
      });
      s.rig.run();
      CHECK(s.bell.rung);
      CHECK(s.waits <= 2);  // an edge of before the exit is news once
      s.rig.end();
    }
}

TEST_CASE("a read asks for room for the pages that its file has and no others") {
  Waiting s;
  s.engine.held.most = 1;
  s.read(98'304, 65'536);
  play_in<Waiting>(s, [](Sleepable& ctx, Waiting& scene) -> Task<void> {
    co_await submit(ctx, scene);
    co_await ctx.spend(Duration{100us});
    CHECK(scene.runs[0].results[1] == 100'000 - 98'304);
    CHECK(scene.engine.held.used == 1);
    CHECK_FALSE(scene.has(scene.runs[0]));
    co_await scene.queue.flush(ctx);
    CHECK(scene.has(scene.runs[0]));
  });
}

TEST_CASE("a file that grows while it is read has no more pages wait than may") {
  for (const bool beyond : {false, true}) {
    Waiting s;
    s.engine.held.most = 1;
    s.rig.system.costs.page_lookup.each = 100ns;
    Inode& grows = s.file("/grows", beyond ? 4000 : 100);
    for (std::uint64_t i = 1; i < 400; ++i)
      s.rig.at(Duration{10ns} * i, [&grows, beyond] { grows.size_bytes += beyond ? 10 : 5; });
    const std::string path = "/grows";
    ChainRun& run = s.run({open_step(path), read_step(0, 0, 16'384), close_step(0)});
    run.direct = false;
    play_in<Waiting>(s, [](Sleepable& ctx, Waiting& scene) -> Task<void> {
      co_await submit(ctx, scene);
      co_await ctx.spend(Duration{100us});
      CHECK(scene.engine.held.used == 1);
      co_await scene.queue.flush(ctx);
      CHECK(scene.engine.held.used == 0);
    });
    if (beyond)
      CHECK(run.results[1] == 4096);  // there is no room for another page
    else
      CHECK(run.results[1] > 100);
  }
}

TEST_CASE("a signal ends chain_wait with EINTR whoever goes on with chains") {
  for (const chain::Continue policy : kPolicies) {
    CAPTURE(static_cast<int>(policy));
    Scene s(policy);
    s.run({{.op = chain::Op::timeout, .bytes = 100'000}});
    const Thread& user = s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
      const Never never;
      ChainRun* const one = &scene.runs[0];
      co_await scene.queue.submit(ctx, {&one, 1});
      const Result<std::int64_t> waited = co_await scene.queue.wait(ctx, never);
      CHECK(waited == fail(Errno::eintr));
      CHECK(scene.rig.now() == 9us);
      ctx.thread().signal_pending = false;  // it has been handled
      const Result<std::int64_t> again = co_await scene.queue.wait(ctx, never);
      CHECK(again == 1);
    });
    s.rig.at(9us, [&s] { signal_wake_up(s.rig.system, s.rig.threads[0]->thread(), nullptr); });
    s.rig.run();
    CHECK(user.state == Thread::State::dead);
    CHECK(s.carriers_rest());
  }
}

}  // namespace iodrome::designs::task_chain
