// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "hw/disk/mechanics.h"
#include "model/engine/random.h"
#include "tests/hw/part_file.h"

namespace iodrome::hw::test {
namespace {

// 10 ms a revolution, 100 sectors on a track, so a sector passes in 100 us.
DiskParams round_figures() {
  DiskParams p = part<DiskParams>("disk", "sata_7200_2007");
  p.rpm = 6000;
  p.cylinders = 1000;
  p.heads = 2;
  p.zones = 1;
  p.outer_rate = {5'120'000};
  p.inner_rate = {5'120'000};
  p.seek_track = 2ms;
  p.seek_average = 8ms;
  p.seek_full = 20ms;
  p.head_switch = 1ms;
  p.buffer_size = 0;
  p.buffer_segments = 1;
  p.read_ahead = 0;
  return p;
}

SimTime at(Duration time) {
  return SimTime{time};
}

}  // namespace

TEST_CASE("sectors fill tracks, heads and cylinders in this order") {
  const DiskMechanics disk(round_figures(), 0ms);
  CHECK(disk.sectors() == 1000 * 2 * 100);
  CHECK(disk.place(0).cylinder == 0);
  CHECK(disk.place(99).sector == 99);
  CHECK(disk.place(100).head == 1);
  CHECK(disk.place(100).sector == 0);
  CHECK(disk.place(200).cylinder == 1);
  CHECK(disk.place(200).head == 0);
  CHECK(disk.place(199'999).cylinder == 999);
}

TEST_CASE("zones fall linearly from the outer to the inner rate") {
  DiskParams params = round_figures();
  params.zones = 3;
  params.inner_rate = {2'560'000};
  const DiskMechanics disk(params, 0ms);
  CHECK(disk.place(0).sectors_per_track == 100);
  CHECK(disk.place(333 * 2 * 100).sectors_per_track == 75);
  CHECK(disk.place(333 * 2 * 100).cylinder == 333);
  CHECK(disk.place(disk.sectors() - 1).sectors_per_track == 50);
  CHECK(disk.place(disk.sectors() - 1).cylinder == 999);
}

TEST_CASE("the seek curve goes through its three points and rises between them") {
  const DiskMechanics disk(round_figures(), 0ms);
  CHECK(disk.seek_time(0) == 0ms);
  CHECK(disk.seek_time(1) == 2ms);
  CHECK(disk.seek_time(333) == 8ms);
  CHECK(disk.seek_time(999) == 20ms);
  // sqrt((84 - 1) / (333 - 1)) is exactly one half.
  CHECK(disk.seek_time(84) == 5ms);
  CHECK(disk.seek_time(666) == 14ms);
  for (int d = 1; d < 1000; ++d) REQUIRE(disk.seek_time(d - 1) <= disk.seek_time(d));
}

TEST_CASE("a sector passes when the platters have turned to it") {
  DiskMechanics disk(round_figures(), 0ms);
  CHECK(disk.read(at(0ms), 30, 1) == at(3100us));
  // Sector 10 has just gone by: wait for the rest of the turn.
  CHECK(disk.read(at(3100us), 10, 1) == at(11100us));
  DiskMechanics turned(round_figures(), 1ms);
  CHECK(turned.read(at(0ms), 30, 1) == at(2100us));
}

TEST_CASE("reading a sector again without a buffer takes one revolution") {
  DiskMechanics disk(round_figures(), 0ms);
  const SimTime first = disk.read(at(0ms), 50, 1);
  CHECK(disk.read(first, 50, 1) == first + 10ms);
}

TEST_CASE("a read across a switch of head or cylinder loses exactly the switch") {
  DiskMechanics disk(round_figures(), 0ms);
  CHECK(disk.read(at(0ms), 0, 100) == at(10ms));
  DiskMechanics across(round_figures(), 0ms);
  CHECK(across.read(at(0ms), 0, 400) == at(10ms + 1ms + 10ms + 2ms + 10ms + 1ms + 10ms));
  // The skew makes it so: the next command, issued when the last one ends, loses no more than that.
  DiskMechanics pieces(round_figures(), 0ms);
  SimTime time = at(0ms);
  for (int i = 0; i < 16; ++i) time = pieces.read(time, 25 * i, 25);
  CHECK(time == at(44ms));
}

TEST_CASE("a random read waits at most one seek and one revolution, on average half a revolution") {
  const DiskParams params = round_figures();
  DiskMechanics disk(params, 0ms);
  SimTime time = at(0ms);
  std::int64_t turned = 0;
  std::int64_t cylinder = 0;
  constexpr int kReads = 20'000;
  for (std::uint64_t i = 0; i < kReads; ++i) {
    const auto sector =
        static_cast<std::int64_t>(below(draw(1, Purpose::access_offset, i), 200'000));
    const Duration think =
        ps(static_cast<std::int64_t>(below(draw(2, Purpose::access_offset, i), 10'000'000'000)));
    const SimTime start = time + think;
    const std::int64_t to = disk.place(sector).cylinder;
    const Duration seek = disk.seek_time(std::abs(to - cylinder));
    time = disk.read(start, sector, 1);
    cylinder = to;
    REQUIRE(time >= start + seek + 100us);
    REQUIRE(time <= start + seek + 1ms + 10ms + 100us);
    turned += to_ps(time - start - seek - 100us);
  }
  CHECK(static_cast<double>(turned) / kReads / 1e9 == Approx(5.0).epsilon(0.02));
}

TEST_CASE(
    "sequential reads hit the buffer and run at the rate of the medium whatever the host's "
    "pauses") {
  DiskParams params = round_figures();
  params.buffer_size = 512 * 1000;
  params.read_ahead = 512 * 400;
  DiskMechanics disk(params, 0ms);
  SimTime time = disk.read(at(0ms), 0, 25);
  for (int i = 1; i < 400; ++i) time = disk.read(time + 500us, 25 * i, 25);
  // 100 tracks of 10 ms, 50 head switches of 1 ms, 49 cylinder switches of 2 ms.
  CHECK(time == at(100 * 10ms + 50 * 1ms + 49 * 2ms));
}

TEST_CASE("what has been read is in the buffer and takes no turn") {
  DiskParams params = round_figures();
  params.buffer_size = 512 * 1000;
  params.read_ahead = 512 * 100;
  DiskMechanics disk(params, 0ms);
  const SimTime read = disk.read(at(0ms), 0, 50);
  CHECK(read == at(5ms));
  CHECK(disk.read(at(6ms), 10, 20) == at(6ms));        // read before
  CHECK(disk.read(at(9500us), 50, 45) == at(9500us));  // read ahead since
  CHECK(disk.read(at(9500us), 95, 5) == at(10ms));     // about to pass
}

TEST_CASE("reading ahead stops at its limit, and going on then costs a turn") {
  DiskParams params = round_figures();
  params.buffer_size = 512 * 1000;
  params.read_ahead = 512 * 10;
  DiskMechanics disk(params, 0ms);
  CHECK(disk.read(at(0ms), 0, 50) == at(5ms));
  CHECK(disk.read(at(8ms), 50, 20) == at(17ms));  // sectors 60 to 69 pass next at 16 to 17 ms
}

TEST_CASE("a far read abandons reading ahead") {
  DiskParams params = round_figures();
  params.buffer_size = 512 * 100'000;
  params.read_ahead = 512 * 100'000;
  DiskMechanics disk(params, 0ms);
  disk.read(at(0ms), 0, 50);
  // 20 tracks ahead would pass after 200 ms; a seek of 10 cylinders is far quicker.
  CHECK(disk.read(at(6ms), 2000, 1) <= at(6ms + disk.seek_time(10) + 10ms + 100us));
}

TEST_CASE("a write takes the arm, and what the buffer holds of its sectors is void") {
  DiskParams params = round_figures();
  params.buffer_size = 512 * 1000;
  DiskMechanics disk(params, 0ms);
  disk.read(at(0ms), 0, 50);
  CHECK(disk.write(at(5ms), 60, 1) == at(6100us));
  CHECK(disk.read(at(6100us), 0, 50) == at(6100us));
  CHECK(disk.write(at(6100us), 49, 1) == at(15ms));
  CHECK(disk.read(at(15ms), 0, 1) == at(20100us));
}

TEST_CASE("a write stops reading ahead, and what had passed by then stays in the buffer") {
  DiskParams params = round_figures();
  params.buffer_size = 512 * 1000;
  params.read_ahead = 512 * 200;
  DiskMechanics disk(params, 0ms);
  CHECK(disk.read(at(0ms), 0, 50) == at(5ms));
  // Half a sector is none: sectors 50 to 69 have passed at 7.05 ms.
  CHECK(disk.write(at(7050us), 90, 1) == at(9100us));
  CHECK(disk.read(at(9100us), 30, 40) == at(9100us));
  CHECK(disk.read(at(9100us), 69, 2) == at(17100us));  // 70 comes by at 17 ms
}

TEST_CASE("the buffer keeps as many runs as it has segments, those used last") {
  DiskParams params = round_figures();
  params.buffer_size = 512 * 300;
  params.buffer_segments = 3;
  DiskMechanics disk(params, 0ms);
  SimTime time = at(0ms);
  for (const std::int64_t first : {0, 2'000, 40'000, 80'000}) time = disk.read(time, first, 50);
  for (const std::int64_t first : {2'000, 40'000, 80'000})
    CHECK(disk.read(time, first + 10, 40) == time);
  CHECK(disk.read(time, 10, 1) > time);
  // More than a segment holds: its end stays.
  time = disk.read(time + 20ms, 120'000, 150);
  CHECK(disk.read(time, 120'050, 100) == time);
  CHECK(disk.read(time, 120'049, 1) > time);
}

TEST_CASE("what a read would reach, and when, is what reading it shows") {
  DiskParams params = part<DiskParams>("disk", "sas_15k_2007");
  params.buffer_size = 0;
  params.read_ahead = 0;
  DiskMechanics disk(params, 1ms);
  SimTime time = at(0ms);
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    const auto sector = static_cast<std::int64_t>(
        below(draw(5, Purpose::access_offset, i), static_cast<std::uint64_t>(disk.sectors())));
    const SimTime reached = disk.reach(disk.arm_at(time), time, sector);
    CHECK(disk.reach_to_read(disk.arm_at(time), time, sector, 1) == reached);
    const SimTime read = disk.read(time, sector, 1);
    const Duration passes = read - reached;
    // A sector is at least 1/1060 and at most 1/600 of a turn.
    REQUIRE(passes > params.revolution() / 1060);
    REQUIRE(passes < params.revolution() / 600);
    time = read;
  }
}

TEST_CASE("a cylinder starts where its first sector lies, and a track ends where the next begins") {
  DiskParams params = round_figures();
  params.zones = 3;
  params.inner_rate = {2'560'000};
  const DiskMechanics disk(params, 0ms);
  for (const std::int64_t cylinder : {0, 1, 332, 333, 334, 665, 666, 667, 999}) {
    const std::int64_t first = disk.cylinder_start(cylinder);
    const DiskPlace at = disk.place(first);
    CHECK(at.cylinder == cylinder);
    CHECK(at.head == 0);
    CHECK(at.sector == 0);
    const std::int64_t next = disk.track_end(first + 1);
    CHECK(next == disk.track_end(first));
    CHECK(disk.place(next).head == 1);
    CHECK(disk.place(next).sector == 0);
  }
  CHECK(disk.cylinder_start(1000) == disk.sectors());
}

TEST_CASE("values that no disk can have are all named at once") {
  DiskParams params = round_figures();
  params.rpm = 0;
  params.cylinders = 0;
  params.head_switch = ps(-1);
  ParameterProblems problems;
  params.examine(problems);
  std::string all;
  for (const std::string& line : problems.lines()) all += line + "\n";
  CHECK(all.find("rpm: ") != std::string::npos);
  CHECK(all.find("cylinders: ") != std::string::npos);
  CHECK(all.find("head_switch: ") != std::string::npos);
}

}  // namespace iodrome::hw::test
