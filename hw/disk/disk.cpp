// SPDX-License-Identifier: Apache-2.0
// How the disk puts commands in order and serves them.
#include "hw/disk/disk.h"

#include <algorithm>

#include "hw/core/examined.h"
#include "model/engine/random.h"

namespace iodrome::hw {

using disk::AtaCommand;

namespace {

Duration spindle_phase(const DiskParams& params, DrawKey key) {
  const std::uint64_t bits = draw(key.seed, Purpose::media_read, key.device);
  return ps(static_cast<std::int64_t>(
      below(bits, static_cast<std::uint64_t>(to_ps(params.revolution())))));
}

void put_word(std::vector<std::byte>& page, std::size_t at, std::uint16_t word) {
  std::memcpy(page.data() + at, &word, sizeof word);
}

}  // namespace

bool Disk::Work::reads() const {
  return command() == AtaCommand::read_dma_ext || command() == AtaCommand::read_fpdma_queued;
}

bool Disk::Work::writes() const {
  return command() == AtaCommand::write_dma_ext || command() == AtaCommand::write_dma_fua_ext ||
         command() == AtaCommand::write_fpdma_queued;
}

bool Disk::Work::forced() const {
  return command() == AtaCommand::write_dma_fua_ext ||
         (queued && (fis.device & disk::kDeviceFua) != 0);
}

Disk::Disk(const DiskParams& params, Timeline& timeline, Port& memory, Port& interrupts,
           Medium& medium, DrawKey key)
    : params_(examined(params)),
      timeline_(timeline),
      memory_(memory),
      interrupts_(interrupts),
      medium_(medium),
      mechanics_(params, spindle_phase(params, key)),
      sectors_(std::min(mechanics_.sectors(),
                        static_cast<std::int64_t>(medium.size_bytes() / disk::kSectorBytes))),
      cache_on_(params.write_cache_on) {
  timeline.watch(*this);
}

// The arm and the interface serve one thing after the other, commands and the write cache alike.
Activity Disk::work_off() {
  serving_ = true;
  while (!hung_) {
    if (destage_due()) {
      commands_turn_ = true;
      co_await destage();
      continue;
    }
    if (waiting_.empty()) break;
    Work work = take_next();
    const Outcome outcome = co_await perform(work);
    if (work.epoch != epoch_) continue;
    if (outcome != Outcome::lost)
      end(work, outcome == Outcome::success);
    else if (!work.queued)
      hung_ = true;
  }
  serving_ = false;
  if (!cache_.empty() && !hung_)
    destage_later(std::max(timeline_.now(), mechanics_.read_ahead_end()));
}

// Queued commands may end in any order, so the oracle may choose another one.
Disk::Work Disk::take_next() {
  commands_turn_ = false;
  std::size_t next = shortest(timeline_.now() + params_.command_overhead);
  if (waiting_[next].queued) {
    const auto waiting = static_cast<std::uint32_t>(waiting_.size());
    const std::uint32_t further =
        timeline_.choices().choose(Choice::completion, waiting, "disk.order");
    next = (next + further) % waiting_.size();
  }
  const Work work = waiting_[next];
  waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(next));
  return work;
}

// Of several that are reached at the same time, the one that came first.
std::size_t Disk::shortest(SimTime start) const {
  if (waiting_.size() == 1 || !waiting_[0].queued) return 0;
  if (timeline_.now() - waiting_[0].arrived >= params_.queue_age) return 0;
  const DiskPlace arm = mechanics_.arm_at(start);
  std::size_t best = 0;
  SimTime best_time = reach(waiting_[0], arm, start);
  for (std::size_t i = 1; i < waiting_.size() && best_time > start; ++i) {
    const SimTime time = reach(waiting_[i], arm, start);
    if (time >= best_time) continue;
    best = i;
    best_time = time;
  }
  return best;
}

// When the first sector would be at hand; what needs no arm is at hand at once.
SimTime Disk::reach(const Work& work, const DiskPlace& arm, SimTime start) const {
  if (!work.legal) return start;
  if (work.reads()) {
    if (cache_.holds_all(work.sector(), work.count())) return start;
    return mechanics_.reach_to_read(arm, start, work.sector(), work.count());
  }
  if (goes_to_cache(work) && has_room(work.count())) return start;
  return mechanics_.reach(arm, start, work.sector());
}

Task<Disk::Outcome> Disk::perform(Work& work) {
  co_await pause_for(timeline_, params_.command_overhead);
  if (!work.legal) co_return Outcome::failure;
  if (work.reads()) {
    co_await serve_read(work);
  } else if (work.writes()) {
    co_await serve_write(work);
  } else {
    const bool served = co_await serve_other(work);
    co_return served ? Outcome::success : Outcome::failure;
  }
  if (work.epoch != epoch_) co_return Outcome::lost;
  const std::uint32_t fault = timeline_.choices().choose(Choice::fault, 3, "disk.command");
  if (fault != 0) co_return fault == 1 ? Outcome::failure : Outcome::lost;
  if (medium_.payload_checked()) {
    const bool moved = co_await move_payload(work, work.reads(), {});
    if (!moved) co_return Outcome::failure;
  }
  if (work.writes()) {
    if (goes_to_cache(work))
      cache_.add(work.sector(), work.count(), timeline_.now());
    else
      cache_.remove(work.sector(), work.count());  // what waited for these sectors is older
  }
  work.header.bytes_moved = work.fis.sectors() * disk::kSectorBytes;
  Access moved = memory_.write(work.header_address + offsetof(disk::CommandHeader, bytes_moved),
                               std::as_writable_bytes(std::span{&work.header.bytes_moved, 1}));
  co_await moved;
  co_return Outcome::success;
}

