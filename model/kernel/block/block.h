// SPDX-License-Identifier: Apache-2.0
// The block layer: bios in, requests with tags to a driver, completions back.
//
// Differs from Linux: one bio is one request (no merging, plugging or scheduler); a bio that finds
// no free tag waits in a FIFO instead of putting its submitter to sleep.
#pragma once
#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/slist.hpp>
#include <span>
#include <string>
#include <string_view>

#include "model/engine/result.h"
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// What a bio asks for. A flush has no bytes; a discard has bytes and no segments.
enum class BlockOp : std::uint8_t { read, write, flush, discard };

/// A piece of memory that a bio reads into or writes from.
struct BioSegment {
  hw::PhysAddr address;
  std::uint32_t bytes;
};

/// One transfer between contiguous blocks and memory. It lives until end_io has run.
struct Bio : boost::intrusive::list_base_hook<> {
  BlockOp op = BlockOp::read;
  bool fua = false;          // a write that ends only when its bytes survive a loss of power
  std::uint64_t sector = 0;  // of 512 bytes
  std::uint32_t bytes = 0;
  boost::container::small_vector<BioSegment, 4> segments;
  events::StageLedger* ledger = nullptr;  // the request whose time this is, if any
  Errno status = Errno::ok;
  /// Called once, in the driver's completion context. It must not sleep.
  Task<void> (*end_io)(Atomic& ctx, Bio& bio) = nullptr;

  /// Appends `length` bytes that stand at `from` of a stretch of memory given by its pages.
  void add_memory(std::span<const hw::PhysAddr> pages, std::uint64_t from, std::uint64_t length) {
    for (const std::uint64_t end = from + length; from < end;) {
      const std::uint64_t piece = std::min(hw::kPageBytes - from % hw::kPageBytes, end - from);
      segments.push_back({pages[from / hw::kPageBytes] + from % hw::kPageBytes,
                          static_cast<std::uint32_t>(piece)});
      from += piece;
    }
  }
};

class BlockDevice;

/// A bio with a tag, at the driver.
struct Request : boost::intrusive::slist_base_hook<> {
  BlockDevice* device = nullptr;
  std::uint32_t tag = 0;
  std::uint32_t queue = 0;  // the hardware queue it went to
  Bio* bio = nullptr;
  Errno status = Errno::ok;  // of a request that waits for the block softirq to end it
};

/// A driver below the block layer.
class BlockDriver {
 public:
  virtual ~BlockDriver() = default;
  /// Brings the device up. At boot, at no CPU's cost. Errors: what the device refuses is an
  /// internal error.
  virtual Task<void> attach() { return Task<void>::ready(); }
  /// Hands a request to the device. Legal in any context.
  virtual Task<void> queue_request(Atomic& ctx, Request& request) = 0;
  virtual std::uint32_t queue_depth() const = 0;  // tags
  virtual std::uint64_t size_bytes() const = 0;
  /// Whether writes that have ended may be lost with the power until a flush has ended.
  virtual bool volatile_cache() const { return true; }
  virtual const char* name() const = 0;
  /// The device's number in events.
  virtual std::uint64_t number() const { return 0; }

  /// Where completions go. The BlockDevice tells it when it is made.
  void serve(BlockDevice& device) { device_ = &device; }

 protected:
  BlockDevice* device_ = nullptr;
};

/// sda … sdz, sdaa …: as sd_format_disk_name() in Linux drivers/scsi/sd.c.
std::string drive_name(std::string_view prefix, std::uint32_t instance);

/// The number, in events, of the `instance`th device of a driver whose first one has `first`.
constexpr std::uint64_t device_number(std::uint64_t first, std::uint32_t instance) {
  return first + (std::uint64_t{instance} << 8);
}

class BlockDevice {
 public:
  explicit BlockDevice(BlockDriver& driver);
  BlockDevice(const BlockDevice&) = delete;
  BlockDevice& operator=(const BlockDevice&) = delete;

  /// Starts a bio; end_io tells its end. Legal in any context, never sleeps.
  Task<void> submit(Atomic& ctx, Bio& bio);
  /// For drivers: the request's end. Runs end_io here, then starts the bio that waits longest for
  /// the tag.
  Task<void> complete(Atomic& ctx, Request& request, Errno status);

  Request& request(std::uint32_t tag) { return requests_[tag]; }
  std::uint64_t size_bytes() const { return driver_.size_bytes(); }
  bool volatile_cache() const { return driver_.volatile_cache(); }
  std::size_t in_flight() const { return requests_.size() - free_tags_.size(); }
  std::size_t waiting() const { return waiting_.size(); }
  const char* name() const { return driver_.name(); }

 private:
  Task<void> dispatch(Atomic& ctx, Bio& bio);

  BlockDriver& driver_;
  const std::uint64_t number_;
  std::vector<Request> requests_;
  std::vector<std::uint32_t> free_tags_;
  boost::intrusive::list<Bio> waiting_;
};

}  // namespace iodrome::kernel
