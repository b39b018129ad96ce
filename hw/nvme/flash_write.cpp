// SPDX-License-Identifier: Apache-2.0
// The write cache and the programs that empty it.
#include <algorithm>
#include <utility>

#include "hw/nvme/flash_collect.h"

namespace iodrome::hw {

Ftl& Flash::mapping() {
  if (ftl_ == nullptr) ftl_ = std::make_unique<Ftl>(FtlGeometry(params_, bytes_));
  return *ftl_;
}

bool Flash::CacheSpace::await_ready() {
  const bool room =
      flash_.cache_head_ == nullptr && flash_.cache_used_ + bytes_ <= flash_.params_.write_cache;
  if (room) flash_.cache_used_ += bytes_;
  return room;
}

void Flash::CacheSpace::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  (flash_.cache_head_ == nullptr ? flash_.cache_head_ : flash_.cache_tail_->next_) = this;
  flash_.cache_tail_ = this;
}

void Flash::admit_waiting() {
  while (cache_head_ != nullptr && cache_used_ + cache_head_->bytes_ <= params_.write_cache) {
    CacheSpace* const admitted = cache_head_;
    cache_head_ = admitted->next_;
    cache_used_ += admitted->bytes_;
    admitted->waiter_.resume();
  }
}

void Flash::write_back(std::uint64_t first, std::uint32_t bytes) {
  Ftl& ftl = mapping();
  for (std::uint64_t unit = first_unit(first); unit < end_unit(first, bytes); ++unit) {
    ftl.enter_cache(unit);
    cache_.push_back(unit);
    ++received_;
  }
  issue_programs();
}

// Programs leave in the order of arrival, so one that finds no erased line holds up all.
void Flash::issue_programs() {
  if (ftl_ == nullptr) return;
  const std::uint64_t full = ftl_->geometry().slots_per_program();
  while (issued_ < received_) {
    const std::uint64_t waiting = received_ - issued_;
    if (waiting < full && issued_ >= forced_until_) return;
    if (!ftl_->geometry().in_place && !ftl_->has_place(Ftl::Stream::host)) return;
    issue_program(static_cast<std::size_t>(std::min(waiting, full)));
    collect_if_needed();
  }
}

Flash::Program& Flash::take_program() {
  if (free_program_ == nullptr) {
    programs_.push_back(std::make_unique<Program>());
    free_program_ = programs_.back().get();
  }
  Program& program = *std::exchange(free_program_, free_program_->next_free);
  program.flash = this;
  program.start = &Flash::start_program;
  program.units.clear();
  return program;
}

void Flash::issue_program(std::size_t count) {
  Program& program = take_program();
  const bool in_place = ftl_->geometry().in_place;
  const auto first = cache_.begin() + static_cast<std::ptrdiff_t>(issued_ - durable_);
  program.moving = nullptr;
  program.number = first_program_out_ + programs_out_.size();
  program.units.assign(first, first + static_cast<std::ptrdiff_t>(count));
  const std::uint64_t page = in_place ? *first : ftl_->take_place(Ftl::Stream::host);
  for (std::size_t i = 0; !in_place && i < count; ++i)
    ftl_->map(program.units[i], ftl_->program_slot(page, i));
  issued_ += count;
  programs_out_.push_back({issued_, false});
  place(program, page);
  enqueue(program);
}

void Flash::start_program(Operation* operation, SimTime begin) {
  operation->fire = &Flash::transfer_to_die;
  operation->flash->timeline_.at(begin, *operation);
}

void Flash::transfer_to_die(Event* event) {
  auto* const program = static_cast<Program*>(event);
  Flash& flash = *program->flash;
  const SimTime moved = flash.channels_[program->channel].carry(
      flash.timeline_.now(), flash.params_.program_pages * flash.params_.page_size);
  program->fire = &Flash::programmed;
  flash.timeline_.at(moved + flash.params_.program, *program);
}

void Flash::programmed(Event* event) {
  auto* const program = static_cast<Program*>(event);
  Flash& flash = *program->flash;
  const auto pages = static_cast<std::uint64_t>(flash.params_.program_pages);
  flash.pages_programmed_ += pages;
  if (program->moving != nullptr) flash.pages_moved_ += pages;
  flash.release(*program, flash.timeline_.now());
  flash.ended(*program);
}

void Flash::ended(Program& program) {
  program.next_free = std::exchange(free_program_, &program);
  if (program.moving != nullptr) return program.moving->end_one();
  for (const std::uint64_t unit : program.units) ftl_->leave_cache(unit);
  cache_used_ -= static_cast<std::int64_t>(program.units.size()) << unit_shift_;
  programs_out_[static_cast<std::size_t>(program.number - first_program_out_)].done = true;
  advance_durable();
  admit_waiting();
}

// What survives a loss of power is a prefix: a program counts when all before it have ended.
void Flash::advance_durable() {
  while (!programs_out_.empty() && programs_out_.front().done) {
    const auto count = static_cast<std::ptrdiff_t>(programs_out_.front().end - durable_);
    durable_ = programs_out_.front().end;
    cache_.erase(cache_.begin(), cache_.begin() + count);
    programs_out_.pop_front();
    ++first_program_out_;
  }
  std::vector<Durable*> woken;
  std::erase_if(durable_waiters_, [&](Durable* waiter) {
    if (waiter->until_ > durable_) return false;
    woken.push_back(waiter);
    return true;
  });
  for (Durable* const waiter : woken) waiter->waiter_.resume();
}

bool Flash::Durable::await_ready() {
  return (flash_.params_.cache_protected && !programmed_) || flash_.durable_ >= until_;
}

void Flash::Durable::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  flash_.durable_waiters_.push_back(this);
  flash_.forced_until_ = std::max(flash_.forced_until_, until_);
  flash_.issue_programs();
}

void Flash::deallocate(std::uint64_t first, std::uint64_t bytes) {
  const std::uint64_t begin = end_unit(first, 0);
  const std::uint64_t end = first_unit(first + bytes);
  for (std::uint64_t unit = begin; unit < end; ++unit) mapping().deallocate(unit);
}

bool Flash::durable(std::uint64_t first, std::uint64_t bytes) const {
  if (params_.cache_protected) return true;
  const std::uint64_t begin = first_unit(first);
  const std::uint64_t end = end_unit(first, bytes);
  return std::none_of(cache_.begin(), cache_.end(),
                      [&](std::uint64_t unit) { return unit >= begin && unit < end; });
}

}  // namespace iodrome::hw
