// SPDX-License-Identifier: Apache-2.0
// How an experiment whose exact result is known is judged over many seeds.
#pragma once
#include <algorithm>
#include <catch2/catch.hpp>

#include "tests/truth/queueing/statistics.h"

namespace iodrome::truth {

/// What one seed measured of something whose exact value is known.
struct Measured {
  Interval interval;
  double exact = 0;
};

/// How many seeds' intervals hold the exact value, and how wide the widest is. A correct engine
/// misses about one in a hundred; 18 of 20 and 95 of 100 are missed with probability 0.001.
template <class Experiment>
void hold_over(int seeds, double widest_allowed, const Experiment& experiment) {
  int held = 0;
  double widest = 0;
  for (int seed = 1; seed <= seeds; ++seed) {
    const Measured measured = experiment(static_cast<std::uint64_t>(seed));
    held += measured.interval.holds(measured.exact) ? 1 : 0;
    widest = std::max(widest, measured.interval.half / measured.exact);
  }
  CAPTURE(seeds, held, widest);
  CHECK(held >= (seeds >= 100 ? seeds * 95 / 100 : seeds - 2));
  CHECK(widest < widest_allowed);
}

}  // namespace iodrome::truth
