// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/disk/disk_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "model/events/memory.h"

namespace iodrome::drivers {

using namespace kernel;
namespace ata = hw::disk;

namespace {
constexpr std::size_t kTableBytes =
    2 * hw::kPageBytes;  // holds the scatter list of the largest bio
constexpr std::uint32_t kScatterMax = (kTableBytes - ata::kScatterAt) / sizeof(ata::ScatterEntry);
constexpr Duration kPollPeriod = 100us;  // at boot
constexpr Duration kTimeout = 30s;       // Linux SD_TIMEOUT
constexpr std::uint32_t kRetries = 5;    // Linux SD_MAX_RETRIES
}  // namespace

DiskDriver::DiskDriver(System& system, IrqController& irqs, BlockSoftirq& softirq,
                       hw::Port& registers, std::int64_t queue_depth, std::uint32_t instance)
    : system_(system),
      irqs_(irqs),
      softirq_(softirq),
      registers_(registers),
      queue_depth_(static_cast<std::uint32_t>(std::min<std::int64_t>(queue_depth, ata::kSlots))),
      instance_(instance),
      number_(device_number(kDeviceId, instance)),
      command_list_(system.memory.allocate_contiguous(ata::kSlots * sizeof(ata::CommandHeader))),
      slots_(ata::kSlots) {
  for (Slot& slot : slots_) slot.table = system.memory.allocate_contiguous(kTableBytes);
}

Task<void> DiskDriver::attach() {
  const std::uint32_t line = irqs_.request_irq(*this, 0, fmt::format("ahci{}", instance_));
  co_await registers_.write32(ata::kGhc, ata::kGhcEnable | ata::kGhcInterrupts);
  co_await registers_.write64(ata::kPxClb, command_list_);
  co_await registers_.write64(ata::kMsiAddress, IrqController::message_address(line));
  co_await registers_.write32(ata::kMsiData, line);
  co_await registers_.write32(ata::kPxCmd, ata::kPxCmdStart);
  co_await identify();
  co_await registers_.write32(ata::kPxIs, ~0u);
  co_await registers_.write32(ata::kPxIe, ata::kPxIsDone | ata::kPxIsQueued | ata::kPxIsError);
}

// Polled to its end.
Task<void> DiskDriver::identify() {
  hw::Memory& memory = system_.memory;
  const hw::PhysAddr page = memory.allocate_contiguous(ata::kSectorBytes);
  ata::CommandFis fis;
  fis.command = static_cast<std::uint8_t>(ata::AtaCommand::identify_device);
  ata::CommandHeader header;
  header.scatter_entries = 1;
  header.table = slots_[0].table;
  memory.at<ata::CommandFis>(header.table) = fis;
  memory.at<ata::ScatterEntry>(header.table + ata::kScatterAt) = {page, 0, ata::kSectorBytes - 1};
  memory.at<ata::CommandHeader>(command_list_) = header;
  co_await registers_.write32(ata::kPxCi, 1);
  for (;;) {
    const std::uint64_t busy = co_await registers_.read32(ata::kPxCi);
    if (busy == 0) break;
    co_await sleep_for(system_.timeline, kPollPeriod);
  }
  const std::uint64_t failed = co_await registers_.read32(ata::kFailed);
  check(failed == 0, "a disk that does not identify itself");
  const auto word = [&](std::size_t at) { return memory.at<std::uint16_t>(page + at); };
  if ((word(ata::kIdentifySataAt) & ata::kIdentifyNcq) != 0)
    ncq_depth_ = word(ata::kIdentifyQueueDepthAt) + 1u;
  write_cache_on_ = (word(ata::kIdentifyEnabledAt) & ata::kIdentifyWriteCache) != 0;
}

QueueLimits DiskDriver::limits() const {
  return {.max_bytes = 1 << 20, .max_segments = kScatterMax};
}

bool DiskDriver::goes_queued(const Request& request) const {
  return ncq_depth_ > 1 && transfers(request.op);
}

ata::CommandFis DiskDriver::command_of(const Request& request) const {
  const bool write = request.op == BlockOp::write;
  ata::CommandFis fis;
  fis.set_sector(request.sector);
  if (goes_queued(request)) {
    fis.set_queued(write ? ata::AtaCommand::write_fpdma_queued : ata::AtaCommand::read_fpdma_queued,
                   request.bytes / ata::kSectorBytes, request.tag);
    if (request.fua) fis.device |= ata::kDeviceFua;
    return fis;
  }
  ata::AtaCommand command = ata::AtaCommand::read_dma_ext;
  if (write)
    command = request.fua ? ata::AtaCommand::write_dma_fua_ext : ata::AtaCommand::write_dma_ext;
  if (request.op == BlockOp::flush) command = ata::AtaCommand::flush_cache_ext;
  fis.command = static_cast<std::uint8_t>(command);
  fis.count = static_cast<std::uint16_t>(request.bytes / ata::kSectorBytes);
  return fis;
}

void DiskDriver::fill_table(const Request& request) {
  check(request.segments <= kScatterMax, "a request with more segments than a command table holds");
  hw::Memory& memory = system_.memory;
  ata::CommandHeader header;
  header.scatter_entries = static_cast<std::uint16_t>(request.segments);
  header.table = slots_[request.tag].table;
  if (request.op == BlockOp::write) header.flags |= ata::kHeaderWrite;
  memory.at<ata::CommandFis>(header.table) = command_of(request);
  std::uint64_t place = header.table + ata::kScatterAt;
  request.for_each_segment([&](const BioSegment& segment) {
    memory.at<ata::ScatterEntry>(place) = {segment.address, 0, segment.bytes - 1};
    place += sizeof(ata::ScatterEntry);
  });
  memory.at<ata::CommandHeader>(command_list_ + request.tag * sizeof(header)) = header;
}

Task<void> DiskDriver::queue_request(Atomic& ctx, Request& request) {
  if (request.op == BlockOp::discard) {
    co_await ctx.spend();
    device_->started(ctx, request);
    co_await device_->complete(ctx, request, Errno::eopnotsupp);
    co_return;
  }
  co_await ctx.spend(ctx.costs().driver_submit);
  device_->started(ctx, request);
  fill_table(request);
  slots_[request.tag].tries = 0;
  if (deferred_.empty() && fits(request)) {
    co_await issue(ctx, request.tag);
    co_return;
  }
  request.enter(events::Stage::queue, ctx.now());
  deferred_.push_back(request.tag);
}

// Queued commands and others must not be at the disk together.
bool DiskDriver::fits(const Request& request) const {
  if (taken_ == 0) return true;
  const bool queued = goes_queued(request);
  if (queued != queued_) return false;
  return !queued || static_cast<std::uint32_t>(std::popcount(taken_)) < ncq_depth_;
}

Task<void> DiskDriver::issue(Atomic& ctx, std::uint32_t slot) {
  const std::uint32_t bit = 1u << slot;
  const Request& request = device_->request(slot);
  queued_ = goes_queued(request);
  taken_ |= bit;
  slots_[slot].since = ctx.now();
  if (!timer_.pending()) co_await timer_.mod_after(ctx, kTimeout);
  ctx.emit(events::Doorbell{number_, 0, slot});
  ctx.emit(events::DeviceDma{number_, request.bytes});
  request.enter(events::Stage::device, ctx.now());
  // A bit that is not in the register yet would look like an end.
  if (queued_) co_await registers_.write32(ata::kPxSact, bit);
  if (queued_) issued_ |= bit;
  co_await registers_.write32(ata::kPxCi, bit);
  issued_ |= bit;
}

Task<void> DiskDriver::issue_deferred(Atomic& ctx) {
  while (!deferred_.empty() && fits(device_->request(deferred_.front()))) {
    const std::uint32_t slot = deferred_.front();
    deferred_.pop_front();
    co_await issue(ctx, slot);
  }
}

Task<void> DiskDriver::handle(Atomic& ctx) {
  // Status first, then the slots: in the other order an end in between is missed.
  const std::uint64_t status = co_await registers_.read32(ata::kPxIs);
  co_await registers_.write32(ata::kPxIs, static_cast<std::uint32_t>(status));
  // What is given to the disk from here on is not in what is read.
  const std::uint32_t given = issued_;
  const std::uint64_t busy = co_await registers_.read32(queued_ ? ata::kPxSact : ata::kPxCi);
  std::uint64_t failed = 0;
  if ((status & ata::kPxIsError) != 0) {
    failed = co_await registers_.read32(ata::kFailed);
    co_await registers_.write32(ata::kFailed, static_cast<std::uint32_t>(failed));
  }
  for (std::uint32_t ended = given & issued_ & ~static_cast<std::uint32_t>(busy); ended != 0;
       ended &= ended - 1) {
    const auto slot = static_cast<std::uint32_t>(std::countr_zero(ended));
    end(ctx, slot, (failed >> slot & 1) != 0);
  }
  co_await issue_deferred(ctx);
  if (taken_ == 0 && timer_.detach()) co_await ctx.spend(ctx.costs().timer_del);
}

void DiskDriver::end(Atomic& ctx, std::uint32_t slot, bool failed) {
  issued_ &= ~(1u << slot);
  taken_ &= ~(1u << slot);
  softirq_.complete(ctx, device_->request(slot), failed ? Errno::eio : Errno::ok);
}

// --- commands that do not end -------------------------------------------------------------------

std::uint32_t DiskDriver::late_slots() const {
  std::uint32_t slots = 0;
  for (std::uint32_t left = taken_; left != 0; left &= left - 1) {
    const auto slot = static_cast<std::uint32_t>(std::countr_zero(left));
    if (system_.timeline.now() - slots_[slot].since >= kTimeout) slots |= 1u << slot;
  }
  return slots;
}

// The timer is not moved when commands end: it finds the oldest of those that have not.
Task<void> DiskDriver::timer_expired(Atomic& ctx) {
  if (late_slots() != 0) co_await recover(ctx);
  SimTime oldest = kNever;
  for (std::uint32_t left = taken_; left != 0; left &= left - 1)
    oldest = std::min(oldest, slots_[static_cast<std::size_t>(std::countr_zero(left))].since);
  if (oldest != kNever) co_await timer_.mod_after(ctx, oldest + kTimeout - ctx.now());
}

// Perhaps only the interrupt was lost. If not, the port is reset, which drops everything at the
// disk, and all of it is issued again.
Task<void> DiskDriver::recover(Atomic& ctx) {
  co_await handle(ctx);
  const std::uint32_t late = late_slots();
  if (late == 0) co_return;
  ++resets_;
  co_await registers_.write32(ata::kPxCmd, 0);
  co_await registers_.write32(ata::kPxIs, ~0u);
  co_await registers_.write32(ata::kPxCmd, ata::kPxCmdStart);
  std::vector<std::uint32_t> again;
  for (std::uint32_t left = issued_; left != 0; left &= left - 1)
    again.push_back(static_cast<std::uint32_t>(std::countr_zero(left)));
  std::stable_sort(again.begin(), again.end(), [this](std::uint32_t a, std::uint32_t b) {
    return slots_[a].since < slots_[b].since;
  });
  std::erase_if(again, [&](std::uint32_t slot) {
    const bool given_up = (late >> slot & 1) != 0 && ++slots_[slot].tries > kRetries;
    if (given_up) end(ctx, slot, true);
    return given_up;
  });
  // A slot that somebody is about to issue is not among them.
  taken_ &= ~std::exchange(issued_, 0u);
  deferred_.insert(deferred_.begin(), again.begin(), again.end());
  co_await issue_deferred(ctx);
}

}  // namespace iodrome::drivers
