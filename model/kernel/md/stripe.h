// SPDX-License-Identifier: Apache-2.0
// A stripe head: one block of each member at the same sector, and what is going on with them.
#pragma once
#include <boost/intrusive/list.hpp>
#include <vector>

#include "model/kernel/block/block.h"

namespace iodrome::kernel {

inline constexpr std::uint32_t kStripeBytes = 4096;  // of each member: a page
inline constexpr std::uint32_t kStripeSectors = kStripeBytes / 512;
inline constexpr std::uint32_t kAllSectors = (1u << kStripeSectors) - 1;  // as StripePiece tells

/// A request of the array on its way through the stripes.
struct ArrayRequest {
  Request* request = nullptr;
  std::uint64_t next_sector = 0;  // from here on it is in no stripe yet
  std::uint32_t left = 0;  // pieces that have not ended, and one while there are more to come
  Errno status = Errno::ok;
};

/// The part of a request that lies in one block of a stripe.
struct StripePiece {
  ArrayRequest* of = nullptr;
  std::uint32_t at = 0;    // bytes from the block's begin
  std::uint32_t from = 0;  // bytes from the request's begin
  std::uint32_t bytes = 0;

  /// The block's sectors that it covers.
  std::uint32_t sectors() const { return ((1u << bytes / 512) - 1) << at / 512; }
};
using StripePieces = std::vector<StripePiece>;

class Raid5;
struct StripeHead;

/// What carries a block to or from its member.
struct MemberBio : Bio {
  StripeHead* stripe = nullptr;
  std::uint32_t member = 0;
};

/// A member's block of a stripe, in memory. Source: Linux struct r5dev and its R5_ flags.
struct StripeBlock {
  hw::PhysAddr page = 0;
  MemberBio bio;
  StripePieces to_read;   // asked for
  StripePieces reading;   // being copied to who asked
  StripePieces to_write;  // given
  StripePieces written;   // copied into the page, not yet safe

  bool uptodate = false;   // the page has what the member has, or will have
  bool locked = false;     // on its way to or from the member, or being changed
  bool overwrite = false;  // to_write covers all of it
  bool in_sync = false;    // its member can be read; as of the latest look
  bool want_read = false;
  bool want_write = false;
  bool want_fill = false;     // to_read can be copied from the page
  bool want_drain = false;    // to_write is being copied into the page
  bool want_compute = false;  // the page is being computed from the others
  bool read_error = false;    // the member could not read it
  bool rewritten = false;     // and it was written again since
};

/// Where the check of a stripe's parity stands. Source: Linux enum check_states.
enum class CheckState : std::uint8_t { idle, run, result, compute_run, compute_result };
/// Where the change of a stripe's parity stands. Source: Linux enum reconstruct_states.
enum class ReconstructState : std::uint8_t {
  idle,
  drain_run,
  prexor_drain_run,
  drain_result,
  prexor_drain_result
};

/// Source: Linux struct stripe_head and its STRIPE_ flags, as of 2.6.27.
struct StripeHead : boost::intrusive::list_base_hook<> {
  Raid5* array = nullptr;
  std::uint64_t sector = 0;  // of each member
  std::uint32_t parity = 0;  // the member that has it
  std::uint32_t count = 0;   // who holds it
  std::vector<StripeBlock> blocks;

  bool hashed = false;          // `sector` means something
  bool handle = false;          // there is something to do
  bool delayed = false;         // it would have to read before it writes, and waits for more writes
  bool preread_active = false;  // it may read before it writes
  bool syncing = false;
  bool insync = false;    // its parity is right
  bool degraded = false;  // a write has passed a member by
  bool biofill_run = false;
  bool compute_run = false;
  CheckState check = CheckState::idle;
  ReconstructState reconstruct = ReconstructState::idle;
  std::uint32_t compute_target = 0;
  std::uint32_t check_result = 0;  // see xor_val()
  bool fill_left_out = false;      // a step of a copy to who reads was left out; see AsyncSubmit
  bool write_left_out = false;     // a step of a change of the parity was
  bool by_cpu = false;             // an engine has failed it: the CPU works on it from now on
};

/// What one look at a stripe has found and decided. Source: Linux struct stripe_head_state.
struct StripeLook {
  bool syncing = false;
  std::uint32_t locked = 0, uptodate = 0, compute = 0;
  std::uint32_t to_fill = 0, to_read = 0, to_write = 0, non_overwrite = 0, written = 0;
  std::uint32_t failed = 0, failed_member = 0;
  bool compute_asked = false;

  struct Operations {
    bool biofill = false, compute = false, prexor = false, biodrain = false, reconstruct = false,
         check = false;
    bool any() const { return biofill || compute || prexor || biodrain || reconstruct || check; }
  } operations;
  enum class Sync : std::uint8_t { goes_on, done, failed } sync = Sync::goes_on;
  bool wake = false;                // delayed stripes may have their turn
  std::vector<ArrayRequest*> done;  // requests whose last piece has ended
};

}  // namespace iodrome::kernel
