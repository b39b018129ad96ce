// SPDX-License-Identifier: Apache-2.0
// Arm, platters and track buffer of a disk: when sectors are under the head. All in integers.
//
// Sectors fill the tracks of a cylinder head by head, then the next cylinder, from the outside in.
// Tracks are skewed so that reading on across a switch loses exactly the switch.
#pragma once
#include <vector>

#include "hw/disk/params.h"

namespace iodrome::hw {

/// Where a sector lies.
struct DiskPlace {
  std::int64_t cylinder = 0;
  std::int64_t head = 0;
  std::int64_t sector = 0;  // of the track
  std::int64_t sectors_per_track = 0;
};

class DiskMechanics {
 public:
  /// `phase`: how far the platters have turned at time 0.
  DiskMechanics(const DiskParams& params, Duration phase);

  std::int64_t sectors() const { return sectors_; }
  DiskPlace place(std::int64_t sector) const;
  /// The sector after the last one of the track on which `sector` lies.
  std::int64_t track_end(std::int64_t sector) const;
  /// The first sector of a cylinder, or of the first one there is.
  std::int64_t cylinder_start(std::int64_t cylinder) const;

  /// 0 for no distance, else seek_track + (seek_average - seek_track) * sqrt((d - 1) / (t - 1)) up
  /// to a third t of the cylinders, and linear from there to seek_full. The root is taken to 2^-16.
  Duration seek_time(std::int64_t distance) const;

  /// Serves a command that the disk turns to at `start`; returns when its last sector has passed
  /// the head, or `start` if the buffer holds everything. Order: `start` never goes back.
  SimTime read(SimTime start, std::int64_t sector, std::int64_t count);
  SimTime write(SimTime start, std::int64_t sector, std::int64_t count);

  /// Where the arm stands at `time` if nothing takes it from reading ahead.
  DiskPlace arm_at(SimTime time) const;
  /// When a sector begins to pass the head if the disk turns to it at `start`, its arm at `arm`.
  SimTime reach(const DiskPlace& arm, SimTime start, std::int64_t sector) const;
  /// The same for a read: `start` if the buffer has the sector, or when reading ahead comes by.
  SimTime reach_to_read(const DiskPlace& arm, SimTime start, std::int64_t sector,
                        std::int64_t count) const;

  /// What the buffer holds of these sectors is no longer what the host has written.
  void invalidate(SimTime time, std::int64_t sector, std::int64_t count);
  /// When reading ahead will have ended by itself.
  SimTime read_ahead_end() const {
    return ahead_end_ > active().end ? read_on(ahead_end_) : SimTime{};
  }

 private:
  struct Zone {
    std::int64_t first_sector;
    std::int64_t first_cylinder;
    std::int64_t sectors_per_track;
  };
  // A run of sectors in the buffer.
  struct Segment {
    std::int64_t first = 0;
    std::int64_t end = 0;
    bool overlaps(std::int64_t from, std::int64_t to) const { return first < to && from < end; }
  };

  const Zone& zone_of(std::int64_t sector) const;
  Duration angle(const DiskPlace& place) const;
  Duration angle_on_track(std::int64_t sector, std::int64_t sectors_per_track) const;
  SimTime position(SimTime start, std::int64_t sector);
  SimTime pass(SimTime begin, std::int64_t sector, std::int64_t count) const;
  std::int64_t sectors_within(Duration time, const DiskPlace& from) const;
  Duration switch_before(const DiskPlace& place) const;
  SimTime read_on(std::int64_t end) const;
  bool comes_by(SimTime start, std::int64_t sector) const;
  bool holding(std::int64_t first, std::int64_t end) const;
  void stop_read_ahead(SimTime time);
  SimTime read_active(SimTime start, std::int64_t end);
  void begin_segment(std::int64_t first);
  void remember(std::int64_t end, SimTime time);
  const Segment& active() const { return segments_.front(); }

  DiskParams params_;
  Duration revolution_;
  Duration phase_;
  std::int64_t sectors_ = 0;
  std::vector<Zone> zones_;

  DiskPlace arm_;
  // Latest use first. The first one is the active one: its last sector is there since read_time_,
  // and from then on the disk reads on up to ahead_end_, until something else takes the arm.
  std::vector<Segment> segments_;
  std::int64_t ahead_end_ = 0;
  SimTime read_time_{};
};

}  // namespace iodrome::hw
