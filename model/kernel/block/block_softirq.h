// SPDX-License-Identifier: Apache-2.0
// The block softirq: requests whose end a hardirq has found, of all devices, ended on that CPU.
#pragma once
#include <deque>

#include "model/kernel/block/block.h"

namespace iodrome::kernel {

/// Source: Linux block/blk-mq.c, blk_mq_raise_softirq() and blk_done_softirq(). Differs: a request
/// ends on the CPU that took its interrupt, not on the one that submitted it.
class BlockSoftirq {
 public:
  /// Serves the softirq on every CPU there is; it lives as long as they do.
  explicit BlockSoftirq(System& system);

  /// For hardirq handlers: the request has ended, with that status. Its end is told in the block
  /// softirq of this CPU.
  ///
  /// Order: FIFO per CPU, over all devices.
  void complete(Atomic& ctx, Request& request, Errno status);

 private:
  struct Done final : IrqAction {
    Task<void> handle(Atomic& ctx) override;
    boost::intrusive::slist<Request, boost::intrusive::cache_last<true>> requests;
  };
  std::deque<Done> done_;  // by CPU
};

}  // namespace iodrome::kernel
