// SPDX-License-Identifier: Apache-2.0
// A channel of a DMA engine as its users see it: prepare, submit, issue, ask or be called.
//
// Source: Linux include/linux/dmaengine.h, drivers/dma/dmaengine.h, crypto/async_tx/async_tx.c.
// Differs: a prepared descriptor need not be submitted under a lock; a dependent that failed ends
// with EIO by itself; errors of the last 64 failed cookies are remembered.
#pragma once
#include <span>
#include <vector>

#include "model/kernel/dmaengine/dma_descriptor.h"

namespace iodrome::kernel {

/// Costs of the dmaengine's own code; the machine's [dma] table gives them.
struct DmaCosts {
  Cost prep;      // a descriptor taken and filled, addresses mapped
  Cost issue;     // pending descriptors handed to the engine: the doorbell
  Cost complete;  // one ended descriptor cleaned up and unmapped
  Cost poll;      // one look whether a cookie has completed, and the pause until the next
};

/// What drivers fill in, and what users call. Descriptors come from a fixed pool.
///
/// Order: a channel with `in_order` ends descriptors in the order of their submission.
class DmaChannel {
 public:
  struct Limits {
    std::uint32_t capabilities = 0;
    std::uint32_t max_bytes = 0;
    std::uint32_t max_sources = 1;
    bool in_order = true;
    bool software = false;  // a CPU does the work
    /// Descriptors submitted and not issued at which tx_submit() issues; 0: it never does.
    std::uint32_t pending_level = 0;
  };
  DmaChannel(System& system, DmaCosts& costs, const char* name, const Limits& limits,
             std::uint32_t descriptors);
  virtual ~DmaChannel() = default;
  DmaChannel(const DmaChannel&) = delete;
  DmaChannel& operator=(const DmaChannel&) = delete;

  const char* name() const { return name_; }
  DmaCosts& costs() { return costs_; }
  const Limits& limits() const { return limits_; }
  bool can(DmaOp op) const { return (limits_.capabilities & dma_capability(op)) != 0; }

  /// Prepare an operation. nullptr: the channel cannot do it, or has no descriptor left, or memory
  /// ran out; the caller does the work some other way.
  Task<DmaDescriptor*> prep_memcpy(Atomic& ctx, hw::PhysAddr to, hw::PhysAddr from,
                                   std::uint32_t bytes);
  Task<DmaDescriptor*> prep_xor(Atomic& ctx, hw::PhysAddr to, std::span<const hw::PhysAddr> sources,
                                std::uint32_t bytes);
  /// Whether the sources' exclusive or is zero everywhere: `sums_to_zero` afterwards.
  Task<DmaDescriptor*> prep_zero_sum(Atomic& ctx, std::span<const hw::PhysAddr> sources,
                                     std::uint32_t bytes);
  Task<DmaDescriptor*> prep_memset(Atomic& ctx, hw::PhysAddr to, std::uint8_t value,
                                   std::uint32_t bytes);
  /// P, the sources' exclusive or, and Q, their sum weighted by powers of {02}; an address of 0 is
  /// not wanted.
  Task<DmaDescriptor*> prep_pq(Atomic& ctx, hw::PhysAddr p, hw::PhysAddr q,
                               std::span<const hw::PhysAddr> sources, std::uint32_t bytes);
  /// Moves nothing; for its callback, and for what depends on it.
  Task<DmaDescriptor*> prep_interrupt(Atomic& ctx);

  /// `descriptor`, prepared and not submitted, begins after `parent` has ended, on whatever
  /// channel. It acknowledges the parent. A parent that has ended already but was not acknowledged
  /// is fine.
  ///
  /// Errors: a second dependent of one parent is a bug of the caller, as is an acknowledged parent.
  static void depends_on(DmaDescriptor& descriptor, DmaDescriptor& parent);
  /// No more dependents will come: the descriptor may be recycled once it has ended.
  void acknowledge(DmaDescriptor& descriptor);

