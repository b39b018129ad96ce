// SPDX-License-Identifier: Apache-2.0
// A machine whose storage is a virtio block device.
#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {
// Steps refer to their paths.
const std::string kSmall = "/small";
const std::string kLarge = "/large";
}  // namespace

TEST_CASE("every design reads its files through a virtio disk, and pays for the doorbells") {
  Script script;
  script.files = {{kSmall, 5'000}, {kLarge, 200'000}};
  for (int client = 0; client < 5; ++client)
    script.clients.push_back({{open_step(kSmall), send_step(0, 0, 5'000), close_step(0)},
                              {open_step(kLarge), send_step(0, 0, 200'000), close_step(0)}});
  const Settings virtio = {{"storage.kind", "virtio_blk"},
                           {"storage.part", "host_virtio_blk_2026"},
                           {"storage.queue_entries", "256"}};
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const Outcome outcome = play(script, design, virtio);
    CHECK(outcome.record.requests.error_count() == 0);
    CHECK(outcome.streams == std::vector<std::uint64_t>(5, 205'000));
    std::uint64_t exits = 0;
    std::uint64_t requests = 0;
    for (const testbed::CostUse& use : outcome.record.costs) {
      if (use.name == "vm_exit_doorbell") exits = use.count;
      if (use.name == "driver_submit") requests = use.count;
    }
    CHECK(exits > 0);
    CHECK(exits <= requests);
  }
}
