// SPDX-License-Identifier: Apache-2.0
// A machine of nothing but CPUs, for tests: every cost is zero until a test sets it.
#pragma once
#include <catch2/catch.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "model/kernel/kthread/kthread.h"
#include "model/kernel/sync/spinlock.h"
#include "model/kernel/sync/wait_queue.h"
#include "model/kernel/system.h"

namespace iodrome::kernel {

/// Code of a thread or handler, without captures: what it works on is its second parameter.
template <class State>
using Code = Task<void> (*)(Sleepable& ctx, State& state);
template <class State>
using Handler = Task<void> (*)(Atomic& ctx, State& state);

template <class State>
struct Body final : ThreadBody {
  Body(Code<State> to_run, State& on) : code(to_run), state(on) {}
  Task<void> run(Sleepable& ctx) override { return code(ctx, state); }
  Code<State> code;
  State& state;
};

template <class State>
struct Action final : IrqAction {
  Action(Handler<State> to_run, State& on) : code(to_run), state(on) {}
  Task<void> handle(Atomic& ctx) override { return code(ctx, state); }
  Handler<State> code;
  State& state;
};

struct Rig {
  explicit Rig(std::uint32_t cpus, std::uint32_t sockets = 1) {
    system.scheduler.sockets = sockets;
    // No tick; nobody who wakes is so far behind that it takes the CPU.
    system.scheduler.wakeup_granularity = 1h;
    system.copy_rates = {1'000'000'000, 1'000'000'000};
    system.add_cpus(cpus);
  }
  ~Rig() { end(); }

  /// Ends the run: a test whose state is to die before the rig calls it.
  void end() {
    timeline.drain();
    for (const auto& each : system.cpus) each->forget_threads();
  }

  Cpu& cpu(std::size_t index) { return *system.cpus[index]; }

  template <class State>
  Thread& thread(std::uint32_t on, State& state, Code<State> code,
                 events::CpuClass cpu_class = events::CpuClass::user) {
    bodies.push_back(std::make_unique<Body<State>>(code, state));
    threads.push_back(
        std::make_unique<RunningThread>(system, "thread", cpu_class, on, *bodies.back()));
    return threads.back()->thread();
  }
  /// Ticks of that length, at each of which the fair thread that runs has had its share.
  void tick_every(std::chrono::nanoseconds length) {
    system.scheduler.hz = 1'000'000'000 / length.count();
    system.scheduler.latency = ps(1);
  }
  template <class State>
  IrqAction& action(State& state, Handler<State> code) {
    actions.push_back(std::make_unique<Action<State>>(code, state));
    return *actions.back();
  }

  /// Does something at that time, from outside the machine.
  void at(Duration time, std::function<void()> what) {
    timeline.spawn(later(timeline, time, std::move(what)), "test");
  }
  void irq_at(Duration time, std::uint32_t on, IrqAction& to_raise) {
    at(time, [this, on, &to_raise] { cpu(on).raise_irq(to_raise); });
  }

  /// Runs until nothing is left, then lets the clock go on to `until`.
  void run(Duration until = Duration{0}) {
    CHECK(timeline.run() == RunState::idle);
    if (timeline.now() < SimTime{} + until) timeline.advance_to(SimTime{} + until);
  }
  Duration now() const { return timeline.now().time_since_epoch(); }

  Duration spent(std::size_t on, events::CpuClass cpu_class) {
    events::CpuAccount& account = cpu(on).account();
    account.turn_to(account.current(), timeline.now());
    return account.totals()[static_cast<std::size_t>(cpu_class)];
  }
  Duration spent_in_all() {
    Duration sum{0};
    for (std::size_t i = 0; i < system.cpus.size(); ++i)
      for (std::size_t c = 0; c < events::kCpuClasses; ++c)
        sum += spent(i, static_cast<events::CpuClass>(c));
    return sum;
  }

  static Task<void> later(Timeline& on, Duration time, std::function<void()> what) {
    co_await sleep_until(on, SimTime{} + time);
    what();
  }

  Timeline timeline;
  events::Probe probe{timeline};
  hw::Memory memory;
  System system{timeline, probe, memory};
  std::deque<std::unique_ptr<ThreadBody>> bodies;
  std::deque<std::unique_ptr<IrqAction>> actions;
  std::deque<std::unique_ptr<RunningThread>> threads;
};

/// A note of who did what at which nanosecond.
struct Log {
  void add(const std::string& what, SimTime when) {
    text += (text.empty() ? "" : " ") + what + "@" + std::to_string(to_ps(when) / 1000);
  }
  std::string text;
};

inline Duration stage(const events::StageLedger& ledger, events::Stage stage) {
  return ledger.totals()[static_cast<std::size_t>(stage)];
}

/// Runs the code in a thread of CPU 0 of the scene's rig to its end, and the machine until nothing
/// is left to do.
template <class Scene>
void play_in(Scene& s, Code<Scene> code) {
  struct Whole {
    Scene& scene;
    Code<Scene> code;
    bool over = false;
  } whole{s, code};
  s.rig.template thread<Whole>(0, whole, [](Sleepable& ctx, Whole& all) -> Task<void> {
    co_await all.code(ctx, all.scene);
    all.over = true;
  });
  s.rig.run();
  CHECK(whole.over);
}

}  // namespace iodrome::kernel
