// SPDX-License-Identifier: Apache-2.0
// Garbage collection: reads what is valid in the victim a stripe at a time, writes it to the
// collection's own line, erases the victim. One page per plane is under way at a time, so the
// host's commands wait behind one operation and not behind a line of them.
#include "hw/nvme/flash_collect.h"

#include <algorithm>

namespace iodrome::hw {

void Flash::collect_if_needed() {
  if (!collecting_ && ftl_->needs_collection() && ftl_->victim()) collect();
}

Activity Flash::collect() {
  collecting_ = true;
  const std::uint64_t planes = ftl_->geometry().planes;
  const std::uint64_t pages = ftl_->geometry().pages_per_block * planes;
  const auto full = static_cast<std::size_t>(ftl_->geometry().slots_per_program());
  std::optional<std::uint64_t> victim = ftl_->victim();
  while (victim && ftl_->needs_collection()) {
    for (std::uint64_t row = 0; row < pages; row += planes) {
      Batch batch;
      std::vector<CollectRead> reads(static_cast<std::size_t>(planes));
      read_row(*victim * pages + row, planes, reads, batch);
      co_await batch;
      while (to_move_.size() >= full) move(full, batch);
      co_await batch;
    }
    Batch batch;
    while (!to_move_.empty()) move(std::min(full, to_move_.size()), batch);
    co_await batch;
    std::vector<Erase> erases(static_cast<std::size_t>(planes));
    for (std::uint64_t plane = 0; plane < planes; ++plane) {
      Erase& erase = erases[static_cast<std::size_t>(plane)];
      erase.flash = this;
      erase.start = &Flash::start_erase;
      erase.batch = &batch;
      ++batch.left;
      place(erase, plane);
      enqueue(erase);
    }
    co_await batch;
    ++lines_erased_;
    ftl_->release(*victim);
    issue_programs();
    victim = ftl_->victim();
  }
  collecting_ = false;
}

void Flash::read_row(std::uint64_t first_page, std::uint64_t pages, std::vector<CollectRead>& reads,
                     Batch& batch) {
  const std::uint64_t slots = ftl_->geometry().slots_per_page;
  for (std::uint64_t page = first_page; page < first_page + pages; ++page) {
    std::uint32_t units = 0;
    for (std::uint64_t slot = page * slots; slot < (page + 1) * slots; ++slot) {
      const std::uint64_t unit = ftl_->valid_unit(slot);
      if (unit == Ftl::kNowhere) continue;
      to_move_.push_back({unit, slot});
      ++units;
    }
    if (units == 0) continue;
    CollectRead& read = reads[static_cast<std::size_t>(page - first_page)];
    read.flash = this;
    read.start = &Flash::start_collect_read;
    read.batch = &batch;
    read.bytes = units << unit_shift_;
    read.page = page;
    ++batch.left;
    place(read, page);
    enqueue(read);
  }
}

// Programs up to `count` units; those that the host has written anew meanwhile are garbage already.
void Flash::move(std::size_t count, Batch& batch) {
  std::vector<Moved> units;
  while (!to_move_.empty() && units.size() < count) {
    const Moved moved = to_move_.front();
    to_move_.pop_front();
    if (ftl_->where(moved.unit) == moved.from) units.push_back(moved);
  }
  if (units.empty()) return;
  Program& program = take_program();
  program.moving = &batch;
  ++batch.left;
  const std::uint64_t page = ftl_->take_place(Ftl::Stream::collection);
  for (std::size_t i = 0; i < units.size(); ++i)
    ftl_->map(units[i].unit, ftl_->program_slot(page, i));
  place(program, page);
  enqueue(program);
}

void Flash::start_collect_read(Operation* operation, SimTime begin) {
  auto* const read = static_cast<CollectRead*>(operation);
  Flash& flash = *read->flash;
  read->fire = &Flash::collect_sensed;
  flash.timeline_.at(begin + flash.page_time(read->page, read->bytes), *read);
}

void Flash::collect_sensed(Event* event) {
  auto* const read = static_cast<CollectRead*>(event);
  Flash& flash = *read->flash;
  const SimTime moved = flash.channels_[read->channel].carry(flash.timeline_.now(), read->bytes);
  flash.release(*read, flash.params_.cache_read ? flash.timeline_.now() : moved);
  read->fire = &Flash::collect_read;
  flash.timeline_.at(moved, *read);
}

void Flash::collect_read(Event* event) {
  static_cast<CollectRead*>(event)->batch->end_one();
}

void Flash::start_erase(Operation* operation, SimTime begin) {
  Flash& flash = *operation->flash;
  operation->fire = &Flash::erased;
  flash.timeline_.at(begin + flash.params_.erase, *operation);
}

void Flash::erased(Event* event) {
  auto* const erase = static_cast<Erase*>(event);
  erase->flash->release(*erase, erase->flash->timeline_.now());
  erase->batch->end_one();
}

}  // namespace iodrome::hw
