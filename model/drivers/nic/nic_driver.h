// SPDX-License-Identifier: Apache-2.0
// The network card's driver: a transmit ring with a backlog behind it, acknowledgements polled in
// the receive softirq.
//
// Source: the shape of Linux's NAPI drivers (e1000e, ixgbe). Differs: one queue pair, no poll
// budget; sent segments are cleaned up when acknowledgements are polled.
#pragma once
#include <deque>
#include <vector>

#include "hw/nic/registers.h"
#include "model/kernel/irq/controller.h"
#include "model/kernel/socket/socket.h"

namespace iodrome::drivers {

class NicDriver final : public kernel::NetDriver, public kernel::IrqAction {
 public:
  static constexpr std::uint64_t kDeviceId = 3;  // in events

  /// Interrupts go to that CPU.
  NicDriver(kernel::System& system, kernel::IrqController& irqs, hw::Port& registers,
            std::uint32_t cpu);

  /// Sets the rings up. At boot, at no CPU's cost.
  Task<void> attach();
  /// Makes the connection's acknowledgements reach the socket.
  void serve(kernel::Socket& socket);

  Task<void> xmit(kernel::Atomic& ctx, kernel::Segment& segment) override;
  /// The hardirq: the rest is the receive softirq's.
  Task<void> handle(kernel::Atomic& ctx) override;

 private:
  class Poll final : public kernel::IrqAction {
   public:
    explicit Poll(NicDriver& owner) : owner_(owner) {}
    Task<void> handle(kernel::Atomic& ctx) override { return owner_.poll(ctx); }

   private:
    NicDriver& owner_;
  };

  Task<void> poll(kernel::Atomic& ctx);
  bool fits(const kernel::Segment& segment);
  void fill(const kernel::Segment& segment);
  Task<void> ring_tx(kernel::Atomic& ctx);
  hw::nic::TxDescriptor& tx(std::uint32_t index);
  hw::nic::RxDescriptor& rx(std::uint32_t index);

  kernel::System& system_;
  kernel::IrqController& irqs_;
  hw::Port& registers_;
  const std::uint32_t cpu_;
  Poll poll_{*this};
  std::vector<kernel::Socket*> sockets_;  // by connection
  hw::PhysAddr tx_ring_;
  hw::PhysAddr tx_headers_;
  hw::PhysAddr tx_head_word_;
  hw::PhysAddr rx_ring_;
  hw::PhysAddr rx_buffers_;
  std::uint32_t tx_tail_ = 0;
  std::uint32_t rx_head_ = 0;
  std::deque<kernel::Segment*> backlog_;
};

}  // namespace iodrome::drivers
