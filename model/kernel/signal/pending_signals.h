// SPDX-License-Identifier: Apache-2.0
// What has been sent to a thread or a process and not been taken: struct sigpending.
#pragma once
#include <deque>
#include <optional>

#include "model/kernel/signal/signal_set.h"

namespace iodrome::kernel {

/// A set, and for the signals that were queued what they carry, in the order in which they came.
class PendingSignals {
 public:
  SigSet set() const { return set_; }
  void queue(const SigInfo& info) {
    set_.add(info.number);
    entries_.push_back(info);
  }
  /// A signal for which no entry could be had: that it came is known, what it carried is not.
  void mark(std::int32_t number) { set_.add(number); }

  /// The next of `wanted`: what a thread did to itself, then the lowest number, then the oldest.
  /// `queued` tells whether an entry went with it.
  std::optional<SigInfo> take(SigSet wanted, bool& queued);
  /// Forgets all of one number; how many entries went.
  std::size_t flush(std::int32_t number);
  /// And everything.
  std::size_t clear();

 private:
  SigSet set_;
  std::deque<SigInfo> entries_;
};

}  // namespace iodrome::kernel
