// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/raid_resync/resync_workload.h"

#include "model/workloads/raid_resync/resync_run.h"

namespace iodrome::workloads {

std::unique_ptr<WorkloadRun> ResyncWorkload::start(Stage& stage) const {
  return std::make_unique<ResyncRun>(*this, stage);
}

nlohmann::ordered_json ResyncWorkload::summary() const {
  nlohmann::ordered_json json;
  json["kind"] = "raid5_resync";
  json["action"] = sync_action_names[static_cast<std::size_t>(action_)];
  json["member_bytes"] = member_bytes_;
  json["requests"] = stripes();
  return json;
}

std::vector<designs::Difference> ResyncWorkload::not_modelled() const {
  return {
      {"bitmaps and superblocks; locks of md that are contended", "kernel/md"},
      {"plugs: about three blocks go out per command where Linux merges many more, so commands "
       "and interrupts cost more, with an engine and without",
       "kernel/md"},
      {"a CPU's look whether a sum is zero, and an engine's separate interrupts for the ends of a "
       "transfer and of a chain: each side is a few per cent too cheap",
       "kernel/async_tx, hw/dma"},
      {"memory that CPU, engine and disks share", "hw/memory"},
      {"the file system and the applications that would use the array meanwhile",
       "workloads/raid_resync"}};
}

}  // namespace iodrome::workloads
