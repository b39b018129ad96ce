// SPDX-License-Identifier: Apache-2.0
// The array, its requests on their way into the stripes, and raid5d.
#include "model/kernel/md/raid5.h"

#include <algorithm>

namespace iodrome::kernel {

Raid5::Raid5(System& system, const std::vector<BlockDevice*>& members, const Raid5Params& params,
             Raid5Costs& costs, AsyncTx& tx, AsyncTx& by_cpu)
    : system_(system),
      layout_{static_cast<std::uint32_t>(members.size()),
              static_cast<std::uint64_t>(params.chunk_bytes) / 512},
      member_sectors_(params.member_sectors / layout_.chunk_sectors * layout_.chunk_sectors),
      costs_(costs),
      tx_(tx),
      by_cpu_(by_cpu),
      requests_(static_cast<std::size_t>(params.stripes)),
      cache_(*this, system, layout_.members, static_cast<std::uint32_t>(params.stripes), worker_),
      thread_(system, "md0_raid5", events::CpuClass::kthread, 0, *this) {
  check(members.size() >= 3 && params.stripes >= 4, "a RAID 5 that is none");
  check(layout_.chunk_sectors % kStripeSectors == 0, "a chunk that is no number of blocks");
  for (BlockDevice* const device : members) members_.push_back({device});
}

std::uint32_t Raid5::degraded() const {
  return static_cast<std::uint32_t>(std::ranges::count_if(
      members_, [](const Member& member) { return member.faulty || !member.in_sync; }));
}

void Raid5::fail_member(std::uint32_t member) {
  Member& it = members_[member];
  if (it.faulty) return;
  it.faulty = true;
  it.in_sync = false;
  interrupted_ = true;
}

void Raid5::add_spare(std::uint32_t member) {
  members_[member].faulty = false;
  members_[member].in_sync = false;
  members_[member].read_errors = 0;
}

void Raid5::spares_in_sync() {
  for (Member& member : members_)
    if (!member.faulty) member.in_sync = true;
}

void Raid5::listen(SyncListener* listener, bool only_check) {
  check(listener == nullptr || listener_ == nullptr, "two resyncs of an array at a time");
  listener_ = listener;
  only_check_ = only_check;
  interrupted_ = false;
}

// --- requests -----------------------------------------------------------------------------------

Task<void> Raid5::queue_request(Atomic& ctx, Request& request) {
  co_await ctx.spend();
  device_->started(ctx, request);
  if (!transfers(request.op) || request.fua) {
    co_await device_->complete(ctx, request, Errno::eopnotsupp);
    co_return;
  }
  check(request.end_sector() <= sectors(), "a request beyond the end of the array");
  request.enter(events::Stage::device, ctx.now());
  ArrayRequest& mine = requests_[request.tag];
  mine = {&request, request.sector, 1, Errno::ok};
  const std::uint64_t blocks = (request.end_sector() + kStripeSectors - 1) / kStripeSectors -
                               request.sector / kStripeSectors;
  co_await ctx.spend(costs_.stripe_get, blocks);
  waiting_.push_back(&mine);
  co_await worker_.wake(ctx);
}

// Puts the request's blocks into their stripes, as far as it goes. Whether all of them are.
bool Raid5::place(ArrayRequest& request) {
  const Request& whole = *request.request;
  const bool write = whole.op == BlockOp::write;
  while (request.next_sector < whole.end_sector()) {
    const std::uint64_t sector = request.next_sector;
    const std::uint64_t block_begin = sector / kStripeSectors * kStripeSectors;
    const std::uint64_t end = std::min(block_begin + kStripeSectors, whole.end_sector());
    const Raid5Layout::Place where = layout_.locate(block_begin);
    StripeHead* const stripe = cache_.try_get(where.sector, where.parity);
    if (stripe == nullptr) return false;
    const StripePiece piece{&request, static_cast<std::uint32_t>((sector - block_begin) * 512),
                            static_cast<std::uint32_t>((sector - whole.sector) * 512),
                            static_cast<std::uint32_t>((end - sector) * 512)};
    const bool added = add_piece(stripe->blocks[where.member], write, piece);
    if (added) {
      ++request.left;
      request.next_sector = end;
      stripe->handle = true;
      stripe->delayed = false;
    }
    cache_.put_back(*stripe);
    if (!added) return false;
  }
  return true;
}

// add_stripe_bio(). A piece that overlaps one that waits here already is refused.
bool Raid5::add_piece(StripeBlock& block, bool write, const StripePiece& piece) {
  StripePieces& pieces = write ? block.to_write : block.to_read;
  std::uint32_t covered = 0;
  for (const StripePiece& other : pieces) covered |= other.sectors();
  if ((covered & piece.sectors()) != 0) return false;
  pieces.push_back(piece);
  if (write && (covered | piece.sectors()) == kAllSectors) block.overwrite = true;
  return true;
}

void Raid5::attach_waiting() {
  while (!waiting_.empty()) {
    ArrayRequest& first = *waiting_.front();
    if (!place(first)) {
      cache_.worker_wants_free();
      return;
    }
    waiting_.erase(waiting_.begin());
    --first.left;  // there are no more to come; its pieces have not been looked at yet
  }
}

void Raid5::end_piece(StripeLook& look, const StripePiece& piece, Errno status) {
  ArrayRequest& request = *piece.of;
  if (status != Errno::ok) request.status = status;
  if (--request.left == 0) look.done.push_back(&request);
}

void Raid5::end_pieces(StripeLook& look, StripePieces& pieces, Errno status) {
  for (const StripePiece& piece : pieces) end_piece(look, piece, status);
  pieces.clear();
}

Task<void> Raid5::end_requests(Atomic& ctx, const std::vector<ArrayRequest*>& done) {
  for (const ArrayRequest* const request : done)
    co_await device_->complete(ctx, *request->request, request->status);
}

// --- raid5d -------------------------------------------------------------------------------------

Task<void> Raid5::run(Sleepable& ctx) {
  for (;;) {
    co_await worker_.wait(ctx);
    for (;;) {
      attach_waiting();
      StripeHead* const stripe = cache_.next_to_handle();
      if (stripe == nullptr && cache_.activate_delayed()) continue;
      if (stripe == nullptr) break;
      co_await handle_stripe(ctx, *stripe);
      co_await cache_.release(ctx, *stripe);
    }
    // What was prepared begins now at the latest.
    co_await tx_.issue_pending_all(ctx);
  }
}

Task<void> Raid5::sync_request(Sleepable& ctx, std::uint64_t member_sector) {
  const std::uint32_t parity = layout_.parity_at(member_sector);
  co_await ctx.spend(costs_.stripe_get);
  StripeHead* stripe = cache_.try_get(member_sector, parity);
  if (stripe == nullptr) {
    stripe = co_await cache_.get(ctx, member_sector, parity);
    // Others who want stripes have their turn.
    co_await schedule_timeout(ctx, 1, "its turn for stripes", events::Stage::queue);
  }
  stripe->syncing = true;
  stripe->insync = false;
  co_await handle_stripe(ctx, *stripe);
  co_await cache_.release(ctx, *stripe);
}

}  // namespace iodrome::kernel
