// SPDX-License-Identifier: Apache-2.0
#include "hw/disk/params.h"

namespace iodrome::hw {

void DiskParams::describe(ParameterList& list) {
  list.add("doorbell_flight", "s", "register write to the controller's notice", &doorbell_flight);
  list.add("command_fetch", "s", "reading command header and table from host memory",
           &command_fetch);
  list.add("command_overhead", "s", "the disk's own processing of a command", &command_overhead);
  list.add("msi_flight", "s", "interrupt message to the interrupt controller", &msi_flight);
  list.add("interface_rate", "B/s", "transfer between the disk's buffer and the host",
           &interface_rate);
  list.add("rpm", "1/min", "speed of rotation", &rpm);
  list.add("cylinders", "", "positions of the arm", &cylinders);
  list.add("heads", "", "tracks per cylinder", &heads);
  list.add("zones", "", "bands of equal sectors per track", &zones);
  list.add("outer_rate", "B/s", "under the head, outermost zone, without switches", &outer_rate);
  list.add("inner_rate", "B/s", "under the head, innermost zone, without switches", &inner_rate);
  list.add("seek_track", "s", "seek to the next cylinder; also the skew between cylinders",
           &seek_track);
  list.add("seek_average", "s", "seek over a third of the cylinders", &seek_average);
  list.add("seek_full", "s", "seek from the first cylinder to the last", &seek_full);
  list.add("head_switch", "s", "change of track inside a cylinder; also the skew between tracks",
           &head_switch);
  list.add("buffer_size", "B", "how much of what was read can be read again without the medium",
           &buffer_size);
  list.add("buffer_segments", "", "runs of sectors that the buffer is divided among",
           &buffer_segments);
  list.add("read_ahead", "B", "how far the disk reads on after a read; 0 is not at all",
           &read_ahead);
  list.add("queue_depth", "", "commands the disk takes at once and puts in order; 1 is no NCQ",
           &queue_depth);
  list.add("queue_age", "s", "a command that has waited for so long goes first", &queue_age);
  list.add("write_cache", "B", "writes that wait in the disk for the medium; 0 is no such cache",
           &write_cache);
  list.add("write_cache_on", "", "whether the write cache is on after power-on", &write_cache_on);
  list.add("write_cache_age", "s", "a cached write that has waited for so long goes first",
           &write_cache_age);
}

void DiskParams::examine(ParameterProblems& problems) const {
  DiskParams copy = *this;
  ParameterList list;
  copy.describe(list);
  for (const Parameter& parameter : list.all()) {
    if (const auto* time = std::get_if<Duration*>(&parameter.slot))
      problems.require(**time >= ps(0), parameter.name, "a time is not negative");
    if (const auto* rate = std::get_if<Rate*>(&parameter.slot))
      problems.require((*rate)->bytes_per_s > 0, parameter.name, "a rate is positive");
  }
  problems.require(rpm >= 60 && rpm <= 100'000, "rpm", "must be 60 to 100000");
  problems.require(cylinders >= 4 && cylinders <= 10'000'000, "cylinders", "must be 4 to 10000000");
  problems.require(heads >= 1 && heads <= 64, "heads", "must be 1 to 64");
  problems.require(zones >= 1 && zones <= 256 && zones <= cylinders, "zones",
                   "must be 1 to 256 and not above the cylinders");
  problems.require(inner_rate.bytes_per_s <= outer_rate.bytes_per_s, "inner_rate",
                   "is not above outer_rate");
  problems.require(seek_track <= seek_average && seek_average <= seek_full, "seek_average",
                   "must lie between seek_track and seek_full");
  problems.require(seek_full < 10s, "seek_full", "must be below 10 s");
  problems.require(buffer_size >= 0 && buffer_size <= (1 << 30), "buffer_size",
                   "must be 0 to 1 GiB");
  problems.require(buffer_segments >= 1 && buffer_segments <= 256, "buffer_segments",
                   "must be 1 to 256");
  problems.require(
      buffer_segments < 1 || (read_ahead >= 0 && read_ahead <= buffer_size / buffer_segments),
      "read_ahead", "must fit a segment of the buffer");
  problems.require(queue_depth >= 1 && queue_depth <= 32, "queue_depth", "must be 1 to 32");
  problems.require(write_cache >= 0 && write_cache <= (1 << 30), "write_cache",
                   "must be 0 to 1 GiB");
  problems.require(!write_cache_on || write_cache > 0, "write_cache_on",
                   "cannot be on without a write_cache");
  if (rpm < 60) return;
  problems.require(seek_track < revolution() && head_switch < revolution(), "head_switch",
                   "and seek_track must be below one revolution");
  problems.require(inner_rate.bytes_per_s / (rpm / 60 + 1) >= 512, "inner_rate",
                   "must give a track at least one sector");
}

}  // namespace iodrome::hw
