// SPDX-License-Identifier: Apache-2.0
// The timing of the medium: plane FIFOs, channel buses, the host link, the write cache and garbage
// collection. Reads are in flash.cpp, the cache and its programs in flash_write.cpp, collection in
// flash_collect.cpp.
//
// Media page p lies on channel p mod C, unit (p / C) mod (dies per channel x planes): neighbouring
// pages lie on different channels, and a command that spans pages is served by several dies at
// once. Until the host writes, logical and media pages are the same and no mapping exists.
#pragma once
#include <coroutine>
#include <deque>
#include <memory>
#include <vector>

#include "hw/core/activity.h"
#include "hw/core/draw_key.h"
#include "hw/core/fifo.h"
#include "hw/memory/memory_bus.h"
#include "hw/nvme/ftl.h"
#include "hw/nvme/occurrences.h"
#include "hw/nvme/params.h"
#include "model/engine/timeline.h"

namespace iodrome::hw {

/// Dies, buses and cache of one drive. Moves no bytes: it says when they would have moved.
class Flash {
 public:
  /// `bytes`: what the host can address.
  Flash(const NvmeParams& params, Timeline& timeline, DrawKey key, std::uint64_t bytes);
  Flash(const Flash&) = delete;
  Flash& operator=(const Flash&) = delete;

  class Read;
  class [[nodiscard]] AwaitedRead;
  class [[nodiscard]] CacheSpace;
  class [[nodiscard]] Durable;

  /// Senses [first, first + bytes) and moves it to the host; resumes one completion_write after the
  /// last byte. Order: FIFO per die, per channel and on the link.
  AwaitedRead read(std::uint64_t first, std::uint32_t bytes);

  /// Waits for room in the write cache for these bytes, in whole mapping units. Order: FIFO.
  CacheSpace take_cache(std::uint64_t first, std::uint32_t bytes);
  /// Reserves the link for data from the host; returns when the last byte is in the cache.
  SimTime receive(std::uint32_t bytes) {
    return through_memory(link_down_.take(timeline_.now(), bytes), bytes);
  }
  /// The host's memory, that it shares with others.
  void share(MemoryBus* memory) { memory_ = memory; }
  /// Puts received bytes into the cache; full program operations leave it in order of arrival.
  void write_back(std::uint64_t first, std::uint32_t bytes);
  /// Waits until everything that is in the cache now has been programmed, also what fills no
  /// program operation, which is padded. A protected cache has nothing to wait for.
  Durable make_durable();
  /// The same of a protected cache too: afterwards nothing that it holds now will be mapped.
  Durable drain_cache();
  /// Makes [first, first + bytes) read as nothing, as far as whole mapping units go. What is in the
  /// cache stays.
  void deallocate(std::uint64_t first, std::uint64_t bytes);

  /// Whether a loss of power now would leave the newest content of [first, first + bytes).
  ///
  /// The mapping is logged in order: what survives is a prefix of the writes in their order of
  /// arrival in the cache; a protected cache survives whole.
  bool durable(std::uint64_t first, std::uint64_t bytes) const;

  std::int64_t cache_used() const { return cache_used_; }
  std::uint64_t pages_programmed() const { return pages_programmed_; }
  /// Pages that garbage collection programmed, part of pages_programmed().
  std::uint64_t pages_moved() const { return pages_moved_; }
  std::uint64_t lines_erased() const { return lines_erased_; }
  std::size_t busy_planes() const;
  /// The translation layer, or nullptr while the host has not written.
  const Ftl* ftl() const { return ftl_.get(); }
  Activities& activities() { return activities_; }

 private:
  SimTime through_memory(Stretch over_link, std::uint32_t bytes) {
    return memory_ == nullptr ? over_link.until : memory_->carry(timeline_.now(), over_link, bytes);
  }
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
  struct Batch;
  enum class Source : std::uint8_t { page, cache, nothing };
  struct ReadPiece : Operation {
    Read* read = nullptr;
    Duration sensing{};
    std::uint32_t bytes = 0;
    std::uint64_t page = 0;
    Source source = Source::page;
  };
  struct Program : Operation {
    Program* next_free = nullptr;
    std::uint64_t number = 0;            // among the host's
    Batch* moving = nullptr;             // garbage collection's
    std::vector<std::uint64_t> units{};  // that leave the cache with it
  };
  // A host program that has been issued; they end in any order.
  struct Issued {
    std::uint64_t end = 0;  // cache position behind its last unit
    bool done = false;
  };
  struct CollectRead;
  struct Erase;
  struct Moved {
    std::uint64_t unit = 0;
    std::uint64_t from = 0;  // slot
  };

  void place(Operation& operation, std::uint64_t page) const;
  void enqueue(Operation& operation);
  void release(Operation& operation, SimTime free_at);
  Duration page_time(std::uint64_t page, std::uint32_t bytes) const;
  Duration sensing_time(std::uint64_t first, std::uint64_t page, std::uint32_t bytes);
  void prepare(ReadPiece& piece, Read& read, std::uint64_t first, std::uint32_t bytes,
               std::uint64_t page);
  void start(ReadPiece& piece, Read& read, std::uint64_t first);
  std::uint64_t first_unit(std::uint64_t byte) const { return byte >> unit_shift_; }
  std::uint64_t end_unit(std::uint64_t first, std::uint64_t bytes) const {
    return (first + bytes + (std::uint64_t{1} << unit_shift_) - 1) >> unit_shift_;
  }

