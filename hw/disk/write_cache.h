// SPDX-License-Identifier: Apache-2.0
// Which sectors wait in a disk's write cache for the medium. Their bytes are nobody's business
// here.
#pragma once
#include <deque>
#include <map>

#include "model/engine/time.h"

namespace iodrome::hw {

/// Runs of sectors, each with the time of its arrival. A sector is held once: what is written again
/// replaces what waited.
class DiskWriteCache {
 public:
  struct Run {
    std::int64_t end = 0;
    SimTime since{};
  };

  bool empty() const { return runs_.empty(); }
  std::int64_t sectors() const { return sectors_; }
  /// By first sector.
  const std::map<std::int64_t, Run>& runs() const { return runs_; }

  void add(std::int64_t first, std::int64_t count, SimTime now);
  void remove(std::int64_t first, std::int64_t count);
  bool holds_all(std::int64_t first, std::int64_t count) const;
  bool holds_any(std::int64_t first, std::int64_t count) const;
  /// The first sector of the run that arrived first. Errors: an empty cache has none.
  std::int64_t oldest();
  SimTime oldest_since();
  /// Takes out what is held without a gap from `first` on, a run's first sector, at most up to
  /// `limit`; returns its end.
  std::int64_t take(std::int64_t first, std::int64_t limit);

 private:
  struct Arrival {
    std::int64_t first;
    SimTime since;
  };
  void put(std::int64_t first, Run run);

  std::map<std::int64_t, Run> runs_;
  std::deque<Arrival> arrivals_;  // oldest first; those whose run has gone are skipped
  std::int64_t sectors_ = 0;
};

}  // namespace iodrome::hw
