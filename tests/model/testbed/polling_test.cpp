// SPDX-License-Identifier: Apache-2.0
// Races over drives that are polled.
#include "tests/model/testbed/races.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

Input one_at_a_time() {
  return {"one.fio",
          "[job]\nrw=randread\nbs=4k\nsize=64m\ndirect=1\niodepth=1\nnorandommap\n"
          "number_ios=200\n"};
}

testbed::RaceRequest polling(const Input& input) {
  testbed::RaceRequest request = request_for(input);
  request.set = {{"cpu.hz", "1"}, {"storage.poll_queues", "2"}, {"io_uring.iopoll", "true"}};
  return request;
}

std::uint64_t uses(const testbed::RunRecord& record, const std::string& cost) {
  for (const testbed::CostUse& use : record.costs)
    if (use.name == cost) return use.count;
  return 0;
}

Duration of(const testbed::RunRecord& record, events::Stage stage) {
  return record.requests.stages[static_cast<std::size_t>(stage)];
}

}  // namespace

TEST_CASE("a race that polls has no interrupt and no wake-up, and is the quicker for it") {
  const Input input = one_at_a_time();
  const testbed::RunRecord polled = run_one(polling(input), "io_uring");
  CHECK(polled.requests.error_count() == 0);
  CHECK(uses(polled, "irq_entry") == 0);
  CHECK(uses(polled, "try_to_wake_up") == 0);
  CHECK(of(polled, events::Stage::hardirq) == Duration{0});
  CHECK(of(polled, events::Stage::wakeup) == Duration{0});
  CHECK(uses(polled, "block_poll") > 200);

  testbed::RaceRequest request = polling(input);
  request.set.back() = {"io_uring.iopoll", "false"};
  const testbed::RunRecord interrupted = run_one(request, "io_uring");
  CHECK(uses(interrupted, "irq_entry") >= 200);
  CHECK(uses(interrupted, "block_poll") == 0);
  CHECK(polled.requests.latency.total() < interrupted.requests.latency.total());
  // The CPU that waits is busy; only the others idle.
  const auto idle = [](const testbed::RunRecord& record) {
    return record.cpu[static_cast<std::size_t>(events::CpuClass::idle)];
  };
  CHECK(idle(polled) < (polled.cpus - 1) * polled.simulated + 10us);
  CHECK(idle(interrupted) > (interrupted.cpus - 1) * interrupted.simulated + 1ms);
}

TEST_CASE("queues that nobody polls change no result") {
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const Input input = fio_input();
    testbed::RaceRequest request = request_for(input);
    // More queues take longer to boot; ticks would strike elsewhere.
    request.set = {{"cpu.hz", "1"}};
    const testbed::RunRecord without = run_one(request, design);
    request.set.emplace_back("storage.poll_queues", "4");
    const testbed::RunRecord with = run_one(request, design);
    CHECK(with.simulated == without.simulated);
    CHECK(with.requests.stages == without.requests.stages);
  }
}

TEST_CASE("many rings poll few queues, whatever the number of tags, and every byte is right") {
  const Input input("many.fio",
                    "[job]\nrw=randrw\nbs=4k\nsize=4m\ndirect=1\niodepth=16\nnumjobs=24\n"
                    "number_ios=60\n");
  for (const char* queues : {"1", "3", "16"})
    for (const char* entries : {"3", "1024"}) {
      CAPTURE(queues, entries);
      testbed::RaceRequest request = request_for(input);
      request.set = {{"storage.poll_queues", queues},
                     {"storage.queue_entries", entries},
                     {"io_uring.iopoll", "true"}};
      const testbed::RunRecord record = run_one(request, "io_uring");
      CHECK(record.requests.error_count() == 0);
      CHECK(uses(record, "block_poll") > 0);
    }
}

TEST_CASE("who wants to poll where nothing can be polled is told the key") {
  const Input input = one_at_a_time();
  testbed::RaceRequest request = polling(input);
  request.designs = {"io_uring"};
  request.set[1].second = "0";
  CHECK_THROWS_WITH(race(request), Catch::Contains("io_uring.iopoll polls, and the machine "
                                                   "server_2026 has no queue to poll") &&
                                       Catch::Contains("storage.poll_queues"));
  request.set[1].second = "2";
  request.set.emplace_back("block.scheduler", "mq-deadline");
  CHECK_THROWS_WITH(race(request), Catch::Contains("block.scheduler"));
  request.set.back() = {"costs.block_poll", "0 ns"};
  CHECK_THROWS_WITH(race(request), Catch::Contains("costs.block_poll must be positive"));
  request.set.pop_back();
  request.set[1].second = "1000";
  CHECK_THROWS_WITH(race(request), Catch::Contains("more than nvme.queue_pairs"));
  request.machine = "server_2007";
  request.set[1].second = "1";
  CHECK_THROWS_WITH(race(request), Catch::Contains("only an nvme has queues that are polled"));
}
