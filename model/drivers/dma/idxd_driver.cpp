// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/dma/idxd_driver.h"

#include <algorithm>

#include "model/drivers/dma/watchdog.h"

namespace iodrome::drivers {

using namespace kernel;
namespace dsa = hw::dsa;

namespace {

constexpr std::uint32_t kKernelQueue = 0;
constexpr std::uint16_t kKernelHandle = 0;

DmaChannel::Limits limits_of(std::uint32_t max_transfer) {
  DmaChannel::Limits limits;
  limits.capabilities = dma_capability(DmaOp::memcpy) | dma_capability(DmaOp::interrupt);
  limits.max_bytes = max_transfer;
  limits.in_order = false;
  return limits;
}

}  // namespace

// The hardirq is the channel itself; the rest is the tasklet's. A dedicated queue tells nobody that
// it is full: there are no more descriptors than it has entries.
class IdxdDriver::Channel final : public DmaChannel, public IrqAction {
 public:
  Channel(IdxdDriver& driver, std::uint32_t max_transfer)
      : DmaChannel(driver.system_, driver.costs_, "idxd", limits_of(max_transfer),
                   static_cast<std::uint32_t>(driver.params_.descriptors)),
        driver_(driver),
        records_(system_.memory.allocate_contiguous(descriptors() * sizeof(dsa::Record))),
        watchdog_(driver.params_.timeout, tasklet_) {
    for (std::uint32_t slot = static_cast<std::uint32_t>(descriptors()); slot-- > 0;)
      free_slots_.push_back(slot);
  }

  Task<void> attach() {
    const std::uint32_t line = driver_.irqs_.request_irq(*this, 0, "idxd-portal0");
    const std::uint64_t entry = dsa::message_entry(kKernelHandle);
    co_await driver_.registers_.write64(entry, line * 4ull);
    co_await driver_.registers_.write32(entry + dsa::kMessageData, line);
  }

  /// The hardirq.
  Task<void> handle(Atomic& ctx) override {
    ctx.cpu().schedule_tasklet(tasklet_);
    return Task<void>::ready();
  }

  // Two contexts may look at once: the first goes on until nothing new has ended.
  Task<void> poll(Atomic& ctx) override {
    look_again_ = true;
    if (cleaning_) co_return;
    cleaning_ = true;
    while (std::exchange(look_again_, false)) co_await clean_up(ctx);
    cleaning_ = false;
    if (active().empty())
      co_await watchdog_.disarm(ctx);
    else
      co_await watchdog_.arm(ctx);
  }

 private:
  struct Tasklet final : IrqAction {
    explicit Tasklet(Channel& channel) : owner(channel) {}
    Task<void> handle(Atomic& ctx) override { return owner.poll(ctx); }
    Channel& owner;
  };

  void load(DmaDescriptor& descriptor) override {
    descriptor.slot = free_slots_.back();
    free_slots_.pop_back();
    record(descriptor.slot) = {};
    loaded_.push_back(&descriptor);
  }
  // It is looked at when it is written, which is after this.
  void doom(DmaDescriptor&) override {}

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
    co_await watchdog_.arm(ctx);
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
  Task<void> clean_up(Atomic& ctx) {
    for (auto next = active().begin(); next != active().end();) {
      DmaDescriptor& descriptor = *next;
      const auto status = static_cast<dsa::Status>(record(descriptor.slot).status);
      if (descriptor.ended || status == dsa::Status::none) {
        ++next;
        continue;
      }
      free_slots_.push_back(descriptor.slot);
      co_await finish(ctx, descriptor, status == dsa::Status::success ? Errno::ok : Errno::eio);
      next = active().begin();
    }
  }

  dsa::Record& record(std::uint32_t slot) {
    return system_.memory.at<dsa::Record>(records_ + std::uint64_t{slot} * sizeof(dsa::Record));
  }

  IdxdDriver& driver_;
  const hw::PhysAddr records_;
  Tasklet tasklet_{*this};
  Watchdog watchdog_;
  std::vector<std::uint32_t> free_slots_;
  std::vector<DmaDescriptor*> loaded_;
  bool cleaning_ = false;
  bool look_again_ = false;
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
