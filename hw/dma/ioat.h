// SPDX-License-Identifier: Apache-2.0
// An I/OAT copy engine: channels that work through chains of descriptors in host memory.
#pragma once
#include <vector>

#include "hw/core/activity.h"
#include "hw/core/fifo.h"
#include "hw/dma/ioat_params.h"
#include "hw/dma/ioat_registers.h"
#include "hw/ports.h"

namespace iodrome::hw {

/// What an engine did; for metrics and tests.
struct IoatCounters {
  std::uint64_t copies = 0;
  std::uint64_t nulls = 0;
  std::uint64_t bytes = 0;
  std::uint64_t errors = 0;
  std::uint64_t interrupts = 0;
};

/// The engine. Its register window answers at once; descriptors run on the timeline.
///
/// Order: the descriptors of a channel end in order; channels share the rate FIFO.
/// Errors: what a host can do wrong halts the channel, or is a Response of the register access.
class Ioat final : public Target, private Timeline::StallSource {
 public:
  /// Without `payload_checked` every time is kept and no byte moves.
  /// Errors: values that IoatParams::examine() refuses are a bug here.
  Ioat(const IoatParams& params, Timeline& timeline, Port& memory, Port& interrupts,
       bool payload_checked);

  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;

  const IoatCounters& counters() const { return counters_; }
  Activities& activities() { return activities_; }

 private:
  struct Channel {
    std::uint16_t control = 0;
    std::uint16_t count = 0;    // the register
    std::uint16_t noticed = 0;  // of it, what has reached the engine
    std::uint16_t done = 0;
    PhysAddr next = 0;
    PhysAddr last = 0;  // last descriptor that ended
    std::uint64_t completion = 0;
    std::uint32_t error = 0;
    std::uint32_t epoch = 0;     // counts resets; what began before one ends silently
    std::uint64_t reports = 0;   // of CHANSTS to memory, begun
    std::uint64_t reported = 0;  // the latest of them that was written
    bool running = false;
    bool halted = false;
    bool message_due = false;
    std::uint64_t message_address = 0;
    std::uint32_t message_data = 0;
    std::vector<std::byte> staging{};
  };

  // ioat_window.cpp
  Response access_general(Command command, std::uint64_t address, std::span<std::byte> data);
  Response access_channel(Channel& channel, Command command, std::uint64_t offset,
                          std::span<std::byte> data);
  Response write_channel(Channel& channel, std::uint64_t offset, std::span<const std::byte> data);
  Response access_vector(Command command, std::uint64_t offset, std::span<std::byte> data);
  void reset(Channel& channel);
  std::uint64_t status(const Channel& channel) const;

  // ioat.cpp
  Activity notice(Channel& channel, std::uint16_t count, std::uint32_t epoch);
  Activity run(Channel& channel, std::uint32_t epoch);
  std::uint32_t examine(const ioat::Descriptor& descriptor) const;
  Task<std::uint32_t> transfer(Channel& channel, const ioat::Descriptor& descriptor);
  void ended(Channel& channel, PhysAddr at, const ioat::Descriptor& descriptor);
  void halt(Channel& channel, std::uint32_t error);
  Activity report(Channel& channel, std::uint32_t epoch, std::uint64_t status, bool interrupt);
  Activity send_message(Channel& channel);

  void describe_stall(std::vector<StallLine>& lines) const override;

  const IoatParams params_;
  Timeline& timeline_;
  Port& memory_;
  Port& interrupts_;
  const bool payload_checked_;
  Bus bus_;
  std::uint16_t interrupt_delay_ = 0;
  std::vector<Channel> channels_;
  IoatCounters counters_;
  Activities activities_;  // last: its frames refer to everything above
};

}  // namespace iodrome::hw
