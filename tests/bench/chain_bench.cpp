// SPDX-License-Identifier: Apache-2.0
// What a chain costs the simulator: open, stat, nop, close of a known file, with so many accepted
// and not ended at once. One kernel thread carries them all out, so those behind wait for it.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <deque>

#include "model/designs/task_chain/chain_queue.h"
#include "model/kernel/kthread/kthread.h"
#include "model/kernel/system.h"
#include "tests/resident.h"

namespace iodrome::designs::task_chain {
namespace {

using namespace kernel;

struct Never final : WakeCondition {
  bool holds() const override { return false; }
  bool possible() const override { return false; }
};

class Chains final : public ThreadBody {
 public:
  explicit Chains(std::int64_t in_flight)
      : params_{in_flight, 4, 1, "", "", chain::Continue::kthread, false}, runs_(in_flight) {
    system_.scheduler.wakeup_granularity = 1h;
    system_.add_cpus(2);
    engine_ = std::make_unique<ChainEngine>(os_, process_, registry_, costs_, params_);
    queue_ = std::make_unique<ChainQueue>(*engine_, sleepers_);
    check(files_.add_file(path_, 4096, Inode::Metadata::cached).has_value(), "no room for a file");
    for (std::size_t i = 0; i < runs_.size(); ++i) prepare(runs_[i], i);
  }
  ~Chains() override {
    timeline_.drain();
    for (const auto& each : system_.cpus) each->forget_threads();
  }

  /// Submits all chains and takes all their entries, over and over.
  void turn(std::int64_t times) {
    left_ = times;
    thread_ = std::make_unique<RunningThread>(system_, "app", events::CpuClass::user, 0, *this);
    timeline_.run();
    check(left_ == 0, "chains were lost");
  }
  std::size_t resident_most() const { return resident_most_; }

  Task<void> run(Sleepable& ctx) override {
    for (; left_ > 0; --left_) {
      for (ChainRun* run : all_) run->start(ctx.now());
      std::size_t done = 0;
      while (done < all_.size()) {
        const auto rest = std::span<ChainRun* const>(all_).subspan(
            done, std::min<std::size_t>(64, all_.size() - done));
        const Result<std::int64_t> accepted = co_await queue_->submit(ctx, rest);
        done += static_cast<std::size_t>(*accepted);
      }
      resident_most_ = std::max(resident_most_, resident_bytes());
      for (std::size_t taken = 0; taken < all_.size(); ++taken) {
        std::optional<ChainEvent> event = co_await queue_->take(ctx);
        while (!event) {
          co_await queue_->wait(ctx, never_);
          event = co_await queue_->take(ctx);
        }
        check(event->error == 0, "a chain failed");
      }
    }
  }

 private:
  void prepare(ChainRun& run, std::size_t index) {
    run.id = index;
    run.chain.steps.push_back({.op = chain::Op::open, .path = &path_});
    run.chain.steps.push_back({.op = chain::Op::stat, .fd_from = 0});
    run.chain.steps.push_back({.op = chain::Op::nop});
    run.chain.steps.push_back({.op = chain::Op::close, .fd_from = 0});
    all_.push_back(&run);
  }

  const std::string path_ = "/f";
  Timeline timeline_;
  events::Probe probe_{timeline_};
  hw::Memory memory_;
  System system_{timeline_, probe_, memory_};
  FileSystem files_{64 << 20, false};
  PageCache cache_{system_};
  Os os_{system_, files_, cache_};
  Process process_{16};
  std::unique_ptr<providers::Policy> policy_ = providers::make_policy("first_fit");
  providers::RegistryCosts choosing_;
  providers::Registry registry_{*policy_, choosing_};
  ChainCosts costs_;
  const ChainParams params_;
  WaitQueue sleepers_{"chain"};
  Never never_;
  std::unique_ptr<ChainEngine> engine_;
  std::unique_ptr<ChainQueue> queue_;
  std::deque<ChainRun> runs_;
  std::vector<ChainRun*> all_;
  std::int64_t left_ = 0;
  std::size_t resident_most_ = 0;
  std::unique_ptr<RunningThread> thread_;
};

void chains_in_flight(benchmark::State& state) {
  const std::int64_t in_flight = state.range(0);
  malloc_trim(0);
  const std::size_t before = resident_bytes();
  Chains chains(in_flight);
  for (auto _ : state) chains.turn(1);
  state.SetItemsProcessed(state.iterations() * in_flight);
  state.counters["bytes_per_chain"] =
      static_cast<double>(chains.resident_most() - before) / static_cast<double>(in_flight);
}
BENCHMARK(chains_in_flight)->Arg(1'000)->Arg(1'000'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace iodrome::designs::task_chain
