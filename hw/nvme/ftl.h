// SPDX-License-Identifier: Apache-2.0
// Where the drive keeps its data: a page-mapped translation layer with greedy garbage collection.
// It decides and counts; when anything happens, flash.h says.
//
// A mapping unit (usually 4 KiB) lies in a slot; `slots_per_page` of them make a media page. A line
// is one erase block of every plane, written stripe by stripe, so that pages p of any line lie
// where the p-th pages of the identity lie. The drive starts full: unit u lies in slot u until it
// is first written, and only what differs from that is kept.
//
// Source: the line scheme of FEMU and NVMeVirt (conv_ftl.c), FAST'18, FAST'23. Differs: collection
// has a line of its own and runs beside the host's writes.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "hw/nvme/params.h"

namespace iodrome::hw {

/// The sizes that follow from a drive's parameters and its capacity.
struct FtlGeometry {
  std::uint64_t units = 0;  // mapping units the host can address
  std::uint64_t slots_per_page = 1;
  std::uint64_t planes = 1;             // of the drive
  std::uint64_t pages_per_block = 1;    // of a plane
  std::uint64_t pages_per_program = 1;  // of one block, programmed at once
  std::uint64_t user_lines = 1;
  std::uint64_t spare_lines = 0;
  std::uint64_t free_threshold = 2;  // so many free lines or fewer start a collection
  bool in_place = false;             // the medium is rewritten where it is: nothing is collected

  FtlGeometry() = default;
  FtlGeometry(const NvmeParams& params, std::uint64_t bytes);
  std::uint64_t slots_per_line() const { return pages_per_block * planes * slots_per_page; }
  std::uint64_t slots_per_program() const { return pages_per_program * slots_per_page; }
};

class Ftl {
 public:
  static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};
  /// Who writes: the host's data and moved data fill lines of their own.
  enum class Stream : std::uint8_t { host, collection };

  explicit Ftl(const FtlGeometry& geometry);

  /// The unit's slot, or kNowhere if it was deallocated.
  std::uint64_t where(std::uint64_t unit) const {
    const Cell* const cell = find(unit);
    return cell == nullptr ? unit : cell->slot;
  }
  /// Whether the newest content of the unit is in the write cache.
  bool cached(std::uint64_t unit) const {
    const Cell* const cell = find(unit);
    return cell != nullptr && cell->cached != 0;
  }
  void enter_cache(std::uint64_t unit) { ++cell_of(unit).cached; }
  void leave_cache(std::uint64_t unit) { --cell_of(unit).cached; }

  /// Whether the stream's next program has a place. The last free line is the collection's.
  bool has_place(Stream stream) const;
  /// Takes that place; returns its first page. Its slots are program_slot(page, 0 …).
  std::uint64_t take_place(Stream stream);
  std::uint64_t program_slot(std::uint64_t first_page, std::uint64_t index) const {
    return (first_page + index / geometry_.slots_per_page * geometry_.planes) *
               geometry_.slots_per_page +
           index % geometry_.slots_per_page;
  }
  /// The unit's content goes to that slot; what lay in its old one is garbage.
  void map(std::uint64_t unit, std::uint64_t slot);
  void deallocate(std::uint64_t unit);

  bool needs_collection() const {
    return !geometry_.in_place && free_.size() <= geometry_.free_threshold;
  }
  /// The closed line with the least valid slots; of several the first. None if that has no garbage.
  std::optional<std::uint64_t> victim() const;
  /// The unit whose newest content lies in the slot, or kNowhere.
  std::uint64_t valid_unit(std::uint64_t slot) const;
  /// The line has been erased.
  void release(std::uint64_t line);

  const FtlGeometry& geometry() const { return geometry_; }
  std::uint64_t free_lines() const { return free_.size(); }
  std::uint64_t valid_slots(std::uint64_t line) const { return lines_[line].valid; }
  /// Units that are remembered: those written or deallocated so far.
  std::size_t remembered() const { return used_; }

 private:
  struct Line {
    std::uint64_t valid = 0;
    bool closed = true;
    std::vector<std::uint64_t> units{};  // by slot; empty: the identity
  };
  struct Open {
    std::uint64_t line = kNowhere;
    std::uint64_t programs = 0;  // of the line, already taken
  };
  struct Cell {
    std::uint64_t unit_plus_one = 0;
    std::uint64_t slot = 0;
    std::uint32_t cached = 0;
  };

  const Cell* find(std::uint64_t unit) const;
  Cell& cell_of(std::uint64_t unit);
  std::size_t probe(std::uint64_t unit) const;
  void grow();
  void invalidate(std::uint64_t slot) { --lines_[slot / geometry_.slots_per_line()].valid; }

  FtlGeometry geometry_;
  std::vector<Line> lines_;
  std::deque<std::uint64_t> free_;
  Open open_[2];
  std::vector<Cell> cells_;  // open addressing; nothing depends on its order
  std::size_t used_ = 0;
};

}  // namespace iodrome::hw
