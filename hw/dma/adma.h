// SPDX-License-Identifier: Apache-2.0
// An ADMA engine: copy, exclusive or, zero check and fill, in chains that grow while they run.
#pragma once
#include <vector>

#include "hw/core/activity.h"
#include "hw/core/fifo.h"
#include "hw/dma/adma_params.h"
#include "hw/dma/adma_registers.h"
#include "hw/ports.h"

namespace iodrome::hw {

/// What an engine did; for metrics and tests.
struct AdmaCounters {
  std::uint64_t descriptors = 0;
  std::uint64_t bus_bytes = 0;  // read and written
  std::uint64_t resumed = 0;    // ends of a chain that were none
  std::uint64_t errors = 0;
  std::uint64_t interrupts = 0;
};

/// The engine. Its register window answers at once; descriptors run on the timeline.
///
/// Order: the descriptors of a channel end in order, each before the next is fetched; channels
/// share the bus FIFO.
/// Errors: what a host can do wrong halts the channel, or is a Response of the register access.
class Adma final : public Target, private Timeline::StallSource {
 public:
  /// Without `payload_checked` every time is kept, no byte moves, and all sums are zero.
  /// Errors: values that AdmaParams::examine() refuses are a bug here.
  Adma(const AdmaParams& params, Timeline& timeline, Port& memory, Port& interrupts,
       bool payload_checked);

  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;

  const AdmaCounters& counters() const { return counters_; }
  Activities& activities() { return activities_; }

 private:
  struct Channel {
    std::uint32_t control = 0;
    std::uint32_t status = 0;
    PhysAddr current = 0;
    PhysAddr next = 0;
    std::uint64_t message_address = 0;
    std::uint32_t message_data = 0;
    std::uint32_t epoch = 0;  // counts disablings; what began before one ends silently
    bool running = false;
    bool halted = false;
    std::vector<std::byte> sum{};
    std::vector<std::byte> source{};
  };

  // adma_window.cpp
  Response access_channel(Channel& channel, Command command, std::uint64_t offset,
                          std::span<std::byte> data);
  Response write_channel(Channel& channel, std::uint64_t offset, std::span<const std::byte> data);
  void write_control(Channel& channel, std::uint32_t value);

  // adma.cpp
  Activity notice(Channel& channel, std::uint32_t control, std::uint32_t epoch);
  Activity run(Channel& channel, std::uint32_t epoch);
  Task<bool> resumed(Channel& channel, std::uint32_t epoch);
  bool legal(const adma::Descriptor& descriptor) const;
  std::int64_t bus_bytes(const adma::Descriptor& descriptor) const;
  Task<bool> carry_out(Channel& channel, adma::Descriptor& descriptor);
  Task<bool> add_sources(Channel& channel, const adma::Descriptor& descriptor, std::uint32_t bytes);
  void raise(Channel& channel, std::uint32_t bits);
  void halt(Channel& channel);
  Activity send_message(Channel& channel);

  void describe_stall(std::vector<StallLine>& lines) const override;

  const AdmaParams params_;
  Timeline& timeline_;
  Port& memory_;
  Port& interrupts_;
  const bool payload_checked_;
  Bus bus_;
  std::vector<Channel> channels_;
  AdmaCounters counters_;
  Activities activities_;  // last: its frames refer to everything above
};

}  // namespace iodrome::hw
