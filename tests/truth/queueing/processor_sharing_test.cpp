// SPDX-License-Identifier: Apache-2.0
// The fair scheduler against processor sharing, its limit for short ticks: every customer is a
// thread, and all are ready to run on one CPU. Ticks and switches cost nothing.
#include <algorithm>
#include <cmath>
#include <list>

#include "tests/model/kernel/rig.h"
#include "tests/truth/queueing/experiment.h"
#include "tests/truth/queueing/laws.h"

using namespace iodrome;
using namespace iodrome::truth;

namespace {

constexpr double kLoad = 0.5;
constexpr std::uint64_t kWarmUp = 500;

struct Arrival {
  SimTime when;
  Duration service;
};

std::vector<Arrival> stream_of(Law law, std::uint64_t seed, std::uint64_t customers) {
  std::vector<Arrival> stream;
  SimTime when{};
  for (std::uint64_t number = 0; number < customers; ++number) {
    when += exponential(draw(seed, Purpose::interarrival, 0, number),
                        ps(std::llround(kUnitPs / kLoad)));
    stream.push_back({when, service_time(law, seed, 0, number, kUnit)});
  }
  return stream;
}

// Times in the system where the CPU divides itself without end: the definition, carried out.
std::vector<double> shared_exactly(const std::vector<Arrival>& stream) {
  struct Present {
    std::size_t number;
    double left;
  };
  std::vector<double> times(stream.size());
  std::list<Present> present;
  double now = 0;
  for (std::size_t next = 0; next < stream.size() || !present.empty();) {
    const double arrival =
        next < stream.size() ? static_cast<double>(to_ps(stream[next].when)) : INFINITY;
    const auto share = static_cast<double>(present.size());
    const auto first =
        std::min_element(present.begin(), present.end(),
                         [](const Present& a, const Present& b) { return a.left < b.left; });
    const double end = first == present.end() ? INFINITY : now + first->left * share;
    const double until = std::min(arrival, end);
    for (Present& each : present) each.left -= (until - now) / share;
    now = until;
    if (arrival <= end) {
      present.push_back({next, static_cast<double>(to_ps(stream[next].service))});
      ++next;
    } else {
      times[first->number] = now - static_cast<double>(to_ps(stream[first->number].when));
      present.erase(first);
    }
  }
  return times;
}

// The modelled CPU with the fair scheduler.
class FairCpu {
 public:
  FairCpu(const std::vector<Arrival>& stream, std::chrono::nanoseconds tick) : stream_(stream) {
    rig_.tick_every(tick);
    times_.resize(stream.size());
    rig_.timeline.spawn(arrivals(*this), "arrivals");
    rig_.timeline.run();
    rig_.end();
  }
  const std::vector<double>& times() const { return times_; }

 private:
  struct Customer {
    FairCpu* cpu;
    std::size_t number;
  };

  static Task<void> arrivals(FairCpu& self) {
    for (std::size_t number = 0; number < self.stream_.size(); ++number) {
      co_await sleep_until(self.rig_.timeline, self.stream_[number].when);
      self.customers_.push_back({&self, number});
      self.rig_.thread<Customer>(0, self.customers_.back(), serve);
    }
  }
  static Task<void> serve(kernel::Sleepable& ctx, Customer& customer) {
    FairCpu& self = *customer.cpu;
    const Arrival& arrival = self.stream_[customer.number];
    co_await ctx.spend_for(self.service_, arrival.service);
    self.times_[customer.number] = static_cast<double>(to_ps(ctx.now() - arrival.when));
  }

  const std::vector<Arrival>& stream_;
  std::vector<double> times_;
  std::deque<Customer> customers_;
  kernel::Cost service_;
  kernel::Rig rig_{1};
};

Measured mean_time(Law law, std::chrono::nanoseconds tick, std::uint64_t seed,
                   std::uint64_t batch) {
  BatchMeans times(kWarmUp, batch);
  const std::vector<Arrival> stream = stream_of(law, seed, times.customers());
  const FairCpu cpu(stream, tick);
  for (std::uint64_t i = 0; i < stream.size(); ++i) times.add(i, std::llround(cpu.times()[i]));
  return {times.interval(kUnitPs), 1 / (1 - kLoad)};
}

// How far a customer's time is from exact sharing of the same customers, on average.
double distance(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::abs(a[i] - b[i]);
  return sum / static_cast<double>(a.size()) / kUnitPs;
}

void approach_sharing(Law law, std::uint64_t seed, std::uint64_t customers) {
  CAPTURE(name_of(law), seed);
  const std::vector<Arrival> stream = stream_of(law, seed, customers);
  const std::vector<double> exact = shared_exactly(stream);
  std::vector<double> distances;
  for (const auto tick : {200ns, 100ns, 50ns, 25ns})
    distances.push_back(distance(FairCpu(stream, tick).times(), exact));
  CAPTURE(distances);
  for (std::size_t i = 1; i < distances.size(); ++i)
    CHECK(distances[i - 1] / distances[i] == Approx(2).epsilon(0.25));
  CHECK(distances.back() < 0.05);
}

}  // namespace

TEST_CASE("processor sharing carried out exactly gives everybody E[S] / (1 - load)") {
  for (const Law law : {Law::constant, Law::hyperexponential}) {
    CAPTURE(name_of(law));
    hold_over(20, 0.25, [law](std::uint64_t seed) {
      BatchMeans times(kWarmUp, 1'000);
      const std::vector<double> shared = shared_exactly(stream_of(law, seed, times.customers()));
      for (std::uint64_t i = 0; i < shared.size(); ++i) times.add(i, std::llround(shared[i]));
      return Measured{times.interval(kUnitPs), 1 / (1 - kLoad)};
    });
  }
}

// First come, first served, constant services would take 1.5 units and hyperexponential ones 4.25.
TEST_CASE("fair threads share a CPU as processor sharing says, whatever the law of service") {
  for (const Law law : {Law::constant, Law::exponential, Law::hyperexponential}) {
    CAPTURE(name_of(law));
    hold_over(20, 0.35, [law](std::uint64_t seed) { return mean_time(law, 50ns, seed, 200); });
  }
}

TEST_CASE("each customer's distance from exact sharing halves with the tick") {
  for (const Law law : {Law::constant, Law::exponential, Law::hyperexponential})
    approach_sharing(law, 1, 4'000);
}

TEST_CASE("fair threads share a CPU over a hundred seeds", "[.][slow]") {
  for (const Law law : {Law::constant, Law::exponential, Law::hyperexponential}) {
    CAPTURE(name_of(law));
    // One long service in a batch keeps many customers waiting.
    const std::uint64_t batch = law == Law::hyperexponential ? 2'000 : 500;
    hold_over(100, 0.25, [&](std::uint64_t seed) { return mean_time(law, 50ns, seed, batch); });
    for (std::uint64_t seed = 1; seed <= 10; ++seed) approach_sharing(law, seed, 10'000);
  }
}
