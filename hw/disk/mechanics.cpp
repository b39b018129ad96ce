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
}

DiskPlace DiskMechanics::place(std::int64_t sector) const {
  auto zone = std::upper_bound(zones_.begin(), zones_.end(), sector,
                               [](std::int64_t s, const Zone& z) { return s < z.first_sector; });
  --zone;
  const std::int64_t in_zone = sector - zone->first_sector;
  const std::int64_t track = in_zone / zone->sectors_per_track;
  return {zone->first_cylinder + track / params_.heads, track % params_.heads,
          in_zone % zone->sectors_per_track, zone->sectors_per_track};
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

// Moves the arm; returns when the sector begins to pass the head.
SimTime DiskMechanics::position(SimTime start, std::int64_t sector) {
  const DiskPlace target = place(sector);
  const std::int64_t distance = std::abs(target.cylinder - arm_.cylinder);
  SimTime ready = start + seek_time(distance);
  if (distance == 0 && target.head != arm_.head) ready += params_.head_switch;
  arm_ = target;
  const Duration turned = (ready.time_since_epoch() + phase_) % revolution_;
  return ready + (angle(target) - turned + revolution_) % revolution_;
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

void DiskMechanics::remember(std::int64_t first, std::int64_t end, SimTime time) {
  buffer_first_ = std::max(first, end - params_.buffer_size / disk::kSectorBytes);
  buffer_end_ = end;
  buffer_time_ = time;
  ahead_end_ = std::min(sectors_, end + params_.read_ahead / disk::kSectorBytes);
}

// When reading on from the buffer's end reaches `end`.
SimTime DiskMechanics::read_on(std::int64_t end) const {
  if (end <= buffer_end_) return buffer_time_;
  return pass(buffer_time_ + switch_before(place(buffer_end_)), buffer_end_, end - buffer_end_);
}

// Whether the sector is buffered, or reading ahead reaches it before a revolution is over.
bool DiskMechanics::comes_by(SimTime start, std::int64_t sector) const {
  if (sector < buffer_first_ || sector >= std::max(buffer_end_, ahead_end_)) return false;
  if (sector < buffer_end_) return true;
  return read_on(sector) <= start + revolution_;
}

// Leaves the arm where reading ahead has brought it by `time`; counts whole tracks.
void DiskMechanics::follow_read_ahead(SimTime time) {
  SimTime at = buffer_time_;
  for (std::int64_t sector = buffer_end_; sector < ahead_end_ && at <= time;) {
    arm_ = place(sector);
    const std::int64_t run = std::min(ahead_end_ - sector, arm_.sectors_per_track - arm_.sector);
    at = pass(at + switch_before(arm_), sector, run);
    sector += run;
  }
}

// A read that begins inside the buffer or where reading ahead will come by.
SimTime DiskMechanics::read_buffered(SimTime start, std::int64_t end) {
  if (end <= buffer_end_) return start;
  const SimTime stopped = read_on(ahead_end_);
  if (end <= ahead_end_ || start <= stopped) {
    const SimTime read = read_on(end);
    arm_ = place(end - 1);
    remember(buffer_first_, end, read);
    return std::max(start, read);
  }
  // Reading ahead had stopped, so the rest needs the arm again.
  if (ahead_end_ > buffer_end_) arm_ = place(ahead_end_ - 1);
  const std::int64_t rest = ahead_end_;
  const SimTime read = pass(position(start, rest), rest, end - rest);
  arm_ = place(end - 1);
  remember(buffer_first_, end, read);
  return read;
}

SimTime DiskMechanics::read(SimTime start, std::int64_t sector, std::int64_t count) {
  const std::int64_t end = sector + count;
  if (comes_by(start, sector)) return read_buffered(start, end);
  follow_read_ahead(start);
  const SimTime read = pass(position(start, sector), sector, count);
  arm_ = place(end - 1);
  remember(sector, end, read);
  return read;
}

SimTime DiskMechanics::write(SimTime start, std::int64_t sector, std::int64_t count) {
  follow_read_ahead(start);
  const SimTime written = pass(position(start, sector), sector, count);
  arm_ = place(sector + count - 1);
  buffer_first_ = buffer_end_ = ahead_end_ = 0;
  return written;
}

}  // namespace iodrome::hw
