// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/signal/pending_signals.h"

#include <algorithm>

namespace iodrome::kernel {

std::optional<SigInfo> PendingSignals::take(SigSet wanted, bool& queued) {
  queued = false;
  const SigSet there = set_ & wanted;
  if (there.empty()) return std::nullopt;
  const SigSet first = there & kSigSynchronous;
  const std::int32_t number = (first.empty() ? there : first).lowest();
  const auto same = [number](const SigInfo& info) { return info.number == number; };
  const auto found = std::ranges::find_if(entries_, same);
  SigInfo info{.number = number};
  if (found != entries_.end()) {
    info = *found;
    queued = true;
    entries_.erase(found);
  }
  if (std::ranges::none_of(entries_, same)) set_.remove(number);
  return info;
}

std::size_t PendingSignals::flush(std::int32_t number) {
  set_.remove(number);
  return std::erase_if(entries_, [number](const SigInfo& info) { return info.number == number; });
}

std::size_t PendingSignals::clear() {
  const std::size_t gone = entries_.size();
  set_ = {};
  entries_.clear();
  return gone;
}

}  // namespace iodrome::kernel
