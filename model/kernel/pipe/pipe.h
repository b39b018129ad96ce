// SPDX-License-Identifier: Apache-2.0
// Pipes as splice sees them: a bounded ring of page references.
//
// Differs from Linux: no read() or write() of bytes; neither end is ever closed to the other, so no
// EPOLLHUP or EPOLLERR; capacity is counted in slots of one page, 16
// by default there.
#pragma once
#include <deque>

#include "model/kernel/mm/page.h"
#include "model/kernel/poll/pollable.h"

namespace iodrome::kernel {

class Pipe final : public Pollable {
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

  /// In if it holds something and the file reads it, out if a slot is free and the file writes.
  Task<PollEvents> poll(Sleepable& ctx, const File& file, PollTable* table) override;
  /// Tells pollers after a splice that moved something: kPollIn after push(), kPollOut after
  /// consume().
  Task<void> notify(Atomic& ctx, PollEvents what) {
    WaitQueue& pollers = what == kPollIn ? readers_ : writers_;
    return pollers.empty() ? Task<void>::ready() : pollers.wake_up(ctx, 1, what);
  }

 private:
  std::uint32_t slots_;
  std::uint64_t bytes_ = 0;
  std::deque<PagePart> parts_;
  WaitQueue readers_{"pipe readers"};
  WaitQueue writers_{"pipe writers"};
};

}  // namespace iodrome::kernel
