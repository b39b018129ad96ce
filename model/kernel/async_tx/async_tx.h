// SPDX-License-Identifier: Apache-2.0
// Chains of operations on memory, on engines where there are any and on the caller's CPU where not,
// and the caller need not know which.
//
// Source: Linux crypto/async_tx/ and include/linux/async_tx.h since 2.6.28 (one dependent of each
// descriptor; channels are switched by an interrupt descriptor).
// Differs: a failed parent fails its dependents with EIO where Linux panics or goes on; an
// exclusive or that finds no descriptor goes to the CPU where Linux spins for one; a check on the
// CPU leaves its blocks as they are where Linux sums into the last; no ASYNC_TX_FENCE, since
// whatever has a `depend_tx` begins after its end; no alignment rules, no kmap.
#pragma once
#include "model/kernel/async_tx/channel_choice.h"
#include "model/kernel/dmaengine/cpu_operation.h"

namespace iodrome::kernel {

/// enum async_tx_flags. One of the first two comes with every exclusive or.
enum AsyncTxFlags : std::uint32_t {
  kXorZeroDst = 1u << 0,  // the destination is no source: a CPU clears it first
  kXorDropDst = 1u << 1,  // it is the first source: a CPU sums into it
  kAsyncAck = 1u << 2,    // nothing will depend on it
};

/// struct async_submit_ctl. `depend_tx` is acknowledged by the call that it is given to.
struct AsyncSubmit {
  std::uint32_t flags = 0;
  DmaDescriptor* depend_tx = nullptr;
  /// In a tasklet if an engine does the work, else in the caller's context before the call returns,
  /// with a descriptor of no channel. Its `error` tells of failures. It must not submit.
  DmaDescriptor::Callback callback = nullptr;
  void* argument = nullptr;
  /// Set where a CPU leaves the call out, since what it depends on has failed: who chains calls
  /// without a callback of each learns of it here.
  bool* left_out = nullptr;
};

/// All calls return the descriptor if an engine has the work, nullptr if it is done. They are legal
/// in any context but hardirqs. Where a CPU does the work, it first burns until `depend_tx` has
/// ended; if that failed the call does nothing, and its callback alone is told. Nothing need have
/// begun before issue_pending_all().
class AsyncTx {
 public:
  AsyncTx(DmaEngine& engine, ChannelChoice& choice, const SoftwareDmaRates& rates)
      : engine_(engine), choice_(choice), rates_(rates) {}

  Task<DmaDescriptor*> memcpy(Atomic& ctx, hw::PhysAddr to, hw::PhysAddr from, std::uint32_t bytes,
                              AsyncSubmit submit);
  Task<DmaDescriptor*> memset(Atomic& ctx, hw::PhysAddr to, std::uint8_t value, std::uint32_t bytes,
                              AsyncSubmit submit);
  /// The sources' exclusive or. More sources than an engine takes become a chain.
  Task<DmaDescriptor*> exclusive_or(Atomic& ctx, hw::PhysAddr to,
                                    std::span<const hw::PhysAddr> sources, std::uint32_t bytes,
                                    AsyncSubmit submit);
  /// Whether the sources sum to zero; `*result` is 0 or kSumCheckP before the callback.
  Task<DmaDescriptor*> xor_val(Atomic& ctx, std::span<const hw::PhysAddr> sources,
                               std::uint32_t bytes, std::uint32_t* result, AsyncSubmit submit);
  /// P and Q of RAID 6; an address of 0 is not wanted.
  Task<DmaDescriptor*> pq(Atomic& ctx, hw::PhysAddr p, hw::PhysAddr q,
                          std::span<const hw::PhysAddr> sources, std::uint32_t bytes,
                          AsyncSubmit submit);
  /// The callback, after `depend_tx`.
  Task<DmaDescriptor*> trigger_callback(Atomic& ctx, AsyncSubmit submit);

  /// Starts whatever was submitted, on every channel.
  Task<void> issue_pending_all(Atomic& ctx);
  /// Burns the CPU until it has ended, and acknowledges it; its error.
  Task<Errno> quiesce(Atomic& ctx, DmaDescriptor* descriptor);

  struct Counters {
    std::uint64_t offloaded = 0;    // calls and pieces of them
    std::uint64_t synchronous = 0;  // done by the caller's CPU
    std::uint64_t switches = 0;     // interrupt descriptors between channels
    std::uint64_t spins = 0;        // waits for a parent, also for one that has ended
  };
  const Counters& counters() const { return counters_; }

 private:
  DmaChannel* channel_for(Atomic& ctx, DmaOp op, const AsyncSubmit& submit);
  /// By the engine, if it has a descriptor for it, else by this CPU.
  Task<DmaDescriptor*> do_one(Atomic& ctx, DmaDescriptor* tx, CpuOperation operation,
                              const AsyncSubmit& submit, std::uint32_t* result = nullptr);
  Task<DmaDescriptor*> offload(Atomic& ctx, DmaDescriptor& tx, const AsyncSubmit& submit);
  Task<void> switch_channel(Atomic& ctx, DmaDescriptor& tx, DmaDescriptor& parent);
  Task<void> synchronous(Atomic& ctx, CpuOperation operation, const AsyncSubmit& submit,
                         std::uint32_t* result);

  DmaEngine& engine_;
  ChannelChoice& choice_;
  const SoftwareDmaRates rates_;
  Counters counters_;
};

}  // namespace iodrome::kernel
