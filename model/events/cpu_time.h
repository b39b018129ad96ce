// SPDX-License-Identifier: Apache-2.0
// CPU time by context: the sum over classes is CPUs × simulated time, exactly.
#pragma once
#include <array>
#include <cstddef>

#include "model/engine/time.h"

namespace iodrome::events {

enum class CpuClass : std::uint8_t {
  user,
  syscall,
  kthread,
  softirq,
  hardirq,
  switching,
  spin,
  idle
};
inline constexpr std::size_t kCpuClasses = 8;
const char* name_of(CpuClass cpu_class);
/// What a CPU does in it, as a phrase.
const char* meaning_of(CpuClass cpu_class);

/// One CPU's account.
class CpuAccount {
 public:
  void turn_to(CpuClass cpu_class, SimTime now) {
    total_[static_cast<std::size_t>(class_)] += now - since_;
    since_ = now;
    class_ = cpu_class;
  }
  /// Starts the account anew: what was before is no part of the measurement.
  void restart(SimTime now) {
    total_.fill(Duration{0});
    since_ = now;
  }
  CpuClass current() const { return class_; }
  const std::array<Duration, kCpuClasses>& totals() const { return total_; }

 private:
  SimTime since_{};
  CpuClass class_ = CpuClass::idle;
  std::array<Duration, kCpuClasses> total_{};
};

}  // namespace iodrome::events
