// SPDX-License-Identifier: Apache-2.0
// A look at a stripe, and what is to be done with it: handle_stripe5() as of Linux 2.6.27.
#include "model/kernel/md/raid5.h"

namespace iodrome::kernel {

// All is decided at one moment, and what was decided then is carried out, whatever changes
// meanwhile.
Task<void> Raid5::handle_stripe(Sleepable& ctx, StripeHead& stripe) {
  ++counters_.handled;
  co_await ctx.spend(costs_.stripe_handle);
  co_await ctx.spend(costs_.stripe_member, layout_.members);
  StripeLook look = look_at(stripe);
  decide(stripe, look);
  if (look.wake) co_await worker_.wake(ctx);
  if (look.sync != StripeLook::Sync::goes_on && listener_ != nullptr)
    co_await listener_->done_sync(ctx, stripe.sector, look.sync == StripeLook::Sync::done);
  if (look.operations.any()) co_await run_operations(ctx, stripe, look.operations);
  co_await run_io(ctx, stripe, look.syncing);
  co_await end_requests(ctx, look.done);
}

StripeLook Raid5::look_at(StripeHead& stripe) {
  stripe.handle = stripe.delayed = false;
  StripeLook look;
  look.syncing = stripe.syncing;
  for (std::uint32_t i = 0; i < layout_.members; ++i) {
    StripeBlock& block = stripe.blocks[i];
    if (block.uptodate && !block.to_read.empty() && !stripe.biofill_run) block.want_fill = true;
    look.locked += block.locked;
    look.uptodate += block.uptodate;
    look.compute += block.want_compute;
    if (block.want_fill)
      ++look.to_fill;
    else
      look.to_read += !block.to_read.empty();
    if (!block.to_write.empty()) {
      ++look.to_write;
      look.non_overwrite += !block.overwrite;
    }
    look.written += !block.written.empty();
    if (!members_[i].in_sync) block.read_error = block.rewritten = false;
    block.in_sync = members_[i].in_sync && !block.read_error;
    if (block.in_sync) continue;
    ++look.failed;
    look.failed_member = i;
  }
  if (look.to_fill > 0 && !stripe.biofill_run) look.operations.biofill = stripe.biofill_run = true;
  return look;
}

void Raid5::decide(StripeHead& stripe, StripeLook& look) {
  if (look.failed > 1 && look.to_read + look.to_write + look.written > 0)
    fail_requests(stripe, look);
  if (look.failed > 1 && look.syncing) {
    look.sync = StripeLook::Sync::failed;
    stripe.syncing = look.syncing = false;
  }
  const StripeBlock& parity = stripe.blocks[stripe.parity];
  const bool parity_safe = parity.in_sync && !parity.locked && parity.uptodate;
  const bool parity_lost = look.failed == 1 && look.failed_member == stripe.parity;
  if (look.written > 0 && (parity_safe || parity_lost)) return_written(stripe, look);
  const bool incomplete = look.syncing && look.uptodate + look.compute < layout_.members;
  if (look.to_read > 0 || look.non_overwrite > 0 || incomplete) fill(stripe, look);
  write_changed(stripe, look);
  if (look.to_write > 0 && stripe.reconstruct == ReconstructState::idle &&
      stripe.check == CheckState::idle)
    consider_writes(stripe, look);
  if (stripe.check != CheckState::idle ||
      (look.syncing && look.locked == 0 && !stripe.compute_run && !stripe.insync))
    check_parity(stripe, look);
  if (look.syncing && look.locked == 0 && stripe.insync) {
    look.sync = StripeLook::Sync::done;
    stripe.syncing = false;
  }
  repair_read_error(stripe, look);
}

// handle_failed_stripe(): two blocks of the stripe are lost.
void Raid5::fail_requests(StripeHead& stripe, StripeLook& look) {
  for (std::uint32_t i = 0; i < layout_.members; ++i) {
    StripeBlock& block = stripe.blocks[i];
    if (block.read_error) fail_member(i);
    if (!block.to_write.empty()) --look.to_write;
    end_pieces(look, block.to_write, Errno::eio);
    block.overwrite = false;
    // What is at work is looked at again when that has ended.
    if (stripe.reconstruct == ReconstructState::idle) end_pieces(look, block.written, Errno::eio);
    if (block.want_fill || block.in_sync || block.to_read.empty()) continue;
    --look.to_read;
    end_pieces(look, block.to_read, Errno::eio);
  }
  look.non_overwrite = 0;
}

// handle_stripe_clean_event(): the parity is safe, and so is what was written with it.
void Raid5::return_written(StripeHead& stripe, StripeLook& look) {
  for (StripeBlock& block : stripe.blocks)
    if (!block.locked && block.uptodate) end_pieces(look, block.written, Errno::ok);
}

// handle_stripe_fill5(). Not while the stripe is changing.
void Raid5::fill(StripeHead& stripe, StripeLook& look) {
  if (!stripe.compute_run && stripe.check == CheckState::idle &&
      stripe.reconstruct == ReconstructState::idle)
    for (std::uint32_t i = layout_.members; i-- > 0 && !stripe.compute_run;)
      fetch_block(stripe, look, i);
  stripe.handle = true;
}

// fetch_block5()
void Raid5::fetch_block(StripeHead& stripe, StripeLook& look, std::uint32_t member) {
  StripeBlock& block = stripe.blocks[member];
  if (block.locked || block.uptodate) return;
  const auto wanted = [](const StripeBlock& of) {
    return !of.to_read.empty() || (!of.to_write.empty() && !of.overwrite);
  };
  const bool for_lost = look.failed > 0 && wanted(stripe.blocks[look.failed_member]);
  if (!wanted(block) && !look.syncing && !for_lost) return;
  const bool lost = look.failed > 0 && member == look.failed_member;
  if (lost && look.uptodate == layout_.members - 1) {
    compute_block(stripe, look, member);
    look.compute_asked = true;
  } else if (block.in_sync) {
    block.locked = block.want_read = true;
    ++look.locked;
  }
}

void Raid5::compute_block(StripeHead& stripe, StripeLook& look, std::uint32_t member) {
  stripe.compute_run = true;
  stripe.compute_target = member;
  stripe.blocks[member].want_compute = true;
  look.operations.compute = true;
  ++look.uptodate;  // from the point of view of what follows, it is there
}

// A change of the parity has ended: it and what it covers go to the members.
void Raid5::write_changed(StripeHead& stripe, StripeLook& look) {
  const bool prexor = stripe.reconstruct == ReconstructState::prexor_drain_result;
  if (!prexor && stripe.reconstruct != ReconstructState::drain_result) return;
  stripe.reconstruct = ReconstructState::idle;
  check(stripe.blocks[stripe.parity].uptodate, "a parity that was changed and is not there");
  for (std::uint32_t i = 0; i < layout_.members; ++i) {
    StripeBlock& block = stripe.blocks[i];
    if (!block.locked || (i != stripe.parity && block.written.empty())) continue;
    block.want_write = true;
    if (prexor) continue;
    if (!block.in_sync || (i == stripe.parity && look.failed == 0)) stripe.insync = true;
  }
  if (!stripe.preread_active) return;
  cache_.end_preread(stripe);
  look.wake = cache_.may_preread();
}

// A block that its member could not read was computed: it is written, then read again.
void Raid5::repair_read_error(StripeHead& stripe, StripeLook& look) {
  if (look.failed != 1) return;
  StripeBlock& block = stripe.blocks[look.failed_member];
  if (!block.read_error || block.locked || !block.uptodate) return;
  if (block.rewritten)
    block.want_read = true;
  else
    block.want_write = block.rewritten = true;
  block.locked = true;
  ++look.locked;
}

}  // namespace iodrome::kernel
