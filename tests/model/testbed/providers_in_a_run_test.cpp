// SPDX-License-Identifier: Apache-2.0
// A design that gives providers work: what a run then says of them.
#include "model/kernel/sync/completion.h"
#include "model/kernel/syscall.h"
#include "model/testbed/result_json.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

constexpr std::uint32_t kBytes = 65'536;

// As the design that it is made from, but each of its calls copies kBytes first.
class CopyingSide final : public designs::AppSide {
 public:
  CopyingSide(std::unique_ptr<designs::AppSide> inner, const designs::Platform& platform)
      : inner_(std::move(inner)), platform_(platform) {
    from_ = platform.os.system.memory.allocate_contiguous(2 * kBytes);
    done_.argument = this;
  }
  designs::Way way(const chain::Step& step) const override { return inner_->way(step); }
  Task<Result<std::int64_t>> call(kernel::Sleepable& user, chain::ChainRun& run) override {
    const Result<std::int64_t> copied =
        co_await kernel::syscall(user, kernel::Sysno::sync_file_range, copy(user));
    CHECK(copied.has_value());
    const Result<std::int64_t> result = co_await inner_->call(user, run);
    co_return result;
  }
  Task<bool> queue(kernel::Sleepable& user, chain::ChainRun& run) override {
    return inner_->queue(user, run);
  }
  Task<void> submit(kernel::Sleepable& user) override { return inner_->submit(user); }
  Task<designs::Finished> reap(kernel::Sleepable& user) override { return inner_->reap(user); }
  Task<void> wait(kernel::Sleepable& user, const designs::WakeCondition& woken) override {
    return inner_->wait(user, woken);
  }

 private:
  Task<Result<std::int64_t>> copy(kernel::Sleepable& ctx) {
    done_.sources[0] = from_;
    done_.destination = from_ + kBytes;
    done_.bytes = kBytes;
    done_.done = [](kernel::Atomic& end, providers::Job& job) {
      return static_cast<CopyingSide*>(job.argument)->copied_.complete(end);
    };
    const Errno error = co_await platform_.providers.submit(ctx, done_);
    CHECK(error == Errno::ok);
    co_await copied_.wait(ctx, events::Stage::device);
    CHECK(done_.status == Errno::ok);
    co_return 0;
  }

  const std::unique_ptr<designs::AppSide> inner_;
  const designs::Platform platform_;
  hw::PhysAddr from_ = 0;
  providers::Job done_;
  kernel::Completion copied_{"copy"};
};

class Copying final : public designs::Design {
 public:
  explicit Copying(designs::Design& inner) : inner_(inner) {}
  void describe(ParameterList& list) override { inner_.describe(list); }
  void start(const designs::Platform& platform) override {
    platform_.emplace(platform);
    inner_.start(platform);
  }
  std::unique_ptr<designs::AppSide> make_app_side(kernel::WaitQueue& sleepers,
                                                  std::uint32_t thread) override {
    return std::make_unique<CopyingSide>(inner_.make_app_side(sleepers, thread), *platform_);
  }

 private:
  designs::Design& inner_;
  std::optional<designs::Platform> platform_;
};

struct Played {
  testbed::RunRecord record;
  nlohmann::ordered_json providers;  // as the result has them
};

// A client's open, stat and close with `sync`, by a machine as it ships but for `set`.
Played play_copying(const std::string& machine, Settings set, ChoiceOracle* oracle = nullptr) {
  static const std::string path = "/file";
  Script script;
  script.files = {{path, 5'000}};
  script.clients.assign(1, {{open_step(path), stat_step(0), close_step(0)}});
  set.emplace_back("cpu.count", "1");
  const Input input("any.fio", "[job]\nrw=randread\nsize=1m\n");
  testbed::RaceRequest request = request_for(input);
  request.machine = machine;
  request.set = set;
  request.designs = std::vector<std::string>{"sync"};
  const testbed::PreparedRace race = testbed::prepare(request, data_dir());
  Outcome outcome;
  const Scripted workload(script, outcome);
  Copying design(*race.designs[0].instance);
  testbed::RunOptions options;
  options.hosted = false;
  options.oracle = oracle;
  Played played;
  played.record =
      testbed::run_design(race.machine, workload, *race.designs[0].descriptor, design, options);
  played.providers = testbed::result_json(race, {played.record})["runs"][0]["providers"];
  return played;
}

std::uint64_t count_of(const testbed::RunRecord& record, const std::string& cost) {
  for (const testbed::CostUse& use : record.costs)
    if (use.name == cost) return use.count;
  return 0;
}

}  // namespace

TEST_CASE("a design gives providers work, and the run says what each did") {
  const Played ioat = play_copying("server_2007", {});
  CHECK(ioat.providers.size() == 1);
  CHECK(ioat.providers[0]["name"] == "ioat0");
  CHECK(ioat.providers[0]["completed"] == 3);
  CHECK(ioat.providers[0]["failed"] == 0);
  CHECK(ioat.providers[0]["moved"] == 0);
  CHECK(ioat.providers[0]["bytes"] == 3 * kBytes);
  CHECK(ioat.providers[0]["busy_ns"] > 3 * kBytes / 2);  // at 2 GB/s
  CHECK(ioat.record.counters.bytes_copied_dma == 3 * kBytes);
  CHECK(count_of(ioat.record, "providers.choose") == 3);
  CHECK(count_of(ioat.record, "dma.prep") == 3);
  const Played cpu = play_copying("server_2007", {{"providers.copy", "cpu"}});
  CHECK(cpu.providers.size() == 1);
  CHECK(cpu.providers[0]["name"] == "cpu");
  CHECK(cpu.record.counters.bytes_copied_dma == 0);
  CHECK(count_of(cpu.record, "dma.prep") == 0);
}

TEST_CASE("who used no provider hears of none") {
  Script script;
  script.clients.assign(1, {{{.op = chain::Op::nop}}});
  CHECK(play(script, "sync").record.providers.empty());
}

TEST_CASE("an engine that fails in a run is left, and the result says who took over") {
  hw::test::ScriptedOracle oracle;
  oracle.script["ioat.transfer"] = {0, 1};
  const Played played = play_copying("server_2007", {}, &oracle);
  REQUIRE(played.providers.size() == 2);
  CHECK(played.providers[0]["completed"] == 1);
  CHECK(played.providers[0]["failed"] == 1);
  CHECK(played.providers[0]["moved"] == 1);
  CHECK(played.providers[1]["name"] == "ioat1");
  CHECK(played.providers[1]["completed"] == 2);
}

TEST_CASE("engines' costs and the chooser's are among those that add up to the busy CPU time") {
  for (const char* machine : {"server_2007", "storage_2007", "server_2026", "vm_2026"})
    for (const char* cpu_work : {"caller", "kthread"}) {
      CAPTURE(machine, cpu_work);
      const testbed::RunRecord record =
          play_copying(machine, {{"providers.cpu_work", cpu_work}}).record;
      Duration busy = record.simulated;
      for (const auto idle : {events::CpuClass::idle, events::CpuClass::spin})
        busy -= record.cpu[static_cast<std::size_t>(idle)];
      Duration named{0};
      for (const testbed::CostUse& use : record.costs) named += use.total;
      CHECK(named == busy);
    }
}
