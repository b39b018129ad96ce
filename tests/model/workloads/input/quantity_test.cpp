// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/input/quantity.h"

#include <catch2/catch.hpp>
#include <string>
#include <utility>
#include <vector>

using namespace iodrome::workloads;

namespace {

/// The value, or -1 after failing the test with the reason.
std::int64_t value(const Parsed& parsed) {
  if (!parsed) FAIL_CHECK(parsed.error());
  return parsed.value_or(-1);
}

}  // namespace

TEST_CASE("durations become exact picoseconds") {
  REQUIRE(value(parse_duration_ps("80us")) == 80'000'000);
  REQUIRE(value(parse_duration_ps("1.5 ms")) == 1'500'000'000);
  REQUIRE(value(parse_duration_ps("0.1 ns")) == 100);
  REQUIRE(value(parse_duration_ps("6.27 \xC2\xB5s")) == 6'270'000);
  REQUIRE(value(parse_duration_ps("1 d")) == 86'400'000'000'000'000);
  REQUIRE(value(parse_duration_ps("0s")) == 0);
  REQUIRE(value(parse_duration_ps("9223372036854775807 ps")) == INT64_MAX);
}

TEST_CASE("durations that a picosecond count cannot hold are refused") {
  REQUIRE_FALSE(parse_duration_ps("0.0001 ns"));
  REQUIRE_FALSE(parse_duration_ps("9223372036854775808 ps"));
  REQUIRE_FALSE(parse_duration_ps("107 d"));
  REQUIRE_FALSE(parse_duration_ps("5"));
  REQUIRE_FALSE(parse_duration_ps("-1 ns"));
  REQUIRE_FALSE(parse_duration_ps("ns"));
  REQUIRE_FALSE(parse_duration_ps(""));
  REQUIRE_FALSE(parse_duration_ps("1..5 ms"));
  REQUIRE_FALSE(parse_duration_ps(std::string(10'000, '9') + " s"));
}

TEST_CASE("a wrong unit is answered with the valid ones") {
  const Parsed parsed = parse_duration_ps("5 parsec");
  REQUIRE_FALSE(parsed);
  REQUIRE(parsed.error().find("unknown unit 'parsec'") != std::string::npos);
  REQUIRE(parsed.error().find("ps, ns, us, ms, s") != std::string::npos);
}

TEST_CASE("byte counts take IEC and SI prefixes by their meaning") {
  REQUIRE(value(parse_bytes("4096")) == 4096);
  REQUIRE(value(parse_bytes("4 KiB")) == 4096);
  REQUIRE(value(parse_bytes("4 kB")) == 4000);
  REQUIRE(value(parse_bytes("1.5 MiB")) == 1'572'864);
  REQUIRE(value(parse_bytes("3.84 TB")) == 3'840'000'000'000);
  REQUIRE_FALSE(parse_bytes("4k"));
  REQUIRE_FALSE(parse_bytes("0.5 B"));
  REQUIRE_FALSE(parse_bytes("9 EiB"));
}

TEST_CASE("fio sizes invert the meaning of ki unless kb_base is 1000") {
  const std::vector<std::pair<std::string, std::int64_t>> by_default = {
      {"4k", 4096},   {"4K", 4096},    {"4kb", 4096},    {"4ki", 4000},
      {"4KiB", 4000}, {"1m", 1048576}, {"1mi", 1000000}, {"1g", 1073741824},
      {"512", 512},   {"512b", 512},   {"0x100", 256},
  };
  for (const auto& [text, bytes] : by_default) {
    CAPTURE(text);
    REQUIRE(value(parse_fio_size(text)) == bytes);
  }
  REQUIRE(value(parse_fio_size("4k", 1000)) == 4000);
  REQUIRE(value(parse_fio_size("4ki", 1000)) == 4096);
}

TEST_CASE("fio sizes that fio would read in part are refused") {
  for (const char* text : {"4q", "1.5k", "4 k", "-1", "k", "", "0x", "0xg", "4kbb", "1km",
                           "9223372036854775807k", "99999999999999999999"}) {
    CAPTURE(text);
    REQUIRE_FALSE(parse_fio_size(text));
  }
}

TEST_CASE("fio times use the option's unit when none is written") {
  constexpr std::int64_t second = 1'000'000'000'000;
  REQUIRE(value(parse_fio_time_ps("10", second)) == 10 * second);
  REQUIRE(value(parse_fio_time_ps("10", 1'000'000)) == 10'000'000);
  REQUIRE(value(parse_fio_time_ps("10MS", second)) == 10'000'000'000);
  REQUIRE(value(parse_fio_time_ps("2h", second)) == 7200 * second);
  REQUIRE_FALSE(parse_fio_time_ps("10x", second));
  REQUIRE_FALSE(parse_fio_time_ps("10 ms", second));
  REQUIRE_FALSE(parse_fio_time_ps("10ns", second));
}

TEST_CASE("rates are exact in bits and in bytes") {
  REQUIRE(value(parse_rate_bits_per_s("100 Gbit/s")) == 100'000'000'000);
  REQUIRE(value(parse_rate_bits_per_s("2.5 Gbps")) == 2'500'000'000);
  REQUIRE(value(parse_rate_bytes_per_s("3360 MB/s")) == 3'360'000'000);
  REQUIRE(value(parse_rate_bytes_per_s("1 GiB/s")) == 1'073'741'824);
  REQUIRE(value(parse_rate_bytes_per_s("1 Gbit/s")) == 125'000'000);
  REQUIRE_FALSE(parse_rate_bytes_per_s("1 bit/s"));
  REQUIRE_FALSE(parse_rate_bits_per_s("1 Gb"));
  REQUIRE(value(parse_frequency_hz("2.4 GHz")) == 2'400'000'000);
}

TEST_CASE("shares are exact parts per million") {
  REQUIRE(value(parse_fraction_ppm("0.6")) == 600'000);
  REQUIRE(value(parse_fraction_ppm("60%")) == 600'000);
  REQUIRE(value(parse_fraction_ppm("3/5")) == 600'000);
  REQUIRE(value(parse_fraction_ppm("1.25")) == 1'250'000);
  REQUIRE(value(parse_fraction_ppm("0.000001")) == 1);
  REQUIRE_FALSE(parse_fraction_ppm("0.0000001"));
  REQUIRE_FALSE(parse_fraction_ppm("1/3"));
  REQUIRE_FALSE(parse_fraction_ppm("1/0"));
  REQUIRE_FALSE(parse_fraction_ppm("-0.5"));
  REQUIRE_FALSE(parse_fraction_ppm("9223372036854775807/1"));
}

TEST_CASE("counts are whole numbers and nothing else") {
  REQUIRE(value(parse_count("42")) == 42);
  REQUIRE_FALSE(parse_count("4.2"));
  REQUIRE_FALSE(parse_count("42x"));
  REQUIRE_FALSE(parse_count("-1"));
}
