// SPDX-License-Identifier: Apache-2.0
// What all CPUs and devices of a machine can move to and from memory together.
//
// A transfer that could go at its own pace is spread over slices of time, each of which carries so
// many bytes; what finds a slice full goes in the next. So no event is needed to know when it ends,
// many slow transfers pass beside each other, and together they are never faster than memory.
//
// Differs from a memory controller: whoever begins first is served first, as long as it goes on;
// within a slice nobody holds up anybody; what wants less than 1/256 of the bandwidth takes nothing
// from others; no banks, rows, ranks, turn-arounds between reads and writes; one path for all
// sockets.
#pragma once
#include <vector>

#include "model/engine/parameters.h"

namespace iodrome::hw {

/// When something goes on.
struct Stretch {
  SimTime from;
  SimTime until;
};

class MemoryBus {
 public:
  /// `bandwidth`: of reads and writes together; 0: nothing holds anything up.
  explicit MemoryBus(Rate bandwidth);

  /// Takes the traffic of a transfer that lasts so long if nothing holds it up, from now on or
  /// later: `bytes` read or written, each time they cross to memory. Returns when it ends.
  ///
  /// Order: none among calls. A later one may end earlier; whoever keeps an order sees to it.
  SimTime carry(SimTime now, Stretch alone, std::int64_t bytes);

  std::uint64_t bytes_carried() const { return bytes_carried_; }
  /// By which transfers ended later than they would have alone, summed.
  Duration held_up() const { return held_up_; }

 private:
  static constexpr int kSliceShift = 19;  // of ps: about half a microsecond
  static constexpr std::int64_t kSlice = std::int64_t{1} << kSliceShift;
  struct Slice {
    std::int64_t number = -1;
    std::int64_t used = 0;  // as capacity_
  };

  Slice& slice(std::int64_t number);
  void grow();

  const std::int64_t capacity_;  // of a slice, in 1/1024 bytes
  std::vector<Slice> slices_;    // a ring, by number
  std::uint64_t bytes_carried_ = 0;
  Duration held_up_{};
};

}  // namespace iodrome::hw
