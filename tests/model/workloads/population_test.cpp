// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/population.h"

#include <catch2/catch.hpp>

using namespace iodrome;
using workloads::Population;

namespace {

SimTime at(Duration time) {
  return SimTime{} + time;
}

// One present from 3 to 10 ns and another from 5 to 6 ns.
Population two_overlapping() {
  Population population;
  population.arrive(at(3ns));
  population.arrive(at(5ns));
  population.leave(at(6ns));
  population.leave(at(10ns));
  return population;
}

}  // namespace

TEST_CASE("requests present, integrated over time, are the sum of their latencies") {
  two_overlapping().settle(7ns + 1ns);
  Population().settle(0ns);
  Population same_instant;
  same_instant.arrive(at(4ns));
  same_instant.leave(at(4ns));
  same_instant.settle(0ns);
}

TEST_CASE("a latency that is wrong by a picosecond breaks the identity") {
  CHECK_THROWS_AS(two_overlapping().settle(8ns + ps(1)), InternalError);
  CHECK_THROWS_AS(two_overlapping().settle(8ns - ps(1)), InternalError);
}

TEST_CASE("a wrong count of requests is found") {
  Population one_too_many = two_overlapping();
  one_too_many.arrive(at(20ns));
  CHECK(one_too_many.present() == 1);
  CHECK_THROWS_AS(one_too_many.settle(8ns), InternalError);
  Population one_too_few = two_overlapping();
  CHECK_THROWS_AS(one_too_few.leave(at(20ns)), InternalError);
  // Counted twice when it came and twice when it went: nobody is left, and the integral tells.
  Population twice = two_overlapping();
  for (int i = 0; i < 2; ++i) twice.arrive(at(20ns));
  for (int i = 0; i < 2; ++i) twice.leave(at(30ns));
  CHECK_THROWS_AS(twice.settle(8ns + 10ns), InternalError);
}

TEST_CASE("times that go back are refused, and a long crowded run does not overflow") {
  Population population;
  population.arrive(at(5ns));
  CHECK_THROWS_AS(population.arrive(at(4ns)), InternalError);
  // Of 2^64 request-picoseconds nothing is left where they are counted modulo 2^64.
  Population crowd;
  for (int i = 0; i < 4; ++i) crowd.arrive(at(0ns));
  for (int i = 0; i < 4; ++i) crowd.leave(at(ps(std::int64_t{1} << 62)));
  CHECK_THROWS_AS(crowd.settle(0ns), InternalError);
}
