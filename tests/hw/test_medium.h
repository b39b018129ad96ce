// SPDX-License-Identifier: Apache-2.0
// A medium whose every byte is a function of its offset, until written.
#pragma once
#include <map>

#include "hw/ports.h"
#include "model/engine/random.h"

namespace iodrome::hw::test {

class TestMedium final : public Medium {
 public:
  TestMedium(std::uint64_t bytes, bool checked) : bytes_(bytes), checked_(checked) {}

  static std::byte original(std::uint64_t offset) {
    return static_cast<std::byte>((offset * 0x9e37'79b9'7f4a'7c15ull) >> 56);
  }
  std::byte at(std::uint64_t offset) const {
    const auto written = written_.find(offset);
    return written != written_.end() ? written->second : original(offset);
  }
  bool payload_checked() const override { return checked_; }
  void read(std::uint64_t offset, std::span<std::byte> to) override {
    ++reads;
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = at(offset + i);
  }
  void write(std::uint64_t offset, std::span<const std::byte> from) override {
    for (std::size_t i = 0; i < from.size(); ++i) written_[offset + i] = from[i];
  }
  std::uint64_t size_bytes() const override { return bytes_; }

  int reads = 0;

 private:
  std::uint64_t bytes_;
  bool checked_;
  std::map<std::uint64_t, std::byte> written_;
};

/// Stands where the interrupt controller stands: notes each message with its time.
class MessageLog final : public Target {
 public:
  struct Message {
    SimTime time;
    std::uint64_t address;
    std::uint32_t data;
  };
  explicit MessageLog(Timeline& timeline) : timeline_(timeline) {}
  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override {
    if (command != Command::write || data.size() != 4) return Response::command_error;
    std::uint32_t value = 0;
    std::memcpy(&value, data.data(), 4);
    messages.push_back({timeline_.now(), address, value});
    if (on_message) on_message(value);
    return Response::ok;
  }
  std::vector<Message> messages;
  std::function<void(std::uint32_t)> on_message;

 private:
  Timeline& timeline_;
};

}  // namespace iodrome::hw::test
