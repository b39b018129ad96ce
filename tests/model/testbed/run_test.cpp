// SPDX-License-Identifier: Apache-2.0
// What a record says about one stretch of time.
#include "model/testbed/run.h"

#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;
using events::CpuClass;

namespace {

const std::string kFile = "/file";

// One client, one CPU: when its thread ends, no burst is half done.
Script one_client() {
  Script script;
  script.files = {{kFile, 300'000}};
  script.clients = {{}};
  for (int i = 0; i < 5; ++i)
    script.clients[0].push_back({open_step(kFile), stat_step(0), read_step(0, 0, 65'536),
                                 send_step(0, 0, 300'000), close_step(0)});
  return script;
}

Duration spent(const testbed::RunRecord& record, CpuClass cpu_class) {
  return record.cpu[static_cast<std::size_t>(cpu_class)];
}

std::uint64_t count_of(const testbed::RunRecord& record, const std::string& cost) {
  for (const testbed::CostUse& use : record.costs)
    if (use.name == cost) return use.count;
  return 0;
}

}  // namespace

TEST_CASE("named costs add up to the CPU time that is neither idle nor spent spinning") {
  for (const char* machine : {"server_2026", "server_2007"})
    for (const std::string& design : design_names()) {
      CAPTURE(machine, design);
      const testbed::RunRecord record =
          play(one_client(), design, {{"cpu.count", "1"}}, {}, machine).record;
      Duration busy = record.simulated;
      busy -= spent(record, CpuClass::idle) + spent(record, CpuClass::spin);
      Duration named{0};
      for (const testbed::CostUse& use : record.costs) named += use.total;
      CHECK(named == busy);
      CHECK(busy > Duration{0});
    }
}

TEST_CASE("counters count what the costs of the same stretch paid for") {
  for (const char* machine : {"server_2026", "server_2007"})
    for (const std::string& design : design_names()) {
      CAPTURE(machine, design);
      const testbed::RunRecord record =
          play(one_client(), design, {{"cpu.count", "1"}}, {}, machine).record;
      CHECK(record.counters.syscalls == count_of(record, "syscall_entry"));
      CHECK(record.counters.interrupts == count_of(record, "irq_entry"));
      CHECK(record.counters.context_switches == count_of(record, "context_switch"));
      CHECK(record.counters.interrupts > 0);
    }
}

TEST_CASE("a run whose latencies are not the time its requests were there fails") {
  Script script = one_client();
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    script.backdated = ps(1);
    CHECK_THROWS_WITH(play(script, design), Catch::Contains("integrated over time"));
    script.backdated = ps(0);
    CHECK_NOTHROW(play(script, design));
  }
}

TEST_CASE("requests of every kind of workload are counted from when their latencies count") {
  const std::string chain = "[workload]\nkind = \"chain\"\n[chain]\nclients = 3\nrepeat = 20\n";
  const std::string step =
      "[[chain.step]]\nop = \"open\"\npath = \"/one\"\n[[chain.step]]\nop = \"send\"\n"
      "fd = \"$open.fd\"\nbytes = \"100 KiB\"\n[[chain.step]]\nop = \"close\"\nfd = "
      "\"$open.fd\"\n";
  const Input log = log_input();
  const Input one_by_one("closed.toml", chain + step);
  const Input at_intervals("open.toml", chain + "interval = \"30 us\"\n" + step);
  const Input jobs = writing_input();
  for (const std::string& design : design_names()) {
    for (const char* load : {"0.3", "200%", "trace", "closed:4"}) {
      CAPTURE(design, load);
      testbed::RaceRequest request = request_for(log);
      request.set = {{"workload.load", load}};
      CHECK(run_one(request, design).requests.latency.count() > 0);
    }
    for (const Input* input : {&one_by_one, &at_intervals, &jobs}) {
      CAPTURE(design, input->path);
      CHECK(run_one(request_for(*input), design).requests.latency.total() > Duration{0});
    }
  }
}
