// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio_job/fio_number.h"

#include <catch2/catch.hpp>
#include <string>

using namespace iodrome::workloads;

namespace {

std::int64_t number(const std::string& text) {
  const Parsed parsed = parse_fio_number(text, 1024);
  if (!parsed) FAIL_CHECK(parsed.error());
  return parsed.value_or(-1);
}

}  // namespace

TEST_CASE("arithmetic in parentheses follows the usual precedence") {
  REQUIRE(number("(2+3*4)") == 14);
  REQUIRE(number("((2+3)*4)") == 20);
  REQUIRE(number("(2^3^2)") == 512);
  REQUIRE(number("(10-4-3)") == 3);
  REQUIRE(number("(17%5)") == 2);
  REQUIRE(number("( 8 * 4k )") == 32768);
  REQUIRE(number("(-3+5)") == 2);
  REQUIRE(number("(0x10*2)") == 32);
}

TEST_CASE("fractions stay exact inside an expression and are cut at its end") {
  REQUIRE(number("(7/2*2)") == 7);
  REQUIRE(number("(7/2)") == 3);
  REQUIRE(number("(1.5*1024)") == 1536);
  REQUIRE(number("(0.1+0.2)") == 0);
  REQUIRE(number("((0.1+0.2)*10)") == 3);
}

TEST_CASE("times in parentheses count microseconds unless they have a unit") {
  constexpr std::int64_t second = 1'000'000'000'000;
  REQUIRE(parse_fio_period_ps("(2000000)", second) == 2 * second);
  REQUIRE(parse_fio_period_ps("(1ms+5us)", second) == 1'005'000'000);
  REQUIRE(parse_fio_period_ps("(1.5s)", second) == 1'500'000'000'000);
  REQUIRE(parse_fio_period_ps("10", second) == 10 * second);
}

TEST_CASE("broken expressions are refused") {
  for (const char* text : {"(", "()", "(1", "(1+)", "(1/0)", "(5%0)", "(1-2)", "(1)k", "(2^-1)",
                           "(2^128)", "(10^30)", "(2^0.5)", "(1 2)", "(x)", "(1..2)",
                           "(9223372036854775807+1)", "(0.0000000000000000001)"}) {
    CAPTURE(text);
    REQUIRE_FALSE(parse_fio_number(text, 1024));
  }
}

TEST_CASE("deep nesting is refused instead of exhausting the stack") {
  for (const char* piece : {"(", "-", "2^"}) {
    std::string text = "(";
    for (int i = 0; i < 5000; ++i) text += piece;
    REQUIRE_FALSE(parse_fio_number(text + "1)", 1024));
  }
}
