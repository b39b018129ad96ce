// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>
#include <deque>
#include <map>

namespace iodrome::kernel {

class Work;

/// Work that waits for a thread: lower ranks first, FIFO within one. A place costs one pointer.
class RankedWorks {
 public:
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  void push(Work& work, std::uint8_t rank) {
    of_rank_[rank].push_back(&work);
    ++size_;
  }
  /// There must be one.
  Work& pop() {
    auto first = of_rank_.begin();
    while (first->second.empty()) ++first;
    Work& work = *first->second.front();
    first->second.pop_front();
    --size_;
    return work;
  }

 private:
  std::map<std::uint8_t, std::deque<Work*>> of_rank_;  // few ranks, which stay
  std::size_t size_ = 0;
};

}  // namespace iodrome::kernel
