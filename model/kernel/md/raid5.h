// SPDX-License-Identifier: Apache-2.0
// RAID 5 over block devices: a driver whose requests become work on stripes.
//
// Source: Linux drivers/md/raid5.c and md.c, recalled as of 2.6.27 to 2.6.29: handle_stripe5() and
// the ops_run_*() of async_tx.
// Differs: who submits never sleeps for a stripe, its request waits in a FIFO that raid5d serves;
// reads take the way through the stripes also where 2.6.23 and later read aligned ones past them;
// no plug above the members, so delayed stripes get their turn as soon as nothing else is to do;
// no write-intent bitmap, no superblocks, no reshape; an operation that an engine fails is done
// again by a CPU, where Linux panics or goes on.
#pragma once
#include "model/kernel/async_tx/async_tx.h"
#include "model/kernel/kthread/kthread.h"
#include "model/kernel/md/layout.h"
#include "model/kernel/md/stripe_cache.h"

namespace iodrome::kernel {

struct Raid5Params {
  std::int64_t chunk_bytes = 0;
  std::int64_t stripes = 0;  // stripe heads: at least 4
  std::uint64_t member_sectors = 0;
};

/// Costs of md's own code; bios and operations on memory have their own.
struct Raid5Costs {
  Cost stripe_get;     // a stripe found or taken, and let go
  Cost stripe_handle;  // a look at a stripe and what is decided then
  Cost stripe_member;  // the part of it that each member takes
  Cost member_end;     // the end of a member's bio noted
};

/// What hears of the stripes that a resync asked for.
class SyncListener {
 public:
  virtual ~SyncListener() = default;
  /// md_done_sync(): in the context of who handled the stripe.
  virtual Task<void> done_sync(Atomic& ctx, std::uint64_t member_sector, bool ok) = 0;
};

/// Errors: EIO for what two failed members keep from being read or written; EOPNOTSUPP for flushes,
/// discards and writes that must survive a loss of power, as RAID 5 did until 2.6.33.
class Raid5 final : public BlockDriver, public ThreadBody {
 public:
  struct Member {
    BlockDevice* device = nullptr;
    bool faulty = false;  // not there any more
    bool in_sync = true;  // may be read; a spare that is being rebuilt may not
    std::uint32_t read_errors = 0;
    std::uint64_t sectors = 0;       // moved to and from it
    std::uint64_t sync_sectors = 0;  // the part of it that a resync has asked for
  };
  struct Counters {
    std::uint64_t handled = 0;             // looks at stripes
    std::uint64_t read_modify_writes = 0;  // changes of a stripe's parity
    std::uint64_t reconstruct_writes = 0;
    std::uint64_t computed = 0;  // blocks
    std::uint64_t checks = 0;    // of stripes' parities
    std::uint64_t mismatches = 0;
    std::uint64_t operations_failed = 0;
  };

  /// `tx` does the operations; `by_cpu`, which must not use an engine, those that failed there.
  /// Starts raid5d on CPU 0. The members belong to the array from now on.
  Raid5(System& system, const std::vector<BlockDevice*>& members, const Raid5Params& params,
        Raid5Costs& costs, AsyncTx& tx, AsyncTx& by_cpu);

  // BlockDriver
  Task<void> queue_request(Atomic& ctx, Request& request) override;
  std::uint32_t queue_depth() const override {
    return static_cast<std::uint32_t>(requests_.size());
  }
  bool volatile_cache() const override { return false; }
  std::uint64_t number() const override { return kDeviceNumber; }

  // ThreadBody: raid5d
  Task<void> run(Sleepable& ctx) override;

  /// sync_request(): the stripe at that sector of the members shall be right. The listener hears of
  /// its end.
  Task<void> sync_request(Sleepable& ctx, std::uint64_t member_sector);
  /// raid5_unplug_device(): raid5d issues what the caller's handling has prepared.
  Task<void> unplug(Atomic& ctx) { return worker_.wake(ctx); }
  /// Of one at a time; nullptr afterwards. With `only_check` wrong parity is counted and left.
  void listen(SyncListener* listener, bool only_check);
  /// md_error(): the member is out of the array. A resync that is under way is to end.
  void fail_member(std::uint32_t member);
  /// hot_add_disk(): the member is there again, or another in its place, and not in sync.
  void add_spare(std::uint32_t member);
  /// raid5_spare_active(): a resync has made all members that are there what they should be.
  void spares_in_sync();

  const Raid5Layout& layout() const { return layout_; }
  std::uint64_t member_sectors() const { return member_sectors_; }
  std::uint64_t sectors() const { return member_sectors_ * (layout_.members - 1); }
  const Member& member(std::uint32_t index) const { return members_[index]; }
  std::uint32_t degraded() const;
  bool interrupted() const { return interrupted_; }
  const StripeCache& stripes() const { return cache_; }
  const Counters& counters() const { return counters_; }
  Thread& thread() { return thread_.thread(); }
  bool at_rest() const { return cache_.at_rest() && waiting_.empty() && in_flight_ == 0; }

