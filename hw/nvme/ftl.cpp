// SPDX-License-Identifier: Apache-2.0
#include "hw/nvme/ftl.h"

#include <algorithm>

#include "model/engine/check.h"
#include "model/engine/random.h"

namespace iodrome::hw {
namespace {

std::uint64_t quotient_up(std::uint64_t a, std::uint64_t b) {
  return (a + b - 1) / b;
}

}  // namespace

// Two lines may be open, one is kept for the collection and one more must hold garbage whenever the
// threshold is reached: below that many spare lines a full drive could come to a standstill.
FtlGeometry::FtlGeometry(const NvmeParams& p, std::uint64_t bytes)
    : units(quotient_up(bytes, static_cast<std::uint64_t>(p.mapping_unit))),
      slots_per_page(static_cast<std::uint64_t>(p.page_size / p.mapping_unit)),
      planes(static_cast<std::uint64_t>(p.channels * p.dies_per_channel * p.planes_per_die)),
      pages_per_block(static_cast<std::uint64_t>(p.pages_per_block)),
      pages_per_program(static_cast<std::uint64_t>(p.program_pages)),
      user_lines(quotient_up(units, slots_per_line())),
      free_threshold(static_cast<std::uint64_t>(p.gc_free_blocks)),
      in_place(p.in_place) {
  const Wide share = static_cast<Wide>(p.over_provisioning.parts_per_million) * user_lines;
  spare_lines =
      std::max(static_cast<std::uint64_t>((share + 999'999) / 1'000'000), free_threshold + 3);
}

Ftl::Ftl(const FtlGeometry& geometry) : geometry_(geometry) {
  if (geometry_.in_place) return;
  const std::uint64_t per_line = geometry_.slots_per_line();
  lines_.resize(geometry_.user_lines + geometry_.spare_lines);
  for (std::uint64_t line = 0; line < geometry_.user_lines; ++line)
    lines_[line].valid = std::min(per_line, geometry_.units - line * per_line);
  for (std::uint64_t line = geometry_.user_lines; line < lines_.size(); ++line) {
    lines_[line].closed = false;
    free_.push_back(line);
  }
}

bool Ftl::has_place(Stream stream) const {
  const Open& open = open_[static_cast<std::size_t>(stream)];
  if (open.line != kNowhere) return true;
  return free_.size() > (stream == Stream::host ? 1u : 0u);
}

std::uint64_t Ftl::take_place(Stream stream) {
  Open& open = open_[static_cast<std::size_t>(stream)];
  if (open.line == kNowhere) {
    check(!free_.empty(), "the drive has no erased line left");
    open = {free_.front(), 0};
    free_.pop_front();
    lines_[open.line].units.assign(geometry_.slots_per_line(), kNowhere);
  }
  const std::uint64_t pages_per_line = geometry_.pages_per_block * geometry_.planes;
  const std::uint64_t stripe = open.programs / geometry_.planes;
  const std::uint64_t page = open.line * pages_per_line +
                             stripe * geometry_.pages_per_program * geometry_.planes +
                             open.programs % geometry_.planes;
  if (++open.programs == pages_per_line / geometry_.pages_per_program) {
    lines_[open.line].closed = true;
    open.line = kNowhere;
  }
  return page;
}

void Ftl::map(std::uint64_t unit, std::uint64_t slot) {
  Cell& cell = cell_of(unit);
  if (cell.slot != kNowhere) invalidate(cell.slot);
  cell.slot = slot;
  const std::uint64_t per_line = geometry_.slots_per_line();
  Line& line = lines_[slot / per_line];
  line.units[slot % per_line] = unit;
  ++line.valid;
}

void Ftl::deallocate(std::uint64_t unit) {
  if (geometry_.in_place) return;
  Cell& cell = cell_of(unit);
  if (cell.slot != kNowhere) invalidate(cell.slot);
  cell.slot = kNowhere;
}

std::optional<std::uint64_t> Ftl::victim() const {
  std::optional<std::uint64_t> best;
  for (std::uint64_t line = 0; line < lines_.size(); ++line)
    if (lines_[line].closed && (!best || lines_[line].valid < lines_[*best].valid)) best = line;
  if (best && lines_[*best].valid == geometry_.slots_per_line()) best.reset();
  return best;
}

std::uint64_t Ftl::valid_unit(std::uint64_t slot) const {
  const Line& line = lines_[slot / geometry_.slots_per_line()];
  const std::uint64_t unit =
      line.units.empty() ? slot : line.units[slot % geometry_.slots_per_line()];
  if (unit == kNowhere || unit >= geometry_.units || where(unit) != slot) return kNowhere;
  return unit;
}

void Ftl::release(std::uint64_t number) {
  Line& line = lines_[number];
  check(line.valid == 0, "an erased line held data");
  line.closed = false;
  line.units = {};
  free_.push_back(number);
}

std::size_t Ftl::probe(std::uint64_t unit) const {
  const std::size_t mask = cells_.size() - 1;
  std::size_t at = (unit * 0x9e37'79b9'7f4a'7c15ull >> 20) & mask;
  while (cells_[at].unit_plus_one != 0 && cells_[at].unit_plus_one != unit + 1)
    at = (at + 1) & mask;
  return at;
}

const Ftl::Cell* Ftl::find(std::uint64_t unit) const {
  if (cells_.empty()) return nullptr;
  const Cell& cell = cells_[probe(unit)];
  return cell.unit_plus_one == 0 ? nullptr : &cell;
}

Ftl::Cell& Ftl::cell_of(std::uint64_t unit) {
  if (4 * (used_ + 1) > 3 * cells_.size()) grow();
  Cell& cell = cells_[probe(unit)];
  if (cell.unit_plus_one == 0) {
    cell = {unit + 1, unit, 0};
    ++used_;
  }
  return cell;
}

void Ftl::grow() {
  std::vector<Cell> old(cells_.empty() ? 64 : cells_.size() * 2);
  old.swap(cells_);
  for (const Cell& cell : old)
    if (cell.unit_plus_one != 0) cells_[probe(cell.unit_plus_one - 1)] = cell;
}

}  // namespace iodrome::hw
