// SPDX-License-Identifier: Apache-2.0
// The class of a lock: all locks of one kind, as lockdep's. What is learnt about the order in which
// classes are taken holds for every lock of them.
#pragma once
#include "model/events/lock.h"
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// A lock's class, by name, and what it tells observers of subsystem `lock`. With none it costs one
/// look at the probe's mask. A lock without a class (nullptr) tells nothing.
class LockClass {
 public:
  explicit LockClass(const char* name) : name_(name) {}
  const char* name() const { return name_; }

  void acquire(Atomic& ctx, events::LockMode mode, Place at) const {
    if (heard(ctx)) [[unlikely]]
      tell_acquire(ctx, mode, at);
  }
  void contended(Atomic& ctx, Place at) const {
    if (heard(ctx)) [[unlikely]]
      tell_contended(ctx, at);
  }
  void release(Atomic& ctx) const {
    if (heard(ctx)) [[unlikely]]
      tell_release(ctx);
  }

 private:
  bool heard(Atomic& ctx) const {
    return ctx.system().probe.shows(events::Subsystem::lock) && name_ != nullptr;
  }
  void tell_acquire(Atomic& ctx, events::LockMode mode, Place at) const;
  void tell_contended(Atomic& ctx, Place at) const;
  void tell_release(Atomic& ctx) const;
  std::uint64_t number(System& system) const;

  const char* name_;
};

}  // namespace iodrome::kernel
