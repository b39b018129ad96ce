// SPDX-License-Identifier: Apache-2.0
// The numbers of a hard disk; every one comes from a part file.
#pragma once
#include "model/engine/parameters.h"

namespace iodrome::hw {

struct DiskParams {
  Duration doorbell_flight{};
  Duration command_fetch{};
  Duration command_overhead{};
  Duration msi_flight{};
  Rate interface_rate{};

  std::int64_t rpm = 0;
  std::int64_t cylinders = 0;
  std::int64_t heads = 0;
  std::int64_t zones = 0;
  Rate outer_rate{};
  Rate inner_rate{};
  Duration seek_track{};
  Duration seek_average{};
  Duration seek_full{};
  Duration head_switch{};
  std::int64_t buffer_size = 0;
  std::int64_t buffer_segments = 0;
  std::int64_t read_ahead = 0;

  std::int64_t queue_depth = 0;
  Duration queue_age{};
  std::int64_t write_cache = 0;
  bool write_cache_on = false;
  Duration write_cache_age{};

  void describe(ParameterList& list);
  /// What no disk can be.
  void examine(ParameterProblems& problems) const;
  /// One revolution. Units: integer ps, rounded down.
  Duration revolution() const { return ps(60'000'000'000'000 / rpm); }
  /// Sectors that one segment of the buffer holds.
  std::int64_t segment_sectors() const { return buffer_size / buffer_segments / 512; }
};

}  // namespace iodrome::hw
