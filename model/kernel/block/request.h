// SPDX-License-Identifier: Apache-2.0
// Bios on their way to a driver, and what a driver is.
#pragma once
#include <boost/intrusive/slist.hpp>

#include "model/kernel/block/bio.h"

namespace iodrome::kernel {

class BlockDevice;

/// Bios of consecutive blocks that go to the device as one command. At the driver it has a tag.
struct Request : boost::intrusive::slist_base_hook<> {
  BlockDevice* device = nullptr;
  std::uint32_t tag = 0;    // unique in its hardware queue alone
  std::uint32_t queue = 0;  // the hardware queue it went to
  BlockOp op = BlockOp::read;
  bool fua = false;
  std::uint64_t sector = 0;
  std::uint32_t bytes = 0;
  std::uint32_t segments = 0;
  Bio* bio = nullptr;  // the first
  Bio* last = nullptr;
  Errno status = Errno::ok;  // of a request that waits for the block softirq to end it
  SimTime deadline{};        // of an attempt; kNever while its driver is told that it has passed
  std::uint8_t retries = 0;  // attempts that have failed
  bool aborted = false;      // the driver has asked the device to give this attempt up
  bool in_flight = false;    // started, and neither ended nor requeued

  void begin(Bio& with) {
    retries = 0;
    aborted = false;
    op = with.op;
    fua = with.fua;
    sector = with.sector;
    bytes = with.bytes;
    segments = static_cast<std::uint32_t>(with.segments.size());
    with.next = nullptr;
    bio = last = &with;
  }
  void grow(std::uint32_t by_bytes, std::size_t by_segments) {
    bytes += by_bytes;
    segments += static_cast<std::uint32_t>(by_segments);
  }
  /// For who is told of a passed deadline: this attempt is still under way.
  bool overdue() const { return in_flight && deadline == kNever; }
  std::uint64_t end_sector() const { return sector + bytes / 512; }
  template <class Function>
  void for_each_segment(Function&& function) const {
    for (const Bio* each = bio; each != nullptr; each = each->next)
      for (const BioSegment& segment : each->segments) function(segment);
  }
  /// From here on the time of those who wait for it is that stage's.
  void enter(events::Stage stage, SimTime now) const {
    for (const Bio* each = bio; each != nullptr; each = each->next)
      if (each->ledger != nullptr) each->ledger->enter(stage, now);
  }
};

/// What one command of a device can carry.
struct QueueLimits {
  std::uint32_t max_bytes = 1 << 20;
  std::uint32_t max_segments = 256;
  /// Segments but the first begin, and but the last end, with a page of memory, as PRP lists want.
  bool whole_pages = false;
};

/// The hardware queues of a device: first those whose ends interrupts tell, then those that are
/// polled (HCTX_TYPE_POLL). Of either kind CPU c submits to number c modulo their count.
struct QueueMap {
  std::uint32_t interrupting = 1;
  std::uint32_t polled = 0;
};

/// What a driver has made of a request whose deadline has passed: BLK_EH_DONE, or
/// BLK_EH_RESET_TIMER, which gives it the same time once more.
enum class TimedOut : std::uint8_t { done, reset_timer };

/// A driver below the block layer.
class BlockDriver {
 public:
  virtual ~BlockDriver() = default;
  /// Brings the device up. At boot, at no CPU's cost. Errors: what the device refuses is an
  /// internal error.
  virtual Task<void> attach() { return Task<void>::ready(); }
  /// Hands a request to the device. Legal in any context. It spends something before it does what
  /// others can see, and tells device_->started().
  virtual Task<void> queue_request(Atomic& ctx, Request& request) = 0;
  virtual std::uint32_t queue_depth() const = 0;  // tags of each hardware queue
  virtual QueueMap queue_map() const { return {}; }
  /// Looks once whether a polled queue has ends to tell, and tells them in this context. Returns
  /// how many.
  virtual Task<std::uint32_t> poll(Atomic&, std::uint32_t) { return Task<std::uint32_t>::ready(0); }
  virtual QueueLimits limits() const { return {}; }
  /// How long an attempt may take until timed_out() is called; 0: for ever.
  virtual Duration timeout() const { return Duration{0}; }
  /// blk_mq_ops.timeout: the deadline of the attempt has passed. In the device's kblockd thread,
  /// where nothing else is done for the device meanwhile. The attempt may end at any await.
  virtual Task<TimedOut> timed_out(Sleepable&, Request&);
  /// When expired() wants to be called for what is no request; kNever: not at all. It is asked
  /// after timed_out(), expired() and the timer.
  virtual SimTime next_deadline() const { return kNever; }
  virtual Task<void> expired(Sleepable&) { return Task<void>::ready(); }
  /// Whether the device is lost: requests are ended with EIO, and not given to it.
  virtual bool dead() const { return false; }
  /// Whether writes that have ended may be lost with the power until a flush has ended.
  virtual bool volatile_cache() const { return true; }
  /// The device's number in events.
  virtual std::uint64_t number() const { return 0; }

  /// Where completions go. The BlockDevice tells it when it is made.
  void serve(BlockDevice& device) { device_ = &device; }

 protected:
  BlockDevice* device_ = nullptr;
};

inline Task<TimedOut> BlockDriver::timed_out(Sleepable&, Request&) {
  return Task<TimedOut>::ready(TimedOut::reset_timer);
}

/// The number, in events, of the `instance`th device of a driver whose first one has `first`.
constexpr std::uint64_t device_number(std::uint64_t first, std::uint32_t instance) {
  return first + (std::uint64_t{instance} << 8);
}

}  // namespace iodrome::kernel
