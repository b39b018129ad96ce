// SPDX-License-Identifier: Apache-2.0
// The levels of a modelled CPU against priority queues: interrupts preempt softirqs and those
// threads; among softirqs the lower vector goes first and preempts nobody.
#include "tests/truth/queueing/classed_cpu.h"
#include "tests/truth/queueing/experiment.h"

using namespace iodrome;
using namespace iodrome::truth;

namespace {

double load_of(const CustomerClass& customers) {
  return customers.rate * static_cast<double>(to_ps(customers.mean)) / kUnitPs;
}

// λ E[S²] / 2: the work that an arrival finds under way, of this class.
double residual_of(const CustomerClass& customers) {
  const double mean = static_cast<double>(to_ps(customers.mean)) / kUnitPs;
  return customers.rate * second_moment(customers.law) * mean * mean / 2;
}

// The mean time in the system of class k, counted from 0, the highest.
double preemptive_resume(const std::vector<CustomerClass>& classes, std::size_t k) {
  double above = 0;
  double residual = 0;
  for (std::size_t i = 0; i < k; ++i) above += load_of(classes[i]);
  for (std::size_t i = 0; i <= k; ++i) residual += residual_of(classes[i]);
  const double mean = static_cast<double>(to_ps(classes[k].mean)) / kUnitPs;
  return mean / (1 - above) + residual / ((1 - above) * (1 - above - load_of(classes[k])));
}

// Cobham's formula.
double non_preemptive(const std::vector<CustomerClass>& classes, std::size_t k) {
  double above = 0;
  double residual = 0;
  for (std::size_t i = 0; i < k; ++i) above += load_of(classes[i]);
  for (const CustomerClass& each : classes) residual += residual_of(each);
  const double mean = static_cast<double>(to_ps(classes[k].mean)) / kUnitPs;
  return mean + residual / ((1 - above) * (1 - above - load_of(classes[k])));
}

using Formula = double (*)(const std::vector<CustomerClass>&, std::size_t);

void hold_for_each_class(const std::vector<CustomerClass>& classes, Formula exact, int seeds,
                         double batch, double widest) {
  std::vector<std::vector<Interval>> runs;
  for (int seed = 1; seed <= seeds; ++seed)
    runs.push_back(ClassedCpu(classes, static_cast<std::uint64_t>(seed)).times(batch));
  for (std::size_t k = 0; k < classes.size(); ++k) {
    CAPTURE(k);
    hold_over(seeds, widest, [&](std::uint64_t seed) {
      return Measured{runs[seed - 1][k], exact(classes, k)};
    });
  }
}

const std::vector<CustomerClass> kLevels = {
    {Place::hardirq, 0.4, 500ns, Law::constant},
    {Place::block_softirq, 0.2, kUnit, Law::uniform},
    {Place::thread, 0.2, kUnit, Law::exponential},
};
const std::vector<CustomerClass> kVectors = {
    {Place::net_rx_softirq, 0.3, 500ns, Law::exponential},
    {Place::block_softirq, 0.5, kUnit, Law::exponential},
};

}  // namespace

TEST_CASE("the formulas of priority queues give the published reference values") {
  CHECK(preemptive_resume(kVectors, 0) == Approx(0.588235).margin(1e-6));
  CHECK(preemptive_resume(kVectors, 1) == Approx(3.109244).margin(1e-6));
  CHECK(non_preemptive(kVectors, 0) - 0.5 == Approx(0.676471).margin(1e-6));
  CHECK(non_preemptive(kVectors, 1) - 1 == Approx(1.932773).margin(1e-6));
}

TEST_CASE("hardirqs take the CPU from softirqs and those from threads, as preemptive resume says") {
  hold_for_each_class(kLevels, preemptive_resume, 20, 2'000, 0.12);
}

TEST_CASE("the network's softirq goes before the disk's without preempting it, as Cobham says") {
  hold_for_each_class(kVectors, non_preemptive, 20, 2'000, 0.12);
}

TEST_CASE("priorities hold over a hundred seeds at high load", "[.][slow]") {
  std::vector<CustomerClass> levels = kLevels;
  std::vector<CustomerClass> vectors = kVectors;
  levels.back().rate = 0.4;
  vectors.back().rate = 0.65;
  hold_for_each_class(levels, preemptive_resume, 100, 8'000, 0.25);
  hold_for_each_class(vectors, non_preemptive, 100, 8'000, 0.25);
}
