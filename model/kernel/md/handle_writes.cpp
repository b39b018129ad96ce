// SPDX-License-Identifier: Apache-2.0
// How a stripe's parity follows what is written: from the old data, or from all of the new.
#include "model/kernel/md/raid5.h"

namespace iodrome::kernel {

namespace {

bool absent(const StripeBlock& block) {
  return !block.locked && !block.uptodate && !block.want_compute;
}

// Blocks that must be known before a read-modify-write; a reconstruct-write.
bool needed_to_modify(const StripeHead& stripe, std::uint32_t member) {
  const StripeBlock& block = stripe.blocks[member];
  return (!block.to_write.empty() || member == stripe.parity) && absent(block);
}
bool needed_to_reconstruct(const StripeHead& stripe, std::uint32_t member) {
  const StripeBlock& block = stripe.blocks[member];
  return !block.overwrite && member != stripe.parity && absent(block);
}

}  // namespace

// handle_stripe_dirtying5(): whichever reads less. What cannot be read weighs more than all that
// can.
void Raid5::consider_writes(StripeHead& stripe, StripeLook& look) {
  std::uint32_t modify = 0;
  std::uint32_t reconstruct = 0;
  for (std::uint32_t i = 0; i < layout_.members; ++i) {
    const std::uint32_t weight = stripe.blocks[i].in_sync ? 1 : 2 * layout_.members;
    if (needed_to_modify(stripe, i)) modify += weight;
    if (needed_to_reconstruct(stripe, i)) reconstruct += weight;
  }
  stripe.handle = true;
  if (modify < reconstruct && modify > 0) preread(stripe, look, true);
  if (reconstruct <= modify && reconstruct > 0) preread(stripe, look, false);
  const bool computed_in_time = look.compute_asked || !stripe.compute_run;
  if (computed_in_time && look.locked == 0 && (reconstruct == 0 || modify == 0))
    schedule_reconstruction(stripe, look, reconstruct != 0);
}

// Reads what is needed; the first time the stripe waits instead, since more writes may come that
// make it needless.
void Raid5::preread(StripeHead& stripe, StripeLook& look, bool read_modify_write) {
  for (std::uint32_t i = 0; i < layout_.members; ++i) {
    StripeBlock& block = stripe.blocks[i];
    const bool needed =
        read_modify_write ? needed_to_modify(stripe, i) : needed_to_reconstruct(stripe, i);
    if (!needed || !block.in_sync) continue;
    if (!stripe.preread_active) {
      stripe.delayed = true;
      continue;
    }
    block.locked = block.want_read = true;
    ++look.locked;
  }
}

// schedule_reconstruction5(). The parity stays locked until it has been written.
void Raid5::schedule_reconstruction(StripeHead& stripe, StripeLook& look, bool read_modify_write) {
  ++(read_modify_write ? counters_.read_modify_writes : counters_.reconstruct_writes);
  stripe.reconstruct =
      read_modify_write ? ReconstructState::prexor_drain_run : ReconstructState::drain_run;
  look.operations.prexor = read_modify_write;
  look.operations.biodrain = look.operations.reconstruct = true;
  for (std::uint32_t i = 0; i < layout_.members; ++i) {
    StripeBlock& block = stripe.blocks[i];
    if (i != stripe.parity && block.to_write.empty()) continue;
    block.want_drain = i != stripe.parity;
    block.locked = true;
    block.uptodate = false;
    ++look.locked;
  }
}

}  // namespace iodrome::kernel
