// SPDX-License-Identifier: Apache-2.0
#include "hw/nvme/flash.h"

#include <algorithm>
#include <bit>

#include "model/engine/check.h"
#include "model/engine/random.h"

namespace iodrome::hw {

Flash::Flash(const NvmeParams& params, Timeline& timeline, DrawKey key, std::uint64_t bytes)
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
      link_down_(params.link_rate),
      bytes_(bytes),
      unit_shift_(std::countr_zero(static_cast<std::uint64_t>(params.mapping_unit))) {}

std::size_t Flash::busy_planes() const {
  return static_cast<std::size_t>(std::count_if(dies_.begin(), dies_.end(), [this](const Die& die) {
    return die.serving || die.free_at > timeline_.now();
  }));
}

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

// Whether a page is slow belongs to the page.
Duration Flash::page_time(std::uint64_t page, std::uint32_t bytes) const {
  Duration time = params_.read_fast;
  if (slow_below_ != 0 && draw(key_.seed, Purpose::media_read, key_.device, page, 0) < slow_below_)
    time = params_.read_slow;
  if (bytes > kSmallRead) time += params_.read_page_extra;
  return time;
}

// Whether it must be sensed again belongs to this read of this block.
Duration Flash::sensing_time(std::uint64_t first, std::uint64_t page, std::uint32_t bytes) {
  Duration time = page_time(page, bytes);
  if (retry_below_ != 0) {
    const std::uint64_t block = first / static_cast<std::uint64_t>(params_.block_size);
    const std::uint64_t occurrence = occurrences_.count(block) + 1;
    if (draw(key_.seed, Purpose::media_read, key_.device, block, occurrence) < retry_below_)
      time += params_.read_retry;
  }
  return time;
}

void Flash::prepare(ReadPiece& piece, Read& read, std::uint64_t first, std::uint32_t bytes,
                    std::uint64_t page) {
  piece.flash = this;
  piece.read = &read;
  piece.start = &Flash::start_sensing;
  piece.bytes = bytes;
  piece.sensing = sensing_time(first, page, bytes);
  place(piece, page);
}

void Flash::Read::start(Flash& flash) {
  if (flash.ftl_ != nullptr) [[unlikely]]
    return cut_by_mapping(flash);
  const std::uint64_t page_bytes = std::uint64_t{1} << flash.page_shift_;
  const std::uint64_t first_room = page_bytes - (first_ & (page_bytes - 1));
  if (bytes_ > first_room) return cut_at_pages(flash);
  pieces_left_ = 1;
  flash.prepare(piece_, *this, first_, bytes_, first_ >> flash.page_shift_);
  flash.enqueue(piece_);
}

void Flash::Read::cut_at_pages(Flash& flash) {
  const std::uint64_t page_bytes = std::uint64_t{1} << flash.page_shift_;
  const std::uint64_t end = first_ + bytes_;
  pieces_.clear();
  pieces_.resize(((end - 1) >> flash.page_shift_) - (first_ >> flash.page_shift_) + 1);
  pieces_left_ = static_cast<std::uint32_t>(pieces_.size());
  std::uint64_t at = first_;
  for (ReadPiece& piece : pieces_) {
    const std::uint64_t count = std::min(end - at, page_bytes - (at & (page_bytes - 1)));
    flash.prepare(piece, *this, at, static_cast<std::uint32_t>(count), at >> flash.page_shift_);
    flash.enqueue(piece);
    at += count;
  }
}

// A piece per media page, in the order of the command; what is cached or nowhere needs no page.
void Flash::Read::cut_by_mapping(Flash& flash) {
  const Ftl& ftl = *flash.ftl_;
  pieces_.clear();
  const std::uint64_t unit_bytes = std::uint64_t{1} << flash.unit_shift_;
  const std::uint64_t end = first_ + bytes_;
  for (std::uint64_t at = first_; at < end;) {
    const std::uint64_t count = std::min(end - at, unit_bytes - (at & (unit_bytes - 1)));
    const std::uint64_t unit = flash.first_unit(at);
    const std::uint64_t slot = ftl.where(unit);
    const Source source = ftl.cached(unit)        ? Source::cache
                          : slot == Ftl::kNowhere ? Source::nothing
                                                  : Source::page;
    const std::uint64_t page = source == Source::page ? slot / ftl.geometry().slots_per_page : 0;
    if (pieces_.empty() || pieces_.back().source != source || pieces_.back().page != page) {
      pieces_.emplace_back();
      pieces_.back().source = source;
      pieces_.back().page = page;
    }
    pieces_.back().bytes += static_cast<std::uint32_t>(count);
    at += count;
  }
  pieces_left_ = static_cast<std::uint32_t>(pieces_.size());
  std::uint64_t at = first_;
  for (ReadPiece& piece : pieces_) {
    flash.start(piece, *this, at);
    at += piece.bytes;
  }
}

void Flash::start(ReadPiece& piece, Read& read, std::uint64_t first) {
  if (piece.source == Source::page) {
    prepare(piece, read, first, piece.bytes, piece.page);
    return enqueue(piece);
  }
  piece.flash = this;
  piece.read = &read;
  const SimTime moved = through_memory(link_up_.take(timeline_.now(), piece.bytes), piece.bytes);
  piece.fire = &Flash::at_host;
  timeline_.at(moved + params_.completion_write, piece);
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
  const SimTime moved =
      flash.through_memory(flash.link_up_.take(flash.timeline_.now(), piece->bytes), piece->bytes);
  piece->fire = &Flash::at_host;
  flash.timeline_.at(moved + flash.params_.completion_write, *piece);
}

void Flash::at_host(Event* event) {
  Read& read = *static_cast<ReadPiece*>(event)->read;
  if (--read.pieces_left_ == 0) read.ended_(read);
}

}  // namespace iodrome::hw
