// SPDX-License-Identifier: Apache-2.0
#include "tests/truth/queueing/laws.h"

#include "model/engine/check.h"

namespace iodrome::truth {

namespace {

Duration scaled(Duration mean, std::int64_t numerator, std::int64_t denominator) {
  return ps(to_ps(mean) * numerator / denominator);
}

std::uint64_t bits_of(std::uint64_t seed, std::uint64_t station, std::uint64_t customer,
                      std::uint64_t part) {
  return draw(seed, Purpose::service, station, customer, part);
}

}  // namespace

Duration service_time(Law law, std::uint64_t seed, std::uint64_t station, std::uint64_t customer,
                      Duration mean) {
  const std::uint64_t first = bits_of(seed, station, customer, 0);
  switch (law) {
    case Law::constant:
      return mean;
    case Law::exponential:
      return exponential(first, mean);
    case Law::erlang_4: {
      Duration sum{0};
      for (std::uint64_t part = 0; part < 4; ++part)
        sum += exponential(bits_of(seed, station, customer, part), scaled(mean, 1, 4));
      return sum;
    }
    case Law::uniform:
      return ps(
          static_cast<std::int64_t>(below(first, 2 * static_cast<std::uint64_t>(to_ps(mean)))));
    case Law::hyperexponential: {  // 0.9 of mean 0.5, 0.1 of mean 5.5
      const Duration part = below(first, 10) == 0 ? scaled(mean, 11, 2) : scaled(mean, 1, 2);
      return exponential(bits_of(seed, station, customer, 1), part);
    }
    case Law::rare_long:  // 99 % of 1 and 1 % of 100, over their mean of 1.99
      return scaled(mean, below(first, 100) == 0 ? 10'000 : 100, 199);
  }
  fail_check("no such law");
}

double second_moment(Law law) {
  switch (law) {
    case Law::constant:
      return 1;
    case Law::exponential:
      return 2;
    case Law::erlang_4:
      return 1.25;
    case Law::uniform:
      return 4.0 / 3;
    case Law::hyperexponential:
      return 2 * (0.9 * 0.5 * 0.5 + 0.1 * 5.5 * 5.5);
    case Law::rare_long:
      return (0.99 + 0.01 * 100 * 100) / (1.99 * 1.99);
  }
  fail_check("no such law");
}

const char* name_of(Law law) {
  static constexpr const char* kNames[] = {
      "M", "D", "Erlang-4", "uniform", "hyperexponential", "1 % a hundredfold"};
  return kNames[static_cast<int>(law)];
}

}  // namespace iodrome::truth
