// SPDX-License-Identifier: Apache-2.0
// The receive softirq: devices that have something are polled in it, a bounded number of packets at
// a time.
#pragma once
#include <deque>
#include <vector>

#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// What is polled in the receive softirq: struct napi_struct.
class Napi {
 public:
  static constexpr int kWeight = 64;  // NAPI_POLL_WEIGHT: packets of one poll

  Napi() = default;
  virtual ~Napi() = default;
  Napi(const Napi&) = delete;
  Napi& operator=(const Napi&) = delete;

  /// Takes up to kWeight packets. True if there may be more: it is polled again. False after
  /// complete().
  virtual Task<bool> poll(Atomic& ctx) = 0;

 protected:
  /// napi_complete(): from here on schedule() counts again. Before interrupts are enabled.
  void complete() { scheduled_ = false; }

 private:
  friend class NetRx;
  bool scheduled_ = false;
};

/// NET_RX_SOFTIRQ of all CPUs: net_rx_action() and its lists.
///
/// Differs from Linux: a round polls every device on the list once; netdev_budget (300 packets, two
/// jiffies) is left to the softirq's own limits, and there is neither GRO nor threaded NAPI.
class NetRx final : public IrqAction {
 public:
  /// Takes the softirq of every CPU there is.
  explicit NetRx(System& system);

  /// napi_schedule(): `napi` will be polled on that CPU, unless it is to be already.
  void schedule(Cpu& cpu, Napi& napi);
  Task<void> handle(Atomic& ctx) override;

 private:
  std::vector<std::deque<Napi*>> lists_;  // by CPU
};

}  // namespace iodrome::kernel
