// SPDX-License-Identifier: Apache-2.0
// Whether a stripe's parity is right, and what is done if not: handle_parity_checks5().
#include "model/kernel/md/raid5.h"

namespace iodrome::kernel {

void Raid5::check_parity(StripeHead& stripe, StripeLook& look) {
  stripe.handle = true;
  StripeBlock& parity = stripe.blocks[stripe.parity];
  switch (stripe.check) {
    case CheckState::run:
    case CheckState::compute_run:
      return;
    case CheckState::idle:
      if (look.failed > 0) {
        repair_block(stripe, look, look.failed_member);
        return;
      }
      check(look.uptodate == layout_.members, "a parity checked against what is not there");
      stripe.check = CheckState::run;
      look.operations.check = true;
      ++counters_.checks;
      parity.uptodate = false;
      --look.uptodate;
      return;
    case CheckState::result:
      stripe.check = CheckState::idle;
      // What has failed meanwhile is dealt with first.
      if (look.failed > 0) return;
      if (stripe.check_result == 0) {
        stripe.insync = true;
        return;
      }
      ++counters_.mismatches;
      if (only_check_) {
        stripe.insync = true;
        return;
      }
      stripe.check = CheckState::compute_run;
      compute_block(stripe, look, stripe.parity);
      return;
    case CheckState::compute_result:
      stripe.check = CheckState::idle;
      // The parity that was wrong, whoever has failed since: what is lost is computed from it.
      repair_block(stripe, look, stripe.parity);
      return;
  }
}

// The block was computed, of a member that lost it or of a parity that was wrong: it is written.
void Raid5::repair_block(StripeHead& stripe, StripeLook& look, std::uint32_t member) {
  if (stripe.insync) return;  // a write has made it right meanwhile
  StripeBlock& block = stripe.blocks[member];
  check(block.uptodate && look.uptodate == layout_.members,
        "a stripe repaired from what is not there");
  block.locked = block.want_write = true;
  ++look.locked;
  stripe.degraded = false;
  stripe.insync = true;
}

}  // namespace iodrome::kernel
