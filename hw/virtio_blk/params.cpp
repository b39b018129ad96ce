// SPDX-License-Identifier: Apache-2.0
#include "hw/virtio_blk/params.h"

#include <bit>

namespace iodrome::hw {

void VirtioBlkParams::describe(ParameterList& list) {
  list.add("notify_latency", "s", "doorbell to the host's thread looking at the queue",
           &notify_latency);
  list.add("host_work", "s", "the host thread's work for one request; one at a time", &host_work);
  list.add("poll", "s", "the host's thread looks for more so long before it waits for a doorbell",
           &poll);
  list.add("poll_interval", "s", "how often it looks", &poll_interval);
  list.add("backend_latency", "s", "the backing store's own time; any number at once",
           &backend_latency);
  list.add("backend_flush", "s", "the backing store's time to flush", &backend_flush);
  list.add("interrupt_latency", "s", "used entry written to the guest's interrupt",
           &interrupt_latency);
  list.add("queue_entries", "", "most entries of the virtqueue", &queue_entries);
  list.add("max_transfer", "B", "largest read or write", &max_transfer);
  list.add("late_interrupt", "s", "how late an interrupt is that the choice oracle delays",
           &late_interrupt);
}

void VirtioBlkParams::examine(ParameterProblems& problems) const {
  VirtioBlkParams copy = *this;
  ParameterList list;
  copy.describe(list);
  for (const Parameter& parameter : list.all())
    if (const auto* time = std::get_if<Duration*>(&parameter.slot))
      problems.require(**time >= ps(0), parameter.name, "a time is not negative");
  problems.require(poll == ps(0) || poll_interval > ps(0), "poll_interval",
                   "must be positive where there is polling");
  problems.require(queue_entries >= 2 && queue_entries <= 32768 &&
                       std::has_single_bit(static_cast<std::uint64_t>(queue_entries)),
                   "queue_entries", "must be a power of two from 2 to 32768");
  problems.require(max_transfer >= 4096 && max_transfer <= (1 << 25), "max_transfer",
                   "must be 4 KiB to 32 MiB");
}

}  // namespace iodrome::hw
