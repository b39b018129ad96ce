// SPDX-License-Identifier: Apache-2.0
#include "model/engine/parameters.h"

#include <catch2/catch.hpp>

#include "model/engine/check.h"

namespace iodrome {

TEST_CASE("a transfer takes the exact time, rounded up to the picosecond") {
  CHECK(Rate{1'000'000'000}.time_for(4096) == 4096ns);
  CHECK(Rate{3'360'000'000}.time_for(4096) == ps(1'219'048));  // 1219047.6
  CHECK(Rate{7}.time_for(1) == ps(142'857'142'858));
  CHECK(Rate{1}.time_for(0) == 0ns);
  CHECK(Rate{0}.time_for(1 << 30) == 0ns);
  // Both sides of the change from 64-bit to 128-bit arithmetic.
  CHECK(Rate{1'000'000'000'000}.time_for(18'446'744) == ps(18'446'744));
  CHECK(Rate{1'000'000'000'000}.time_for(18'446'745) == ps(18'446'745));
  CHECK(Rate{3}.time_for(20'000'000) == ps(6'666'666'666'666'666'667));
}

TEST_CASE("a transfer past the range of time is an error and not a wrong time") {
  CHECK_THROWS_AS(Rate{1}.time_for(100'000'000), InternalError);
  CHECK_THROWS_AS(Rate{-1}.time_for(1), InternalError);
  CHECK_THROWS_AS(Rate{1}.time_for(-1), InternalError);
}

TEST_CASE("a share is a threshold among the values of a draw") {
  CHECK(Fraction{0}.threshold() == 0);
  CHECK(Fraction{500'000}.threshold() == 1ull << 63);
  CHECK(Fraction{250'000}.threshold() == 1ull << 62);
  CHECK(Fraction{1'000'000}.threshold() == ~0ull);
  CHECK_THROWS_AS(Fraction{1'000'001}.threshold(), InternalError);
}

TEST_CASE("a parameter list finds its rows and refuses a second of one name") {
  ParameterList list;
  Duration time{};
  std::int64_t count = 0;
  list.add("time", "s", "a time", &time);
  list.add("count", "", "a count", &count);
  REQUIRE(list.find("count") != nullptr);
  *std::get<std::int64_t*>(list.find("count")->slot) = 5;
  CHECK(count == 5);
  CHECK(list.find("cuont") == nullptr);
  CHECK(list.all().size() == 2);
  CHECK_THROWS_AS(list.add("time", "s", "again", &time), InternalError);
}

}  // namespace iodrome
