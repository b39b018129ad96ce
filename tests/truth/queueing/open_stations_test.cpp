// SPDX-License-Identifier: Apache-2.0
// Open stations and closed networks on the modelled machine, against their exact solutions. The
// servers are CPUs: kernel threads of a KthreadPool that spend the service times; see
// cpu_network.h.
#include <cmath>

#include "tests/truth/queueing/cpu_network.h"
#include "tests/truth/queueing/experiment.h"

using namespace iodrome;
using namespace iodrome::truth;

namespace {

constexpr std::uint64_t kWarmUp = 1'000;
constexpr int kSeeds = 20;

// The time in an open station of one queue; Little's law is exact on the way.
Measured time_in(const StationSpec& spec, double load, double exact, std::uint64_t seed,
                 std::uint64_t batch) {
  CpuNetwork network({spec}, seed);
  BatchMeans times(kWarmUp, batch);
  network.left = [&](CpuNetwork::Customer& customer) {
    times.add(customer.number, to_ps(network.timeline().now() - customer.arrived));
  };
  const auto gap = static_cast<std::int64_t>(std::llround(kUnitPs / (load * spec.servers)));
  network.run_open(times.customers(), ps(gap));
  check(network.inside() == 0 && network.area() == network.sojourns(),
        "Little's law is broken over a run that starts and ends empty");
  return {times.interval(kUnitPs), exact};
}

double erlang_b(int servers, double offered) {
  double loss = 1;
  for (int k = 1; k <= servers; ++k) loss = offered * loss / (k + offered * loss);
  return loss;
}

double erlang_c(int servers, double offered) {
  const double loss = erlang_b(servers, offered);
  return loss / (1 - offered / servers * (1 - loss));
}

double pollaczek_khinchine(Law law, double load) {
  return 1 + load * second_moment(law) / (2 * (1 - load));
}

// The share of arrivals turned away with `room` places in the system.
Measured loss(const StationSpec& spec, double offered, std::uint64_t room, double exact,
              std::uint64_t seed, std::uint64_t batch) {
  CpuNetwork network({spec}, seed);
  BatchMeans lost(kWarmUp, batch);
  std::uint64_t number = 0;
  network.run_open(lost.customers(), ps(static_cast<std::int64_t>(kUnitPs / offered)), [&] {
    const bool admitted = network.inside() < room;
    lost.add(number++, admitted ? 0 : 1);
    return admitted;
  });
  return {lost.interval(1), exact};
}

}  // namespace

TEST_CASE("the formulas give the published reference values") {
  CHECK(erlang_b(5, 3) == Approx(0.110054).margin(1e-6));
  CHECK(erlang_b(32, 24) == Approx(0.022095).margin(1e-6));
  CHECK(erlang_c(4, 3.2) == Approx(0.596432).margin(1e-6));
  CHECK(pollaczek_khinchine(Law::hyperexponential, 0.5) - 1 == Approx(3.25));
  CHECK(pollaczek_khinchine(Law::erlang_4, 0.8) - 1 == Approx(2.5));
  CHECK((pollaczek_khinchine(Law::rare_long, 0.5) - 1) * 1.99 == Approx(25.374).margin(1e-3));
}

TEST_CASE("a modelled CPU serving one queue waits as Pollaczek and Khinchine say") {
  for (const Law law : {Law::exponential, Law::constant, Law::erlang_4, Law::uniform}) {
    CAPTURE(name_of(law));
    hold_over(kSeeds, 0.08, [law](std::uint64_t seed) {
      return time_in({1, kUnit, law}, 0.5, pollaczek_khinchine(law, 0.5), seed, 1'000);
    });
  }
}

TEST_CASE("four modelled CPUs serving one queue wait as Erlang's C says") {
  const double exact = 1 + erlang_c(4, 2.4) / (4 - 2.4);
  hold_over(kSeeds, 0.08, [exact](std::uint64_t seed) {
    return time_in({4, kUnit, Law::exponential}, 0.6, exact, seed, 1'000);
  });
}

TEST_CASE("a modelled CPU with room for four turns away what M/M/1/4 does") {
  const double powers = std::pow(0.8, 4);
  const double exact = powers * 0.2 / (1 - powers * 0.8);
  CHECK(exact == Approx(0.121847).margin(1e-6));
  hold_over(kSeeds, 0.25, [exact](std::uint64_t seed) {
    return loss({1, kUnit, Law::exponential}, 0.8, 4, exact, seed, 1'000);
  });
}

TEST_CASE("modelled CPUs without a queue lose what Erlang's B says, whatever the law of service") {
  for (const Law law : {Law::exponential, Law::constant, Law::hyperexponential}) {
    CAPTURE(name_of(law));
    hold_over(kSeeds, 0.25, [law](std::uint64_t seed) {
      return loss({5, kUnit, law}, 3, 5, erlang_b(5, 3), seed, 1'000);
    });
  }
}

TEST_CASE("every exact value lies in the intervals of a hundred seeds, and some intervals miss it",
          "[.][slow]") {
  int intervals = 0;
  int missed = 0;
  const auto both = [&](double widest, const auto& experiment) {
    hold_over(100, widest, [&](std::uint64_t seed) {
      const Measured measured = experiment(seed);
      ++intervals;
      missed += measured.interval.holds(measured.exact) ? 0 : 1;
      return measured;
    });
  };
  for (const Law law : {Law::exponential, Law::constant, Law::erlang_4, Law::uniform})
    both(0.12, [law](std::uint64_t seed) {
      return time_in({1, kUnit, law}, 0.8, pollaczek_khinchine(law, 0.8), seed, 8'000);
    });
  both(0.12, [](std::uint64_t seed) {
    return time_in({1, kUnit, Law::hyperexponential}, 0.5,
                   pollaczek_khinchine(Law::hyperexponential, 0.5), seed, 8'000);
  });
  for (const int servers : {2, 4, 8}) {
    const double exact = 1 + erlang_c(servers, 0.8 * servers) / (servers - 0.8 * servers);
    both(0.12, [servers, exact](std::uint64_t seed) {
      return time_in({static_cast<std::uint32_t>(servers), kUnit, Law::exponential}, 0.8, exact,
                     seed, 8'000);
    });
  }
  both(0.12, [](std::uint64_t seed) {
    return loss({10, kUnit, Law::exponential}, 8, 10, erlang_b(10, 8), seed, 8'000);
  });
  // Intervals that never miss would be too wide to prove anything.
  CAPTURE(intervals, missed);
  CHECK(missed * 1'000 >= intervals * 2);
  CHECK(missed * 1'000 <= intervals * 25);
}
