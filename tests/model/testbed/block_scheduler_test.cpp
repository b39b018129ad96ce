// SPDX-License-Identifier: Apache-2.0
// Machines whose storage has an elevator.
#include "tests/model/testbed/races.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {
const char* const kSchedulers[] = {"none", "deadline", "mq-deadline"};
}

TEST_CASE("every design reads and writes right bytes through any scheduler, however small") {
  for (const char* machine : {"server_2007", "server_2026"})
    for (const char* scheduler : kSchedulers)
      for (const char* nr_requests : {"4", "128"})
        for (const Input& input : {writing_input(), log_input(40)}) {
          testbed::RaceRequest request = request_for(input);
          request.machine = machine;
          request.set = {{"block.scheduler", scheduler},
                         {"block.nr_requests", nr_requests},
                         {"storage.queue_entries", "4"}};
          for (const std::string& design : design_names()) {
            CAPTURE(machine, scheduler, nr_requests, input.path, design);
            CHECK(run_one(request, design).requests.error_count() == 0);
          }
        }
}

TEST_CASE("an elevator spares a disk its long ways, and merges what lies together") {
  // Few enough that none waits for half a second, when its turn would come out of order.
  const Input at_random("random.fio",
                        "[job]\nrw=randread\nbs=4k\nsize=64g\ndirect=1\niodepth=32\n"
                        "norandommap\nnumber_ios=400\n");
  const Input in_sequence("sequence.fio",
                          "[job]\nrw=read\nbs=4k\nsize=1g\ndirect=1\niodepth=64\n"
                          "number_ios=2000\n");
  const auto run = [](const Input& input, const char* scheduler) {
    testbed::RaceRequest request = request_for(input);
    request.machine = "server_2007";
    // With NCQ the disk itself would do that.
    request.set = {{"block.scheduler", scheduler}, {"storage.queue_entries", "1"}};
    return run_one(request, "linux_aio");
  };
  const auto commands = [](const testbed::RunRecord& record) {
    for (const testbed::CostUse& use : record.costs)
      if (use.name == "driver_submit") return use.count;
    return std::uint64_t{0};
  };
  const Duration random = run(at_random, "none").simulated;
  CHECK(commands(run(in_sequence, "none")) == 2000);
  for (const char* scheduler : {"deadline", "mq-deadline"}) {
    CAPTURE(scheduler);
    CHECK(run(at_random, scheduler).simulated < random * 3 / 4);
    CHECK(commands(run(in_sequence, scheduler)) < 1000);
  }
}

TEST_CASE("io_submit blocks once the queue of 2.6 has no request left, and not before") {
  const auto blocked = [](int iodepth, const char* scheduler) {
    const Input input("deep.fio", fmt::format("[job]\nrw=randread\nbs=4k\nsize=64g\ndirect=1\n"
                                              "iodepth={}\nnorandommap\nnumber_ios=600\n",
                                              iodepth));
    testbed::RaceRequest request = request_for(input);
    request.machine = "server_2007";
    // One command at a time, so that requests gather in the queue.
    request.set = {{"block.scheduler", scheduler}, {"storage.queue_entries", "1"}};
    return run_one(request, "linux_aio").submit.blocked_total;
  };
  CHECK(blocked(127, "deadline") == Duration{0});
  CHECK(blocked(256, "none") == Duration{0});
  CHECK(blocked(256, "deadline") > 100ms);
}
