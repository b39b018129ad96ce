// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/disk/disk_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "model/events/memory.h"

namespace iodrome::drivers {

using namespace kernel;
namespace ata = hw::disk;

namespace {
constexpr std::size_t kTableBytes =
    2 * hw::kPageBytes;  // holds the scatter list of the largest bio
constexpr std::uint32_t kScatterMax = (kTableBytes - ata::kScatterAt) / sizeof(ata::ScatterEntry);
}  // namespace

DiskDriver::DiskDriver(System& system, IrqController& irqs, BlockSoftirq& softirq,
                       hw::Port& registers, std::int64_t queue_depth, std::uint64_t device_bytes,
                       std::uint32_t instance)
    : system_(system),
      irqs_(irqs),
      softirq_(softirq),
      registers_(registers),
      queue_depth_(static_cast<std::uint32_t>(std::min<std::int64_t>(queue_depth, ata::kSlots))),
      device_bytes_(device_bytes),
      instance_(instance),
      number_(device_number(kDeviceId, instance)),
      name_(drive_name("sd", instance)),
      command_list_(system.memory.allocate_contiguous(ata::kSlots * sizeof(ata::CommandHeader))) {
  for (std::uint32_t slot = 0; slot < ata::kSlots; ++slot)
    tables_.push_back(system.memory.allocate_contiguous(kTableBytes));
}

Task<void> DiskDriver::attach() {
  const std::uint32_t line = irqs_.request_irq(*this, 0, fmt::format("ahci{}", instance_));
  co_await registers_.write32(ata::kGhc, ata::kGhcEnable | ata::kGhcInterrupts);
  co_await registers_.write64(ata::kPxClb, command_list_);
  co_await registers_.write64(ata::kMsiAddress, line * 4ull);
  co_await registers_.write32(ata::kMsiData, line);
  co_await registers_.write32(ata::kPxIe, ata::kPxIsDone | ata::kPxIsError);
  co_await registers_.write32(ata::kPxCmd, ata::kPxCmdStart);
}

QueueLimits DiskDriver::limits() const {
  return {.max_bytes = 1 << 20, .max_segments = kScatterMax};
}

void DiskDriver::fill_table(const Request& request) {
  check(request.segments <= kScatterMax, "a request with more segments than a command table holds");
  hw::Memory& memory = system_.memory;
  ata::CommandHeader header;
  header.scatter_entries = static_cast<std::uint16_t>(request.segments);
  header.table = tables_[request.tag];
  ata::CommandFis fis;
  ata::AtaCommand command = ata::AtaCommand::read_dma_ext;
  if (request.op == BlockOp::write) {
    command = ata::AtaCommand::write_dma_ext;
    header.flags |= ata::kHeaderWrite;
  } else if (request.op == BlockOp::flush) {
    command = ata::AtaCommand::flush_cache_ext;
  }
  fis.command = static_cast<std::uint8_t>(command);
  fis.set_sector(request.sector);
  fis.count = static_cast<std::uint16_t>(request.bytes / ata::kSectorBytes);
  memory.at<ata::CommandFis>(header.table) = fis;
  std::uint64_t place = header.table + ata::kScatterAt;
  request.for_each_segment([&](const BioSegment& segment) {
    memory.at<ata::ScatterEntry>(place) = {segment.address, 0, segment.bytes - 1};
    place += sizeof(ata::ScatterEntry);
  });
  memory.at<ata::CommandHeader>(command_list_ + request.tag * sizeof(header)) = header;
}

Task<void> DiskDriver::queue_request(Atomic& ctx, Request& request) {
  co_await ctx.spend(ctx.costs().driver_submit);
  fill_table(request);
  issued_ |= 1u << request.tag;
  ctx.emit(events::Doorbell{number_, 0, request.tag});
  ctx.emit(events::DeviceDma{number_, request.bytes});
  request.enter_device(ctx.now());
  co_await registers_.write32(ata::kPxCi, 1u << request.tag);
}

Task<void> DiskDriver::handle(Atomic& ctx) {
  // Status first, then the slots: in the other order an end in between is missed.
  const std::uint64_t status = co_await registers_.read32(ata::kPxIs);
  co_await registers_.write32(ata::kPxIs, static_cast<std::uint32_t>(status));
  const std::uint64_t busy = co_await registers_.read32(ata::kPxCi);
  std::uint64_t failed = 0;
  if ((status & ata::kPxIsError) != 0) {
    failed = co_await registers_.read32(ata::kFailed);
    co_await registers_.write32(ata::kFailed, static_cast<std::uint32_t>(failed));
  }
  for (std::uint32_t ended = issued_ & ~static_cast<std::uint32_t>(busy); ended != 0;
       ended &= ended - 1) {
    const auto slot = static_cast<std::uint32_t>(std::countr_zero(ended));
    issued_ &= ~(1u << slot);
    const bool has_failed = (failed >> slot & 1) != 0;
    softirq_.complete(ctx, device_->request(slot), has_failed ? Errno::eio : Errno::ok);
  }
}

}  // namespace iodrome::drivers
