// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/md/stripe_cache.h"

namespace iodrome::kernel {

StripeCache::StripeCache(Raid5& array, System& system, std::uint32_t members, std::uint32_t stripes,
                         MdWakeup& worker)
    : stripes_(stripes), worker_(worker) {
  for (StripeHead& stripe : stripes_) {
    stripe.array = &array;
    stripe.blocks.resize(members);
    for (std::uint32_t member = 0; member < members; ++member) {
      StripeBlock& block = stripe.blocks[member];
      block.page = system.memory.allocate_page();
      block.bio.stripe = &stripe;
      block.bio.member = member;
    }
    inactive_.push_back(stripe);
  }
}

StripeCache::~StripeCache() {
  inactive_.clear();
  handle_.clear();
  delayed_.clear();
}

// One that nobody holds stands on the list that its flags say.
void StripeCache::unlink(StripeHead& stripe) {
  List& list = !stripe.handle ? inactive_ : stripe.delayed ? delayed_ : handle_;
  list.erase(list.iterator_to(stripe));
}

StripeHead* StripeCache::find(std::uint64_t sector) {
  const auto found = by_sector_.find(sector);
  if (found == by_sector_.end()) return nullptr;
  StripeHead& stripe = *found->second;
  if (stripe.count == 0) {
    if (!stripe.handle) ++active_;
    unlink(stripe);
  }
  ++stripe.count;
  return &stripe;
}

// init_stripe(): what the pages hold belongs to another sector.
StripeHead& StripeCache::take_free(std::uint64_t sector, std::uint32_t parity) {
  StripeHead& stripe = inactive_.front();
  inactive_.pop_front();
  ++active_;
  if (stripe.hashed) by_sector_.erase(stripe.sector);
  check(stripe.check == CheckState::idle && stripe.reconstruct == ReconstructState::idle,
        "a stripe at work taken for another");
  stripe.sector = sector;
  stripe.parity = parity;
  stripe.count = 1;
  stripe.hashed = true;
  stripe.syncing = stripe.insync = stripe.degraded = stripe.by_cpu = false;
  for (StripeBlock& block : stripe.blocks) {
    check(!block.locked && block.to_read.empty() && block.reading.empty() &&
              block.to_write.empty() && block.written.empty(),
          "a stripe in use taken for another");
    block.uptodate = block.overwrite = block.read_error = block.rewritten = false;
  }
  by_sector_.emplace(sector, &stripe);
  return stripe;
}

StripeHead* StripeCache::try_get(std::uint64_t sector, std::uint32_t parity) {
  StripeHead* const found = find(sector);
  if (found != nullptr) return found;
  return may_take() ? &take_free(sector, parity) : nullptr;
}

Task<StripeHead*> StripeCache::get(Sleepable& ctx, std::uint64_t sector, std::uint32_t parity) {
  for (;;) {
    StripeHead* const found = find(sector);
    if (found != nullptr) co_return found;
    if (may_take()) co_return &take_free(sector, parity);
    blocked_ = true;
    while (!may_take()) co_await free_.wait(ctx, "a free stripe", events::Stage::queue);
    blocked_ = false;
  }
}

void StripeCache::put_back(StripeHead& stripe) {
  check(stripe.count > 0, "a stripe let go by who does not hold it");
  if (--stripe.count > 0) return;
  if (stripe.handle) {
    (stripe.delayed ? delayed_ : handle_).push_back(stripe);
    return;
  }
  end_preread(stripe);
  --active_;
  inactive_.push_back(stripe);
}

Task<void> StripeCache::release(Atomic& ctx, StripeHead& stripe) {
  const bool preread = stripe.preread_active;
  put_back(stripe);
  if (stripe.count > 0) co_return;
  if (stripe.handle) {
    co_await worker_.wake(ctx);
    co_return;
  }
  const bool wanted = std::exchange(worker_wants_free_, false);
  if (wanted || (preread && may_preread())) co_await worker_.wake(ctx);
  if (may_take()) co_await free_.wake_all(ctx);
}

StripeHead* StripeCache::next_to_handle() {
  if (handle_.empty()) return nullptr;
  StripeHead& stripe = handle_.front();
  handle_.pop_front();
  stripe.count = 1;
  return &stripe;
}

bool StripeCache::activate_delayed() {
  if (!may_preread() || delayed_.empty()) return false;
  while (!delayed_.empty()) {
    StripeHead& stripe = delayed_.front();
    delayed_.pop_front();
    stripe.delayed = false;
    if (!std::exchange(stripe.preread_active, true)) ++preread_active_;
    handle_.push_back(stripe);
  }
  return true;
}

}  // namespace iodrome::kernel
