// SPDX-License-Identifier: Apache-2.0
// The least a host does to use an I/OAT engine: a chain in memory, a count, a completion word.
#pragma once
#include <catch2/catch.hpp>

#include "hw/dma/ioat.h"
#include "hw/memory/memory.h"
#include "tests/hw/part_file.h"
#include "tests/hw/test_medium.h"

namespace iodrome::hw::test {

/// Round figures, constant times: a 4096 B copy takes 1 us on the bus.
inline IoatParams round_ioat() {
  IoatParams p = part<IoatParams>("dma", "ioat_2007", "ioat");
  p.doorbell_flight = 100ns;
  p.descriptor_setup = 300ns;
  p.rate = {4'096'000'000};
  p.completion_write = 200ns;
  p.msi_flight = 400ns;
  p.channels = 2;
  return p;
}

class IoatHost {
 public:
  explicit IoatHost(const IoatParams& params = round_ioat())
      : engine(params, timeline, memory_port, message_port, true) {
    for (std::uint32_t c = 0; c < params.channels; ++c) {
      ring[c] = memory.allocate_contiguous(64 * kEntries);
      word[c] = memory.allocate_contiguous(8);
      for (std::uint32_t i = 0; i < kEntries; ++i)
        at(c, i).next = ring[c] + 64ull * ((i + 1) % kEntries);
      write(c, ioat::kChanCtrl, ioat::kCtrlErrorInterrupt | ioat::kCtrlErrorCompletion, 2);
      write(c, ioat::kChanCmp, word[c], 8);
      write(c, ioat::kChainAddr, ring[c], 8);
    }
  }
  ioat::Descriptor& at(std::uint32_t channel, std::uint32_t entry) {
    return memory.at<ioat::Descriptor>(ring[channel] + 64ull * entry);
  }
  ioat::Descriptor& queue(PhysAddr to, PhysAddr from, std::uint32_t bytes,
                          std::uint32_t control = ioat::kInterrupt, std::uint32_t channel = 0) {
    ioat::Descriptor& d = at(channel, tail[channel]++ % kEntries);
    d.size = bytes;
    d.source = from;
    d.destination = to;
    d.control = control | ioat::kCompletionWrite;
    return d;
  }
  void ring_count(std::uint32_t channel = 0) {
    write(channel, ioat::kDmaCount, tail[channel] - at_reset[channel], 2);
  }
  void write(std::uint32_t channel, std::uint64_t offset, std::uint64_t value, std::size_t size) {
    const std::span<std::byte> data = std::as_writable_bytes(std::span{&value, 1}).first(size);
    REQUIRE(engine.access(Command::write, ioat::channel_base(channel) + offset, data) ==
            Response::ok);
  }
  std::uint64_t read(std::uint32_t channel, std::uint64_t offset, std::size_t size) {
    std::uint64_t value = 0;
    const std::span<std::byte> data = std::as_writable_bytes(std::span{&value, 1}).first(size);
    REQUIRE(engine.access(Command::read, ioat::channel_base(channel) + offset, data) ==
            Response::ok);
    return value;
  }
  std::uint64_t status(std::uint32_t channel = 0) {
    return memory.at<std::uint64_t>(word[channel]);
  }
  /// Time of the last message.
  SimTime told() const { return messages.messages.back().time; }

  static constexpr std::uint32_t kEntries = 64;
  Timeline timeline;
  Memory memory;
  DirectPort memory_port{memory};
  MessageLog messages{timeline};
  DirectPort message_port{messages};
  Ioat engine;
  PhysAddr ring[2] = {};
  PhysAddr word[2] = {};
  std::uint32_t tail[2] = {};
  std::uint32_t at_reset[2] = {};
};

}  // namespace iodrome::hw::test
