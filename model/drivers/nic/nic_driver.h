// SPDX-License-Identifier: Apache-2.0
// The network card's driver: a transmit ring with a backlog behind it; acknowledgements and what
// clients send polled in the receive softirq.
//
// Source: the shape of Linux's NAPI drivers (e1000e, ixgbe). Differs: one queue pair; sent segments
// are cleaned up when acknowledgements are polled; a page takes one frame; frames are merged as GRO
// does it, within a poll and up to 64 KiB, on every machine; no watchdog makes up for an interrupt
// that is lost; for moderation a segment counts when it is handed to the card, not when it is
// cleaned up.
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "hw/nic/registers.h"
#include "model/drivers/nic/moderation.h"
#include "model/kernel/irq/controller.h"
#include "model/kernel/socket/napi.h"
#include "model/kernel/socket/socket.h"

namespace iodrome::drivers {

/// Frames of one connection that go up as one: napi_gro_receive().
struct MergedFrames {
  std::uint32_t connection = 0;
  kernel::StreamHeader header;
  kernel::PageParts parts;
  std::uint64_t bytes = 0;
};

class NicDriver final : public kernel::NetDriver, public kernel::IrqAction, private kernel::Napi {
 public:
  static constexpr std::uint64_t kDeviceId = 3;  // in events

  /// Interrupts go to that CPU, as often as the card lets them, or as `moderation` says.
  NicDriver(kernel::System& system, kernel::NetRx& rx, kernel::IrqController& irqs,
            hw::Port& registers, std::uint32_t cpu,
            std::optional<InterruptModeration> moderation = std::nullopt);

  /// Sets the rings up. At boot, at no CPU's cost.
  Task<void> attach();
  /// Posts so many pages for payload, for clients that send; without any their frames wait in the
  /// card. At boot, at no CPU's cost.
  Task<void> post_buffers(std::uint32_t pages);
  /// Makes the connection's frames reach the socket.
  void serve(kernel::Socket& socket);

  Task<void> xmit(kernel::Atomic& ctx, kernel::Segment& segment) override;
  Task<void> xmit_frame(kernel::Atomic& ctx, kernel::Socket& from,
                        kernel::StreamHeader header) override;
  /// The hardirq: the rest is the receive softirq's.
  Task<void> handle(kernel::Atomic& ctx) override;

 private:
  Task<bool> poll(kernel::Atomic& ctx) override;
  Task<int> take_frames(kernel::Atomic& ctx);
  Task<void> merge(kernel::Atomic& ctx, const hw::nic::SegmentHeader& header);
  Task<void> flush(kernel::Atomic& ctx);
  Task<void> send_backlog(kernel::Atomic& ctx);
  bool refill();
  bool fits(std::size_t descriptors);
  void fill(const kernel::Segment& segment);
  void fill(const hw::nic::SegmentHeader& header, bool last);
  Task<void> ring_tx(kernel::Atomic& ctx);
  Task<void> set_throttle(Duration interval);
  Task<void> moderate();
  void count_sent(std::uint64_t payload);
  hw::nic::TxDescriptor& tx(std::uint32_t index);
  hw::nic::RxDescriptor& rx(std::uint32_t index);

  kernel::System& system_;
  kernel::NetRx& net_rx_;
  kernel::IrqController& irqs_;
  hw::Port& registers_;
  const std::uint32_t cpu_;
  std::vector<kernel::Socket*> sockets_;  // by connection
  hw::PhysAddr tx_ring_;
  hw::PhysAddr tx_headers_;
  hw::PhysAddr tx_head_word_;
  hw::PhysAddr rx_ring_;
  hw::PhysAddr rx_buffers_;
  std::uint32_t tx_tail_ = 0;
  std::uint32_t rx_head_ = 0;
  std::deque<kernel::Segment*> backlog_;
  std::deque<hw::nic::SegmentHeader> frames_;  // without payload, for which the ring had no room

  hw::PhysAddr data_ring_ = 0;
  std::vector<kernel::PagePtr> data_pages_;  // by descriptor; nullptr where none is posted
  std::uint32_t data_head_ = 0;              // the next that the card fills
  std::uint32_t data_tail_ = 0;              // posted up to here
  std::optional<MergedFrames> merged_;

  std::optional<InterruptModeration> moderation_;
  std::uint32_t mss_ = 1;
  Traffic received_;  // since the last interrupt
  Traffic sent_;
};

}  // namespace iodrome::drivers
