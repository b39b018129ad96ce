// SPDX-License-Identifier: Apache-2.0
// A process's resource limits: struct rlimit of those that something here obeys.
//
// Source: Linux kernel/sys.c, do_prlimit(), include/asm-generic/resource.h; getrlimit(2).
#pragma once
#include <array>
#include <cstdint>

#include "model/engine/result.h"

namespace iodrome::kernel {

/// By Linux's numbers.
enum class Rlimit : std::uint8_t { nproc = 6, nofile = 7, memlock = 8, sigpending = 11 };

inline constexpr std::uint64_t kRlimInfinity = ~std::uint64_t{0};
/// fs.nr_open's default: no process may have more descriptors.
inline constexpr std::uint64_t kNrOpen = 1'048'576;

/// struct rlimit64: what is obeyed, and how far that may be raised.
struct RlimitPair {
  std::uint64_t current = kRlimInfinity;
  std::uint64_t max = kRlimInfinity;
  bool operator==(const RlimitPair&) const = default;
};

/// The table. Whoever obeys a limit is told by Process::set_limit().
///
/// Units: threads of the user, descriptors, bytes, queued signals.
class Rlimits {
 public:
  const RlimitPair& operator[](Rlimit of) const { return all_[static_cast<std::size_t>(of)]; }
  /// Before the process begins, or as who may do all: no rule applies.
  Rlimits& with(Rlimit of, std::uint64_t current, std::uint64_t max = kRlimInfinity) {
    all_[static_cast<std::size_t>(of)] = {current, max < current ? current : max};
    return *this;
  }
  /// Of a process without privileges. Errors: EINVAL, above its own maximum; EPERM, the maximum is
  /// raised, or descriptors above fs.nr_open.
  Errno set(Rlimit of, RlimitPair to) {
    RlimitPair& now = all_[static_cast<std::size_t>(of)];
    if (to.current > to.max) return Errno::einval;
    if (of == Rlimit::nofile && to.max > kNrOpen) return Errno::eperm;
    if (to.max > now.max) return Errno::eperm;
    now = to;
    return Errno::ok;
  }

 private:
  std::array<RlimitPair, 16> all_;
};

}  // namespace iodrome::kernel
