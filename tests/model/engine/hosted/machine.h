// SPDX-License-Identifier: Apache-2.0
// A small machine for the hosted driver's tests: drivers ring a device's doorbell; the device
// fetches a descriptor by DMA, works, writes the answer by DMA and sends an interrupt. Times lie on
// a coarse grid, so that ties abound.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "hw/memory/memory.h"
#include "model/engine/fingerprint.h"
#include "model/engine/random.h"
#include "model/engine/wait_queue.h"

namespace iodrome {

// A device's activity: starts at once, inside whatever access caused it.
struct Eager {
  struct promise_type : Pooled {
    Eager get_return_object() const noexcept { return {}; }
    std::suspend_never initial_suspend() const noexcept { return {}; }
    std::suspend_never final_suspend() const noexcept { return {}; }
    void return_void() const noexcept {}
    void unhandled_exception() const { throw; }
  };
};

struct Ports {
  hw::Port* doorbell = nullptr;
  hw::Port* memory = nullptr;
  hw::Port* interrupts = nullptr;
};

class Doorbell final : public hw::Target {
 public:
  Doorbell(Timeline& timeline, const Ports& ports) : timeline_(timeline), ports_(ports) {}

  hw::Response access(hw::Command command, std::uint64_t address,
                      std::span<std::byte> data) override {
    if (address != 0 || data.size() != 4) return hw::Response::address_error;
    if (command == hw::Command::read) {
      std::memcpy(data.data(), &rung_, sizeof(rung_));
      return hw::Response::ok;
    }
    std::uint32_t slot = 0;
    std::memcpy(&slot, data.data(), sizeof(slot));
    ++rung_;
    serve(slot);
    return hw::Response::ok;
  }

 private:
  struct Pause : ResumeEvent {
    Timeline& timeline;
    Duration delay;
    Pause(Timeline& t, Duration d) : timeline(t), delay(d) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      handle = waiter;
      timeline.after(delay, *this);
    }
    void await_resume() const noexcept {}
  };
  static constexpr std::uint64_t kBase = std::uint64_t{1} << 22;

  Eager serve(std::uint32_t slot) {
    const std::uint64_t address = kBase + slot * 16u;
    const std::uint64_t wanted = co_await ports_.memory->read64(address);
    co_await Pause{timeline_, ps(static_cast<std::int64_t>(wanted % 7) * 1000)};
    co_await ports_.memory->write64(address + 8, wanted * 3);
    co_await ports_.interrupts->write32(slot * 4u, slot);
  }

  Timeline& timeline_;
  const Ports& ports_;
  std::uint32_t rung_ = 0;
};

class Interrupts final : public hw::Target {
 public:
  Interrupts(Timeline& timeline, std::size_t lines) {
    for (std::size_t i = 0; i < lines; ++i)
      lines_.push_back(std::make_unique<WaitQueue>(timeline, "interrupt"));
    pending_.resize(lines);
  }
  hw::Response access(hw::Command command, std::uint64_t address, std::span<std::byte>) override {
    if (command != hw::Command::write) return hw::Response::command_error;
    if (address / 4 >= lines_.size()) return hw::Response::address_error;
    ++pending_[address / 4];
    lines_[address / 4]->wake_one();
    return hw::Response::ok;
  }
  Task<void> wait(std::size_t line) {
    while (pending_[line] == 0) co_await lines_[line]->wait();
    --pending_[line];
  }

 private:
  std::vector<std::unique_ptr<WaitQueue>> lines_;
  std::vector<int> pending_;
};

/// The machine without its ports; the test connects them.
struct Machine {
  static constexpr std::uint32_t kSlots = 8;
  static constexpr std::uint32_t kRequests = 50;

  Timeline timeline;
  Ports ports;
  hw::Memory memory;
  Interrupts interrupts{timeline, kSlots};
  Doorbell doorbell{timeline, ports};
  Fingerprint fingerprint;
  std::uint64_t wrong = 0;
  std::uint64_t served = 0;

  explicit Machine(std::uint64_t seed) {
    const hw::PhysAddr base = memory.allocate_contiguous(4096);
    check(base == std::uint64_t{1} << 22, "the test expects its page first");
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
      timeline.spawn(request(slot, base + slot * 16u, seed), "driver");
  }

 private:
  Task<void> request(std::uint32_t slot, hw::PhysAddr address, std::uint64_t seed) {
    for (std::uint32_t i = 0; i < kRequests; ++i) {
      const std::uint64_t bits = draw(seed, Purpose::service, slot, i);
      co_await sleep_for(timeline, ps(static_cast<std::int64_t>(bits % 5) * 1000));
      memory.at<std::uint64_t>(address) = bits >> 8;
      co_await ports.doorbell->write32(0, slot);
      note(slot, 1);
      co_await interrupts.wait(slot);
      wrong += memory.at<std::uint64_t>(address + 8) != (bits >> 8) * 3;
      const std::uint64_t rung = co_await ports.doorbell->read32(0);
      note(slot, rung);
      ++served;
    }
  }
  void note(std::uint32_t slot, std::uint64_t what) {
    fingerprint.mix(static_cast<std::uint64_t>(to_ps(timeline.now())));
    fingerprint.mix(slot);
    fingerprint.mix(what);
  }
};

}  // namespace iodrome
