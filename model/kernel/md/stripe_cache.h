// SPDX-License-Identifier: Apache-2.0
// The stripe heads of an array: as many as there are, found by their sector, used again when nobody
// holds them.
#pragma once
#include <unordered_map>
#include <utility>
#include <vector>

#include "model/kernel/md/md_wakeup.h"
#include "model/kernel/md/stripe.h"

namespace iodrome::kernel {

/// Source: Linux drivers/md/raid5.c, get_active_stripe() and release_stripe().
///
/// Order: stripes to handle are FIFO; free ones are taken least recently used first.
/// Differs: device_lock and the stripes' own locks are part of the costs and never contended; no
/// bypass of stripes that must read by those that need not.
class StripeCache {
 public:
  /// `worker` is woken when a stripe is to be handled.
  StripeCache(Raid5& array, System& system, std::uint32_t members, std::uint32_t stripes,
              MdWakeup& worker);
  StripeCache(const StripeCache&) = delete;
  StripeCache& operator=(const StripeCache&) = delete;
  ~StripeCache();

  /// The stripe of that sector, held; nullptr if it is not there and none is free, or somebody
  /// sleeps for one and there are few.
  StripeHead* try_get(std::uint64_t sector, std::uint32_t parity);
  /// The same, sleeping until there is one: when a quarter of them are free.
  Task<StripeHead*> get(Sleepable& ctx, std::uint64_t sector, std::uint32_t parity);
  /// The last one who lets go puts it where its flags say. Legal in any context.
  Task<void> release(Atomic& ctx, StripeHead& stripe);
  /// The same without telling anybody: for the worker itself, which will look.
  void put_back(StripeHead& stripe);
  /// The next stripe to handle, held; nullptr if there is none.
  StripeHead* next_to_handle();
  /// raid5_activate_delayed(): those that wait for more writes may read now, unless others do.
  /// Whether there were any.
  bool activate_delayed();

  /// The stripe has read what it must, or was left: it counts no more among those that read.
  void end_preread(StripeHead& stripe) {
    if (std::exchange(stripe.preread_active, false)) --preread_active_;
  }
  bool may_preread() const { return preread_active_ < kPrereads; }
  /// Asks for the worker to be woken with the next stripe that becomes free.
  void worker_wants_free() { worker_wants_free_ = true; }

  std::size_t size() const { return stripes_.size(); }
  std::size_t active() const { return active_; }
  bool at_rest() const { return inactive_.size() == stripes_.size(); }

 private:
  using List = boost::intrusive::list<StripeHead>;
  static constexpr std::uint32_t kPrereads = 1;  // Linux IO_THRESHOLD

  bool may_take() const {
    return !inactive_.empty() && (!blocked_ || active_ < stripes_.size() * 3 / 4);
  }
  StripeHead* find(std::uint64_t sector);
  StripeHead& take_free(std::uint64_t sector, std::uint32_t parity);
  void unlink(StripeHead& stripe);

  std::vector<StripeHead> stripes_;
  std::unordered_map<std::uint64_t, StripeHead*> by_sector_;  // looked up, never iterated
  List inactive_;
  List handle_;
  List delayed_;
  std::size_t active_ = 0;
  std::uint32_t preread_active_ = 0;
  bool blocked_ = false;  // somebody sleeps for a stripe, or has just been woken for one
  bool worker_wants_free_ = false;
  MdWakeup& worker_;
  WaitQueue free_{"stripes"};
};

}  // namespace iodrome::kernel
