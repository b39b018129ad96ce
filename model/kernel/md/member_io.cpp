// SPDX-License-Identifier: Apache-2.0
// Blocks on their way to and from the members.
#include <utility>

#include "model/kernel/md/raid5.h"

namespace iodrome::kernel {

// ops_run_io(). What is for a member that is not there passes it by.
Task<void> Raid5::run_io(Sleepable& ctx, StripeHead& stripe, bool syncing) {
  for (std::uint32_t i = 0; i < layout_.members; ++i) {
    StripeBlock& block = stripe.blocks[i];
    const bool write = std::exchange(block.want_write, false);
    const bool read = !write && std::exchange(block.want_read, false);
    if (!write && !read) continue;
    Member& member = members_[i];
    if (member.faulty) {
      if (write) stripe.degraded = true;
      block.locked = false;
      stripe.handle = true;
      continue;
    }
    member.sectors += kStripeSectors;
    if (syncing) member.sync_sectors += kStripeSectors;
    MemberBio& bio = block.bio;
    bio.op = write ? BlockOp::write : BlockOp::read;
    bio.sector = stripe.sector;
    bio.bytes = kStripeBytes;
    bio.segments = {{block.page, kStripeBytes}};
    bio.status = Errno::ok;
    bio.submitter = &ctx;
    bio.end_io = &member_ended;
    ++stripe.count;
    ++in_flight_;
    co_await member.device->submit(ctx, bio);
  }
}

// raid5_end_read_request(), raid5_end_write_request()
Task<void> Raid5::member_ended(Atomic& ctx, Bio& bio) {
  auto& mine = static_cast<MemberBio&>(bio);
  StripeHead& stripe = *mine.stripe;
  const std::uint32_t member = mine.member;
  Raid5& array = *stripe.array;
  --array.in_flight_;
  if (bio.op == BlockOp::read)
    array.read_ended(stripe, member, bio.status);
  else if (bio.status != Errno::ok)
    array.fail_member(member);
  co_await ctx.spend(array.costs_.member_end);
  stripe.blocks[member].locked = false;
  co_await array.handle_later(ctx, stripe);
}

// What cannot be read is computed and written anew, unless there is nothing to compute it from, or
// it is the second time, or the member has had too many errors.
void Raid5::read_ended(StripeHead& stripe, std::uint32_t member, Errno status) {
  StripeBlock& block = stripe.blocks[member];
  block.uptodate = status == Errno::ok;
  if (block.uptodate) {
    members_[member].read_errors = 0;
    block.read_error = block.rewritten = false;
    return;
  }
  ++members_[member].read_errors;
  if (degraded() == 0 && !block.rewritten && members_[member].read_errors <= cache_.size()) {
    block.read_error = true;
    return;
  }
  block.read_error = block.rewritten = false;
  fail_member(member);
}

}  // namespace iodrome::kernel
