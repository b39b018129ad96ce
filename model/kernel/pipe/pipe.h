// SPDX-License-Identifier: Apache-2.0
// Pipes as splice sees them: a bounded ring of page references.
//
// Differs from Linux: no read() or write() of bytes; capacity is counted in slots of one page, 16
// by default there.
#pragma once
#include <deque>

#include "model/kernel/mm/page.h"

namespace iodrome::kernel {

class Pipe {
 public:
  explicit Pipe(std::uint32_t slots) : slots_(slots) {}
  bool full() const { return parts_.size() == slots_; }
  bool empty() const { return parts_.empty(); }
  std::uint32_t free_slots() const { return slots_ - static_cast<std::uint32_t>(parts_.size()); }
  std::uint64_t bytes() const { return bytes_; }

  void push(PagePart part) {
    check(!full(), "pipe overflow");
    bytes_ += part.bytes;
    parts_.push_back(std::move(part));
  }
  const std::deque<PagePart>& parts() const { return parts_; }
  /// Drops the first `bytes` bytes; a part taken in half stays with the rest.
  void consume(std::uint64_t bytes);

 private:
  std::uint32_t slots_;
  std::uint64_t bytes_ = 0;
  std::deque<PagePart> parts_;
};

}  // namespace iodrome::kernel
