// SPDX-License-Identifier: Apache-2.0
#include "hw/dma/adma_params.h"

namespace iodrome::hw {

void AdmaParams::describe(ParameterList& list) {
  list.add("channels", "", "channels, each with its chain of descriptors", &channels);
  list.add("max_transfer", "B", "most bytes of one descriptor", &max_transfer);
  list.add("max_sources", "", "most sources of one exclusive or", &max_sources);
  list.add("doorbell_flight", "s", "register write to the engine's notice", &doorbell_flight);
  list.add("descriptor_fetch", "s", "fetch and decode of a descriptor, or of its next word",
           &descriptor_fetch);
  list.add("rate", "B/s", "bytes read and written over the internal bus, all channels together",
           &rate);
  list.add("completion_write", "s", "writing a descriptor's status back", &completion_write);
  list.add("msi_flight", "s", "interrupt message to the interrupt controller", &msi_flight);
}

void AdmaParams::examine(ParameterProblems& problems) const {
  problems.require(channels >= 1 && channels <= 8, "channels", "must be 1 to 8");
  problems.require(max_transfer >= 1 && max_transfer < (1 << 24), "max_transfer",
                   "must be 1 to 16777215 B");
  problems.require(max_sources >= 1 && max_sources <= 16, "max_sources", "must be 1 to 16");
  problems.require(rate.bytes_per_s > 0, "rate", "a rate is positive");
  for (const auto& [time, name] :
       {std::pair{doorbell_flight, "doorbell_flight"},
        std::pair{descriptor_fetch, "descriptor_fetch"},
        std::pair{completion_write, "completion_write"}, std::pair{msi_flight, "msi_flight"}})
    problems.require(time >= ps(0), name, "a time is not negative");
}

}  // namespace iodrome::hw
