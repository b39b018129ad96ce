// SPDX-License-Identifier: Apache-2.0
#include "hw/disk/mechanics.h"

#include <algorithm>

#include "hw/disk/registers.h"
#include "model/engine/random.h"

namespace iodrome::hw {
namespace {

std::uint64_t integer_sqrt(std::uint64_t value) {
  std::uint64_t root = 0;
  for (std::uint64_t bit = std::uint64_t{1} << 31; bit != 0; bit >>= 1)
    if ((root + bit) * (root + bit) <= value) root += bit;
  return root;
}

// a * b / c with a 128-bit product; all positive.
std::int64_t scale(std::int64_t a, std::int64_t b, std::int64_t c) {
  return static_cast<std::int64_t>(static_cast<Wide>(a) * static_cast<Wide>(b) /
                                   static_cast<Wide>(c));
}

}  // namespace

DiskMechanics::DiskMechanics(const DiskParams& params, Duration phase)
    : params_(params), revolution_(params.revolution()), phase_(phase) {
  const std::int64_t outer = params.outer_rate.bytes_per_s;
  const std::int64_t drop = outer - params.inner_rate.bytes_per_s;
  for (std::int64_t zone = 0; zone < params.zones; ++zone) {
    const std::int64_t rate = params.zones == 1 ? outer : outer - drop * zone / (params.zones - 1);
    const std::int64_t first = params.cylinders * zone / params.zones;
    const std::int64_t next = params.cylinders * (zone + 1) / params.zones;
    const std::int64_t per_track =
        scale(rate, to_ps(revolution_), 1'000'000'000'000ll * disk::kSectorBytes);
    zones_.push_back({sectors_, first, per_track});
    sectors_ += (next - first) * params.heads * per_track;
  }
  arm_ = place(0);
  segments_.resize(static_cast<std::size_t>(params.buffer_segments));
}

const DiskMechanics::Zone& DiskMechanics::zone_of(std::int64_t sector) const {
  const auto next =
      std::upper_bound(zones_.begin(), zones_.end(), sector,
                       [](std::int64_t s, const Zone& z) { return s < z.first_sector; });
  return *std::prev(next);
}

DiskPlace DiskMechanics::place(std::int64_t sector) const {
  const Zone& zone = zone_of(sector);
  const std::int64_t in_zone = sector - zone.first_sector;
  const std::int64_t track = in_zone / zone.sectors_per_track;
  return {zone.first_cylinder + track / params_.heads, track % params_.heads,
          in_zone % zone.sectors_per_track, zone.sectors_per_track};
}

std::int64_t DiskMechanics::track_end(std::int64_t sector) const {
  const DiskPlace at = place(sector);
  return sector - at.sector + at.sectors_per_track;
}

std::int64_t DiskMechanics::cylinder_start(std::int64_t cylinder) const {
  if (cylinder <= 0) return 0;
  if (cylinder >= params_.cylinders) return sectors_;
  const auto next =
      std::upper_bound(zones_.begin(), zones_.end(), cylinder,
                       [](std::int64_t c, const Zone& z) { return c < z.first_cylinder; });
  const Zone& zone = *std::prev(next);
  return zone.first_sector +
         (cylinder - zone.first_cylinder) * params_.heads * zone.sectors_per_track;
}

Duration DiskMechanics::seek_time(std::int64_t distance) const {
  if (distance == 0) return ps(0);
  const std::int64_t third = std::max<std::int64_t>(params_.cylinders / 3, 2);
  const std::int64_t last = params_.cylinders - 1;
  if (distance <= third) {
    const auto root = integer_sqrt((static_cast<std::uint64_t>(distance - 1) << 32) /
                                   static_cast<std::uint64_t>(third - 1));
    const Duration rise = params_.seek_average - params_.seek_track;
    return params_.seek_track + ps(scale(to_ps(rise), static_cast<std::int64_t>(root), 1 << 16));
  }
  const Duration rise = params_.seek_full - params_.seek_average;
  return params_.seek_average + ps(scale(to_ps(rise), distance - third, last - third));
}

Duration DiskMechanics::angle_on_track(std::int64_t sector, std::int64_t sectors_per_track) const {
  return ps(scale(to_ps(revolution_), sector, sectors_per_track));
}

Duration DiskMechanics::angle(const DiskPlace& place) const {
  const Duration per_cylinder = (params_.heads - 1) * params_.head_switch + params_.seek_track;
  const Duration skew =
      place.cylinder * (per_cylinder % revolution_) + place.head * params_.head_switch;
  return (skew + angle_on_track(place.sector, place.sectors_per_track)) % revolution_;
}

SimTime DiskMechanics::reach(const DiskPlace& arm, SimTime start, std::int64_t sector) const {
  const DiskPlace target = place(sector);
  const std::int64_t distance = std::abs(target.cylinder - arm.cylinder);
  SimTime ready = start + seek_time(distance);
  if (distance == 0 && target.head != arm.head) ready += params_.head_switch;
  const Duration turned = (ready.time_since_epoch() + phase_) % revolution_;
  return ready + (angle(target) - turned + revolution_) % revolution_;
}

SimTime DiskMechanics::reach_to_read(const DiskPlace& arm, SimTime start, std::int64_t sector,
                                     std::int64_t count) const {
  if (comes_by(start, sector))
    return sector < active().end ? start : std::max(start, read_on(sector));
  if (holding(sector, sector + count)) return start;
  return reach(arm, start, sector);
}

// Moves the arm; returns when the sector begins to pass the head.
SimTime DiskMechanics::position(SimTime start, std::int64_t sector) {
  const SimTime reached = reach(arm_, start, sector);
  arm_ = place(sector);
  return reached;
}

// What changing to the track costs when its first sector follows the last one of the track before.
Duration DiskMechanics::switch_before(const DiskPlace& place) const {
  if (place.sector != 0) return ps(0);
  return place.head == 0 ? params_.seek_track : params_.head_switch;
}

// When the last of `count` sectors has passed, if the first begins to pass at `begin`.
SimTime DiskMechanics::pass(SimTime begin, std::int64_t sector, std::int64_t count) const {
  SimTime time = begin;
  while (count > 0) {
    const DiskPlace from = place(sector);
    const std::int64_t run = std::min(count, from.sectors_per_track - from.sector);
    time += angle_on_track(from.sector + run, from.sectors_per_track) -
            angle_on_track(from.sector, from.sectors_per_track);
    sector += run;
    count -= run;
    if (count > 0) time += switch_before(place(sector));
  }
  return time;
}

// How many sectors of a track pass in that time, from the beginning of one on.
std::int64_t DiskMechanics::sectors_within(Duration time, const DiskPlace& from) const {
  const std::int64_t left = from.sectors_per_track - from.sector;
  const Duration begin = angle_on_track(from.sector, from.sectors_per_track);
  const auto passed = [&](std::int64_t count) {
    return angle_on_track(from.sector + count, from.sectors_per_track) - begin;
  };
  if (time < ps(0)) return 0;
  if (passed(left) <= time) return left;
  // Angles are rounded down, so the quotient may be one off.
  std::int64_t count = scale(to_ps(time), from.sectors_per_track, to_ps(revolution_));
  while (count < left && passed(count + 1) <= time) ++count;
  while (count > 0 && passed(count) > time) --count;
  return count;
}

// When reading on from the active segment's end reaches `end`.
SimTime DiskMechanics::read_on(std::int64_t end) const {
  const std::int64_t from = active().end;
  if (end <= from) return read_time_;
  return pass(read_time_ + switch_before(place(from)), from, end - from);
}

// Whether the active segment has the sector, or reading ahead reaches it within a revolution.
bool DiskMechanics::comes_by(SimTime start, std::int64_t sector) const {
  if (sector < active().first || sector >= std::max(active().end, ahead_end_)) return false;
  if (sector < active().end) return true;
  return read_on(sector) <= start + revolution_;
}

bool DiskMechanics::holding(std::int64_t first, std::int64_t end) const {
  return std::any_of(segments_.begin(), segments_.end(),
                     [&](const Segment& one) { return one.first <= first && end <= one.end; });
}

DiskPlace DiskMechanics::arm_at(SimTime time) const {
  DiskPlace arm = arm_;
  SimTime at = read_time_;
  for (std::int64_t sector = active().end; sector < ahead_end_ && at <= time;) {
    arm = place(sector);
    const std::int64_t run = std::min(ahead_end_ - sector, arm.sectors_per_track - arm.sector);
    at = pass(at + switch_before(arm), sector, run);
    sector += run;
  }
  return arm;
}

// Something else takes the arm: it stands where reading ahead has brought it, and what has passed
// until then stays in the buffer.
void DiskMechanics::stop_read_ahead(SimTime time) {
  arm_ = arm_at(time);
  SimTime at = read_time_;
  Segment& read = segments_.front();
  while (read.end < ahead_end_) {
    const DiskPlace from = place(read.end);
    at += switch_before(from);
    const std::int64_t run = std::min(ahead_end_ - read.end, from.sectors_per_track - from.sector);
    const std::int64_t passed = std::min(run, sectors_within(time - at, from));
    at = pass(at, read.end, passed);
    read.end += passed;
    if (passed < run) break;
  }
  read.first = std::max(read.first, read.end - params_.segment_sectors());
  ahead_end_ = 0;
}

// The segment that was used longest ago makes room.
void DiskMechanics::begin_segment(std::int64_t first) {
  std::rotate(segments_.begin(), std::prev(segments_.end()), segments_.end());
  segments_.front() = {first, first};
}

void DiskMechanics::remember(std::int64_t end, SimTime time) {
  Segment& read = segments_.front();
  read.end = end;
  read.first = std::max(read.first, end - params_.segment_sectors());
  read_time_ = time;
  ahead_end_ = std::min(sectors_, end + params_.read_ahead / disk::kSectorBytes);
}

// A read that begins inside the active segment or where reading ahead will come by.
SimTime DiskMechanics::read_active(SimTime start, std::int64_t end) {
  if (end <= active().end) return start;
  const bool reading_on = ahead_end_ >= active().end && start <= read_on(ahead_end_);
  if (end <= ahead_end_ || reading_on) {
    const SimTime read = read_on(end);
    arm_ = place(end - 1);
    remember(end, read);
    return std::max(start, read);
  }
  // Reading ahead had stopped, so the rest needs the arm again.
  if (ahead_end_ > active().end) arm_ = place(ahead_end_ - 1);
  const std::int64_t rest = std::max(ahead_end_, active().end);
  const SimTime read = pass(position(start, rest), rest, end - rest);
  arm_ = place(end - 1);
  remember(end, read);
  return read;
}

SimTime DiskMechanics::read(SimTime start, std::int64_t sector, std::int64_t count) {
  const std::int64_t end = sector + count;
  if (comes_by(start, sector)) return read_active(start, end);
  if (holding(sector, end)) return start;
  stop_read_ahead(start);
  begin_segment(sector);
  const SimTime read = pass(position(start, sector), sector, count);
  arm_ = place(end - 1);
  remember(end, read);
  return read;
}

SimTime DiskMechanics::write(SimTime start, std::int64_t sector, std::int64_t count) {
  invalidate(start, sector, count);
  stop_read_ahead(start);
  const SimTime written = pass(position(start, sector), sector, count);
  arm_ = place(sector + count - 1);
  return written;
}

void DiskMechanics::invalidate(SimTime time, std::int64_t sector, std::int64_t count) {
  const std::int64_t end = sector + count;
  if (Segment{active().first, std::max(active().end, ahead_end_)}.overlaps(sector, end))
    stop_read_ahead(time);
  for (Segment& segment : segments_)
    if (segment.overlaps(sector, end)) segment = {};
}

}  // namespace iodrome::hw
