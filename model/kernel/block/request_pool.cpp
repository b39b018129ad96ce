// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/request_pool.h"

#include <algorithm>

namespace iodrome::kernel {

namespace {
// Source: BLK_BATCH_REQ and BLK_BATCH_TIME of Linux 2.6.
constexpr std::uint32_t kBatch = 32;
constexpr Duration kBatchTime = 20ms;
using Rules = DeadlineElevator::Rules;
}  // namespace

RequestPool::RequestPool(Rules rules, std::uint32_t nr_requests)
    : rules_(rules),
      nr_requests_(nr_requests),
      requests_(rules == Rules::mq ? nr_requests : 2 * (3 * nr_requests / 2)) {
  for (QueuedRequest& each : requests_) free_.push_back(&each);
}

bool RequestPool::batching(std::uint64_t thread, SimTime now) const {
  const auto found = batches_.find(thread);
  if (found == batches_.end()) return false;
  const Batch& batch = found->second;
  return batch.left == kBatch || (batch.left > 0 && now < batch.until);
}

void RequestPool::begin_batch(std::uint64_t thread, SimTime now) {
  if (thread != 0) batches_[thread] = {kBatch, now + kBatchTime};
}

// As get_request(): the thresholds are those of blk_queue_congestion_threshold().
bool RequestPool::may_take(Side& side, std::uint64_t thread, SimTime now) {
  const std::uint32_t congestion_on = std::min(nr_requests_ - nr_requests_ / 8 + 1, nr_requests_);
  if (side.taken + 1 >= congestion_on) {
    if (side.taken + 1 >= nr_requests_) {
      if (!side.full) {
        begin_batch(thread, now);
        side.full = true;
      } else if (!batching(thread, now)) {
        return false;
      }
    }
    side.congested = true;
  }
  return side.taken < 3 * nr_requests_ / 2;
}

bool RequestPool::may_take_mq(bool write) const {
  if (sides_[0].taken + sides_[1].taken >= nr_requests_) return false;
  return !write || sides_[1].taken < std::max(1u, 3 * nr_requests_ / 4);
}

QueuedRequest* RequestPool::take(bool write, std::uint64_t thread, SimTime now) {
  Side& side = sides_[write ? 1 : 0];
  const bool granted = rules_ == Rules::mq ? may_take_mq(write) : may_take(side, thread, now);
  if (!granted) return nullptr;
  ++side.taken;
  if (rules_ == Rules::linux_2_6 && batching(thread, now)) --batches_[thread].left;
  QueuedRequest* const request = free_.back();
  free_.pop_back();
  return request;
}

// As __freed_request().
void RequestPool::give_back(QueuedRequest& request) {
  Side& side = sides_[request.write() ? 1 : 0];
  --side.taken;
  free_.push_back(&request);
  const std::uint32_t congestion_off =
      std::max(nr_requests_ - nr_requests_ / 8 - nr_requests_ / 16 - 1, 1u);
  if (side.taken < congestion_off) side.congested = false;
  if (side.taken + 1 <= nr_requests_) side.full = false;
}

Task<void> RequestPool::sleep(Sleepable& ctx, bool write) {
  co_await sides_[write ? 1 : 0].sleepers.wait(ctx, "get_request", events::Stage::queue);
  ctx.set_stage(ctx.stage());
  if (rules_ == Rules::linux_2_6) begin_batch(ctx.thread().id, ctx.now());
}

Task<void> RequestPool::wake(Atomic& ctx, bool write) {
  if (rules_ == Rules::linux_2_6) {
    Side& side = sides_[write ? 1 : 0];
    if (!side.full) co_await side.sleepers.wake_one(ctx);
    co_return;
  }
  // The directions share what there is: either may have it.
  co_await sides_[0].sleepers.wake_one(ctx);
  co_await sides_[1].sleepers.wake_one(ctx);
}

}  // namespace iodrome::kernel
