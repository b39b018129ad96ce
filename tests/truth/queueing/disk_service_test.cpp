// SPDX-License-Identifier: Apache-2.0
// A disk that serves random reads one after the other, against the mean of its service time worked
// out from its geometry.
#include "hw/disk/disk.h"
#include "tests/hw/disk/host.h"
#include "tests/truth/queueing/experiment.h"
#include "tests/truth/queueing/laws.h"

using namespace iodrome;
using namespace iodrome::truth;

namespace {

constexpr std::int64_t kSectors = 16;  // of a read
constexpr double kMsPs = 1e9;

// One zone, so that sectors drawn evenly are cylinders drawn evenly; nothing is read ahead. The
// figures are of no particular disk.
hw::DiskParams one_zone() {
  hw::DiskParams p;
  p.doorbell_flight = 150ns;
  p.command_fetch = 1us;
  p.command_overhead = 300us;
  p.msi_flight = 300ns;
  p.interface_rate = {300'000'000};
  p.rpm = 7'500;  // 8 ms
  p.cylinders = 3'000;
  p.heads = 3;
  p.zones = 1;
  p.outer_rate = p.inner_rate = {64'000'000};  // 1000 sectors a track
  p.seek_track = 800us;
  p.seek_average = 8500us;
  p.seek_full = 18ms;
  p.head_switch = 600us;
  p.buffer_segments = 1;
  p.queue_depth = 1;
  return p;
}

double ms(Duration time) {
  return static_cast<double>(to_ps(time)) / kMsPs;
}

// E[seek] over the distance of two cylinders drawn evenly, P(d) = 2 (C - d) / C², which is
// 2 (1 - x) where cylinders are many; a switch of heads where the cylinder stays the same.
double mean_seek(const hw::DiskParams& p) {
  const hw::DiskMechanics disk(p, Duration{0});
  const auto cylinders = static_cast<double>(p.cylinders);
  const auto heads = static_cast<double>(p.heads);
  double mean = ms(p.head_switch) * (heads - 1) / heads / cylinders;
  for (std::int64_t d = 1; d < p.cylinders; ++d)
    mean +=
        ms(disk.seek_time(d)) * 2 * static_cast<double>(p.cylinders - d) / (cylinders * cylinders);
  return mean;
}

// Half a revolution until the first sector comes by; the sectors pass, with the switch in between
// where the read goes on on the next track; the last one crosses the interface.
double mean_service(const hw::DiskParams& p) {
  const double sectors_per_track =
      static_cast<double>(p.outer_rate.bytes_per_s) * ms(p.revolution()) / 1e3 / 512;
  const auto heads = static_cast<double>(p.heads);
  const double crossing = (kSectors - 1) / sectors_per_track;
  const double a_switch = ((heads - 1) * ms(p.head_switch) + ms(p.seek_track)) / heads;
  return ms(p.doorbell_flight + p.command_fetch + p.command_overhead + p.msi_flight) +
         mean_seek(p) + ms(p.revolution()) / 2 + kSectors / sectors_per_track * ms(p.revolution()) +
         crossing * a_switch + ms(p.interface_rate.time_for(512));
}

// The host thinks for up to a revolution in between, so that the platters stand anywhere.
Measured random_reads(std::uint64_t seed, std::uint64_t batch) {
  const hw::DiskParams params = one_zone();
  hw::test::DiskHost host(params, false, seed);
  BatchMeans times(100, batch);
  const auto starts = static_cast<std::uint64_t>(host.device.sectors() - kSectors + 1);
  const auto turn = static_cast<std::uint64_t>(to_ps(params.revolution()));
  for (std::uint64_t i = 0; i < times.customers(); ++i) {
    const std::uint64_t think = below(draw(seed, Purpose::interarrival, 0, i), turn);
    host.timeline.advance_to(host.timeline.now() + ps(static_cast<std::int64_t>(think)));
    const std::uint64_t sector = below(draw(seed, Purpose::access_offset, 0, i), starts);
    times.add(i, to_ps(host.run(hw::disk::AtaCommand::read_dma_ext, sector, kSectors)));
  }
  return {times.interval(kMsPs), mean_service(params)};
}

}  // namespace

TEST_CASE("the seek curve's mean over evenly drawn cylinders is that of the distance's density") {
  // ∫ 2 (1 - x) of: a root up to a third, a line beyond; see DiskMechanics::seek_time.
  const hw::DiskParams p = one_zone();
  const double third = 1.0 / 3;
  const double to_third = 1 - (1 - third) * (1 - third);
  // ∫ 2 (1 - x) sqrt(3x) dx and ∫ 2 (1 - x) (x - 1/3) / (2/3) dx, over their pieces.
  const double root = 4.0 / 9 - 4.0 / 45;
  const double line = 4.0 / 27;
  const double exact = ms(p.seek_track) * to_third + ms(p.seek_average - p.seek_track) * root +
                       ms(p.seek_average) * (1 - to_third) +
                       ms(p.seek_full - p.seek_average) * line;
  CHECK(mean_seek(p) == Approx(exact).epsilon(1e-3));
}

TEST_CASE("random reads of a disk take seek, half a revolution and transfer, on average") {
  hold_over(20, 0.02, [](std::uint64_t seed) { return random_reads(seed, 200); });
}

TEST_CASE("random reads of a disk take their mean over a hundred seeds", "[.][slow]") {
  hold_over(100, 0.01, [](std::uint64_t seed) { return random_reads(seed, 2'000); });
}
