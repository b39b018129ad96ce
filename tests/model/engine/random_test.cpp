// SPDX-License-Identifier: Apache-2.0
#include "model/engine/random.h"

#include <catch2/catch.hpp>
#include <limits>
#include <set>

using namespace iodrome;

namespace {
constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
}

// numpy.random.Philox(counter=C - 1, key=[seed, purpose]).random_raw(1), where C = a | b << 64 | c
// << 128: NumPy increments the counter before it draws.
TEST_CASE("draws equal NumPy's Philox with the same key and counter") {
  CHECK(draw(1, Purpose{1}, 1) == 0x133d1b1836b49e25);
  CHECK(draw(7, Purpose{9}, 1) == 0x5ac49a5aa6b07890);
  CHECK(draw(0, Purpose{6}, 0) == 0x2e79f1994b52c376);
  CHECK(draw(0xdeadbeefcafe, Purpose{4}, 12345, 678, 9) == 0x0a479106d600bae9);
  CHECK(draw(kAll, Purpose{9}, kAll, kAll, kAll) == 0xce818bbb41851a03);
}

TEST_CASE("draws of different seeds, purposes and identities differ") {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 4; ++seed)
    for (std::uint64_t purpose = 1; purpose < 5; ++purpose)
      for (std::uint64_t a = 0; a < 4; ++a)
        for (std::uint64_t b = 0; b < 4; ++b)
          for (std::uint64_t c = 0; c < 4; ++c) seen.insert(draw(seed, Purpose{purpose}, a, b, c));
  CHECK(seen.size() == 4 * 4 * 4 * 4 * 4);
}

TEST_CASE("below() maps onto the whole range and never past it") {
  CHECK(below(0, 10) == 0);
  CHECK(below(kAll, 10) == 9);
  CHECK(below(kAll, 1) == 0);
  CHECK(below(kAll, kAll) == kAll - 1);
  CHECK(below(std::uint64_t{1} << 63, 10) == 5);
}

// mpmath at 200 bits: floor(-log((b + 0.5) / 2**64, 2) * 2**40).
TEST_CASE("negative_log2 is within 2^-38 of the true logarithm") {
  struct Known {
    std::uint64_t bits;
    std::int64_t floor;
  };
  const Known known[] = {{0, 71468255805440},
                         {1, 69725571106308},
                         {2, 68915268866251},
                         {3, 68381536425343},
                         {12345678901234567890u, 637013082214},
                         {std::uint64_t{1} << 63, 1099511627775},
                         {(std::uint64_t{1} << 63) - 1, 1099511627776},
                         {kAll, 0},
                         {kAll - 1, 0},
                         {0x9E3779B97F4A7C15, 763327056526},
                         {(std::uint64_t{1} << 40) + 17, 26388279066598}};
  for (const Known& k : known) {
    CAPTURE(k.bits);
    CHECK(negative_log2(k.bits) >= k.floor - 4);
    CHECK(negative_log2(k.bits) <= k.floor + 4);
  }
}

TEST_CASE("negative_log2 never rises with its argument") {
  std::int64_t last = negative_log2(0);
  for (std::uint64_t i = 1; i < 10'000; ++i) {
    const std::int64_t value = negative_log2(i * (kAll / 10'000));
    REQUIRE(value <= last);
    last = value;
  }
}

// mpmath: -log((b + 0.5) / 2**64) * 10**9 for a mean of one millisecond.
TEST_CASE("exponential durations equal the true ones to a picosecond") {
  struct Known {
    std::uint64_t bits;
    std::int64_t ps;
  };
  const Known known[] = {{0, 45054566736},
                         {1, 43955954447},
                         {12345678901234567890u, 401581766},
                         {std::uint64_t{1} << 63, 693147180},
                         {kAll, 0},
                         {0x9E3779B97F4A7C15, 481211825},
                         {(std::uint64_t{1} << 40) + 17, 16635532333}};
  for (const Known& k : known) {
    CAPTURE(k.bits);
    const std::int64_t got = to_ps(exponential(k.bits, 1ms));
    CHECK(got >= k.ps - 1);
    CHECK(got <= k.ps + 1);
  }
}

TEST_CASE("exponential durations have the mean and the variance asked for") {
  constexpr int kDraws = 1'000'000;
  constexpr double kMean = 1e6;
  double sum = 0;
  double squares = 0;
  for (std::uint64_t i = 0; i < kDraws; ++i) {
    const auto value = static_cast<double>(to_ps(exponential(draw(3, Purpose::service, i), 1us)));
    sum += value;
    squares += value * value;
  }
  const double mean = sum / kDraws;
  CHECK(mean == Approx(kMean).epsilon(0.004));  // four standard errors
  CHECK(squares / kDraws - mean * mean == Approx(kMean * kMean).epsilon(0.012));
}

TEST_CASE("a long mean does not overflow") {
  const Duration longest = exponential(0, 24h);
  CHECK(longest > 44 * 24h);
  CHECK(longest < 46 * 24h);
}
