// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/disk/disk_driver.h"

#include <fmt/format.h>

#include <bit>

#include "model/events/memory.h"

namespace iodrome::drivers {

using namespace kernel;
namespace ata = hw::disk;

namespace {
constexpr std::size_t kTableBytes =
    2 * hw::kPageBytes;  // holds the scatter list of the largest bio
constexpr std::size_t kScatterMax = (kTableBytes - ata::kScatterAt) / sizeof(ata::ScatterEntry);
}  // namespace

DiskDriver::DiskDriver(System& system, IrqController& irqs, BlockSoftirq& softirq,
                       hw::Port& registers, std::uint64_t device_bytes, std::uint32_t instance)
    : system_(system),
      irqs_(irqs),
      softirq_(softirq),
      registers_(registers),
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

void DiskDriver::fill_table(const Request& request) {
  const Bio& bio = *request.bio;
  check(bio.segments.size() <= kScatterMax, "a bio with more segments than a command table holds");
  hw::Memory& memory = system_.memory;
  ata::CommandHeader header;
  header.scatter_entries = static_cast<std::uint16_t>(bio.segments.size());
  header.table = tables_[request.tag];
  ata::CommandFis fis;
  ata::AtaCommand command = ata::AtaCommand::read_dma_ext;
  if (bio.op == BlockOp::write) {
    command = ata::AtaCommand::write_dma_ext;
    header.flags |= ata::kHeaderWrite;
  } else if (bio.op == BlockOp::flush) {
    command = ata::AtaCommand::flush_cache_ext;
  }
  fis.command = static_cast<std::uint8_t>(command);
  fis.set_sector(bio.sector);
  fis.count = static_cast<std::uint16_t>(bio.bytes / ata::kSectorBytes);
  memory.at<ata::CommandFis>(header.table) = fis;
  for (std::size_t i = 0; i < bio.segments.size(); ++i)
    memory.at<ata::ScatterEntry>(header.table + ata::kScatterAt + i * sizeof(ata::ScatterEntry)) = {
        bio.segments[i].address, 0, bio.segments[i].bytes - 1};
  memory.at<ata::CommandHeader>(command_list_ + request.tag * sizeof(header)) = header;
}

Task<void> DiskDriver::queue_request(Atomic& ctx, Request& request) {
  co_await ctx.spend(ctx.costs().driver_submit);
  fill_table(request);
  const Bio& bio = *request.bio;
  issued_ |= 1u << request.tag;
  ctx.emit(events::Doorbell{number_, 0, request.tag});
  ctx.emit(events::DeviceDma{number_, bio.bytes});
  if (bio.ledger != nullptr) bio.ledger->enter(events::Stage::device, ctx.now());
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
