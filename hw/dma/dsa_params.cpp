// SPDX-License-Identifier: Apache-2.0
#include "hw/dma/dsa_params.h"

namespace iodrome::hw {

void DsaParams::describe(ParameterList& list) {
  list.add("work_queues", "", "work queues", &work_queues);
  list.add("engines", "", "engines, each of one group", &engines);
  list.add("entries", "", "descriptors that all work queues hold together", &entries);
  list.add("engine_slots", "", "descriptors that an engine works on at once", &engine_slots);
  list.add("max_batch", "", "most descriptors of a batch", &max_batch);
  list.add("max_transfer", "B", "most bytes of a descriptor", &max_transfer);
  list.add("portal_flight", "s", "write to a portal to the work queue", &portal_flight);
  list.add("batch_fetch", "s", "reading the descriptors of a batch", &batch_fetch);
  list.add("descriptor_interval", "s", "an engine takes one descriptor in so long",
           &descriptor_interval);
  list.add("descriptor_latency", "s", "decoding, translation and the first bytes' way from memory",
           &descriptor_latency);
  list.add("rate", "B/s", "bytes read, or bytes written if these are more, all engines together",
           &rate);
  list.add("completion_write", "s", "writing a completion record", &completion_write);
  list.add("page_fault", "s", "the host makes a page present, for a descriptor that waits",
           &page_fault);
  list.add("msi_flight", "s", "interrupt message to the interrupt controller", &msi_flight);
}

void DsaParams::examine(ParameterProblems& problems) const {
  problems.require(work_queues >= 1 && work_queues <= 8, "work_queues", "must be 1 to 8");
  problems.require(engines >= 1 && engines <= 8, "engines", "must be 1 to 8");
  problems.require(entries >= 1 && entries <= 255, "entries", "must be 1 to 255");
  problems.require(engine_slots >= 1 && engine_slots <= 1024, "engine_slots", "must be 1 to 1024");
  problems.require(max_batch >= 2 && max_batch <= 65'536, "max_batch", "must be 2 to 65536");
  problems.require(max_transfer >= 1 && max_transfer <= (std::int64_t{1} << 31), "max_transfer",
                   "must be 1 B to 2 GiB");
  problems.require(rate.bytes_per_s > 0, "rate", "a rate is positive");
  DsaParams copy = *this;
  ParameterList list;
  copy.describe(list);
  for (const Parameter& parameter : list.all())
    if (const auto* time = std::get_if<Duration*>(&parameter.slot))
      problems.require(**time >= ps(0), parameter.name, "a time is not negative");
}

}  // namespace iodrome::hw
