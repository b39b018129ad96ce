// SPDX-License-Identifier: Apache-2.0
// A network card: rings in host memory, segmentation, the wire in both directions, moderated
// interrupts.
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "hw/core/activity.h"
#include "hw/core/fifo.h"
#include "hw/nic/link.h"
#include "hw/nic/params.h"
#include "hw/ports.h"

namespace iodrome::hw {

struct NicCounters {
  std::uint64_t segments_sent = 0;
  std::uint64_t payload_bytes_sent = 0;
  std::uint64_t frames_sent = 0;
  std::uint64_t wire_bytes_sent = 0;
  std::uint64_t frames_received = 0;
  std::uint64_t payload_bytes_received = 0;
  std::uint64_t malformed = 0;
  std::uint64_t dropped = 0;  // by an oracle's fault
  std::uint64_t interrupts = 0;
};

/// The card. Order: segments leave in ring order; what arrives is written in order of arrival.
class Nic final : public Target, public NetworkCard, private Timeline::StallSource {
 public:
  /// Errors: values that NicParams::examine() refuses are a bug here.
  Nic(const NicParams& params, Timeline& timeline, Port& memory, Port& interrupts,
      NetworkPeer& peer);

  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;
  void transmit_to_card(const nic::SegmentHeader& frame) override;
  std::uint32_t frame_payload() const override;

  /// Frames that carry `payload` bytes; a segment without payload is one frame.
  std::int64_t frames(std::int64_t payload) const;
  /// How long the wire is busy with them.
  Duration wire_time(std::int64_t payload) const;

  const NicCounters& counters() const { return counters_; }
  /// When the wire will be free of everything the card has taken so far.
  SimTime wire_free_at() const { return wire_out_.free_at(); }
  Activities& activities() { return activities_; }

 private:
  struct Ring {
    std::uint64_t base = 0;
    std::uint32_t entries = 0;
    std::uint32_t head = 0;
    std::uint32_t tail = 0;        // last doorbell
    std::uint32_t known_tail = 0;  // last doorbell the card has noticed
    std::uint64_t doorbells = 0;   // rung
    std::uint64_t noticed = 0;     // number of the last one noticed
    bool busy = false;

    // Doorbells arrive in order; of two that arrive at once, the younger one counts.
    void notice(std::uint64_t number, std::uint32_t written) {
      if (number < noticed) return;
      noticed = number;
      known_tail = written;
    }
    std::uint32_t next(std::uint32_t index) const { return index + 1 == entries ? 0 : index + 1; }
  };
  struct Segment {
    nic::SegmentHeader header;
    std::vector<nic::TxDescriptor> pieces;  // the header's descriptor first
    std::uint64_t bytes = 0;                // of all payload pieces
    std::uint32_t end = 0;                  // ring index after the last piece
  };

  // nic.cpp
  Response read_register(std::uint64_t address, std::span<std::byte> data) const;
  Response write_register(std::uint64_t address, std::uint64_t value);
  Response ring_doorbell(Ring& ring, std::uint32_t tail);
  void raise(std::uint32_t cause);
  void send_if_due();
  Activity send_message(SimTime time);
  void send_with_faults(SimTime time);

  // transfer.cpp
  Activity fetch(std::uint32_t tail);
  Task<bool> read_header(Segment& segment);
  Activity transmit(Segment segment);
  Task<std::uint32_t> inspect(const Segment& segment);
  Activity write_head(std::uint32_t head, SimTime sent);
  Activity new_buffers(Ring& ring, std::uint32_t tail);
  Activity carry_in(nic::SegmentHeader frame, SimTime arrival);
  Activity receive();
  bool buffers_for(const nic::SegmentHeader& frame) const;
  Task<void> write_payload(nic::SegmentHeader frame);

  void describe_stall(std::vector<StallLine>& lines) const override;

  const NicParams params_;
  Timeline& timeline_;
  Port& memory_;
  Port& interrupts_;
  NetworkPeer& peer_;

  Ring tx_;
  Ring rx_;
  Ring rx_data_;
  std::uint64_t tx_head_address_ = 0;
  Segment gathering_;
  Bus host_bus_;
  FifoServer wire_out_;
  FifoServer wire_in_;
  Bus host_bus_in_;
  SimTime last_in_{};
  SimTime last_read_{};
  SimTime last_sent_{};
  std::deque<nic::SegmentHeader> received_;

  std::uint32_t cause_ = 0;
  std::uint32_t enabled_ = 0;
  std::uint64_t msi_address_ = 0;
  std::uint32_t msi_data_ = 0;
  Duration interval_;  // between messages, at least
  std::optional<SimTime> last_message_;
  NicCounters counters_;
  Activities activities_;  // last: its frames refer to everything above
};

}  // namespace iodrome::hw
