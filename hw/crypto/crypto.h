// SPDX-License-Identifier: Apache-2.0
// A crypto engine: ciphers, hashes and checksums of host memory, by several queues.
#pragma once
#include <vector>

#include "hw/core/activity.h"
#include "hw/core/fifo.h"
#include "hw/crypto/params.h"
#include "hw/crypto/registers.h"
#include "hw/ports.h"

namespace iodrome::hw {

/// What an engine did; for metrics and tests.
struct CryptoCounters {
  std::uint64_t requests = 0;
  std::uint64_t bytes = 0;
  std::uint64_t errors = 0;
  std::uint64_t interrupts = 0;
};

/// The device. Its register window answers at once; descriptors run on the timeline.
///
/// Order: a queue does one descriptor after the other; queues run beside one another, on engines
/// that serve first come, first served.
/// Errors: what a descriptor asks wrongly is told in its status.
class Crypto final : public Target, private Timeline::StallSource {
 public:
  /// Without `payload_checked` every time is kept, no byte moves, and results are zeros.
  /// Errors: values that CryptoParams::examine() refuses are a bug here.
  Crypto(const CryptoParams& params, Timeline& timeline, Port& memory, Port& interrupts,
         bool payload_checked);

  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;

  const CryptoCounters& counters() const { return counters_; }
  Activities& activities() { return activities_; }

 private:
  struct Queue {
    PhysAddr ring = 0;
    std::uint32_t entries = 0;
    std::uint32_t control = 0;
    std::uint32_t tail = 0;     // the register
    std::uint32_t noticed = 0;  // of it, what has reached the device
    std::uint32_t done = 0;
    std::uint32_t epoch = 0;  // counts resets; what began before one ends silently
    bool running = false;
    std::uint64_t message_address = 0;
    std::uint32_t message_data = 0;
  };

  Response access_queue(Queue& queue, Command command, std::uint64_t offset,
                        std::span<std::byte> data);
  Response write_queue(Queue& queue, std::uint64_t offset, std::span<const std::byte> data);
  Activity notice(Queue& queue, std::uint32_t tail, std::uint32_t epoch);
  Activity run(Queue& queue, std::uint32_t epoch);
  bool legal(const crypto::Descriptor& descriptor) const;
  Duration service(const crypto::Descriptor& descriptor) const;
  SimTime engine(Duration service);
  Task<crypto::Status> carry_out(crypto::Descriptor& descriptor);
  Activity send_message(Queue& queue);

  void describe_stall(std::vector<StallLine>& lines) const override;

  const CryptoParams params_;
  Timeline& timeline_;
  Port& memory_;
  Port& interrupts_;
  const bool payload_checked_;
  std::vector<FifoServer> engines_;
  std::vector<Queue> queues_;
  CryptoCounters counters_;
  Activities activities_;  // last: its frames refer to everything above
};

}  // namespace iodrome::hw
