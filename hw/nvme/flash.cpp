// SPDX-License-Identifier: Apache-2.0
#include "hw/nvme/flash.h"

#include <algorithm>
#include <bit>

#include "model/engine/check.h"
#include "model/engine/random.h"

namespace iodrome::hw {

Flash::Flash(const NvmeParams& params, Timeline& timeline, DrawKey key)
    : params_(params),
      timeline_(timeline),
      key_(key),
      page_shift_(std::countr_zero(static_cast<std::uint64_t>(params.page_size))),
      slow_below_(params.read_slow_share.threshold()),
      retry_below_(params.read_retry_share.threshold()),
      units_per_channel_(
          static_cast<std::uint32_t>(params.dies_per_channel * params.planes_per_die)),
      dies_(static_cast<std::size_t>(params.channels) * units_per_channel_),
      channels_(static_cast<std::size_t>(params.channels), Bus(params.channel_rate)),
      link_up_(params.link_rate),
      link_down_(params.link_rate) {}

void Flash::place(Operation& operation, std::uint64_t page) const {
  const std::uint64_t channel = page % channels_.size();
  operation.channel = static_cast<std::uint32_t>(channel);
  operation.unit = static_cast<std::uint32_t>(channel * units_per_channel_ +
                                              page / channels_.size() % units_per_channel_);
}

// A die begins with the next operation the moment it is free, so its begin is known without an
// event.
void Flash::enqueue(Operation& operation) {
  Die& die = dies_[operation.unit];
  if (!die.serving) {
    die.serving = true;
    return operation.start(&operation, std::max(timeline_.now(), die.free_at));
  }
  operation.next = nullptr;
  (die.waiting_head == nullptr ? die.waiting_head : die.waiting_tail->next) = &operation;
  die.waiting_tail = &operation;
}

void Flash::release(Operation& operation, SimTime free_at) {
  Die& die = dies_[operation.unit];
  die.free_at = free_at;
  Operation* const next = die.waiting_head;
  if (next == nullptr) {
    die.serving = false;
    return;
  }
  die.waiting_head = next->next;
  next->start(next, free_at);
}

// Whether a page is slow belongs to the page; whether it must be sensed again, to this read of this
// block.
Duration Flash::sensing_time(std::uint64_t first, std::uint64_t page, std::uint32_t bytes) {
  Duration time = params_.read_fast;
  if (slow_below_ != 0 && draw(key_.seed, Purpose::media_read, key_.device, page, 0) < slow_below_)
    time = params_.read_slow;
  if (bytes > kSmallRead) time += params_.read_page_extra;
  if (retry_below_ != 0) {
    const std::uint64_t block = first / static_cast<std::uint64_t>(params_.block_size);
    const std::uint64_t occurrence = occurrences_.count(block) + 1;
    if (draw(key_.seed, Purpose::media_read, key_.device, block, occurrence) < retry_below_)
      time += params_.read_retry;
  }
  return time;
}

void Flash::prepare(ReadPiece& piece, Read& read, std::uint64_t first, std::uint32_t bytes) {
  const std::uint64_t page = first >> page_shift_;
  piece.flash = this;
  piece.read = &read;
  piece.start = &Flash::start_sensing;
  piece.bytes = bytes;
  piece.sensing = sensing_time(first, page, bytes);
  place(piece, page);
}

void Flash::Read::await_suspend(std::coroutine_handle<> waiter) {
  waiter_ = waiter;
  const std::uint64_t page_bytes = std::uint64_t{1} << flash_.page_shift_;
  const std::uint64_t first_room = page_bytes - (first_ & (page_bytes - 1));
  if (bytes_ <= first_room) [[likely]] {
    pieces_left_ = 1;
    flash_.prepare(piece_, *this, first_, bytes_);
    return flash_.enqueue(piece_);
  }
  pieces_.resize(1 + (bytes_ - first_room + page_bytes - 1) / page_bytes);
  pieces_left_ = static_cast<std::uint32_t>(pieces_.size());
  std::uint64_t at = first_;
  std::uint64_t left = bytes_;
  for (ReadPiece& piece : pieces_) {
    const std::uint64_t count = std::min(left, page_bytes - (at & (page_bytes - 1)));
    flash_.prepare(piece, *this, at, static_cast<std::uint32_t>(count));
    flash_.enqueue(piece);
    at += count;
    left -= count;
  }
}

void Flash::start_sensing(Operation* operation, SimTime begin) {
  auto* const piece = static_cast<ReadPiece*>(operation);
  piece->fire = &Flash::sensed;
  piece->flash->timeline_.at(begin + piece->sensing, *piece);
}

void Flash::sensed(Event* event) {
  auto* const piece = static_cast<ReadPiece*>(event);
  Flash& flash = *piece->flash;
  const SimTime moved = flash.channels_[piece->channel].carry(flash.timeline_.now(), piece->bytes);
  flash.release(*piece, flash.params_.cache_read ? flash.timeline_.now() : moved);
  piece->fire = &Flash::at_controller;
  flash.timeline_.at(moved, *piece);
}

void Flash::at_controller(Event* event) {
  auto* const piece = static_cast<ReadPiece*>(event);
  Flash& flash = *piece->flash;
  const SimTime moved = flash.link_up_.carry(flash.timeline_.now(), piece->bytes);
  piece->fire = &Flash::at_host;
  flash.timeline_.at(moved + flash.params_.completion_write, *piece);
}

void Flash::at_host(Event* event) {
  Read& read = *static_cast<ReadPiece*>(event)->read;
  if (--read.pieces_left_ == 0) read.waiter_.resume();
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

void Flash::write_back(std::uint32_t bytes) {
  cache_unwritten_ += bytes;
  for (; cache_unwritten_ >= params_.page_size; cache_unwritten_ -= params_.page_size) {
    if (free_program_ == nullptr) {
      programs_.push_back(std::make_unique<Program>());
      free_program_ = programs_.back().get();
    }
    Program& program = *free_program_;
    free_program_ = program.next_free;
    program.flash = this;
    program.start = &Flash::start_program;
    place(program, next_program_page_++);
    enqueue(program);
  }
}

void Flash::start_program(Operation* operation, SimTime begin) {
  operation->fire = &Flash::transfer_to_die;
  operation->flash->timeline_.at(begin, *operation);
}

void Flash::transfer_to_die(Event* event) {
  auto* const program = static_cast<Program*>(event);
  Flash& flash = *program->flash;
  const SimTime moved =
      flash.channels_[program->channel].carry(flash.timeline_.now(), flash.params_.page_size);
  program->fire = &Flash::programmed;
  flash.timeline_.at(moved + flash.params_.program, *program);
}

void Flash::programmed(Event* event) {
  auto* const program = static_cast<Program*>(event);
  Flash& flash = *program->flash;
  ++flash.pages_programmed_;
  flash.release(*program, flash.timeline_.now());
  program->next_free = std::exchange(flash.free_program_, program);
  flash.cache_used_ -= flash.params_.page_size;
  flash.admit_waiting();
}

}  // namespace iodrome::hw
