// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/disk/disk_driver.h"

#include <algorithm>
#include <bit>

#include "model/events/memory.h"

namespace iodrome::drivers {

using namespace kernel;
namespace ata = hw::disk;

namespace {
constexpr std::size_t kTableBytes =
    2 * hw::kPageBytes;  // holds the scatter list of the largest bio
constexpr std::size_t kScatterMax = (kTableBytes - ata::kScatterAt) / sizeof(ata::ScatterEntry);
constexpr Duration kPollPeriod = 100us;  // at boot
constexpr Duration kTimeout = 30s;       // Linux SD_TIMEOUT
constexpr std::uint32_t kRetries = 5;    // Linux SD_MAX_RETRIES
}  // namespace

DiskDriver::DiskDriver(System& system, IrqController& irqs, hw::Port& registers,
                       std::uint64_t device_bytes)
    : system_(system),
      irqs_(irqs),
      registers_(registers),
      device_bytes_(device_bytes),
      command_list_(system.memory.allocate_contiguous(ata::kSlots * sizeof(ata::CommandHeader))),
      slots_(ata::kSlots),
      completer_(*this) {
  for (Slot& slot : slots_) slot.table = system.memory.allocate_contiguous(kTableBytes);
  for (const auto& cpu : system.cpus) cpu->on_softirq(Softirq::block, completer_);
}

Task<void> DiskDriver::attach() {
  const std::uint32_t line = irqs_.request_irq(*this, 0, "ahci0");
  co_await registers_.write32(ata::kGhc, ata::kGhcEnable | ata::kGhcInterrupts);
  co_await registers_.write64(ata::kPxClb, command_list_);
  co_await registers_.write64(ata::kMsiAddress, line * 4ull);
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

bool DiskDriver::goes_queued(const Bio& bio) const {
  return ncq_depth_ > 1 && (bio.op == BlockOp::read || bio.op == BlockOp::write);
}

ata::CommandFis DiskDriver::command_of(const Request& request) const {
  const Bio& bio = *request.bio;
  const bool write = bio.op == BlockOp::write;
  ata::CommandFis fis;
  fis.set_sector(bio.sector);
  if (goes_queued(bio)) {
    fis.set_queued(write ? ata::AtaCommand::write_fpdma_queued : ata::AtaCommand::read_fpdma_queued,
                   bio.bytes / ata::kSectorBytes, request.tag);
    if (bio.fua) fis.device |= ata::kDeviceFua;
    return fis;
  }
  ata::AtaCommand command = ata::AtaCommand::read_dma_ext;
  if (write)
    command = bio.fua ? ata::AtaCommand::write_dma_fua_ext : ata::AtaCommand::write_dma_ext;
  if (bio.op == BlockOp::flush) command = ata::AtaCommand::flush_cache_ext;
  fis.command = static_cast<std::uint8_t>(command);
  fis.count = static_cast<std::uint16_t>(bio.bytes / ata::kSectorBytes);
  return fis;
}

void DiskDriver::fill_table(const Request& request) {
  const Bio& bio = *request.bio;
  check(bio.segments.size() <= kScatterMax, "a bio with more segments than a command table holds");
  hw::Memory& memory = system_.memory;
  ata::CommandHeader header;
  header.scatter_entries = static_cast<std::uint16_t>(bio.segments.size());
  header.table = slots_[request.tag].table;
  if (bio.op == BlockOp::write) header.flags |= ata::kHeaderWrite;
  memory.at<ata::CommandFis>(header.table) = command_of(request);
  for (std::size_t i = 0; i < bio.segments.size(); ++i)
    memory.at<ata::ScatterEntry>(header.table + ata::kScatterAt + i * sizeof(ata::ScatterEntry)) = {
        bio.segments[i].address, 0, bio.segments[i].bytes - 1};
  memory.at<ata::CommandHeader>(command_list_ + request.tag * sizeof(header)) = header;
}

Task<void> DiskDriver::queue_request(Atomic& ctx, Request& request) {
  if (request.bio->op == BlockOp::discard) {
    co_await device_->complete(ctx, request, Errno::eopnotsupp);
    co_return;
  }
  co_await ctx.spend(ctx.costs().driver_submit);
  fill_table(request);
  slots_[request.tag].tries = 0;
  if (deferred_.empty() && fits(request)) {
    co_await issue(ctx, request.tag);
    co_return;
  }
  if (request.bio->ledger != nullptr) request.bio->ledger->enter(events::Stage::queue, ctx.now());
  deferred_.push_back(request.tag);
}

// Queued commands and others must not be at the disk together.
bool DiskDriver::fits(const Request& request) const {
  if (taken_ == 0) return true;
  const bool queued = goes_queued(*request.bio);
  if (queued != queued_) return false;
  return !queued || static_cast<std::uint32_t>(std::popcount(taken_)) < ncq_depth_;
}

Task<void> DiskDriver::issue(Atomic& ctx, std::uint32_t slot) {
  const std::uint32_t bit = 1u << slot;
  const Bio& bio = *device_->request(slot).bio;
  queued_ = goes_queued(bio);
  taken_ |= bit;
  slots_[slot].since = ctx.now();
  if (!timer_.armed()) timer_.arm(system_, ctx.now() + kTimeout);
  ctx.emit(events::Doorbell{kDeviceId, 0, slot});
  ctx.emit(events::DeviceDma{kDeviceId, bio.bytes});
  if (bio.ledger != nullptr) bio.ledger->enter(events::Stage::device, ctx.now());
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
  const std::uint64_t busy = co_await registers_.read32(queued_ ? ata::kPxSact : ata::kPxCi);
  if ((status & ata::kPxIsError) != 0) {
    const std::uint64_t failed = co_await registers_.read32(ata::kFailed);
    co_await registers_.write32(ata::kFailed, static_cast<std::uint32_t>(failed));
    failed_ |= static_cast<std::uint32_t>(failed);
  }
  ended_ |= issued_ & ~static_cast<std::uint32_t>(busy);
  if (ended_ != 0) ctx.cpu().raise_softirq(Softirq::block);
}

Task<void> DiskDriver::Completer::handle(Atomic& ctx) {
  while (owner_.ended_ != 0) {
    const auto slot = static_cast<std::uint32_t>(std::countr_zero(owner_.ended_));
    const std::uint32_t bit = 1u << slot;
    const bool failed = (owner_.failed_ & bit) != 0;
    owner_.ended_ &= ~bit;
    owner_.issued_ &= ~bit;
    owner_.failed_ &= ~bit;
    owner_.taken_ &= ~bit;
    if (owner_.taken_ == 0) owner_.timer_.cancel();
    co_await owner_.device_->complete(ctx, owner_.device_->request(slot),
                                      failed ? Errno::eio : Errno::ok);
    co_await owner_.issue_deferred(ctx);
  }
}

// --- commands that do not end -------------------------------------------------------------------

std::uint32_t DiskDriver::timed_out() const {
  std::uint32_t slots = 0;
  for (std::uint32_t left = taken_ & ~ended_; left != 0; left &= left - 1) {
    const auto slot = static_cast<std::uint32_t>(std::countr_zero(left));
    if (system_.timeline.now() - slots_[slot].since >= kTimeout) slots |= 1u << slot;
  }
  return slots;
}

// The timer is not moved when commands end: it finds the oldest of those that have not.
void DiskDriver::expired(void* self) {
  auto& driver = *static_cast<DiskDriver*>(self);
  if (driver.timed_out() != 0) {
    driver.system_.cpus[0]->schedule_tasklet(driver.error_handler_);
    return;
  }
  SimTime oldest = kNever;
  for (std::uint32_t left = driver.taken_; left != 0; left &= left - 1)
    oldest =
        std::min(oldest, driver.slots_[static_cast<std::size_t>(std::countr_zero(left))].since);
  if (oldest != kNever) driver.timer_.arm(driver.system_, oldest + kTimeout);
}

// Perhaps only the interrupt was lost. If not, the port is reset, which drops everything at the
// disk, and all of it is issued again.
Task<void> DiskDriver::recover(Atomic& ctx) {
  co_await handle(ctx);
  const std::uint32_t late = timed_out();
  if (late != 0) {
    ++resets_;
    co_await registers_.write32(ata::kPxCmd, 0);
    co_await registers_.write32(ata::kPxIs, ~0u);
    co_await registers_.write32(ata::kPxCmd, ata::kPxCmdStart);
    std::vector<std::uint32_t> again;
    for (std::uint32_t left = taken_ & ~ended_; left != 0; left &= left - 1)
      again.push_back(static_cast<std::uint32_t>(std::countr_zero(left)));
    std::stable_sort(again.begin(), again.end(), [this](std::uint32_t a, std::uint32_t b) {
      return slots_[a].since < slots_[b].since;
    });
    for (const std::uint32_t slot : again) {
      const std::uint32_t bit = 1u << slot;
      if ((late & bit) == 0 || ++slots_[slot].tries <= kRetries) continue;
      ended_ |= bit;
      failed_ |= bit;
    }
    std::erase_if(again, [this](std::uint32_t slot) { return (ended_ >> slot & 1) != 0; });
    taken_ = issued_ = ended_;
    deferred_.insert(deferred_.begin(), again.begin(), again.end());
    if (ended_ != 0) ctx.cpu().raise_softirq(Softirq::block);
    co_await issue_deferred(ctx);
  }
  if (taken_ != 0 && !timer_.armed()) timer_.arm(system_, ctx.now() + kTimeout);
}

}  // namespace iodrome::drivers
