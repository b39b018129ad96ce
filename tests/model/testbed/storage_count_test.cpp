// SPDX-License-Identifier: Apache-2.0
// A machine with several storage devices.
#include "model/events/block.h"
#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

// Steps refer to their paths.
const std::string kPaths[] = {"/a", "/b", "/c", "/d"};

// Requests of the block layer, by device.
struct Requests final : events::Observer {
  void on(const events::EventInfo& info, SimTime, std::uint32_t,
          std::span<const std::uint64_t> words) override {
    if (info.kind == events::BlockRqIssue::info.kind) ++issued[words[4]];
    if (info.kind == events::BlockRqComplete::info.kind) ++ended[words[4]];
  }
  std::map<std::uint64_t, std::uint64_t> issued;
  std::map<std::uint64_t, std::uint64_t> ended;
};

testbed::RunRecord watched(const testbed::RaceRequest& request, const std::string& design,
                           Requests& requests) {
  testbed::RunOptions options;
  options.observe = [&](events::Probe& probe) {
    static constexpr events::Subsystem kBlock[] = {events::Subsystem::block};
    probe.attach(requests, kBlock);
  };
  return run_one(request, design, options);
}

}  // namespace

TEST_CASE("every design sends the right bytes of files on three devices of any kind") {
  Script script;
  for (std::uint64_t i = 0; i < 4; ++i) script.files.emplace_back(kPaths[i], 5'000 + i * 30'000);
  for (std::uint64_t client = 0; client < 5; ++client) {
    auto& chains = script.clients.emplace_back();
    for (std::uint64_t i = 0; i < 4; ++i)
      chains.push_back({open_step(kPaths[i]), send_step(0, 0, 5'000 + i * 30'000), close_step(0)});
  }
  const std::vector<Settings> kinds = {
      {{"storage.kind", "nvme"}, {"storage.part", "gen4_datacenter"}},
      {{"storage.kind", "disk"}, {"storage.part", "sata_7200_2007"}},
      {{"storage.kind", "virtio_blk"},
       {"storage.part", "host_virtio_blk_2026"},
       {"storage.queue_entries", "256"}}};
  for (Settings settings : kinds) {
    settings.emplace_back("storage.count", "3");
    for (const std::string& design : design_names()) {
      CAPTURE(settings[0].second, design);
      const Outcome outcome = play(script, design, settings);
      CHECK(outcome.record.requests.error_count() == 0);
      CHECK(outcome.streams == std::vector<std::uint64_t>(5, 4 * 5'000 + 6 * 30'000));
    }
  }
}

TEST_CASE("what is written to files on several devices is there afterwards") {
  for (const char* machine : {"server_2026", "server_2007"}) {
    const Input input = writing_input();
    testbed::RaceRequest request = request_for(input);
    request.machine = machine;
    request.set = {{"storage.count", "3"}};
    for (const std::string& design : design_names()) {
      CAPTURE(machine, design);
      Requests requests;
      const testbed::RunRecord record = watched(request, design, requests);
      CHECK(record.requests.error_count() == 0);
      CHECK(requests.issued.size() == 3);
      CHECK(requests.issued == requests.ended);
    }
  }
}

TEST_CASE("a job file's clones take the devices in turn") {
  const Input input("spread.fio",
                    "[job]\nrw=randread\nbs=4k\nsize=16m\ndirect=1\niodepth=4\nnumjobs=11\n"
                    "norandommap\nnumber_ios=20\n"
                    "[more]\nrw=randread\nbs=4k\nsize=16m\ndirect=1\nfilename=x:y:z\n"
                    "norandommap\nnumber_ios=30\n");
  testbed::RaceRequest request = request_for(input);
  request.set = {{"storage.count", "4"}};
  Requests requests;
  watched(request, "io_uring", requests);
  // Clones 0 … 10 and then x, y, z with ten reads each, in the order of the file: not of names.
  const std::map<std::uint64_t, std::uint64_t> expected = {
      {1, 3 * 20 + 10}, {1 + 256, 3 * 20 + 10}, {1 + 512, 3 * 20}, {1 + 768, 2 * 20 + 10}};
  CHECK(requests.issued == expected);
  CHECK(requests.ended == expected);
}

TEST_CASE("devices that nobody uses change no time of the first, whose medium is the same") {
  const Input input("alone.fio",
                    "[job]\nrw=randread\nbs=4k\nsize=64m\ndirect=1\niodepth=4\nnorandommap\n"
                    "number_ios=200\n");
  // Of a disk the platter would stand elsewhere once seven others have been asked who they are.
  for (const char* machine : {"server_2026", "xrp_2021", "vm_2026"})
    for (const std::string& design : design_names()) {
      CAPTURE(machine, design);
      testbed::RaceRequest request = request_for(input);
      request.machine = machine;
      // More devices take longer to boot; ticks would strike elsewhere.
      request.set = {{"cpu.hz", "1"}};
      const testbed::RunRecord alone = run_one(request, design);
      request.set.emplace_back("storage.count", "8");
      const testbed::RunRecord among_eight = run_one(request, design);
      CHECK(among_eight.simulated == alone.simulated);
      CHECK(among_eight.requests.latency.total() == alone.requests.latency.total());
      CHECK(among_eight.requests.stages == alone.requests.stages);
    }
}

TEST_CASE("each device has a medium of its own") {
  // Two clones read the same blocks of their devices in sequence, each from a CPU of its own.
  const Input input("twins.fio",
                    "[job]\nrw=read\nbs=64k\nsize=64m\ndirect=1\nnumjobs=2\nnumber_ios=400\n");
  for (const char* machine : {"server_2026", "server_2007"}) {
    testbed::RaceRequest request = request_for(input);
    request.machine = machine;
    request.set = {{"storage.count", "2"}};
    testbed::RunOptions options;
    options.keep_requests = true;
    const testbed::RunRecord record = run_one(request, "sync", options);
    std::int64_t device_time[2] = {0, 0};
    for (std::size_t i = 0; i < record.log->request.size(); ++i)
      device_time[record.log->request[i] % 2] += record.log->complete[i] - record.log->dispatch[i];
    CAPTURE(machine, device_time[0], device_time[1]);
    CHECK(device_time[0] > 0);
    CHECK(device_time[0] != device_time[1]);
  }
}

TEST_CASE("a file that fits no single device is refused, with the reason") {
  const Input input("large.fio", "[job]\nrw=randread\nsize=3g\nnumjobs=2\nnumber_ios=10\n");
  testbed::RaceRequest request = request_for(input);
  request.set = {{"storage.size", "2 GiB"}, {"storage.count", "4"}};
  CHECK_THROWS_WITH(race(request), Catch::Contains("the files do not fit 4 devices of 2147483648 "
                                                   "bytes: they lie on each in turn, a file on "
                                                   "one"));
  request.set = {{"storage.size", "2 GiB"}, {"storage.count", "2"}};
  CHECK_THROWS_WITH(race(request), Catch::Contains("do not fit the storage (4294967296 bytes)"));
  request.set = {{"storage.size", "4 GiB"}, {"storage.count", "2"}};
  CHECK_NOTHROW(race(request));
}
