// SPDX-License-Identifier: Apache-2.0
// Networks of modelled CPUs whose customers go from one to the next: closed ones against mean value
// analysis, a tandem against the product form. See cpu_network.h for what a station is.
#include "tests/truth/queueing/cpu_network.h"
#include "tests/truth/queueing/statistics.h"

using namespace iodrome;
using namespace iodrome::truth;

namespace {

// Throughput with n customers and one server per station, by mean value analysis.
double mva(const std::vector<double>& demands, int customers) {
  std::vector<double> queued(demands.size());
  double throughput = 0;
  for (int n = 1; n <= customers; ++n) {
    double response = 0;
    for (std::size_t i = 0; i < demands.size(); ++i) response += demands[i] * (1 + queued[i]);
    throughput = n / response;
    for (std::size_t i = 0; i < demands.size(); ++i)
      queued[i] = throughput * demands[i] * (1 + queued[i]);
  }
  return throughput;
}

// Customers that circulate between two CPUs with exponential services; passages per time.
Interval circulating(Duration first, Duration second, int customers, std::uint64_t seed) {
  CpuNetwork network({{1, first, Law::exponential}, {1, second, Law::exponential}}, seed);
  std::int64_t passages = 0;
  network.next_station = [&](CpuNetwork::Customer& customer) {
    passages += customer.station;
    return 1 - customer.station;
  };
  for (int i = 0; i < customers; ++i) network.arrive(static_cast<std::uint64_t>(i), 0);
  constexpr std::int64_t kPassages = 400;  // of a batch, about
  const Duration stretch = (first + second) * kPassages;
  network.run_for(stretch);
  std::vector<double> batches;
  for (std::uint64_t batch = 0; batch < BatchMeans::kBatches; ++batch) {
    const std::int64_t before = passages;
    network.run_for(stretch);
    batches.push_back(static_cast<double>(passages - before) * kUnitPs /
                      static_cast<double>(to_ps(stretch)));
  }
  return interval_of(batches);
}

}  // namespace

TEST_CASE("mean value analysis gives the published throughputs") {
  CHECK(mva({2, 10}, 1) == Approx(0.083333).margin(1e-6));
  CHECK(mva({2, 10}, 2) == Approx(0.096774).margin(1e-6));
  CHECK(mva({5, 5, 5, 5, 5}, 4) == Approx(4.0 / (5 * (5 + 4 - 1))));  // balanced: N / D (M + N - 1)
  CHECK(mva({2, 10}, 8) == Approx(0.1).margin(1e-6));
}

TEST_CASE("requests circulating between two modelled CPUs pass as often as mean values say") {
  for (const int customers : {1, 2, 4}) {
    int held = 0;
    double widest = 0;
    const double exact = mva({2, 10}, customers);
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      const Interval interval = circulating(2 * kUnit, 10 * kUnit, customers, seed);
      held += interval.holds(exact) ? 1 : 0;
      widest = std::max(widest, interval.half / exact);
    }
    CAPTURE(customers, held, widest);
    CHECK(held >= 18);
    CHECK(widest < 0.05);
  }
}

TEST_CASE("two modelled CPUs in a row hold a request as long as each would alone") {
  constexpr double kExact = 1 / (1 - 0.5) + 0.625 / (1 - 0.5 * 0.625);
  int held = 0;
  double widest = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CpuNetwork network({{1, kUnit, Law::exponential}, {1, kUnit * 5 / 8, Law::exponential}}, seed);
    BatchMeans times(1'000, 1'000);
    network.next_station = [](CpuNetwork::Customer& customer) {
      return customer.station == 0 ? 1 : CpuNetwork::kOut;
    };
    network.left = [&](CpuNetwork::Customer& customer) {
      times.add(customer.number, to_ps(network.timeline().now() - customer.arrived));
    };
    network.run_open(times.customers(), 2 * kUnit);
    CHECK(network.area() == network.sojourns());
    held += times.interval(kUnitPs).holds(kExact) ? 1 : 0;
    widest = std::max(widest, times.interval(kUnitPs).half / kExact);
  }
  CAPTURE(held, widest);
  CHECK(held >= 18);
  CHECK(widest < 0.08);
}
