// SPDX-License-Identifier: Apache-2.0
// What card and clients know of each other.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "hw/nic/registers.h"

namespace iodrome::hw {

/// The other end of the wire, as the card sees it.
class NetworkPeer {
 public:
  /// Whether anybody looks at payload bytes.
  virtual bool payload_checked() const = 0;
  /// Looks at payload as it leaves host memory: nobody copies it. True if it is what was to be
  /// sent.
  virtual bool inspect(std::uint32_t connection, std::uint64_t stream_offset,
                       std::span<const std::byte> payload) = 0;
  /// Writes what a client sends at that place of its stream.
  virtual void produce(std::uint32_t connection, std::uint64_t stream_offset,
                       std::span<std::byte> to) = 0;
  /// A segment has arrived; `wrong_bytes` of it had failed inspect().
  virtual void arrive(const nic::SegmentHeader& segment, std::uint32_t wrong_bytes) = 0;

 protected:
  ~NetworkPeer() = default;
};

/// The card, as the other end sees it.
class NetworkCard {
 public:
  /// Puts a frame, with at most frame_payload() bytes, on the wire towards the card.
  virtual void transmit_to_card(const nic::SegmentHeader& frame) = 0;
  virtual std::uint32_t frame_payload() const = 0;

 protected:
  ~NetworkCard() = default;
};

}  // namespace iodrome::hw
