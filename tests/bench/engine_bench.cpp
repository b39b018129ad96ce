// SPDX-License-Identifier: Apache-2.0
// What the engine costs. Time per item is what counts: an event, a switch, a task, a run, an
// access.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <array>
#include <thread>

#include "model/engine/hosted/hosted.h"
#include "model/engine/random.h"
#include "model/engine/wait_queue.h"
#include "tests/resident.h"

using namespace iodrome;
using namespace iodrome::hosted;

namespace {

// The classic hold model: every event schedules one more, an exponential delay away. The delays
// come from a table of 4096 quantiles and a linear congruential generator, so that drawing them
// costs next to nothing.
class Delays {
 public:
  Delays() {
    for (std::uint64_t i = 0; i < table_.size(); ++i)
      table_[i] = exponential((i << 52) | (std::uint64_t{1} << 51), 250us);
  }
  Duration next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    const std::uint64_t bits = state_ >> 32;
    return table_[bits >> 20] + ps(static_cast<std::int64_t>(bits & 0x3FFFF));
  }

 private:
  std::array<Duration, 4096> table_{};
  std::uint64_t state_ = 0x9E3779B97F4A7C15u;
};

struct Hold {
  Delays delays;
  Timeline timeline;
  std::uint64_t left = 0;

  explicit Hold(std::int64_t tasks) {
    for (std::int64_t i = 0; i < tasks; ++i) timeline.spawn(task(*this), "holder");
  }
  // Runs `events` more of them.
  void turn(Driver& driver, std::uint64_t events) {
    left = events;
    driver.run(timeline);
  }
  static Task<void> task(Hold& hold) {
    for (;;) {
      co_await sleep_for(hold.timeline, hold.delays.next());
      if (hold.left-- == 0) hold.timeline.stop();
    }
  }
};

constexpr std::uint64_t kBatch = 100'000;

// Tasks on one timeline, and what one of them takes of the process: frame, root and queue entry.
void bytes_per_pending_task(benchmark::State& state) {
  const std::int64_t tasks = state.range(0);
  double bytes = 0;
  for (auto _ : state) {
    // A thread of its own has a frame pool of its own: nothing left by earlier benchmarks is used
    // again.
    std::thread measuring([&] {
      malloc_trim(0);
      const std::size_t before = resident_bytes();
      Hold hold(tasks);
      FreeDriver driver;
      hold.turn(driver, static_cast<std::uint64_t>(tasks) * 4);
      bytes = static_cast<double>(resident_bytes() - before) / static_cast<double>(tasks);
    });
    measuring.join();
  }
  state.counters["bytes_per_task"] = bytes;
}
BENCHMARK(bytes_per_pending_task)->Arg(100'000)->Arg(1'000'000)->Iterations(1);

void hold_free(benchmark::State& state) {
  Hold hold(state.range(0));
  FreeDriver driver;
  hold.turn(driver, 4 * static_cast<std::uint64_t>(state.range(0)));
  for (auto _ : state) hold.turn(driver, kBatch);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(hold_free)->Arg(1)->Arg(16)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

void hold_hosted(benchmark::State& state) {
  Hold hold(state.range(0));
  HostedDriver driver(hold.timeline, {.run_ahead = state.range(1) != 0, .waves = {}});
  hold.turn(driver, 4 * static_cast<std::uint64_t>(state.range(0)));
  for (auto _ : state) hold.turn(driver, kBatch);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(hold_hosted)
    ->ArgNames({"pending", "run_ahead"})
    ->Args({1, 1})
    ->Args({16, 1})
    ->Args({1'000, 1})
    ->Args({100'000, 1})
    ->Args({16, 0})
    ->Args({1'000, 0});

Task<void> nothing() {
  co_return;
}
Task<void> one_sleep(Timeline& timeline) {
  co_await sleep_for(timeline, 1us);
}

void empty_run_free(benchmark::State& state) {
  for (auto _ : state) {
    Timeline timeline;
    FreeDriver driver;
    timeline.spawn(one_sleep(timeline), "task");
    driver.run(timeline);
  }
}
BENCHMARK(empty_run_free);

void empty_run_hosted(benchmark::State& state) {
  for (auto _ : state) {
    Timeline timeline;
    HostedDriver driver(timeline);
    timeline.spawn(one_sleep(timeline), "task");
    driver.run(timeline);
  }
}
BENCHMARK(empty_run_hosted);

struct Pair {
  Timeline timeline;
  WaitQueue ping{timeline, "ping"};
  WaitQueue pong{timeline, "pong"};
  std::uint64_t left = kBatch;

  static Task<void> serve(Pair& pair) {
    for (;;) {
      co_await pair.ping.wait();
      pair.pong.wake_one();
    }
  }
  static Task<void> play(Pair& pair) {
    while (pair.left-- > 0) {
      pair.ping.wake_one();
      co_await pair.pong.wait();
    }
  }
};

void ping_pong(benchmark::State& state) {
  for (auto _ : state) {
    Pair pair;
    pair.timeline.spawn(Pair::serve(pair), "server");
    pair.timeline.spawn(Pair::play(pair), "player");
    pair.timeline.run();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(2 * kBatch));
}
BENCHMARK(ping_pong);

void spawn_churn(benchmark::State& state) {
  Timeline timeline;
  for (auto _ : state) {
    for (int i = 0; i < 1'000; ++i) timeline.spawn(nothing(), "short");
    timeline.run();
  }
  state.SetItemsProcessed(state.iterations() * 1'000);
}
BENCHMARK(spawn_churn);

Task<void> awaits(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) co_await nothing();
}

void synchronous_await(benchmark::State& state) {
  Timeline timeline;
  for (auto _ : state) {
    timeline.spawn(awaits(kBatch), "awaits");
    timeline.run();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(synchronous_await);

struct Register final : hw::Target {
  std::uint32_t value = 0;
  hw::Response access(hw::Command, std::uint64_t, std::span<std::byte> data) override {
    std::memcpy(data.data(), &value, sizeof(value));
    return hw::Response::ok;
  }
};

// A register read every 100 ns.
Task<void> reads(Timeline& timeline, hw::Port& port, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    co_await sleep_for(timeline, 100ns);
    const std::uint64_t value = co_await port.read32(0);
    benchmark::DoNotOptimize(value);
  }
}

enum Way : std::int64_t { direct, sockets_ahead, sockets_in_step };

void register_read(benchmark::State& state) {
  Timeline timeline;
  Register target;
  hw::DirectPort direct_port(target);
  HostedDriver driver(timeline, {.run_ahead = state.range(0) != sockets_in_step, .waves = {}});
  const auto socket_port = driver.through_sockets(target, "register");
  hw::Port& port = state.range(0) == direct ? static_cast<hw::Port&>(direct_port) : *socket_port;
  state.SetLabel(std::array{"direct", "sockets, ahead",
                            "sockets, in step"}[static_cast<std::size_t>(state.range(0))]);
  for (auto _ : state) {
    timeline.spawn(reads(timeline, port, kBatch), "reads");
    driver.run(timeline);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kBatch));
}
BENCHMARK(register_read)->Arg(direct)->Arg(sockets_ahead)->Arg(sockets_in_step);

}  // namespace
