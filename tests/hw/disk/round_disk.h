// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "hw/disk/params.h"

namespace iodrome::hw::test {

/// 8 ms a revolution of 1000 sectors, 3 heads, one zone; nothing is read ahead. The
/// reference of queue_test.cpp knows these figures by heart.
inline DiskParams round_disk() {
  DiskParams p;
  p.doorbell_flight = 150ns;
  p.command_fetch = 1us;
  p.command_overhead = 300us;
  p.msi_flight = 300ns;
  p.interface_rate = {256'000'000};
  p.rpm = 7'500;
  p.cylinders = 3'000;
  p.heads = 3;
  p.zones = 1;
  p.outer_rate = p.inner_rate = {64'000'000};
  p.seek_track = 800us;
  p.seek_average = 8500us;
  p.seek_full = 18ms;
  p.head_switch = 600us;
  p.buffer_segments = 1;
  p.queue_depth = 32;
  p.queue_age = 10s;
  return p;
}

}  // namespace iodrome::hw::test
