// SPDX-License-Identifier: Apache-2.0
// Zhong et al., XRP, OSDI'22, Table 1: one 512 B random direct read on an Optane P5800X, by layer.
#include <catch2/catch.hpp>
#include <string>

#include "model/testbed/preparation.h"
#include "model/testbed/run.h"

namespace iodrome::testbed {
namespace {

struct Layer {
  const char* name;
  double ns;
};

RunRecord run_table1() {
  const std::string root = IODROME_SOURCE_DIR;
  RaceRequest request;
  request.input = root + "/scenarios/truth/xrp_osdi22_table1.toml";
  const PreparedRace race = prepare(request, root);
  RunOptions options;
  options.seed = race.seed;
  options.submit_batch = race.submit_batch;
  options.hosted = false;
  const PreparedDesign& design = race.designs.front();
  return run_design(race.machine, *race.workload, *design.descriptor, *design.instance, options);
}

// Time per request that the cost entries of a layer took together.
double per_request(const RunRecord& run, std::initializer_list<const char*> costs) {
  Duration total{0};
  for (const char* wanted : costs)
    for (const CostUse& cost : run.costs)
      if (cost.name == wanted) total += cost.total;
  return static_cast<double>(to_ps(total)) / 1000.0 /
         static_cast<double>(run.requests.latency.count());
}

}  // namespace

TEST_CASE("the published read path is reproduced, in all and layer by layer") {
  const RunRecord run = run_table1();
  REQUIRE(run.requests.latency.count() == 2000);
  REQUIRE(run.requests.error_count() == 0);
  const double mean = static_cast<double>(to_ps(run.requests.latency.total())) / 1000.0 / 2000.0;
  const double device =
      static_cast<double>(to_ps(run.requests.stages[static_cast<int>(events::Stage::device)])) /
      1000.0 / 2000.0;
  const std::pair<Layer, double> layers[] = {
      {{"kernel crossing", 351}, per_request(run, {"syscall_entry", "syscall_exit"})},
      {{"read syscall", 199}, per_request(run, {"vfs_read"})},
      {{"ext4", 2006}, per_request(run, {"filesystem_read", "page_pin"})},
      {{"bio", 379}, per_request(run, {"bio_submit", "bio_complete"})},
      {{"NVMe driver", 113}, per_request(run, {"driver_submit"})},
      {{"device", 3224}, device},
  };
  for (const auto& [published, simulated] : layers) {
    INFO(published.name << ": " << simulated << " ns, published " << published.ns);
    CHECK(simulated == Approx(published.ns).epsilon(0.02));
    CHECK(simulated / mean == Approx(published.ns / 6270.0).epsilon(0.02));
  }
  CHECK(mean == Approx(6270.0).epsilon(0.02));
}

}  // namespace iodrome::testbed
