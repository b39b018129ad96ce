// SPDX-License-Identifier: Apache-2.0
// How drivers, devices and memory reach each other: one kind of access, as on a real bus.
// Registers, DMA and message-signalled interrupts are all reads and writes of bytes at an address.
//
// Three ports speak this interface and give one answer: the direct port calls its target at once,
// as DMI does for memory; the TLM port goes through SystemC sockets; the bridge serves foreign
// targets that block.
#pragma once
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "hw/memory/memory_bus.h"
#include "model/engine/timeline.h"

namespace iodrome::hw {

using PhysAddr = std::uint64_t;

enum class Command : std::uint8_t { read, write };

/// How an access ended; the order follows TLM-2.0's response codes.
enum class Response : std::uint8_t { ok, address_error, command_error, generic_error };

/// Bytes that can be made again whenever somebody looks at them, so nobody need keep them.
class Reproducible {
 public:
  virtual ~Reproducible() = default;
  /// Writes what stands at [offset, offset + to.size()) into `to`: the same at any time.
  virtual void make_again(std::uint64_t offset, std::span<std::byte> to) const = 0;
};

/// Whatever answers accesses: a device's registers, memory, the interrupt controller's doorbell.
class Target {
 public:
  virtual ~Target() = default;
  /// Serves one access at the current time. It never blocks: what takes time is scheduled.
  virtual Response access(Command command, std::uint64_t address, std::span<std::byte> data) = 0;
  /// Direct memory pointer to [address, address + size), or an empty span where there is none.
  virtual std::span<std::byte> direct(std::uint64_t, std::size_t) { return {}; }
  /// The same for who only reads. Bytes that are not kept are made in `scratch`, which is as large.
  virtual std::span<const std::byte> view(std::uint64_t address, std::span<std::byte> scratch) {
    return direct(address, scratch.size());
  }
  /// Writes `size` bytes that stand at `offset` of `source`, which outlives the target, without
  /// looking at them. False, and nothing done, if the target cannot.
  virtual bool write_unseen(std::uint64_t, std::size_t, const Reproducible&, std::uint64_t) {
    return false;
  }
};

class Port;

/// One access, in flight while it is awaited. It lives in the frame of the coroutine that awaits
/// it.
class [[nodiscard]] Access : public SyncRequest {
 public:
  Access(Port& port, Command command, std::uint64_t address, std::span<std::byte> data)
      : port_(port), command_(command), address_(address), data_(data) {}
  /// A register access of `size` bytes, whose value travels inside.
  Access(Port& port, Command command, std::uint64_t address, std::uint64_t value, std::size_t size)
      : port_(port), command_(command), address_(address), value_(value), size_(size) {}

  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiter);
  /// The register's value (reads and writes of registers); 0 for memory. Errors: see response().
  std::uint64_t await_resume() const { return value_; }

  Port& port() const { return port_; }
  Command command() const { return command_; }
  std::uint64_t address() const { return address_; }
  std::span<std::byte> data() {
    return size_ != 0 ? std::as_writable_bytes(std::span{&value_, 1}).first(size_) : data_;
  }
  Response response() const { return response_; }
  void set_response(Response response) { response_ = response; }
  std::coroutine_handle<> waiter() const { return waiter_; }

 private:
  Port& port_;
  Command command_;
  Response response_ = Response::ok;
  std::uint64_t address_;
  std::span<std::byte> data_;
  std::uint64_t value_ = 0;
  std::size_t size_ = 0;
  std::coroutine_handle<> waiter_;
};

/// The initiator's end. `co_await port.write32(offset, value)`; accesses of one port keep their
/// order.
class Port {
 public:
  virtual ~Port() = default;

  Access read32(std::uint64_t address) { return {*this, Command::read, address, 0, 4}; }
  Access write32(std::uint64_t address, std::uint32_t value) {
    return {*this, Command::write, address, value, 4};
  }
  Access read64(std::uint64_t address) { return {*this, Command::read, address, 0, 8}; }
  Access write64(std::uint64_t address, std::uint64_t value) {
    return {*this, Command::write, address, value, 8};
  }
  /// Reads memory at `address` into `to`, which must outlive the access.
  Access read(std::uint64_t address, std::span<std::byte> to) {
    return {*this, Command::read, address, to};
  }
  Access write(std::uint64_t address, std::span<std::byte> from) {
    return {*this, Command::write, address, from};
  }
  /// Pointer to the target's memory for payloads, or empty; the caller then uses read() and
  /// write().
  virtual std::span<std::byte> direct(std::uint64_t, std::size_t) { return {}; }
  /// Target::view() of a target that grants pointers; else empty.
  virtual std::span<const std::byte> view(std::uint64_t, std::span<std::byte>) { return {}; }
  /// Target::write_unseen() of a target that grants pointers; else false.
  virtual bool write_unseen(std::uint64_t, std::size_t, const Reproducible&, std::uint64_t) {
    return false;
  }

  /// The memory that payload through this port shares with others; nullptr: with nobody.
  void share(MemoryBus* bus) { bus_ = bus; }
  MemoryBus* shared() const { return bus_; }
  /// When payload has passed whose transfer would last so long: at its end, or later where memory
  /// is busy. What waits for the device's own link has not begun. Rings, descriptors and
  /// completions are not counted. Order: MemoryBus::carry().
  SimTime pass(SimTime now, Stretch alone, std::int64_t bytes) {
    return bus_ == nullptr ? alone.until : bus_->carry(now, alone, bytes);
  }

  /// Serves the access at once if the port can.
  virtual bool serve_now(Access& access) = 0;
  /// Takes an access that cannot be served at once; resumes its waiter when it is done.
  virtual void start(Access& access) = 0;

 private:
  MemoryBus* bus_ = nullptr;
};

inline bool Access::await_ready() {
  return port_.serve_now(*this);
}
inline void Access::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  port_.start(*this);
}

/// Calls its target at once: to registers what DMI is to memory.
class DirectPort final : public Port {
 public:
  explicit DirectPort(Target& target) : target_(target) {}
  bool serve_now(Access& access) override {
    access.set_response(target_.access(access.command(), access.address(), access.data()));
    return true;
  }
  void start(Access&) override {}
  std::span<std::byte> direct(std::uint64_t address, std::size_t size) override {
    return target_.direct(address, size);
  }
  std::span<const std::byte> view(std::uint64_t address, std::span<std::byte> scratch) override {
    return target_.view(address, scratch);
  }
  bool write_unseen(std::uint64_t address, std::size_t size, const Reproducible& source,
                    std::uint64_t offset) override {
    return target_.write_unseen(address, size, source, offset);
  }

 private:
  Target& target_;
};

/// What a device stores: the bytes behind its logical blocks.
class Medium {
 public:
  virtual ~Medium() = default;
  /// Whether anybody will look at payload bytes. If not, devices keep their timing and move none.
  virtual bool payload_checked() const = 0;
  virtual void read(std::uint64_t byte_offset, std::span<std::byte> to) = 0;
  virtual void write(std::uint64_t byte_offset, std::span<const std::byte> from) = 0;
  /// What makes the bytes at [byte_offset, byte_offset + size) again for ever, or nullptr: whoever
  /// wrote there must be read.
  virtual const Reproducible* reproducible(std::uint64_t, std::size_t) const { return nullptr; }
  virtual std::uint64_t size_bytes() const = 0;
};

}  // namespace iodrome::hw
