// SPDX-License-Identifier: Apache-2.0
// One aio_sendfile in the kernel: struct kaio_private with its request.
#pragma once
#include "model/designs/kevent/aio_sendfile.h"
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::designs::kevent {

/// Invariants
///  1. Whatever happens, its event becomes ready once.
///  2. Between two passes it has a callback to call, or waits for the end of a read.
class Transfer final : public KaioRequest, public Pooled {
 public:
  Transfer(kernel::Os& os, KaioThreads& threads, KeventQueue& queue, const SendRequest& request,
           kernel::FilePtr file, kernel::FilePtr socket, std::uint64_t window_pages);

  /// kaio_read_send_pages(), the callback.
  static Task<int> read_send_pages(kernel::Sleepable& ctx, KaioRequest& self);
  /// kevent_aio_callback(): its event asks whether it is over, and is told once.
  static int ended(Kevent& event);

 private:
  struct PagesRead;

  Task<int> pass(kernel::Sleepable& ctx);
  Task<Errno> send_pages(kernel::Sleepable& ctx, bool& productive);
  Errno gather(kernel::PageParts& parts);
  Task<Result<std::uint64_t>> send(kernel::Sleepable& ctx, const kernel::PageParts& parts);
  Task<int> read_pages(kernel::Sleepable& ctx);
  Task<Errno> issue(kernel::Sleepable& ctx, std::uint64_t first, std::uint64_t count);
  void expect(std::uint64_t first, std::uint64_t end, PagesRead* next);
  Task<void> finish(kernel::Sleepable& ctx, Errno error);
  void park(kernel::Sleepable& ctx);
  kernel::Page* page_at(std::uint64_t index) const;
  bool front_awaited() const {
    return front_ != nullptr && front_->state == kernel::Page::State::reading;
  }
  /// Where it ends, bytes; the file may be shorter.
  std::uint64_t end() const { return std::min(stop_, file_->inode->size_bytes); }
  std::uint64_t window() const;

  kernel::Os& os_;
  KaioThreads& threads_;
  KeventQueue& queue_;
  kernel::FilePtr file_;
  kernel::FilePtr socket_;
  events::StageLedger* ledger_;
  std::uint64_t stop_;       // bytes
  std::uint64_t processed_;  // next byte to send
  std::uint64_t next_read_;  // page
  ReadWindow window_;
  kernel::PagePtr front_;        // the next page to send, while it is waited for
  std::uint32_t in_flight_ = 0;  // reads whose end will bring it back
  bool finished_ = false;
  Errno error_ = Errno::ok;
};

}  // namespace iodrome::designs::kevent
