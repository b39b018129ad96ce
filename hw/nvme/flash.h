// SPDX-License-Identifier: Apache-2.0
// The timing of the medium: die FIFOs, channel buses, the host link and the write cache.
//
// Media page p lies on channel p mod C, unit (p / C) mod (dies per channel x planes): neighbouring
// pages lie on different channels, and a command that spans pages is served by several dies at
// once.
#pragma once
#include <coroutine>
#include <memory>
#include <vector>

#include "hw/core/draw_key.h"
#include "hw/core/fifo.h"
#include "hw/nvme/occurrences.h"
#include "hw/nvme/params.h"
#include "model/engine/timeline.h"

namespace iodrome::hw {

/// Dies, buses and cache of one drive. Moves no bytes: it says when they would have moved.
class Flash {
 public:
  Flash(const NvmeParams& params, Timeline& timeline, DrawKey key);
  Flash(const Flash&) = delete;
  Flash& operator=(const Flash&) = delete;

  class [[nodiscard]] Read;
  class [[nodiscard]] CacheSpace;

  /// Senses [first, first + bytes) and moves it to the host; resumes one completion_write after the
  /// last byte. Order: FIFO per die, per channel and on the link.
  Read read(std::uint64_t first, std::uint32_t bytes);

  /// Waits for room in the write cache. Order: FIFO.
  CacheSpace take_cache(std::uint32_t bytes);
  /// Reserves the link for data from the host; returns when the last byte is in the cache.
  SimTime receive(std::uint32_t bytes) { return link_down_.carry(timeline_.now(), bytes); }
  /// Puts received bytes on their way to the dies, a page at a time, next die by next die.
  void write_back(std::uint32_t bytes);

  std::int64_t cache_used() const { return cache_used_; }
  std::uint64_t pages_programmed() const { return pages_programmed_; }

 private:
  struct Operation;
  struct ReadPiece;
  struct Program;
  struct Die {
    SimTime free_at{};
    Operation* waiting_head = nullptr;
    Operation* waiting_tail = nullptr;
    bool serving = false;
  };

  /// Something a die does; `start` is called when the die begins with it, maybe ahead of time.
  struct Operation : Event {
    Flash* flash = nullptr;
    void (*start)(Operation*, SimTime begin) = nullptr;
    Operation* next = nullptr;
    std::uint32_t unit = 0;
    std::uint32_t channel = 0;
  };
  struct ReadPiece : Operation {
    Read* read = nullptr;
    Duration sensing{};
    std::uint32_t bytes = 0;
  };
  struct Program : Operation {
    Program* next_free = nullptr;
  };

  void place(Operation& operation, std::uint64_t page) const;
  void enqueue(Operation& operation);
  void release(Operation& operation, SimTime free_at);
  Duration sensing_time(std::uint64_t first, std::uint64_t page, std::uint32_t bytes);
  void prepare(ReadPiece& piece, Read& read, std::uint64_t first, std::uint32_t bytes);
  void admit_waiting();

  static void start_sensing(Operation* operation, SimTime begin);
  static void sensed(Event* event);
  static void at_controller(Event* event);
  static void at_host(Event* event);
  static void start_program(Operation* operation, SimTime begin);
  static void transfer_to_die(Event* event);
  static void programmed(Event* event);

  const NvmeParams& params_;
  Timeline& timeline_;
  DrawKey key_;
  int page_shift_;
  std::uint64_t slow_below_;
  std::uint64_t retry_below_;
  std::uint32_t units_per_channel_;
  std::vector<Die> dies_;
  std::vector<Bus> channels_;
  Bus link_up_;
  Bus link_down_;
  Occurrences occurrences_;

  std::int64_t cache_used_ = 0;
  std::int64_t cache_unwritten_ = 0;  // received, not yet enough for a page
  std::uint64_t next_program_page_ = 0;
  std::uint64_t pages_programmed_ = 0;
  CacheSpace* cache_head_ = nullptr;
  CacheSpace* cache_tail_ = nullptr;
  std::vector<std::unique_ptr<Program>> programs_;
  Program* free_program_ = nullptr;
};

/// Awaits a whole read; lives in the frame of the command.
class Flash::Read {
 public:
  Read(Flash& flash, std::uint64_t first, std::uint32_t bytes)
      : flash_(flash), first_(first), bytes_(bytes) {}
  Read(const Read&) = delete;
  Read& operator=(const Read&) = delete;

  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter);
  void await_resume() const noexcept {}

 private:
  friend class Flash;
  Flash& flash_;
  std::uint64_t first_;
  std::uint32_t bytes_;
  std::uint32_t pieces_left_ = 0;
  std::coroutine_handle<> waiter_;
  ReadPiece piece_;                // the only piece of most reads
  std::vector<ReadPiece> pieces_;  // of reads that span pages
};

/// Awaits room in the write cache.
class Flash::CacheSpace {
 public:
  CacheSpace(Flash& flash, std::uint32_t bytes) : flash_(flash), bytes_(bytes) {}
  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiter);
  void await_resume() const noexcept {}

 private:
  friend class Flash;
  Flash& flash_;
  std::uint32_t bytes_;
  CacheSpace* next_ = nullptr;
  std::coroutine_handle<> waiter_;
};

inline Flash::Read Flash::read(std::uint64_t first, std::uint32_t bytes) {
  return {*this, first, bytes};
}
inline Flash::CacheSpace Flash::take_cache(std::uint32_t bytes) {
  return {*this, bytes};
}

}  // namespace iodrome::hw
