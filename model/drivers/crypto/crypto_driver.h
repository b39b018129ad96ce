// SPDX-License-Identifier: Apache-2.0
// The driver of a crypto engine: a ring per queue, requests to the queue that has fewest, ends in a
// tasklet.
//
// Source: the idea is that of acrypto (E. Polyakov, 2004): several queues of a device, a balancer
// that asks them how long they are, a callback for each request. Differs: no sessions that route
// one buffer through several operations, one device, one balancer.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "hw/crypto/registers.h"
#include "model/engine/result.h"
#include "model/kernel/irq/controller.h"

namespace iodrome::drivers {

/// One operation on memory. It belongs to its user, and stays where it is until its callback.
struct CryptoRequest {
  hw::crypto::Operation operation = hw::crypto::Operation::aes_cbc_encrypt;
  std::uint32_t bytes = 0;
  hw::PhysAddr source = 0;
  hw::PhysAddr destination = 0;
  std::array<std::uint8_t, 16> key{};
  std::array<std::uint8_t, 16> iv{};

  /// Runs once, in a tasklet; it must not sleep.
  Task<void> (*callback)(kernel::Atomic& ctx, CryptoRequest& self) = nullptr;
  void* argument = nullptr;
  /// Errors: EINVAL for what the engine refuses, EIO for what failed.
  Errno status = Errno::einprogress;
  std::array<std::uint8_t, 32> result{};  // digest or checksum
};

struct CryptoDriverParams {
  std::int64_t entries = 0;  // of each queue's ring
  Duration timeout{};        // without an end for so long, the driver looks by itself
};

struct CryptoCosts {
  kernel::Cost submit;    // a descriptor filled and the doorbell
  kernel::Cost complete;  // one ended request
};

class CryptoDriver {
 public:
  CryptoDriver(kernel::System& system, kernel::IrqController& irqs, hw::Port& registers,
               const CryptoDriverParams& params, CryptoCosts& costs);
  ~CryptoDriver();

  /// Sets the queues up. At boot, at no CPU's cost.
  Task<void> attach();
  /// Starts a request on the queue with the fewest; of several the first.
  /// Errors: EBUSY: every ring is full, and the callback will not come.
  Task<Errno> submit(kernel::Atomic& ctx, CryptoRequest& request);

  std::size_t in_flight() const;
  std::uint32_t max_bytes() const { return max_bytes_; }

 private:
  class Queue;
  kernel::System& system_;
  kernel::IrqController& irqs_;
  hw::Port& registers_;
  const CryptoDriverParams params_;
  CryptoCosts& costs_;
  std::vector<std::unique_ptr<Queue>> queues_;
  std::uint32_t max_bytes_ = 0;
};

}  // namespace iodrome::drivers
