// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/dma/ioat_driver.h"

#include "model/drivers/dma/tasklet_channel.h"

namespace iodrome::drivers {

using namespace kernel;
namespace ioat = hw::ioat;

namespace {

DmaChannel::Limits limits_of(std::uint8_t transfer_shift, const DmaDriverParams& params) {
  DmaChannel::Limits limits;
  limits.pending_level = static_cast<std::uint32_t>(params.pending_level);
  limits.capabilities = IoatDriver::kOperations;
  limits.max_bytes = 1u << transfer_shift;
  return limits;
}

}  // namespace

class IoatDriver::Channel final : public TaskletChannel {
 public:
  Channel(IoatDriver& driver, std::uint32_t index, std::uint8_t transfer_shift)
      : TaskletChannel(driver.system_, driver.costs_, "ioat",
                       limits_of(transfer_shift, driver.params_), driver.params_),
        driver_(driver),
        index_(index),
        entries_(static_cast<std::uint32_t>(driver.params_.descriptors) + 1),
        ring_(system_.memory.allocate_contiguous(entries_ * sizeof(ioat::Descriptor))),
        status_(system_.memory.allocate_contiguous(sizeof(std::uint64_t))) {
    for (std::uint32_t slot = 0; slot < entries_; ++slot)
      entry(slot).next = address((slot + 1) % entries_);
  }

  Task<void> attach() {
    Cpu& cpu = *system_.cpus[index_ % system_.cpus.size()];
    const std::uint32_t line =
        driver_.irqs_.request_irq(*this, cpu.index(), "ioat" + std::to_string(index_));
    co_await driver_.registers_.write64(ioat::msix_entry(index_),
                                        IrqController::message_address(line));
    co_await driver_.registers_.write32(ioat::msix_entry(index_) + ioat::kMsixData, line);
    const std::uint16_t control = ioat::kCtrlErrorInterrupt | ioat::kCtrlErrorCompletion;
    co_await write(ioat::kChanCtrl, control, 2);
    co_await start_at(0);
  }

 private:
  void load(DmaDescriptor& descriptor) override {
    descriptor.slot = tail_;
    tail_ = (tail_ + 1) % entries_;
    ioat::Descriptor& hardware = entry(descriptor.slot);
    hardware.size = descriptor.bytes;
    hardware.source = descriptor.sources[0];
    hardware.destination = descriptor.destination;
    hardware.control = ioat::kCompletionWrite;
    if (descriptor.interrupt) hardware.control |= ioat::kInterrupt;
    if (descriptor.op == DmaOp::interrupt) hardware.control |= ioat::kNull;
    if (descriptor.error != Errno::ok) doom(descriptor);
  }
  void doom(DmaDescriptor& descriptor) override { entry(descriptor.slot).control |= ioat::kNull; }

  // DMACOUNT counts from the last reset; what runs after a reset is counted again by it.
  Task<void> kick(Atomic& ctx) override {
    co_await arm_watchdog(ctx);
    if (!resetting_) co_await show_issued();
  }
  Task<void> show_issued() {
    const auto issued = static_cast<std::uint16_t>(retired_ + active().size());
    co_await write(ioat::kDmaCount, issued, 2);
  }

  Task<void> clean_up(Atomic& ctx) override {
    const std::uint64_t status = system_.memory.at<std::uint64_t>(status_);
    const hw::PhysAddr last = status & ~ioat::kStateMask;
    while (last != 0 && last != seen_) {
      check(!active().empty(), "an I/OAT engine that ended more than it was given");
      DmaDescriptor& descriptor = active().front();
      seen_ = address(descriptor.slot);
      ++retired_;
      co_await finish(ctx, descriptor, Errno::ok);
    }
    const auto state = static_cast<ioat::State>(status & ioat::kStateMask);
    if (state == ioat::State::halted) co_await recover(ctx);
  }

  // The oldest descriptor has failed. The rest is given to the channel again.
  Task<void> recover(Atomic& ctx) {
    resetting_ = true;
    co_await write(ioat::kChanCmd, ioat::kCmdReset, 1);
    const std::uint64_t error = co_await read(ioat::kChanErr, 4);
    co_await write(ioat::kChanErr, error, 4);
    check(!active().empty(), "an I/OAT channel that halted without work");
    DmaDescriptor& failed = active().front();
    const std::uint32_t next = (failed.slot + 1) % entries_;
    co_await start_at(next);
    co_await finish(ctx, failed, Errno::eio);
    resetting_ = false;
    if (!active().empty()) co_await show_issued();
  }

  // The channel's state after a reset, with nothing given to it.
  Task<void> start_at(std::uint32_t slot) {
    system_.memory.at<std::uint64_t>(status_) = 0;
    seen_ = 0;
    retired_ = 0;
    co_await driver_.registers_.write64(base() + ioat::kChainAddr, address(slot));
    co_await driver_.registers_.write64(base() + ioat::kChanCmp, status_);
  }

  hw::Access write(std::uint64_t offset, std::uint64_t value, std::size_t size) {
    return {driver_.registers_, hw::Command::write, base() + offset, value, size};
  }
  hw::Access read(std::uint64_t offset, std::size_t size) {
    return {driver_.registers_, hw::Command::read, base() + offset, 0, size};
  }
  std::uint64_t base() const { return ioat::channel_base(index_); }
  hw::PhysAddr address(std::uint32_t slot) const {
    return ring_ + std::uint64_t{slot} * sizeof(ioat::Descriptor);
  }
  ioat::Descriptor& entry(std::uint32_t slot) {
    return system_.memory.at<ioat::Descriptor>(address(slot));
  }

  IoatDriver& driver_;
  const std::uint32_t index_;
  const std::uint32_t entries_;  // one is always free: a whole lap is not mistaken for none
  const hw::PhysAddr ring_;
  const hw::PhysAddr status_;
  std::uint32_t tail_ = 0;
  hw::PhysAddr seen_ = 0;      // the last descriptor that was finished since the reset
  std::uint32_t retired_ = 0;  // how many were
  bool resetting_ = false;
};

IoatDriver::IoatDriver(System& system, IrqController& irqs, hw::Port& registers,
                       const DmaDriverParams& params, DmaCosts& costs)
    : system_(system), irqs_(irqs), registers_(registers), params_(params), costs_(costs) {}

IoatDriver::~IoatDriver() = default;

Task<void> IoatDriver::attach(DmaEngine& engine) {
  hw::Access count{registers_, hw::Command::read, ioat::kChanCnt, 0, 1};
  co_await count;
  const auto channels = static_cast<std::uint32_t>(count.await_resume());
  hw::Access capability{registers_, hw::Command::read, ioat::kXferCap, 0, 1};
  co_await capability;
  const auto shift = static_cast<std::uint8_t>(capability.await_resume());
  const auto delay = static_cast<std::uint64_t>(params_.interrupt_delay / 1us);
  hw::Access coalesce{registers_, hw::Command::write, ioat::kIntrDelay, delay, 2};
  co_await coalesce;
  for (std::uint32_t index = 0; index < channels; ++index) {
    channels_.push_back(std::make_unique<Channel>(*this, index, shift));
    co_await channels_.back()->attach();
    engine.add(*channels_.back());
  }
}

}  // namespace iodrome::drivers
