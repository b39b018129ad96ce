// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/virtio_blk/virtio_blk_driver.h"

#include <fmt/format.h>

#include "model/events/memory.h"

namespace iodrome::drivers {

using namespace kernel;
namespace vblk = hw::virtio_blk;

namespace {
// The largest bio has 256 pages, and may start and end inside one; header and status besides.
constexpr std::uint32_t kDescriptors = 260;
constexpr std::uint64_t kHeaderAt = kDescriptors * sizeof(vblk::Descriptor);
constexpr std::uint64_t kRangeAt = kHeaderAt + sizeof(vblk::RequestHeader);
constexpr std::uint64_t kStatusAt = kRangeAt + sizeof(vblk::DiscardRange);
constexpr std::uint64_t kTableBytes = kStatusAt + 8;
}  // namespace

VirtioBlkDriver::VirtioBlkDriver(System& system, IrqController& irqs, BlockSoftirq& softirq,
                                 hw::Port& registers, std::int64_t queue_entries,
                                 std::uint32_t instance)
    : system_(system),
      irqs_(irqs),
      softirq_(softirq),
      registers_(registers),
      entries_(static_cast<std::uint32_t>(queue_entries)),
      instance_(instance),
      number_(device_number(kDeviceId, instance)),
      desc_(system.memory.allocate_contiguous(entries_ * sizeof(vblk::Descriptor))),
      avail_(system.memory.allocate_contiguous(vblk::avail_bytes(entries_))),
      used_(system.memory.allocate_contiguous(vblk::used_bytes(entries_))),
      slots_(entries_) {}

Task<void> VirtioBlkDriver::attach() {
  const std::uint64_t magic = co_await registers_.read32(vblk::kMagic);
  const std::uint64_t kind = co_await registers_.read32(vblk::kDeviceId);
  const std::uint64_t most = co_await registers_.read32(vblk::kQueueNumMax);
  check(magic == vblk::kMagicValue && kind == vblk::kBlockDevice, "no virtio block device");
  check(entries_ <= most, "the virtio block device has a smaller queue");
  const std::uint32_t line = irqs_.request_irq(*this, 0, fmt::format("virtio{}-req.0", instance_));
  co_await registers_.write64(vblk::kMsiAddress, IrqController::message_address(line));
  co_await registers_.write32(vblk::kMsiData, line);
  co_await registers_.write32(vblk::kQueueNum, entries_);
  co_await registers_.write64(vblk::kQueueDesc, desc_);
  co_await registers_.write64(vblk::kQueueAvail, avail_);
  co_await registers_.write64(vblk::kQueueUsed, used_);
  co_await registers_.write32(vblk::kQueueReady, 1);
  co_await registers_.write32(vblk::kStatus, vblk::kStatusDriverOk);
}

// The request's chain stands in its own table, as virtqueue_add_sgs() builds it.
void VirtioBlkDriver::fill_table(const Request& request) {
  Slot& slot = slots_[request.tag];
  if (slot.table == 0) slot.table = system_.memory.allocate_contiguous(kTableBytes);
  check(request.segments + 2 <= kDescriptors, "a request with more segments than a table holds");
  static constexpr vblk::RequestType kTypes[] = {vblk::RequestType::in, vblk::RequestType::out,
                                                 vblk::RequestType::flush,
                                                 vblk::RequestType::discard};
  auto* const table = &word<vblk::Descriptor>(slot.table);
  std::uint16_t count = 0;
  const auto add = [&](std::uint64_t address, std::uint32_t bytes, std::uint16_t flags) {
    table[count] = {address, bytes, flags, static_cast<std::uint16_t>(count + 1)};
    ++count;
  };
  const bool discards = request.op == BlockOp::discard;
  word<vblk::RequestHeader>(slot.table + kHeaderAt) = {
      static_cast<std::uint32_t>(kTypes[static_cast<std::size_t>(request.op)]), 0,
      transfers(request.op) ? request.sector : 0};
  add(slot.table + kHeaderAt, sizeof(vblk::RequestHeader), vblk::kDescNext);
  if (discards) {
    word<vblk::DiscardRange>(slot.table + kRangeAt) = {request.sector, request.bytes / 512, 0};
    add(slot.table + kRangeAt, sizeof(vblk::DiscardRange), vblk::kDescNext);
  }
  const std::uint16_t direction = request.op == BlockOp::read ? vblk::kDescWrite : 0;
  request.for_each_segment([&](const BioSegment& segment) {
    add(segment.address, segment.bytes, static_cast<std::uint16_t>(vblk::kDescNext | direction));
  });
  add(slot.table + kStatusAt, 1, vblk::kDescWrite);
  (&word<vblk::Descriptor>(desc_))[request.tag] = {
      slot.table, static_cast<std::uint32_t>(count * sizeof(vblk::Descriptor)), vblk::kDescIndirect,
      0};
  slot.busy = true;
}

// Puts the request on the available ring; whether the host wants to be told of it.
bool VirtioBlkDriver::publish(std::uint32_t tag) {
  word<std::uint16_t>(vblk::avail_entry(avail_, added_ % entries_)) =
      static_cast<std::uint16_t>(tag);
  const std::uint16_t before = added_++;
  word<std::uint16_t>(vblk::avail_index(avail_)) = added_;
  const auto event = word<std::uint16_t>(vblk::avail_event(used_, entries_));
  return vblk::need_event(event, added_, before);
}

Task<void> VirtioBlkDriver::queue_request(Atomic& ctx, Request& request) {
  co_await ctx.spend(ctx.costs().driver_submit);
  device_->started(ctx, request);
  fill_table(request);
  ctx.emit(events::DeviceDma{number_, request.bytes});
  request.enter(events::Stage::device, ctx.now());
  if (!publish(request.tag)) co_return;
  ctx.emit(events::Doorbell{number_, 0, added_});
  co_await registers_.write32(vblk::kQueueNotify, 0);
  // The host starts at once; the guest's CPU is back only after the exit.
  co_await ctx.spend(ctx.costs().vm_exit_doorbell);
}

Task<void> VirtioBlkDriver::handle(Atomic& ctx) {
  // After the event is set the index is read again: an end in between brought no interrupt.
  for (;;) {
    const auto index = word<std::uint16_t>(vblk::used_index(used_));
    for (; seen_ != index; ++seen_) {
      const auto entry = word<vblk::UsedEntry>(vblk::used_entry(used_, seen_ % entries_));
      check(entry.id < entries_ && slots_[entry.id].busy, "the host ended a request nobody made");
      slots_[entry.id].busy = false;
      const auto status = word<vblk::RequestStatus>(slots_[entry.id].table + kStatusAt);
      softirq_.complete(ctx, device_->request(entry.id),
                        status == vblk::RequestStatus::ok ? Errno::ok : Errno::eio);
    }
    word<std::uint16_t>(vblk::used_event(avail_, entries_)) = seen_;
    if (word<std::uint16_t>(vblk::used_index(used_)) == seen_) break;
  }
  return Task<void>::ready();
}

}  // namespace iodrome::drivers
