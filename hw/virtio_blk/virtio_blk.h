// SPDX-License-Identifier: Apache-2.0
// A paravirtual block device: one split virtqueue, and the host's thread that serves it.
#pragma once
#include <vector>

#include "hw/core/activity.h"
#include "hw/ports.h"
#include "hw/virtio_blk/params.h"
#include "hw/virtio_blk/registers.h"

namespace iodrome::hw {

struct VirtioBlkCounters {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t discards = 0;
  std::uint64_t errors = 0;
  std::uint64_t bytes_to_host = 0;
  std::uint64_t bytes_from_host = 0;
  std::uint64_t notifications = 0;  // doorbells that arrived
  std::uint64_t interrupts = 0;
};

/// The device. Order: requests are taken in order, one at a time, and end after their latency,
/// which is a flush's own.
/// Errors: a malformed chain ends with io_error if it has a status byte, else it never ends.
class VirtioBlk final : public Target, private Timeline::StallSource {
 public:
  /// Errors: values that VirtioBlkParams::examine() refuses are a bug here.
  VirtioBlk(const VirtioBlkParams& params, Timeline& timeline, Port& memory, Port& interrupts,
            Medium& medium);

  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;

  const VirtioBlkCounters& counters() const { return counters_; }
  std::size_t in_flight() const { return in_flight_; }
  Activities& activities() { return activities_; }

 private:
  struct Request {
    std::uint16_t head = 0;
    bool malformed = false;
    virtio_blk::RequestHeader header{};
    std::vector<virtio_blk::Descriptor> data{};
    std::uint64_t status_address = 0;
    std::uint32_t generation = 0;
  };

  Response read_register(std::uint64_t address, std::span<std::byte> data) const;
  Response write_register(std::uint64_t address, std::span<const std::byte> data);
  Activity notified();
  Task<bool> take(Request& request);
  Task<std::uint16_t> poll();
  Task<bool> read_chain(Request& request);
  Activity finish(Request request);
  Task<virtio_blk::RequestStatus> perform(const Request& request);
  Task<virtio_blk::RequestStatus> discard(const Request& request);
  Task<bool> move(const Request& request, bool to_host);
  Task<void> post(std::uint16_t head, std::uint32_t written);
  Activity send_message(Duration later);
  void interrupt();
  std::uint32_t written_by(const Request& request) const;
  Task<std::uint16_t> read_word(std::uint64_t address);
  Task<void> write_word(std::uint64_t address, std::uint16_t value);
  void describe_stall(std::vector<StallLine>& lines) const override;

  const VirtioBlkParams params_;
  Timeline& timeline_;
  Port& memory_;
  Port& interrupts_;
  Medium& medium_;

  std::uint32_t status_ = 0;
  std::uint32_t entries_ = 0;
  std::uint32_t ready_ = 0;
  std::uint64_t desc_ = 0;
  std::uint64_t avail_ = 0;
  std::uint64_t used_ = 0;
  std::uint64_t msi_address_ = 0;
  std::uint32_t msi_data_ = 0;

  std::uint32_t generation_ = 0;  // changes with every reset: what is in flight then says nothing
  bool working_ = false;
  std::uint16_t taken_ = 0;   // of the available ring
  std::uint16_t posted_ = 0;  // to the used ring
  std::size_t in_flight_ = 0;
  VirtioBlkCounters counters_;
  Activities activities_;  // last: its frames refer to everything above
};

}  // namespace iodrome::hw
