// SPDX-License-Identifier: Apache-2.0
// Queueing stations built from engine parts, against their exact solutions.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "model/engine/random.h"
#include "model/engine/wait_queue.h"

using namespace iodrome;

namespace {

constexpr Duration kService = 1us;
constexpr Duration kInterarrival = 2us;  // utilisation 1/2
constexpr std::uint64_t kWarmUp = 2'000;
constexpr std::uint64_t kBatch = 3'000;
constexpr std::uint64_t kBatches = 30;
constexpr double kStudent99 = 2.756;  // two-sided, 29 degrees of freedom

enum class Law { exponential, constant };

class Station {
 public:
  Station(Timeline& timeline, std::uint64_t seed, Law law)
      : timeline_(timeline), queue_(timeline, "station"), seed_(seed), law_(law) {}

  Task<void> visit(std::uint64_t customer) {
    const SimTime arrival = timeline_.now();
    if (busy_) co_await queue_.wait();  // the server is handed over, still busy
    busy_ = true;
    const Duration queued = timeline_.now() - arrival;
    co_await sleep_for(timeline_, service_of(customer));
    if (!queue_.wake_one()) busy_ = false;
    note(customer, queued, timeline_.now() - arrival);
  }

  std::vector<double> queued_us = std::vector<double>(kBatches);
  std::vector<double> sojourn_us = std::vector<double>(kBatches);

 private:
  Duration service_of(std::uint64_t customer) const {
    if (law_ == Law::constant) return kService;
    return exponential(draw(seed_, Purpose::service, 0, customer), kService);
  }
  void note(std::uint64_t customer, Duration queued, Duration sojourn) {
    if (customer < kWarmUp) return;
    const std::uint64_t batch = (customer - kWarmUp) / kBatch;
    queued_us[batch] += static_cast<double>(to_ps(queued)) / 1e6 / kBatch;
    sojourn_us[batch] += static_cast<double>(to_ps(sojourn)) / 1e6 / kBatch;
  }

  Timeline& timeline_;
  WaitQueue queue_;
  std::uint64_t seed_;
  Law law_;
  bool busy_ = false;
};

Task<void> arrivals(Timeline& timeline, Station& station, std::uint64_t seed) {
  for (std::uint64_t i = 0; i < kWarmUp + kBatch * kBatches; ++i) {
    co_await sleep_for(timeline,
                       exponential(draw(seed, Purpose::interarrival, 0, i), kInterarrival));
    timeline.spawn(station.visit(i), "customer");
  }
}

struct Interval {
  double mean = 0;
  double half = 0;
  bool holds(double exact) const { return std::abs(mean - exact) <= half; }
};

Interval interval_99(const std::vector<double>& batches) {
  Interval result;
  const auto n = static_cast<double>(batches.size());
  for (const double batch : batches) result.mean += batch / n;
  double squares = 0;
  for (const double batch : batches) squares += (batch - result.mean) * (batch - result.mean);
  result.half = kStudent99 * std::sqrt(squares / (n - 1) / n);
  return result;
}

struct Coverage {
  int queued = 0;
  int sojourn = 0;
  double widest = 0;
};

Coverage cover(Law law, double exact_queued_us, std::uint64_t seeds) {
  Coverage coverage;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    Timeline timeline;
    Station station(timeline, seed, law);
    timeline.spawn(arrivals(timeline, station, seed), "arrivals");
    timeline.run();
    const Interval queued = interval_99(station.queued_us);
    coverage.queued += queued.holds(exact_queued_us);
    coverage.sojourn += interval_99(station.sojourn_us).holds(exact_queued_us + 1);
    coverage.widest = std::max(coverage.widest, queued.half / queued.mean);
  }
  return coverage;
}

void check_coverage(Law law, double exact_queued_us, std::uint64_t seeds) {
  const Coverage coverage = cover(law, exact_queued_us, seeds);
  CHECK(coverage.queued * 100 >= 95 * static_cast<int>(seeds));
  CHECK(coverage.sojourn * 100 >= 95 * static_cast<int>(seeds));
  CHECK(coverage.widest < 0.12);  // an interval that holds everything would prove nothing
}

std::uint64_t seeds_wanted() {
  return std::getenv("IODROME_ALL") != nullptr ? 100 : 20;
}

}  // namespace

// Wq = rho / (mu (1 - rho)) = 1 us at utilisation 1/2 and a mean service of 1 us.
TEST_CASE("M/M/1 waits as long as theory says") {
  check_coverage(Law::exponential, 1.0, seeds_wanted());
}

// Pollaczek-Khinchine: Wq = rho / (2 mu (1 - rho)) = 0.5 us.
TEST_CASE("M/D/1 waits as long as theory says") {
  check_coverage(Law::constant, 0.5, seeds_wanted());
}

TEST_CASE("M/M/1 and M/D/1 hold over a hundred seeds", "[.slow]") {
  check_coverage(Law::exponential, 1.0, 100);
  check_coverage(Law::constant, 0.5, 100);
}
