// SPDX-License-Identifier: Apache-2.0
// Little's law as an identity: the requests present, integrated over time, are their latencies.
#pragma once
#include "model/engine/check.h"
#include "model/engine/random.h"

namespace iodrome::workloads {

/// Counts the requests that have arrived and not ended. It knows no request: only when one came
/// and when one went, so that it says the same as the ledgers by another way.
///
/// Order: times never go back. Every arrival is counted by an event at its intended instant; an
/// event that came after it would break the identity, since the latency counts from the instant.
class Population {
 public:
  void arrive(SimTime now) {
    turn_to(now);
    ++present_;
  }
  /// Errors: InternalError if nobody is present.
  void leave(SimTime now) {
    check(present_ > 0, "a request ended that had not arrived");
    turn_to(now);
    --present_;
  }
  std::uint64_t present() const { return present_; }
  /// Errors: InternalError unless everybody has left and the latencies sum to the integral, to the
  /// picosecond.
  void settle(Duration latencies) const {
    check(present_ == 0, "a request arrived and did not end");
    check(to_ps(latencies) >= 0 && integral_ == static_cast<Wide>(to_ps(latencies)),
          "the requests present, integrated over time, are not the sum of the latencies");
  }

 private:
  void turn_to(SimTime now) {
    check(now >= turned_, "requests are counted out of order");
    integral_ += static_cast<Wide>(to_ps(now - turned_)) * present_;
    turned_ = now;
  }

  Wide integral_ = 0;  // request-picoseconds
  std::uint64_t present_ = 0;
  SimTime turned_{};  // the integral's end
};

}  // namespace iodrome::workloads
