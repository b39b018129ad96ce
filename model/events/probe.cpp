// SPDX-License-Identifier: Apache-2.0
#include "model/events/probe.h"

namespace iodrome::events {

void Probe::attach(Observer& observer, std::span<const Subsystem> subsystems) {
  std::uint32_t mask = 0;
  for (const Subsystem of : subsystems) mask |= bit(of);
  observers_.push_back({&observer, mask});
  mask_ |= mask;
}

void Probe::name(Named what, std::uint64_t id, std::string_view name) const {
  for (const Attached& attached : observers_) attached.observer->on_name(what, id, name);
}

void Probe::tell(const EventInfo& info, std::uint32_t cpu, std::span<const std::uint64_t> words) {
  for (const Attached& attached : observers_)
    if ((attached.mask & bit(info.subsystem)) != 0)
      attached.observer->on(info, timeline_.now(), cpu, words);
}

}  // namespace iodrome::events
