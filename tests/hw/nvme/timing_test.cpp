// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/hw/nvme/host.h"
#include "tests/hw/part_file.h"

namespace iodrome::hw::test {
namespace {

using nvme::IoOpcode;

// Round figures, constant times.
NvmeParams round_figures() {
  NvmeParams p = part<NvmeParams>("nvme", "samsung_970_pro");
  p.doorbell_flight = 100ns;
  p.command_fetch = 400ns;
  p.firmware_read_small = 2us;
  p.firmware_read_large = 3us;
  p.firmware_write = 4us;
  p.firmware_write_unit = 500ns;
  p.completion_write = 200ns;
  p.msi_flight = 300ns;
  p.read_fast = 40us;
  p.read_slow = 40us;
  p.read_slow_share = {0};
  p.read_page_extra = 1us;
  p.program = 200us;
  p.channels = 1;
  p.dies_per_channel = 1;
  p.page_size = 16384;
  p.channel_rate = {1'024'000'000};  // 4 KiB in 4 us
  p.link_rate = {4'096'000'000};     // 4 KiB in 1 us
  p.write_cache = 1 << 20;
  p.cache_read = true;
  return p;
}

Duration one_command(NvmeHost& host, const nvme::SubmissionEntry& entry) {
  const SimTime start = host.timeline.now();
  host.submit(1, entry);
  host.timeline.run();
  REQUIRE(host.done.size() == 1);
  CHECK(host.done[0].entry.code() == 0);
  return host.done[0].time - start;
}

// Keeps `depth` reads of 4 KiB in flight for `count` commands; the time they took.
Duration closed_loop(NvmeHost& host, int depth, int count, std::uint64_t stride_blocks) {
  const SimTime start = host.timeline.now();
  int sent = 0;
  const auto next = [&] {
    if (sent < count)
      host.submit(
          1, NvmeHost::io(IoOpcode::read, stride_blocks * static_cast<std::uint64_t>(sent++), 8));
  };
  host.on_done = [&](std::uint32_t, const nvme::CompletionEntry&) { next(); };
  for (int i = 0; i < depth; ++i) next();
  host.timeline.run();
  REQUIRE(host.done.size() == static_cast<std::size_t>(count));
  return host.done.back().time - start;
}

}  // namespace

TEST_CASE("an unloaded read takes exactly the sum of its parameters") {
  NvmeHost host(round_figures());
  REQUIRE(host.create_pair(1, 16) == nvme::Status::success);
  // doorbell 0.1 + fetch 0.4 + firmware 2 + tR 40 + channel 4 + link 1 + completion 0.2 + message
  // 0.3
  CHECK(one_command(host, NvmeHost::io(IoOpcode::read, 0, 8)) == 48us);
}

TEST_CASE("a 512 B read of the P5800X part takes the 3224 ns that XRP measured") {
  NvmeHost host(part<NvmeParams>("nvme", "optane_p5800x"));
  REQUIRE(host.create_pair(1, 16) == nvme::Status::success);
  CHECK(one_command(host, NvmeHost::io(IoOpcode::read, 12345, 1)) == 3224ns);
}

TEST_CASE("a deep queue is no faster than the memory it goes to") {
  NvmeParams params = round_figures();
  params.channels = 8;
  params.dies_per_channel = 8;
  MemoryBus bus(Rate{1'000'000'000});  // a quarter of the link
  NvmeHost host(params, 1, false, std::uint64_t{1} << 40, &bus);
  REQUIRE(host.create_pair(1, 256) == nvme::Status::success);
  const Duration took = closed_loop(host, 200, 4000, 32);
  CHECK(bus.bytes_carried() == 4000 * 4096);
  CHECK(took >= 4000 * 4096ns - 1us);
  CHECK(took <= 4000 * 4096ns + 100us);
}

TEST_CASE("a notification delay comes on top of the interrupt and of nothing else") {
  NvmeParams params = round_figures();
  params.notification_delay = 75us;
  NvmeHost host(params);
  REQUIRE(host.create_pair(1, 16) == nvme::Status::success);
  CHECK(one_command(host, NvmeHost::io(IoOpcode::read, 0, 8)) == 48us + 75us);
}

TEST_CASE("a read of two pages on two dies of one channel shares the bus and the link") {
  NvmeParams params = round_figures();
  params.dies_per_channel = 2;
  NvmeHost host(params);
  REQUIRE(host.create_pair(1, 16) == nvme::Status::success);
  // 0.5 + firmware 3 + tR 41 + channel 16 + channel 16 + link 4 (of the second page) + 0.5
  CHECK(one_command(host, NvmeHost::io(IoOpcode::read, 0, 64)) == 81us);
}

TEST_CASE("a read of two pages on one die senses them one after the other") {
  NvmeHost host(round_figures());
  REQUIRE(host.create_pair(1, 16) == nvme::Status::success);
  // 0.5 + 3 + tR 41 + tR 41 + channel 16 + link 4 + 0.5: the first transfer hides behind the second
  // tR
  CHECK(one_command(host, NvmeHost::io(IoOpcode::read, 0, 64)) == 106us);
}

TEST_CASE("without cache reads a die waits for its own transfer") {
  NvmeParams params = round_figures();
  params.cache_read = false;
  NvmeHost host(params);
  REQUIRE(host.create_pair(1, 16) == nvme::Status::success);
  CHECK(one_command(host, NvmeHost::io(IoOpcode::read, 0, 64)) == 106us + 16us);
}

TEST_CASE("a small write completes from the cache") {
  NvmeHost host(round_figures());
  REQUIRE(host.create_pair(1, 16) == nvme::Status::success);
  // 0.5 + firmware 4 + 0.5 + link 1 + 0.5
  CHECK(one_command(host, NvmeHost::io(IoOpcode::write, 0, 8)) == 6500ns);
}

TEST_CASE("writes beyond the cache go at the rate of the dies") {
  NvmeParams params = round_figures();
  params.max_transfer = 16384;
  params.write_cache = 32768;
  NvmeHost host(params);
  REQUIRE(host.create_pair(1, 64) == nvme::Status::success);
  const SimTime start = host.timeline.now();
  for (int i = 0; i < 20; ++i)
    host.queue(1, NvmeHost::io(IoOpcode::write, 32u * static_cast<unsigned>(i), 32));
  host.ring_doorbell(1);
  host.timeline.run();
  REQUIRE(host.done.size() == 20);
  // The cache holds two commands, so the third starts when the first page is programmed:
  // 0.5 + firmware 6 + link 4, then a page per bus 16 + tPROG 200; 18 pages before the last
  // admission.
  const Duration first_programmed = 500ns + 6us + 4us + 216us;
  CHECK(host.done.back().time - start == first_programmed + 17 * 216us + 4us + 500ns);
}

TEST_CASE("N dies give N times the throughput until their channel is full") {
  const auto us_per_read = [](std::int64_t dies) {
    NvmeParams params = round_figures();
    params.dies_per_channel = dies;
    params.firmware_read_small = 0us;
    NvmeHost host(params);
    REQUIRE(host.create_pair(1, 256) == nvme::Status::success);
    const int count = 4000;
    return static_cast<double>(to_ps(closed_loop(host, 64, count, 32))) / 1e6 / count;
  };
  // A die serves one read in 40 us; the channel one in 4 us. The ramp costs at most one latency.
  for (const std::int64_t dies : {1, 2, 4, 8}) {
    INFO(dies << " dies");
    CHECK(us_per_read(dies) == Approx(40.0 / static_cast<double>(dies)).epsilon(0.01));
  }
  CHECK(us_per_read(10) == Approx(4.0).epsilon(0.02));
  CHECK(us_per_read(40) == Approx(4.0).epsilon(0.01));
}

TEST_CASE("channels multiply the throughput of one until the link is full") {
  const auto us_per_read = [](std::int64_t channels) {
    NvmeParams params = round_figures();
    params.channels = channels;
    params.dies_per_channel = 16;
    NvmeHost host(params);
    REQUIRE(host.create_pair(1, 1024) == nvme::Status::success);
    const int count = 20000;
    return static_cast<double>(to_ps(closed_loop(host, 512, count, 32))) / 1e6 / count;
  };
  CHECK(us_per_read(1) == Approx(4.0).epsilon(0.01));
  CHECK(us_per_read(2) == Approx(2.0).epsilon(0.01));
  CHECK(us_per_read(8) == Approx(1.0).epsilon(0.01));  // 4 KiB at link rate
}

TEST_CASE("the firmware admits one command per interval and as many as it has slots") {
  NvmeParams params = round_figures();
  params.channels = 8;
  params.dies_per_channel = 16;
  SECTION("interval") {
    params.firmware_interval = 5us;
    NvmeHost host(params);
    REQUIRE(host.create_pair(1, 1024) == nvme::Status::success);
    CHECK(closed_loop(host, 256, 1000, 32) == 999 * 5us + 48us);
  }
  SECTION("slots") {
    params.firmware_slots = 2;
    params.firmware_read_small = 20us;
    NvmeHost host(params);
    REQUIRE(host.create_pair(1, 1024) == nvme::Status::success);
    // Two at a time, 20 us each; of the last pair the link delivers the second 1 us after the
    // first.
    const Duration time = closed_loop(host, 256, 1000, 32);
    CHECK(time >= 500 * 20us + 46us);
    CHECK(time <= 500 * 20us + 46us + 1us);
  }
}

TEST_CASE("random reads of one die wait as M/D/1 says") {
  NvmeParams params = round_figures();
  params.firmware_read_small = 0us;
  params.channel_rate = {4'096'000'000'000};
  params.link_rate = {4'096'000'000'000};
  NvmeHost host(params, 3);
  REQUIRE(host.create_pair(1, 1024) == nvme::Status::success);
  // Poisson arrivals at load 0.5 of a 40 us server: mean wait rho S / (2 (1 - rho)) = 20 us.
  struct Arrivals : Event {
    NvmeHost* host = nullptr;
    std::uint64_t sent = 0;
    std::vector<SimTime> at;
  } arrivals;
  constexpr std::uint64_t kCount = 200'000;
  arrivals.host = &host;
  arrivals.fire = [](Event* event) {
    auto& self = *static_cast<Arrivals*>(event);
    self.at.push_back(self.host->timeline.now());
    self.host->submit(1, NvmeHost::io(IoOpcode::read, 0, 8, static_cast<std::uint16_t>(self.sent)));
    if (++self.sent == kCount) return;
    const Duration gap = exponential(draw(3, Purpose::interarrival, 0, self.sent), 80us);
    self.host->timeline.after(gap, self);
  };
  host.timeline.post(arrivals);
  host.timeline.run();
  REQUIRE(host.done.size() == kCount);
  std::int64_t waited = 0;
  for (std::size_t i = 0; i < kCount;
       ++i)  // one die is FIFO: the i-th completion is the i-th arrival
    waited += to_ps(host.done[i].time - arrivals.at[i] - (500ns + 40us + 1ns + 1ns + 500ns));
  CHECK(static_cast<double>(waited) / kCount / 1e6 == Approx(20.0).epsilon(0.02));
}

TEST_CASE("reads meet the same latency per block and occurrence in any order of issue") {
  NvmeParams params = round_figures();
  params.read_slow = 70us;
  params.read_slow_share = {400'000};
  params.read_retry = 100us;
  params.read_retry_share = {300'000};
  const auto latencies = [&](std::uint64_t seed, bool backwards) {
    NvmeHost host(params, seed);
    REQUIRE(host.create_pair(1, 16) == nvme::Status::success);
    std::map<std::pair<std::uint64_t, int>, Duration> result;
    for (int occurrence = 0; occurrence < 3; ++occurrence)
      for (std::uint64_t i = 0; i < 200; ++i) {
        const std::uint64_t block = 32 * (backwards ? 199 - i : i);
        host.done.clear();
        result[{block, occurrence}] = one_command(host, NvmeHost::io(IoOpcode::read, block, 8));
      }
    return result;
  };
  const auto forwards = latencies(5, false);
  CHECK(forwards == latencies(5, true));
  CHECK(forwards != latencies(6, false));
  int slow = 0;
  int retried = 0;
  for (const auto& [key, latency] : forwards) {
    slow += latency == 78us || latency == 178us;
    retried += latency >= 148us;
    CHECK((latency == 48us || latency == 78us || latency == 148us || latency == 178us));
  }
  CHECK(slow == Approx(0.4 * 600).margin(70));     // by page: 200 draws, three times each
  CHECK(retried == Approx(0.3 * 600).margin(40));  // by occurrence: 600 draws
}

TEST_CASE("a read takes at most six timeline events") {
  NvmeHost host(part<NvmeParams>("nvme", "gen4_datacenter"));
  REQUIRE(host.create_pair(1, 256) == nvme::Status::success);
  const std::uint64_t before = host.timeline.events_run();
  closed_loop(host, 32, 1000, 64);
  CHECK(host.timeline.events_run() - before <= 6 * 1000);
}

}  // namespace iodrome::hw::test
