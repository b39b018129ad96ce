// SPDX-License-Identifier: Apache-2.0
// Buffers that nobody has touched before the first request uses them.
#include "tests/model/testbed/races.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

testbed::RunRecord run_with(const std::string& text, const std::string& design,
                            const std::string& user_memory) {
  const Input input{"job.fio", text};
  testbed::RaceRequest request = request_for(input);
  request.set = {{"process.user_memory", user_memory}};
  return run_one(request, design);
}

std::uint64_t faults(const testbed::RunRecord& record) {
  for (const testbed::CostUse& use : record.costs)
    if (use.name == "page_fault_minor") return use.count;
  return 0;
}

}  // namespace

TEST_CASE("each page of a buffer on demand is faulted in once, whichever design uses it first") {
  for (const std::string direct : {"0", "1"})
    for (const std::string rw : {"randread", "randwrite"})
      for (const std::string& design : design_names()) {
        CAPTURE(direct, rw, design);
        // Eight buffers of 20,480 bytes, 64 requests.
        const std::string text =
            "[j]\nrw=" + rw + "\nbs=20k\nsize=1280k\niodepth=8\ndirect=" + direct + "\n";
        const testbed::RunRecord resident = run_with(text, design, "resident");
        const testbed::RunRecord on_demand = run_with(text, design, "on_demand");
        // Where reads and writes are blocking calls, one after the other needs no second buffer.
        const bool blocking = design == "sync" || design == "kevent";
        const std::uint64_t buffers = blocking ? 1 : 8;
        CHECK(faults(resident) == 0);
        CHECK(faults(on_demand) == buffers * 5);
        CHECK(on_demand.requests.latency.count() == resident.requests.latency.count());
        // Threads beside each other may come out of step, to their advantage.
        const bool in_step = design != "epoll_threads";
        CHECK((on_demand.simulated > resident.simulated || !in_step));
      }
}
