// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/dmaengine/dma_channel.h"

#include <algorithm>
#include <limits>

#include "model/events/memory.h"
#include "model/kernel/mm/allocation.h"

namespace iodrome::kernel {
namespace {
constexpr std::size_t kErrorsRemembered = 64;
}

DmaChannel::DmaChannel(System& system, DmaCosts& costs, const char* name, const Limits& limits,
                       std::uint32_t descriptors)
    : system_(system), costs_(costs), name_(name), limits_(limits), pool_(descriptors) {
  for (DmaDescriptor& descriptor : pool_) {
    descriptor.channel = this;
    free_.push_back(descriptor);
  }
}

// --- preparing ----------------------------------------------------------------------------------

Task<DmaDescriptor*> DmaChannel::prep_memcpy(Atomic& ctx, hw::PhysAddr to, hw::PhysAddr from,
                                             std::uint32_t bytes) {
  DmaDescriptor* const descriptor = co_await prep(ctx, DmaOp::memcpy, to, {&from, 1}, bytes);
  co_return descriptor;
}

Task<DmaDescriptor*> DmaChannel::prep_xor(Atomic& ctx, hw::PhysAddr to,
                                          std::span<const hw::PhysAddr> sources,
                                          std::uint32_t bytes) {
  return prep(ctx, DmaOp::exclusive_or, to, sources, bytes);
}

Task<DmaDescriptor*> DmaChannel::prep_zero_sum(Atomic& ctx, std::span<const hw::PhysAddr> sources,
                                               std::uint32_t bytes) {
  return prep(ctx, DmaOp::zero_sum, 0, sources, bytes);
}

Task<DmaDescriptor*> DmaChannel::prep_memset(Atomic& ctx, hw::PhysAddr to, std::uint8_t value,
                                             std::uint32_t bytes) {
  DmaDescriptor* const descriptor = co_await prep(ctx, DmaOp::memset, to, {}, bytes);
  if (descriptor != nullptr) descriptor->value = value;
  co_return descriptor;
}

Task<DmaDescriptor*> DmaChannel::prep_pq(Atomic& ctx, hw::PhysAddr p, hw::PhysAddr q,
                                         std::span<const hw::PhysAddr> sources,
                                         std::uint32_t bytes) {
  DmaDescriptor* const descriptor = co_await prep(ctx, DmaOp::pq, p, sources, bytes);
  if (descriptor != nullptr) descriptor->q = q;
  co_return descriptor;
}

Task<DmaDescriptor*> DmaChannel::prep_interrupt(Atomic& ctx) {
  return prep(ctx, DmaOp::interrupt, 0, {}, 0);
}

// The sources lie in the caller's frame, which awaits this.
Task<DmaDescriptor*> DmaChannel::prep(Atomic& ctx, DmaOp op, hw::PhysAddr to,
                                      std::span<const hw::PhysAddr> sources, std::uint32_t bytes) {
  co_await ctx.spend(costs_.prep);
  DmaDescriptor* const descriptor = take(op, sources.size(), bytes);
  if (descriptor == nullptr) co_return nullptr;
  descriptor->op = op;
  descriptor->destination = to;
  std::copy(sources.begin(), sources.end(), descriptor->sources.begin());
  descriptor->source_count = static_cast<std::uint32_t>(sources.size());
  descriptor->bytes = bytes;
  co_return descriptor;
}

DmaDescriptor* DmaChannel::take(DmaOp op, std::size_t sources, std::uint32_t bytes) {
  if (!can(op) || sources > limits_.max_sources || bytes > limits_.max_bytes) return nullptr;
  if ((bytes == 0) != (op == DmaOp::interrupt)) return nullptr;
  const bool sums = op == DmaOp::exclusive_or || op == DmaOp::zero_sum || op == DmaOp::pq;
  if (sums && sources == 0) return nullptr;
  if (free_.empty() || allocation_fails(system_, "dma_descriptor")) return nullptr;
  DmaDescriptor& descriptor = free_.front();
  free_.pop_front();
  return &descriptor;
}

// --- dependencies and life ----------------------------------------------------------------------

void DmaChannel::depends_on(DmaDescriptor& descriptor, DmaDescriptor& parent) {
  check(!parent.acked, "a dependent of a DMA descriptor that may be recycled already");
  check(parent.child == nullptr, "two dependents of one DMA descriptor");
  check(descriptor.cookie == kNoCookie, "a dependency of a DMA descriptor that was submitted");
  // A parent that waits for its own end may have failed already, with what it depended on.
  descriptor.error = parent.error;
  if (!parent.ended) {
    parent.child = &descriptor;
    descriptor.parent = &parent;
  }
  parent.channel->acknowledge(parent);
}

void DmaChannel::acknowledge(DmaDescriptor& descriptor) {
  check(!descriptor.acked, "a DMA descriptor acknowledged twice");
  descriptor.acked = true;
  if (descriptor.called && !descriptor.is_linked()) recycle(descriptor);
}

void DmaChannel::recycle(DmaDescriptor& descriptor) {
  DmaDescriptor fresh;
  fresh.channel = this;
  descriptor = fresh;
  free_.push_back(descriptor);
}

// --- submitting ---------------------------------------------------------------------------------

DmaCookie DmaChannel::submit(DmaDescriptor& descriptor) {
  check(descriptor.cookie == kNoCookie, "a DMA descriptor submitted twice");
  const DmaDescriptor* const parent = descriptor.parent;
  if (parent != nullptr) {
    // The hardware's order keeps the dependency where both are of one channel.
    const bool chained = parent->channel == this && limits_.in_order && parent->cookie > 0;
    if (!chained) return descriptor.cookie = kHeldCookie;
  }
  place(descriptor);
  return descriptor.cookie;
}

void DmaChannel::place(DmaDescriptor& descriptor) {
  last_used_ = last_used_ == std::numeric_limits<DmaCookie>::max() ? kFirstCookie : last_used_ + 1;
  descriptor.cookie = last_used_;
  submitted_.push_back(descriptor);
  load(descriptor);
}

Task<DmaCookie> DmaChannel::tx_submit(Atomic& ctx, DmaDescriptor& descriptor) {
  const DmaCookie cookie = submit(descriptor);
  if (limits_.pending_level != 0 && submitted_.size() >= limits_.pending_level)
    co_await issue_pending(ctx);
  co_return cookie;
}

Task<void> DmaChannel::issue_pending(Atomic& ctx) {
  if (submitted_.empty()) co_return;
  co_await ctx.spend(costs_.issue);
  active_.splice(active_.end(), submitted_);
  co_await kick(ctx);
}

DmaStatus DmaChannel::tx_status(DmaCookie cookie) const {
  check(cookie > 0, "the status of a DMA descriptor that has no cookie");
  if (std::find(failed_.begin(), failed_.end(), cookie) != failed_.end()) return DmaStatus::error;
  const bool straight = last_complete_ <= last_used_;
  const bool complete = straight ? cookie <= last_complete_ || cookie > last_used_
                                 : cookie <= last_complete_ && cookie > last_used_;
  return complete ? DmaStatus::complete : DmaStatus::in_progress;
}

// --- ending -------------------------------------------------------------------------------------

Task<void> DmaChannel::finish(Atomic& ctx, DmaDescriptor& descriptor, Errno error) {
  check(!descriptor.ended, "a DMA descriptor ended twice");
  descriptor.ended = true;
  if (descriptor.error == Errno::ok) descriptor.error = error;
  if (descriptor.error != Errno::ok) {
    if (failed_.size() == kErrorsRemembered) failed_.erase(failed_.begin());
    failed_.push_back(descriptor.cookie);
  }
  const bool writes = descriptor.op != DmaOp::zero_sum && descriptor.op != DmaOp::interrupt;
  if (descriptor.error == Errno::ok && writes && !limits_.software)
    ctx.emit(events::DmaCopy{static_cast<std::uint64_t>(descriptor.op), descriptor.bytes});
  if (descriptor.op == DmaOp::zero_sum && descriptor.result != nullptr)
    *descriptor.result = descriptor.sums_to_zero ? 0 : kSumCheckP;
  DmaDescriptor* const child = std::exchange(descriptor.child, nullptr);
  // Later its owner may have submitted it elsewhere, and it may have ended.
  const bool held = child != nullptr && child->cookie == kHeldCookie;
  if (child != nullptr) pass_on(*child, descriptor.error);
  reap();
  co_await ctx.spend(costs_.complete);
  if (descriptor.callback != nullptr) co_await descriptor.callback(ctx, descriptor);
  descriptor.called = true;
  if (descriptor.acked && !descriptor.is_linked()) recycle(descriptor);
  if (!held) co_return;
  DmaChannel& channel = *child->channel;
  channel.place_all(*child);
  co_await channel.issue_pending(ctx);
}

// dma_run_dependencies(): with it all that was held behind it alone and that its channel keeps in
// order, so that nobody need tell of the ends in between.
void DmaChannel::place_all(DmaDescriptor& first) {
  place(first);
  if (!limits_.in_order) return;
  for (DmaDescriptor* each = first.child; each != nullptr; each = each->child) {
    if (each->cookie != kHeldCookie || each->channel != this) return;
    place(*each);
  }
}

// What its parent's end means to a dependent: it may begin, or it fails without having run.
void DmaChannel::pass_on(DmaDescriptor& child, Errno error) {
  child.parent = nullptr;
  if (error == Errno::ok) return;
  // All of them now: the hardware may have the whole chain already. Each of them once: when one of
  // them ends, those behind it may have ended as well, and must not be touched.
  for (DmaDescriptor* each = &child; each != nullptr; each = each->child) {
    if (each->error != Errno::ok) continue;
    each->error = error;
    if (each->cookie > 0) each->channel->doom(*each);
  }
}

// Cookies complete in order, so that one comparison tells; callbacks may still be running.
void DmaChannel::reap() {
  while (!active_.empty() && active_.front().ended) {
    DmaDescriptor& descriptor = active_.front();
    active_.pop_front();
    last_complete_ = descriptor.cookie;
    if (descriptor.called && descriptor.acked) recycle(descriptor);
  }
}

}  // namespace iodrome::kernel
