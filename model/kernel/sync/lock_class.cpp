// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/sync/lock_class.h"

#include <fmt/format.h>

#include <string_view>

namespace iodrome::kernel {

std::uint64_t LockNames::of(const events::Probe& probe, events::Named what, Numbers& numbers,
                            const std::string& name) {
  const auto [entry, fresh] = numbers.try_emplace(name, numbers.size() + 1);
  if (fresh) probe.name(what, entry->second, name);
  return entry->second;
}

std::uint64_t LockNames::of_place(const events::Probe& probe, Place place) {
  // The folder above the sources is not the same everywhere.
  const std::string_view file = place.file;
  const std::string_view name = file.substr(file.rfind('/') + 1);
  return of(probe, events::Named::place, places_, fmt::format("{}:{}", name, place.line));
}

namespace {

std::uint64_t context_of(Atomic& ctx) {
  if (ctx.level() == Level::thread) return static_cast<Sleepable&>(ctx).thread().id;
  constexpr std::uint64_t kInterrupts = std::uint64_t{1} << 63;
  return kInterrupts | std::uint64_t{ctx.cpu().index()} << 8 |
         static_cast<std::uint64_t>(ctx.level());
}

std::uint64_t state_of(Atomic& ctx) {
  std::uint64_t state = 0;
  const bool irqs = ctx.cpu().irqs_enabled();
  if (irqs) state |= events::kLockIrqsOn;
  if (irqs && ctx.cpu().softirqs_enabled()) state |= events::kLockSoftirqsOn;
  if (ctx.level() == Level::hardirq) state |= events::kLockInHardirq;
  if (ctx.level() == Level::softirq) state |= events::kLockInSoftirq;
  return state;
}

}  // namespace

std::uint64_t LockClass::number(System& system) const {
  return system.lock_names.of_class(system.probe, name_);
}

void LockClass::tell_acquire(Atomic& ctx, events::LockMode mode, Place at) const {
  System& system = ctx.system();
  ctx.show(events::LockAcquire{context_of(ctx), number(system),
                               system.lock_names.of_place(system.probe, at),
                               static_cast<std::uint64_t>(mode), state_of(ctx)});
}

void LockClass::tell_contended(Atomic& ctx, Place at) const {
  System& system = ctx.system();
  ctx.show(events::LockContended{context_of(ctx), number(system),
                                 system.lock_names.of_place(system.probe, at)});
}

void LockClass::tell_release(Atomic& ctx) const {
  ctx.show(events::LockRelease{context_of(ctx), number(ctx.system())});
}

}  // namespace iodrome::kernel
