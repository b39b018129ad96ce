// SPDX-License-Identifier: Apache-2.0
// Same request, same answer: across runs, drivers, sockets and run-ahead; another seed, another
// run.
#include "tests/model/testbed/races.h"
#include "tests/resident.h"

using namespace iodrome;
using namespace iodrome::tests;
using Json = nlohmann::ordered_json;

namespace {

// Logs, reads and writes, on both machines: flash and rotating disk, one and three of it.
struct Scene {
  Input input;
  std::string machine;
  std::string devices = "1";
};

std::vector<Scene> scenes() {
  std::vector<Scene> all;
  for (const char* machine : {"server_2026", "server_2007"}) {
    all.push_back({log_input(), machine});
    all.push_back({fio_input(), machine});
    all.push_back({writing_input(), machine});
    all.push_back({writing_input(), machine, "3"});
  }
  return all;
}

testbed::RaceRequest request_for(const Scene& scene) {
  testbed::RaceRequest request = tests::request_for(scene.input);
  request.machine = scene.machine;
  request.set = {{"storage.count", scene.devices}};
  return request;
}

// Everything of a result but the host's time, which the front door adds.
Json race_json(const testbed::RaceRequest& request) {
  Json json = race(request);
  json.erase("wall");
  return json;
}

// The same with everything at other addresses: deeper in the stack, in a cluttered heap.
[[gnu::noinline]] Json elsewhere(const testbed::RaceRequest& request) {
  [[maybe_unused]] volatile char depth[300'000];
  depth[0] = 1;
  std::vector<std::unique_ptr<char[]>> clutter;
  for (std::size_t i = 0; i < 2000; ++i)
    clutter.push_back(std::make_unique<char[]>(16 + 37 * i % 5000));
  for (std::size_t i = 0; i < clutter.size(); i += 3) clutter[i] = nullptr;
  Json json = race_json(request);
  depth[1] = 2;
  return json;
}

}  // namespace

TEST_CASE("the same request twice gives the same result object, whatever the design") {
  for (const Scene& scene : scenes()) {
    CAPTURE(scene.machine, scene.input.path);
    const Json first = race_json(request_for(scene));
    CHECK(first["runs"].size() == designs::all().size());
    CHECK(first == elsewhere(request_for(scene)));
  }
}

TEST_CASE("free, hosted, in step and through sockets give one result") {
  for (const Scene& scene : scenes()) {
    CAPTURE(scene.machine, scene.input.path);
    testbed::RaceRequest request = request_for(scene);
    const Json hosted = race_json(request);
    request.run_ahead = false;
    CHECK(hosted == race_json(request));
    request.tlm = true;
    CHECK(hosted == race_json(request));
    request.run_ahead = true;
    CHECK(hosted == race_json(request));
    request.tlm = false;
    request.hosted = false;
    CHECK(hosted == race_json(request));
  }
}

TEST_CASE("64 CPUs with eight drives and 4,096 reads in flight give one result however they run") {
  testbed::RaceRequest request;
  request.input = data_dir() + "/scenarios/many_ssds.fio";
  const Json hosted = race_json(request);
  CHECK(hosted["runs"].size() == designs::all().size());
  CHECK(hosted == elsewhere(request));
  request.tlm = true;
  CHECK(hosted == race_json(request));
  request.tlm = false;
  request.hosted = false;
  CHECK(hosted == race_json(request));
}

TEST_CASE("a design's result does not depend on who races beside it") {
  for (const Scene& scene : scenes()) {
    CAPTURE(scene.machine, scene.input.path);
    testbed::RaceRequest request = request_for(scene);
    const Json all = race_json(request);
    for (const Json& run : all["runs"]) {
      request.designs = std::vector<std::string>{run["design"].get<std::string>()};
      CHECK(race_json(request)["runs"][0] == run);
    }
  }
}

TEST_CASE("every picosecond of every request has one owner") {
  for (const Scene& scene : scenes()) {
    const Json result = race_json(request_for(scene));
    for (const Json& run : result["runs"]) {
      CAPTURE(scene.machine, scene.input.path, run["design"]);
      std::int64_t stages = 0;
      for (const auto& [stage, total] : run["stage_total_ps"].items())
        stages += total.get<std::int64_t>();
      CHECK(stages == run["latency_total_ps"].get<std::int64_t>());
      CHECK(stages > 0);
      CHECK(run["requests"].get<std::uint64_t>() > 0);
      CHECK(run["errors"] == 0);
    }
  }
}

TEST_CASE("every picosecond of every CPU has one class") {
  for (const Scene& scene : scenes()) {
    for (const std::string& design : design_names()) {
      CAPTURE(scene.machine, scene.input.path, design);
      testbed::RaceRequest request = request_for(scene);
      request.set.emplace_back("cpu.count", "3");
      const testbed::RunRecord record = run_one(request, design);
      Duration sum{0};
      for (const Duration part : record.cpu) sum += part;
      CHECK(record.cpus == 3);
      CHECK(sum == record.simulated * 3);
      CHECK(record.simulated > Duration{0});
    }
  }
}

TEST_CASE("another seed is another run, and the same one again is not") {
  for (const Scene& scene : scenes()) {
    testbed::RaceRequest request = request_for(scene);
    const Json first = race_json(request);
    request.seed = 8;
    const Json second = race_json(request);
    for (std::size_t i = 0; i < designs::all().size(); ++i) {
      CAPTURE(scene.machine, scene.input.path, design_names()[i]);
      CHECK(first["runs"][i]["fingerprint"] != second["runs"][i]["fingerprint"]);
      CHECK(first["runs"][i]["requests"] == second["runs"][i]["requests"]);
      CHECK(first["runs"][i]["bytes"] == second["runs"][i]["bytes"]);
    }
  }
}

TEST_CASE("another seed is another medium, where nothing else is drawn") {
  for (const char* machine : {"server_2026", "server_2007"}) {
    const Input input("sequential.fio",
                      "[job]\nrw=read\nbs=64k\nsize=32m\ndirect=1\nnumber_ios=100\n");
    testbed::RaceRequest request = tests::request_for(input);
    request.machine = machine;
    const Json first = race_json(request);
    request.seed = 8;
    const Json second = race_json(request);
    for (std::size_t i = 0; i < designs::all().size(); ++i) {
      CAPTURE(machine, design_names()[i]);
      CHECK(first["runs"][i]["latency_total_ps"] != second["runs"][i]["latency_total_ps"]);
    }
  }
}

TEST_CASE("an observer changes nothing of what it sees") {
  struct Counter final : events::Observer {
    void on(const events::EventInfo&, SimTime, std::uint32_t,
            std::span<const std::uint64_t>) override {
      ++seen;
    }
    std::uint64_t seen = 0;
  };
  const Input input = log_input();
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    Counter counter;
    testbed::RunOptions options;
    options.observe = [&](events::Probe& probe) {
      static constexpr events::Subsystem kAll[] = {events::Subsystem::io, events::Subsystem::sched,
                                                   events::Subsystem::block};
      probe.attach(counter, kAll);
    };
    const testbed::RunRecord watched = run_one(tests::request_for(input), design, options);
    const testbed::RunRecord alone = run_one(tests::request_for(input), design);
    CHECK(counter.seen > 0);
    CHECK(watched.fingerprint == alone.fingerprint);
    CHECK(watched.simulated == alone.simulated);
  }
}

TEST_CASE("hundreds of races in one process do not grow it") {
  const Input input("tiny.fio",
                    "[job]\nrw=randread\nbs=4k\nsize=1m\niodepth=4\ndirect=1\nnumber_ios=20\n");
  testbed::RaceRequest request = tests::request_for(input);
  const auto races = [&](int count) {
    for (int i = 0; i < count; ++i) {
      request.hosted = i % 2 == 0;
      race(request);
    }
    return resident_bytes();
  };
  const std::size_t before = races(60);
  const std::size_t after = races(240);
  if (kResidentIsMeaningful) CHECK(after < before + (std::size_t{2} << 20));
}
