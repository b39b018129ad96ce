// SPDX-License-Identifier: Apache-2.0
// What each part promises, in closed form: its unloaded latency and its highest rate.
#include <catch2/catch.hpp>

#include "tests/hw/nvme/host.h"
#include "tests/hw/part_file.h"

namespace iodrome::hw::test {
namespace {

using nvme::IoOpcode;
using nvme::Status;

constexpr const char* kParts[] = {"gen4_datacenter", "gen5_datacenter", "intel_p3600",
                                  "optane_p5800x",   "samsung_970_pro", "samsung_xs1715"};

NvmeParams steady(const char* name) {
  NvmeParams params = part<NvmeParams>("nvme", name);
  params.read_slow_share = {0};
  return params;
}

Duration around(const NvmeParams& p) {
  return p.doorbell_flight + p.command_fetch + p.completion_write + p.notification_delay +
         p.msi_flight;
}

Duration one_read(const NvmeParams& params) {
  NvmeHost host(params);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  const SimTime start = host.timeline.now();
  host.submit(1, NvmeHost::io(IoOpcode::read, 4096, 8));
  host.timeline.run();
  return host.done.at(0).time - start;
}

}  // namespace

TEST_CASE("an unloaded 4 KiB read of every part is the sum of its stages") {
  const char* const name = GENERATE(from_range(std::begin(kParts), std::end(kParts)));
  INFO(name);
  const NvmeParams p = steady(name);
  CHECK(one_read(p) == around(p) + p.firmware_read_small + p.read_fast +
                           p.channel_rate.time_for(4096) + p.link_rate.time_for(4096));
}

TEST_CASE("the parts of 2013 and 2014 take what was measured of them") {
  CHECK(one_read(part<NvmeParams>("nvme", "samsung_xs1715")) == 83400ns);
  const NvmeParams p3600 = part<NvmeParams>("nvme", "intel_p3600");
  CHECK(p3600.notification_delay == 75us);
  CHECK(one_read(p3600) == 90us + 75us);
}

TEST_CASE("the highest rate of every part is that of its narrowest stage") {
  const char* const name = GENERATE(from_range(std::begin(kParts), std::end(kParts)));
  INFO(name);
  NvmeParams p = steady(name);
  p.queue_entries = 8192;
  const Duration channel = p.channel_rate.time_for(4096);
  const Duration on_plane = p.read_fast + (p.cache_read ? Duration{0} : channel);
  const std::int64_t planes = p.channels * p.dies_per_channel * p.planes_per_die;
  const double narrowest =
      std::max({static_cast<double>(to_ps(p.firmware_interval)),
                static_cast<double>(to_ps(on_plane)) / static_cast<double>(planes),
                static_cast<double>(to_ps(channel)) / static_cast<double>(p.channels),
                static_cast<double>(to_ps(p.link_rate.time_for(4096)))});
  NvmeHost host(p);
  REQUIRE(host.create_pair(1, 8192) == Status::success);
  // Page after page, so that channels and planes are used evenly; 4096 reads are always in flight.
  const auto stride = static_cast<std::uint64_t>(p.page_size) / 512;
  const std::size_t count = 60'000;
  std::uint64_t sent = 0;
  const auto next = [&] {
    if (sent < count) host.submit(1, NvmeHost::io(IoOpcode::read, stride * sent++, 8));
  };
  host.on_done = [&](std::uint32_t, const nvme::CompletionEntry&) { next(); };
  for (int i = 0; i < 4096; ++i) next();
  host.timeline.run();
  REQUIRE(host.done.size() == count);
  // Between the ramps: the middle of the run.
  const Duration time = host.done[count - 10'001].time - host.done[10'000].time;
  const double each = static_cast<double>(to_ps(time)) / (static_cast<double>(count) - 20'001);
  CHECK(each == Approx(narrowest).epsilon(0.002));
}

}  // namespace iodrome::hw::test