 private:
  static constexpr std::uint64_t kDeviceNumber = 9;  // Linux's major number of md

  // raid5.cpp: requests
  bool place(ArrayRequest& request);
  bool add_piece(StripeBlock& block, bool write, const StripePiece& piece);
  void attach_waiting();
  static void end_piece(StripeLook& look, const StripePiece& piece, Errno status);
  static void end_pieces(StripeLook& look, StripePieces& pieces, Errno status);
  Task<void> end_requests(Atomic& ctx, const std::vector<ArrayRequest*>& done);

  // handle_stripe.cpp: looks and decisions, all of them at one moment
  Task<void> handle_stripe(Sleepable& ctx, StripeHead& stripe);
  StripeLook look_at(StripeHead& stripe);
  void decide(StripeHead& stripe, StripeLook& look);
  void fail_requests(StripeHead& stripe, StripeLook& look);
  void return_written(StripeHead& stripe, StripeLook& look);
  void fill(StripeHead& stripe, StripeLook& look);
  void fetch_block(StripeHead& stripe, StripeLook& look, std::uint32_t member);
  void compute_block(StripeHead& stripe, StripeLook& look, std::uint32_t member);
  void write_changed(StripeHead& stripe, StripeLook& look);
  void repair_read_error(StripeHead& stripe, StripeLook& look);

  // handle_writes.cpp, handle_parity.cpp
  void consider_writes(StripeHead& stripe, StripeLook& look);
  void preread(StripeHead& stripe, StripeLook& look, bool read_modify_write);
  void schedule_reconstruction(StripeHead& stripe, StripeLook& look, bool read_modify_write);
  void check_parity(StripeHead& stripe, StripeLook& look);
  void repair_block(StripeHead& stripe, StripeLook& look, std::uint32_t member);

  // stripe_ops.cpp: operations and their ends
  AsyncTx& tx_of(const StripeHead& stripe) { return stripe.by_cpu ? by_cpu_ : tx_; }
  Task<void> run_operations(Atomic& ctx, StripeHead& stripe, StripeLook::Operations operations);
  Task<DmaDescriptor*> copy_piece(Atomic& ctx, StripeHead& stripe, const StripeBlock& block,
                                  StripePiece piece, DmaDescriptor* depend_tx);
  Task<void> run_biofill(Atomic& ctx, StripeHead& stripe);
  Task<DmaDescriptor*> run_compute(Atomic& ctx, StripeHead& stripe, bool goes_on);
  Task<DmaDescriptor*> run_prexor(Atomic& ctx, StripeHead& stripe, DmaDescriptor* depend_tx);
  Task<DmaDescriptor*> run_biodrain(Atomic& ctx, StripeHead& stripe, DmaDescriptor* depend_tx);
  Task<void> run_reconstruct(Atomic& ctx, StripeHead& stripe, bool prexor,
                             DmaDescriptor* depend_tx);
  Task<void> run_check(Atomic& ctx, StripeHead& stripe);
  static Task<void> biofill_ended(Atomic& ctx, DmaDescriptor& self);
  static Task<void> compute_ended(Atomic& ctx, DmaDescriptor& self);
  static Task<void> reconstruct_ended(Atomic& ctx, DmaDescriptor& self);
  static Task<void> check_ended(Atomic& ctx, DmaDescriptor& self);
  bool note_failure(StripeHead& stripe, const DmaDescriptor& end, bool& left_out);
  static void begin_write_anew(StripeHead& stripe);
  Task<void> handle_later(Atomic& ctx, StripeHead& stripe);

  // member_io.cpp
  Task<void> run_io(Sleepable& ctx, StripeHead& stripe, bool syncing);
  static Task<void> member_ended(Atomic& ctx, Bio& bio);
  void read_ended(StripeHead& stripe, std::uint32_t member, Errno status);

  System& system_;
  const Raid5Layout layout_;
  const std::uint64_t member_sectors_;
  Raid5Costs& costs_;
  AsyncTx& tx_;
  AsyncTx& by_cpu_;
  std::vector<Member> members_;
  std::vector<ArrayRequest> requests_;  // by tag
  std::vector<ArrayRequest*> waiting_;  // for a stripe, or for what they overlap; oldest first
  std::size_t in_flight_ = 0;           // members' bios
  SyncListener* listener_ = nullptr;
  bool only_check_ = false;
  bool interrupted_ = false;  // a member has failed under a resync
  Counters counters_;
  MdWakeup worker_;
  StripeCache cache_;
  RunningThread thread_;
};

}  // namespace iodrome::kernel
