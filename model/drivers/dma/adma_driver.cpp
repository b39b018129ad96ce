// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/dma/adma_driver.h"

#include <algorithm>

#include "model/drivers/dma/tasklet_channel.h"

namespace iodrome::drivers {

using namespace kernel;
namespace adma = hw::adma;

class AdmaDriver::Channel final : public TaskletChannel {
 public:
  Channel(AdmaDriver& driver, std::uint32_t index, const Limits& limits)
      : TaskletChannel(driver.system_, driver.costs_, "iop-adma", limits, driver.params_),
        driver_(driver),
        index_(index),
        entries_(static_cast<std::uint32_t>(driver.params_.descriptors) + 1),
        ring_(system_.memory.allocate_contiguous(entries_ * kEntryBytes)) {}

  Task<void> attach() {
    Cpu& cpu = *system_.cpus[index_ % system_.cpus.size()];
    const std::uint32_t line =
        driver_.irqs_.request_irq(*this, cpu.index(), "iop-adma" + std::to_string(index_));
    co_await driver_.registers_.write64(base() + adma::kMessageAddress,
                                        IrqController::message_address(line));
    co_await driver_.registers_.write32(base() + adma::kMessageData, line);
  }

 private:
  static constexpr std::uint64_t kEntryBytes = 256;  // a descriptor, aligned

  // Linked to the one loaded before, unless that may be with the channel already.
  void load(DmaDescriptor& descriptor) override {
    descriptor.slot = tail_;
    tail_ = (tail_ + 1) % entries_;
    adma::Descriptor& hardware = entry(descriptor.slot);
    hardware = {};
    hardware.count = descriptor.bytes;
    hardware.destination = descriptor.destination;
    std::copy_n(descriptor.sources.begin(), descriptor.source_count, hardware.sources);
    hardware.control = adma::kStatusWriteBack;
    if (descriptor.source_count > 0)
      hardware.control |= adma::source_select(descriptor.source_count);
    if (descriptor.op == DmaOp::zero_sum) hardware.control |= adma::kZeroResult;
    if (descriptor.op == DmaOp::memset) {
      hardware.control |= adma::kBlockFill;
      hardware.fill = descriptor.value * 0x0101'0101u;
    }
    if (descriptor.interrupt) hardware.control |= adma::kInterrupt;
    if (descriptor.error != Errno::ok) doom(descriptor);
    if (loaded_++ == 0)
      first_loaded_ = descriptor.slot;
    else
      entry(last_).next = address(descriptor.slot);
    last_ = descriptor.slot;
  }
  // A count of nothing moves nothing.
  void doom(DmaDescriptor& descriptor) override {
    std::uint32_t& count = entry(descriptor.slot).count;
    check((count & adma::kComplete) == 0, "an ADMA descriptor that ran behind a failed one");
    count = 0;
  }

  // What was loaded is linked behind the chain; the resume bit has the channel look there once
  // more.
  Task<void> kick(Atomic& ctx) override {
    co_await arm_watchdog(ctx);
    if (std::exchange(loaded_, 0) == 0) co_return;
    const std::uint32_t end = std::exchange(issued_end_, last_);
    if (end != kNone) entry(end).next = address(first_loaded_);
    if (resetting_) co_return;
    if (end == kNone)
      co_await start_at(first_loaded_);
    else
      co_await resume();
  }
  Task<void> resume() {
    co_await driver_.registers_.write32(base() + adma::kControl,
                                        adma::kControlEnable | adma::kControlResume);
  }
  Task<void> start_at(std::uint32_t slot) {
    co_await driver_.registers_.write64(base() + adma::kNext, address(slot));
    co_await driver_.registers_.write32(base() + adma::kControl, adma::kControlEnable);
  }

  // Status first, then the descriptors: in the other order an end in between has no message.
  Task<void> clean_up(Atomic& ctx) override {
    const std::uint64_t status = co_await driver_.registers_.read32(base() + adma::kStatus);
    co_await driver_.registers_.write32(base() + adma::kStatus,
                                        static_cast<std::uint32_t>(status) & adma::kStatusEvents);
    while (!active().empty()) {
      DmaDescriptor& descriptor = active().front();
      const std::uint32_t count = entry(descriptor.slot).count;
      if ((count & adma::kComplete) == 0) break;
      descriptor.sums_to_zero = descriptor.op == DmaOp::zero_sum && descriptor.error == Errno::ok &&
                                (count & adma::kZeroResultError) == 0;
      co_await finish(ctx, descriptor, Errno::ok);
    }
    if ((status & adma::kStatusError) != 0) co_await recover(ctx);
  }

  // The oldest descriptor has failed. The chain is started anew behind it.
  Task<void> recover(Atomic& ctx) {
    resetting_ = true;
    check(!active().empty(), "an ADMA channel that halted without work");
    DmaDescriptor& failed = active().front();
    co_await driver_.registers_.write32(base() + adma::kControl, 0);
    co_await finish(ctx, failed, Errno::eio);
    resetting_ = false;
    if (active().empty())
      issued_end_ = kNone;
    else
      co_await start_at(active().front().slot);
  }

  std::uint64_t base() const { return adma::channel_base(index_); }
  hw::PhysAddr address(std::uint32_t slot) const { return ring_ + slot * kEntryBytes; }
  adma::Descriptor& entry(std::uint32_t slot) {
    return system_.memory.at<adma::Descriptor>(address(slot));
  }

  static constexpr std::uint32_t kNone = ~0u;

  AdmaDriver& driver_;
  const std::uint32_t index_;
  const std::uint32_t entries_;  // the chain's last one is never used again before it has a next
  const hw::PhysAddr ring_;
  std::uint32_t tail_ = 0;
  std::uint32_t last_ = 0;            // loaded latest
  std::uint32_t loaded_ = 0;          // and not linked behind the chain
  std::uint32_t first_loaded_ = 0;    // of these
  std::uint32_t issued_end_ = kNone;  // the chain's last one, if the channel has a chain
  bool resetting_ = false;
};

AdmaDriver::AdmaDriver(System& system, IrqController& irqs, hw::Port& registers,
                       const DmaDriverParams& params, DmaCosts& costs)
    : system_(system), irqs_(irqs), registers_(registers), params_(params), costs_(costs) {}

AdmaDriver::~AdmaDriver() = default;

Task<void> AdmaDriver::attach(DmaEngine& engine) {
  const std::uint64_t channels = co_await registers_.read32(adma::kChannels);
  const std::uint64_t bytes = co_await registers_.read32(adma::kMaxTransfer);
  const std::uint64_t sources = co_await registers_.read32(adma::kMaxSources);
  DmaChannel::Limits limits;
  limits.capabilities = kOperations;
  limits.max_bytes = static_cast<std::uint32_t>(bytes);
  limits.pending_level = static_cast<std::uint32_t>(params_.pending_level);
  limits.max_sources = static_cast<std::uint32_t>(sources);
  for (std::uint32_t index = 0; index < channels; ++index) {
    channels_.push_back(std::make_unique<Channel>(*this, index, limits));
    co_await channels_.back()->attach();
    engine.add(*channels_.back());
  }
}

}  // namespace iodrome::drivers