// The interface moves sectors while others pass the head; the last one follows after it has passed.
Task<void> Disk::serve_read(const Work& work) {
  const SimTime start = timeline_.now();
  SimTime ready = start + params_.interface_rate.time_for(work.count() * disk::kSectorBytes);
  if (!cache_.holds_all(work.sector(), work.count())) {
    const SimTime passed = mechanics_.read(start, work.sector(), work.count());
    if (passed != start)
      ready = std::max(ready, passed + params_.interface_rate.time_for(disk::kSectorBytes));
  }
  co_await pause_until(timeline_,
                       memory_.pass(start, {start, ready}, work.count() * disk::kSectorBytes));
}

Task<void> Disk::serve_write(const Work& work) {
  const std::int64_t bytes = work.count() * disk::kSectorBytes;
  if (goes_to_cache(work)) {
    while (!has_room(work.count())) co_await destage();
    const SimTime now = timeline_.now();
    co_await pause_until(
        timeline_, memory_.pass(now, {now, now + params_.interface_rate.time_for(bytes)}, bytes));
    mechanics_.invalidate(timeline_.now(), work.sector(), work.count());
    co_return;
  }
  const SimTime start = timeline_.now();
  const SimTime over_interface =
      memory_.pass(start, {start, start + params_.interface_rate.time_for(bytes)}, bytes);
  const SimTime passed = mechanics_.write(start, work.sector(), work.count());
  co_await pause_until(timeline_, std::max(over_interface, passed));
}

Task<bool> Disk::serve_other(Work& work) {
  const bool disable =
      work.command() == AtaCommand::set_features && work.fis.features == disk::kDisableWriteCache;
  if (disable || work.command() == AtaCommand::flush_cache_ext) co_await write_out();
  co_await pause_for(timeline_, params_.interface_rate.time_for(disk::kSectorBytes));
  if (work.epoch != epoch_) co_return false;
  if (work.command() == AtaCommand::set_features) cache_on_ = !disable;
  if (work.command() != AtaCommand::identify_device) co_return true;
  std::vector<std::byte> page(disk::kSectorBytes);
  put_word(page, disk::kIdentifyQueueDepthAt, static_cast<std::uint16_t>(params_.queue_depth - 1));
  put_word(page, disk::kIdentifySataAt, params_.queue_depth > 1 ? disk::kIdentifyNcq : 0);
  put_word(page, disk::kIdentifySupportedAt,
           params_.write_cache > 0 ? disk::kIdentifyWriteCache : 0);
  put_word(page, disk::kIdentifyEnabledAt, cache_on_ ? disk::kIdentifyWriteCache : 0);
  std::memcpy(page.data() + disk::kIdentifySectorsAt, &sectors_, sizeof sectors_);
  const bool moved = co_await move_payload(work, true, page);
  co_return moved;
}

Task<bool> Disk::move_payload(const Work& work, bool to_host, std::span<std::byte> instead) {
  const std::uint32_t total = instead.empty() ? work.fis.sectors() * disk::kSectorBytes
                                              : static_cast<std::uint32_t>(instead.size());
  std::uint64_t byte = work.fis.sector() * disk::kSectorBytes;
  std::uint32_t left = total;
  for (std::uint32_t i = 0; i < work.header.scatter_entries && left > 0; ++i) {
    disk::ScatterEntry entry;
    Access access = memory_.read(work.header.table + disk::kScatterAt + sizeof entry * i,
                                 std::as_writable_bytes(std::span{&entry, 1}));
    co_await access;
    if (access.response() != Response::ok) co_return false;
    const std::uint32_t count = std::min(left, (entry.last_byte & 0x3f'ffff) + 1);
    const std::span<std::byte> source =
        instead.empty() ? instead : instead.subspan(total - left, count);
    const bool moved = co_await move_piece(entry.address, count, to_host, byte, source);
    if (!moved) co_return false;
    byte += count;
    left -= count;
  }
  co_return left == 0;
}

Task<bool> Disk::move_piece(PhysAddr host, std::uint32_t count, bool to_host, std::uint64_t byte,
                            std::span<std::byte> instead) {
  if (to_host && instead.empty()) {
    const Reproducible* const source = medium_.reproducible(byte, count);
    if (source != nullptr && memory_.write_unseen(host, count, *source, byte)) co_return true;
  }
  const std::span<std::byte> direct = memory_.direct(host, count);
  std::vector<std::byte> staging(direct.empty() ? count : 0);
  const std::span<std::byte> bytes = direct.empty() ? std::span{staging} : direct;
  if (!to_host) {
    Access access = memory_.read(host, bytes);
    if (direct.empty()) co_await access;
    if (access.response() != Response::ok) co_return false;
    medium_.write(byte, bytes);
    co_return true;
  }
  if (instead.empty())
    medium_.read(byte, bytes);
  else
    std::ranges::copy(instead, bytes.begin());
  Access access = memory_.write(host, bytes);
  if (direct.empty()) co_await access;
  co_return access.response() == Response::ok;
}

}  // namespace iodrome::hw
