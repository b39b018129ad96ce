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

  /// 0 for no distance, else seek_track + (seek_average - seek_track) * sqrt((d - 1) / (t - 1)) up
  /// to a third t of the cylinders, and linear from there to seek_full. The root is taken to 2^-16.
  Duration seek_time(std::int64_t distance) const;

  /// Serves a command that the disk turns to at `start`; returns when its last sector has passed
  /// the head, or `start` if the buffer holds everything. Order: `start` never goes back.
  SimTime read(SimTime start, std::int64_t sector, std::int64_t count);
  SimTime write(SimTime start, std::int64_t sector, std::int64_t count);

 private:
  struct Zone {
    std::int64_t first_sector;
    std::int64_t first_cylinder;
    std::int64_t sectors_per_track;
  };

  Duration angle(const DiskPlace& place) const;
  Duration angle_on_track(std::int64_t sector, std::int64_t sectors_per_track) const;
  SimTime position(SimTime start, std::int64_t sector);
  SimTime pass(SimTime begin, std::int64_t sector, std::int64_t count) const;
  Duration switch_before(const DiskPlace& place) const;
  SimTime read_on(std::int64_t end) const;
  bool comes_by(SimTime start, std::int64_t sector) const;
  void follow_read_ahead(SimTime time);
  SimTime read_buffered(SimTime start, std::int64_t end);
  void remember(std::int64_t first, std::int64_t end, SimTime time);

  DiskParams params_;
  Duration revolution_;
  Duration phase_;
  std::int64_t sectors_ = 0;
  std::vector<Zone> zones_;

  DiskPlace arm_;
  // The buffer holds [buffer_first_, buffer_end_), the last of it since buffer_time_; from then on
  // the disk reads on up to ahead_end_, as long as nothing else takes the arm.
  std::int64_t buffer_first_ = 0;
  std::int64_t buffer_end_ = 0;
  std::int64_t ahead_end_ = 0;
  SimTime buffer_time_{};
};

}  // namespace iodrome::hw
