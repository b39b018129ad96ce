// SPDX-License-Identifier: Apache-2.0
#include "model/engine/shared.h"

namespace iodrome {

void MemoryView::store(void* target, const void* value, std::size_t size) {
  Store entry{target, 0, size};
  std::memcpy(&entry.value, value, size);
  stores_.push_back(entry);
  timeline_.post(*new Drain(*this));
}

bool MemoryView::forward(const void* target, void* value, std::size_t size) const {
  for (auto entry = stores_.rbegin(); entry != stores_.rend(); ++entry) {
    if (entry->target != target) continue;
    std::memcpy(value, &entry->value, size);
    return true;
  }
  return false;
}

void MemoryView::retire_oldest() {
  const Store entry = stores_.front();
  stores_.pop_front();
  std::memcpy(entry.target, &entry.value, entry.size);
}

void MemoryView::flush() {
  while (!stores_.empty()) retire_oldest();
}

void MemoryView::Drain::happen() {
  if (!view.stores_.empty()) view.retire_oldest();
}

}  // namespace iodrome
