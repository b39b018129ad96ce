// SPDX-License-Identifier: Apache-2.0
#include "model/metrics/latency_histogram.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "model/engine/random.h"
#include "model/metrics/request_metrics.h"

using namespace iodrome;
using metrics::LatencyHistogram;

namespace {

using Samples = std::vector<std::int64_t>;

// The smallest sample that `ppm` parts per million of all do not exceed.
std::int64_t exact_quantile(Samples sorted, std::int64_t ppm) {
  std::sort(sorted.begin(), sorted.end());
  const auto count = static_cast<std::int64_t>(sorted.size());
  const std::int64_t rank = std::max<std::int64_t>(1, (count * ppm + 999'999) / 1'000'000);
  return sorted[static_cast<std::size_t>(rank - 1)];
}

LatencyHistogram histogram(const Samples& samples) {
  LatencyHistogram all;
  for (const std::int64_t sample : samples) all.add(ps(sample));
  return all;
}

// Spread evenly over the orders of magnitude from picoseconds to hours.
Samples drawn(std::uint64_t seed, std::size_t count) {
  Samples samples;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t bits = draw(seed, Purpose::exploration, i);
    samples.push_back(static_cast<std::int64_t>((bits >> 12) >> (bits % 48)));
  }
  return samples;
}

}  // namespace

TEST_CASE("a quantile is at most 0.2 % above the exact one, and never below it") {
  for (const std::size_t count : {1u, 2u, 10u, 999u, 20'000u}) {
    const Samples samples = drawn(count, count);
    const LatencyHistogram all = histogram(samples);
    for (const std::int64_t ppm :
         {0, 1, 10'000, 250'000, 500'000, 900'000, 990'000, 999'000, 999'900, 1'000'000}) {
      CAPTURE(count, ppm);
      const std::int64_t exact = exact_quantile(samples, ppm);
      const std::int64_t found = to_ps(all.quantile(ppm));
      CHECK(found >= exact);
      CHECK(found <= exact + exact / 500);
    }
  }
}

TEST_CASE("small latencies are exact, and so are powers of two from below") {
  for (std::int64_t value = 0; value < 1024; ++value)
    CHECK(to_ps(histogram({value, 1'000'000}).quantile(500'000)) == value);
  for (int bit = 10; bit < 62; ++bit) {
    const std::int64_t value = (std::int64_t{1} << bit) - 1;
    CHECK(to_ps(histogram({value, value + 2}).quantile(500'000)) == value);
  }
}

TEST_CASE("count, total, mean and maximum are exact") {
  Samples samples = drawn(3, 1000);
  std::int64_t total = 0;
  for (std::int64_t& sample : samples) total += sample >>= 8;  // so that the sum is in range
  const LatencyHistogram all = histogram(samples);
  CHECK(all.count() == 1000);
  CHECK(to_ps(all.total()) == total);
  CHECK(to_ps(all.mean()) == total / 1000);
  CHECK(to_ps(all.max()) == *std::max_element(samples.begin(), samples.end()));
  CHECK(all.quantile(1'000'000) == all.max());
}

TEST_CASE("a histogram of nothing says nothing") {
  const LatencyHistogram none;
  CHECK(none.count() == 0);
  CHECK(none.mean() == Duration{0});
  CHECK(none.quantile(500'000) == Duration{0});
  CHECK(none.max() == Duration{0});
}

TEST_CASE("request metrics add up stages, errors and bytes") {
  metrics::RequestMetrics all;
  events::StageLedger ledger;
  ledger.open(SimTime{}, events::Stage::arrival);
  ledger.enter(events::Stage::device, SimTime{10ns});
  const Duration latency = ledger.close(SimTime{35ns});
  all.add({.number = 0, .bytes = 4096}, ledger, latency);
  all.add({.number = 1, .error = Errno::eio}, ledger, latency);
  all.add({.number = 2, .error = Errno::eio}, ledger, latency);
  CHECK(all.latency.total() == 105ns);
  CHECK(all.stages[static_cast<std::size_t>(events::Stage::arrival)] == 30ns);
  CHECK(all.stages[static_cast<std::size_t>(events::Stage::device)] == 75ns);
  CHECK(all.bytes == 4096);
  CHECK(all.error_count() == 2);
  CHECK(all.errors.at("EIO") == 2);
}
