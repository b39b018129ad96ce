// SPDX-License-Identifier: Apache-2.0
#include "hw/nic/params.h"

namespace iodrome::hw {

void NicParams::describe(ParameterList& list) {
  list.add("doorbell_flight", "s", "register write to the card's notice", &doorbell_flight);
  list.add("descriptor_fetch", "s", "reading new descriptors from host memory", &descriptor_fetch);
  list.add("host_rate", "B/s", "payload from host memory, and into it; each direction", &host_rate);
  list.add("link_rate", "B/s", "the wire, each direction", &link_rate);
  list.add("propagation", "s", "from card to client, one way, switches included", &propagation);
  list.add("mss", "B", "payload of a full frame", &mss);
  list.add("frame_overhead", "B", "what a frame adds on the wire: headers, preamble, gap",
           &frame_overhead);
  list.add("host_write", "s", "writing a head or a received header to host memory", &host_write);
  list.add("msi_flight", "s", "interrupt message to the interrupt controller", &msi_flight);
  list.add("interrupt_interval", "s", "least time between two interrupt messages",
           &interrupt_interval);
  list.add("late_interrupt", "s", "how late an interrupt is that the choice oracle delays",
           &late_interrupt);
}

void NicParams::examine(ParameterProblems& problems) const {
  NicParams copy = *this;
  ParameterList list;
  copy.describe(list);
  for (const Parameter& parameter : list.all()) {
    if (const auto* time = std::get_if<Duration*>(&parameter.slot))
      problems.require(**time >= ps(0), parameter.name, "a time is not negative");
    if (const auto* rate = std::get_if<Rate*>(&parameter.slot))
      problems.require((*rate)->bytes_per_s > 0, parameter.name, "a rate is positive");
  }
  problems.require(mss >= 64 && mss <= 65536, "mss", "must be 64 B to 64 KiB");
  problems.require(frame_overhead >= 0 && frame_overhead <= 4096, "frame_overhead",
                   "must be 0 to 4096 B");
}

void ClientParams::describe(ParameterList& list) {
  list.add("drain_rate", "B/s", "how fast a client takes its bytes; 0 is at once", &drain_rate);
  list.add("ack_delay", "s", "from taking bytes to acknowledging them", &ack_delay);
}

void ClientParams::examine(ParameterProblems& problems) const {
  problems.require(drain_rate.bytes_per_s >= 0, "drain_rate", "a rate is not negative");
  problems.require(ack_delay >= ps(0), "ack_delay", "a time is not negative");
}

}  // namespace iodrome::hw
