// SPDX-License-Identifier: Apache-2.0
#include "hw/dma/ioat_params.h"

#include <bit>

namespace iodrome::hw {

void IoatParams::describe(ParameterList& list) {
  list.add("channels", "", "channels, each with its chain of descriptors", &channels);
  list.add("max_transfer", "B", "largest copy of one descriptor", &max_transfer);
  list.add("doorbell_flight", "s", "register write to the engine's notice", &doorbell_flight);
  list.add("descriptor_setup", "s", "fetch and decode of a descriptor", &descriptor_setup);
  list.add("rate", "B/s", "copying, all channels together", &rate);
  list.add("completion_write", "s", "writing the channel's status to host memory",
           &completion_write);
  list.add("msi_flight", "s", "interrupt message to the interrupt controller", &msi_flight);
}

void IoatParams::examine(ParameterProblems& problems) const {
  problems.require(channels >= 1 && channels <= 16, "channels", "must be 1 to 16");
  problems.require(max_transfer >= 4096 && max_transfer <= 1 << 30 &&
                       std::has_single_bit(static_cast<std::uint64_t>(max_transfer)),
                   "max_transfer", "must be a power of two from 4 KiB to 1 GiB");
  problems.require(doorbell_flight >= Duration{0}, "doorbell_flight", "must not be negative");
  problems.require(descriptor_setup > Duration{0}, "descriptor_setup", "must be positive");
  problems.require(rate.bytes_per_s > 0, "rate", "must be positive");
  problems.require(completion_write >= Duration{0}, "completion_write", "must not be negative");
  problems.require(msi_flight >= Duration{0}, "msi_flight", "must not be negative");
}

}  // namespace iodrome::hw