  /// Gives the descriptor its cookie and its place. Nothing starts before issue_pending().
  ///
  /// Errors: kHeldCookie while its parent is in progress elsewhere; it is then submitted, and
  /// issued, when that has ended.
  DmaCookie submit(DmaDescriptor& descriptor);
  /// submit(), and issue_pending() when `pending_level` descriptors have gathered: what the
  /// drivers' tx_submit does, so that a client's long series begins before its end.
  Task<DmaCookie> tx_submit(Atomic& ctx, DmaDescriptor& descriptor);
  /// Starts everything submitted so far.
  Task<void> issue_pending(Atomic& ctx);
  /// dma_async_is_tx_complete(): by comparing cookies; looks at no hardware.
  DmaStatus tx_status(DmaCookie cookie) const;
  /// Takes up whatever has ended without waiting for an interrupt, as polling users do.
  virtual Task<void> poll(Atomic& ctx) = 0;

  /// Descriptors that are neither free nor handed out: 0 when the channel is quiet.
  std::size_t in_use() const { return pool_.size() - free_.size(); }
  /// Submitted and not issued.
  std::size_t pending() const { return submitted_.size(); }
  std::size_t descriptors() const { return pool_.size(); }
  DmaCookie last_used() const { return last_used_; }
  DmaCookie last_complete() const { return last_complete_; }
  /// Tests alone: where cookies go on from.
  void continue_cookies_after(DmaCookie cookie) { last_used_ = last_complete_ = cookie; }

 protected:
  using Queue = boost::intrusive::list<DmaDescriptor, boost::intrusive::constant_time_size<true>>;

  /// Driver: queues the descriptor at the hardware, unseen by it until kick(). One that has an
  /// error already shall do nothing but end.
  virtual void load(DmaDescriptor& descriptor) = 0;
  /// Driver: a loaded descriptor shall do nothing, since what it depends on failed.
  virtual void doom(DmaDescriptor& descriptor) = 0;
  /// Driver: shows the hardware everything loaded and issued, in active().
  virtual Task<void> kick(Atomic& ctx) = 0;

  /// Driver: a descriptor of active() has ended. Runs its callback and starts its dependent; the
  /// descriptor may be gone afterwards.
  Task<void> finish(Atomic& ctx, DmaDescriptor& descriptor, Errno error);
  /// Issued and not reaped, oldest first.
  Queue& active() { return active_; }

  System& system_;
  DmaCosts& costs_;

 private:
  Task<DmaDescriptor*> prep(Atomic& ctx, DmaOp op, hw::PhysAddr to,
                            std::span<const hw::PhysAddr> sources, std::uint32_t bytes);
  DmaDescriptor* take(DmaOp op, std::size_t sources, std::uint32_t bytes);
  void place(DmaDescriptor& descriptor);
  void place_all(DmaDescriptor& first);
  static void pass_on(DmaDescriptor& child, Errno error);
  void reap();
  void recycle(DmaDescriptor& descriptor);

  const char* name_;
  const Limits limits_;
  std::vector<DmaDescriptor> pool_;
  Queue free_;
  Queue submitted_;  // with a cookie, not issued
  Queue active_;
  DmaCookie last_used_ = kFirstCookie - 1;
  DmaCookie last_complete_ = kFirstCookie - 1;
  std::vector<DmaCookie> failed_;  // the latest ones, oldest first
};

/// dma_sync_wait(): issues, and burns the CPU until the cookie has ended. Legal in any context but
/// a callback of that channel.
///
/// Errors: DmaStatus::error, of the operation or after five seconds.
Task<DmaStatus> dma_sync_wait(Atomic& ctx, DmaChannel& channel, DmaCookie cookie);
/// dma_wait_for_async_tx(): the same for a descriptor that may not have been submitted to its
/// channel yet, since what it depends on has not ended: oldest ancestor first. It is not
/// acknowledged.
Task<DmaStatus> dma_wait_for_async_tx(Atomic& ctx, DmaDescriptor& descriptor);

}  // namespace iodrome::kernel
