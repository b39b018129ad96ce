// SPDX-License-Identifier: Apache-2.0
// Who turns a timeline: the free driver by itself, the hosted driver inside SystemC. One interface,
// one answer.
#pragma once
#include "model/engine/timeline.h"

namespace iodrome {

/// Runs a timeline until nothing is pending or somebody stops it.
class Driver {
 public:
  virtual ~Driver() = default;
  /// Returns `idle`, also when what is pending lies beyond the range of time, or `stopped`; may be
  /// called again.
  ///
  /// Errors: an exception in modelled code leaves here, with its type.
  virtual RunState run(Timeline& timeline) = 0;
};

/// The timeline alone, without SystemC: for exploration, sweeps and unit tests.
class FreeDriver final : public Driver {
 public:
  RunState run(Timeline& timeline) override {
    for (;;) {
      const RunState state = timeline.run();
      if (state == RunState::horizon) return RunState::idle;
      if (state != RunState::sync) return state;
      SyncRequest* const request = timeline.take_sync();
      request->perform(request);
    }
  }
};

}  // namespace iodrome
