// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/dma/idxd_driver.h"

#include <algorithm>

#include "model/drivers/dma/tasklet_channel.h"

namespace iodrome::drivers {

using namespace kernel;
namespace dsa = hw::dsa;

namespace {

constexpr std::uint32_t kKernelQueue = 0;
constexpr std::uint16_t kKernelHandle = 0;

DmaChannel::Limits limits_of(std::uint32_t max_transfer, const DmaDriverParams& params) {
  DmaChannel::Limits limits;
  limits.pending_level = static_cast<std::uint32_t>(params.pending_level);
  limits.capabilities = IdxdDriver::kOperations;
  limits.max_bytes = max_transfer;
  limits.in_order = false;
  return limits;
}

}  // namespace

// A dedicated queue tells nobody that it is full: there are no more descriptors than it has
// entries.
class IdxdDriver::Channel final : public TaskletChannel {
 public:
  Channel(IdxdDriver& driver, std::uint32_t max_transfer)
      : TaskletChannel(driver.system_, driver.costs_, "idxd",
                       limits_of(max_transfer, driver.params_), driver.params_),
        driver_(driver),
        records_(system_.memory.allocate_contiguous(descriptors() * sizeof(dsa::Record))) {
    for (std::uint32_t slot = static_cast<std::uint32_t>(descriptors()); slot-- > 0;)
      free_slots_.push_back(slot);
  }

  Task<void> attach() {
    const std::uint32_t line = driver_.irqs_.request_irq(*this, 0, "idxd-portal0");
    const std::uint64_t entry = dsa::message_entry(kKernelHandle);
    co_await driver_.registers_.write64(entry, IrqController::message_address(line));
    co_await driver_.registers_.write32(entry + dsa::kMessageData, line);
  }

 private:
  void load(DmaDescriptor& descriptor) override {
    descriptor.slot = free_slots_.back();
    free_slots_.pop_back();
    record(descriptor.slot) = {};
    loaded_.push_back(&descriptor);
  }
  // It is looked at when it is written, which is after this.
  void doom(DmaDescriptor&) override {}

  static Errno errno_of(dsa::Status status) {
    if (status == dsa::Status::success) return Errno::ok;
    return status == dsa::Status::page_fault ? Errno::efault : Errno::eio;
  }

  dsa::Descriptor make(const DmaDescriptor& descriptor) const {
    dsa::Descriptor made;
    std::uint32_t flags = dsa::kRecordValid | dsa::kRecordRequested;
    if (descriptor.interrupt) flags |= dsa::kInterrupt;
    const bool nothing = descriptor.op == DmaOp::interrupt || descriptor.error != Errno::ok;
    made.set(nothing ? dsa::Opcode::nop : dsa::Opcode::memmove, flags);
    made.record = records_ + std::uint64_t{descriptor.slot} * sizeof(dsa::Record);
    made.source = descriptor.sources[0];
    made.destination = descriptor.destination;
    made.size = descriptor.bytes;
    made.handle = kKernelHandle;
    return made;
  }

  Task<void> kick(Atomic& ctx) override {
    co_await arm_watchdog(ctx);
    std::vector<DmaDescriptor*> issued;
    issued.swap(loaded_);
    for (DmaDescriptor* const descriptor : issued) {
      dsa::Descriptor made = make(*descriptor);
      co_await ctx.spend(driver_.portal_costs_.movdir64b);
      hw::Access post = driver_.registers_.write(dsa::portal(kKernelQueue),
                                                 std::as_writable_bytes(std::span{&made, 1}));
      co_await post;
    }
  }

  // They end in any order; a callback may take others up, so the list is looked at anew after each.
  Task<void> clean_up(Atomic& ctx) override {
    for (auto next = active().begin(); next != active().end();) {
      DmaDescriptor& descriptor = *next;
      const auto status = static_cast<dsa::Status>(record(descriptor.slot).status);
      if (descriptor.ended || status == dsa::Status::none) {
        ++next;
        continue;
      }
      free_slots_.push_back(descriptor.slot);
      co_await finish(ctx, descriptor, errno_of(status));
      next = active().begin();
    }
  }

  dsa::Record& record(std::uint32_t slot) {
    return system_.memory.at<dsa::Record>(records_ + std::uint64_t{slot} * sizeof(dsa::Record));
  }

  IdxdDriver& driver_;
  const hw::PhysAddr records_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<DmaDescriptor*> loaded_;
};

IdxdDriver::IdxdDriver(System& system, IrqController& irqs, hw::Port& registers,
                       const DmaDriverParams& params, std::uint32_t shared_queues, DmaCosts& costs,
                       PortalCosts& portal_costs)
    : system_(system),
      irqs_(irqs),
      registers_(registers),
      params_(params),
      shared_queues_(shared_queues),
      costs_(costs),
      portal_costs_(portal_costs) {}

IdxdDriver::~IdxdDriver() = default;

Task<void> IdxdDriver::attach(DmaEngine& engine) {
  const std::uint64_t entries = co_await registers_.read32(dsa::kEntries);
  const std::uint64_t queues = co_await registers_.read32(dsa::kWorkQueues);
  const std::uint64_t max_transfer = co_await registers_.read32(dsa::kMaxTransfer);
  const auto own = static_cast<std::uint32_t>(params_.descriptors);
  check(own + shared_queues_ <= entries && shared_queues_ < queues,
        "a DSA of fewer entries or work queues than its driver is to use");
  co_await registers_.write32(dsa::queue_config(kKernelQueue), dsa::queue_word(own, 0, 0, true));
  for (std::uint32_t queue = 1; queue <= shared_queues_; ++queue) {
    const auto size = (static_cast<std::uint32_t>(entries) - own) / shared_queues_;
    co_await registers_.write32(dsa::queue_config(queue), dsa::queue_word(size, size, 0, false));
  }
  channel_ = std::make_unique<Channel>(*this, static_cast<std::uint32_t>(max_transfer));
  co_await channel_->attach();
  co_await registers_.write32(dsa::kControl, 1);
  engine.add(*channel_);
}

Task<bool> IdxdDriver::enqcmd(Atomic& ctx, std::uint32_t queue, dsa::Descriptor descriptor) {
  co_await ctx.spend(portal_costs_.enqcmd);
  hw::Access submit =
      registers_.write(dsa::portal(queue, true), std::as_writable_bytes(std::span{&descriptor, 1}));
  co_await submit;
  co_return submit.response() == hw::Response::ok;
}

}  // namespace iodrome::drivers