  // flash_write.cpp
  Ftl& mapping();
  void admit_waiting();
  void issue_programs();
  void issue_program(std::size_t count);
  Program& take_program();
  void ended(Program& program);
  void advance_durable();

  // flash_collect.cpp
  void collect_if_needed();
  Activity collect();
  void read_row(std::uint64_t first_page, std::uint64_t pages, std::vector<CollectRead>& reads,
                Batch& batch);
  void move(std::size_t count, Batch& batch);

  static void start_sensing(Operation* operation, SimTime begin);
  static void sensed(Event* event);
  static void at_controller(Event* event);
  static void at_host(Event* event);
  static void start_program(Operation* operation, SimTime begin);
  static void transfer_to_die(Event* event);
  static void programmed(Event* event);
  static void start_collect_read(Operation* operation, SimTime begin);
  static void collect_sensed(Event* event);
  static void collect_read(Event* event);
  static void start_erase(Operation* operation, SimTime begin);
  static void erased(Event* event);

  const NvmeParams& params_;
  Timeline& timeline_;
  MemoryBus* memory_ = nullptr;
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

  std::unique_ptr<Ftl> ftl_;  // made by the first write
  std::uint64_t bytes_;
  int unit_shift_;

  // The cache is a queue of mapping units, numbered by arrival: [durable_, issued_) are being
  // programmed, [issued_, received_) wait for it.
  std::deque<std::uint64_t> cache_;
  std::uint64_t durable_ = 0;
  std::uint64_t issued_ = 0;
  std::uint64_t received_ = 0;
  std::uint64_t forced_until_ = 0;  // these are issued even if they fill no program
  std::deque<Issued> programs_out_;
  std::uint64_t first_program_out_ = 0;
  std::uint64_t pages_programmed_ = 0;
  std::int64_t cache_used_ = 0;
  std::vector<Durable*> durable_waiters_;

  bool collecting_ = false;
  std::deque<Moved> to_move_;
  std::uint64_t pages_moved_ = 0;
  std::uint64_t lines_erased_ = 0;

  CacheSpace* cache_head_ = nullptr;
  CacheSpace* cache_tail_ = nullptr;
  std::vector<std::unique_ptr<Program>> programs_;
  Program* free_program_ = nullptr;
  Activities activities_;  // last: its frames refer to everything above
};

/// A whole read, a part of whoever hears of its end.
class Flash::Read {
 public:
  /// `ended` is called once the last byte has been with the host for completion_write.
  using Ended = void (*)(Read&);
  explicit Read(Ended ended) : ended_(ended) {}
  Read(const Read&) = delete;
  Read& operator=(const Read&) = delete;

  /// What it is to read, once the read before it has ended.
  void ask(std::uint64_t first, std::uint32_t bytes) {
    first_ = first;
    bytes_ = bytes;
  }
  void start(Flash& flash);
  std::uint64_t first() const { return first_; }
  std::uint32_t bytes() const { return bytes_; }

 private:
  friend class Flash;
  void cut_at_pages(Flash& flash);
  void cut_by_mapping(Flash& flash);

  Ended ended_;
  std::uint64_t first_ = 0;
  std::uint32_t bytes_ = 0;
  std::uint32_t pieces_left_ = 0;
  ReadPiece piece_;                // the only piece of most reads
  std::vector<ReadPiece> pieces_;  // of reads that span pages
};

/// Awaits a whole read; lives in the frame of the command.
class Flash::AwaitedRead : Read {
 public:
  AwaitedRead(Flash& flash, std::uint64_t first, std::uint32_t bytes)
      : Read(&AwaitedRead::resume), flash_(flash) {
    ask(first, bytes);
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    waiter_ = waiter;
    start(flash_);
  }
  void await_resume() const noexcept {}

 private:
  static void resume(Read& self) { static_cast<AwaitedRead&>(self).waiter_.resume(); }
  Flash& flash_;
  std::coroutine_handle<> waiter_;
};

/// Awaits room in the write cache.
class Flash::CacheSpace {
 public:
  CacheSpace(Flash& flash, std::int64_t bytes) : flash_(flash), bytes_(bytes) {}
  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiter);
  void await_resume() const noexcept {}

 private:
  friend class Flash;
  Flash& flash_;
  std::int64_t bytes_;
  CacheSpace* next_ = nullptr;
  std::coroutine_handle<> waiter_;
};

/// Awaits that the cache has been written up to where it stood.
class Flash::Durable {
 public:
  Durable(Flash& flash, bool programmed)
      : flash_(flash), programmed_(programmed), until_(flash.received_) {}
  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiter);
  void await_resume() const noexcept {}

 private:
  friend class Flash;
  Flash& flash_;
  bool programmed_;  // a protected cache is not enough
  std::uint64_t until_;
  std::coroutine_handle<> waiter_;
};

inline Flash::AwaitedRead Flash::read(std::uint64_t first, std::uint32_t bytes) {
  return {*this, first, bytes};
}
inline Flash::CacheSpace Flash::take_cache(std::uint64_t first, std::uint32_t bytes) {
  const std::uint64_t units = end_unit(first, bytes) - first_unit(first);
  return {*this, static_cast<std::int64_t>(units << unit_shift_)};
}
inline Flash::Durable Flash::make_durable() {
  return {*this, false};
}
inline Flash::Durable Flash::drain_cache() {
  return {*this, true};
}

}  // namespace iodrome::hw
