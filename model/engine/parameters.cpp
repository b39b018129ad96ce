// SPDX-License-Identifier: Apache-2.0
#include "model/engine/parameters.h"

#include <limits>

#include "model/engine/check.h"
#include "model/engine/random.h"

namespace iodrome {

Duration Rate::time_for(std::int64_t bytes) const {
  constexpr std::uint64_t kPsPerSecond = 1'000'000'000'000;
  check(bytes >= 0 && bytes_per_s >= 0, "negative bytes or rate");
  if (bytes_per_s == 0) return ps(0);
  const auto count = static_cast<std::uint64_t>(bytes);
  const auto rate = static_cast<std::uint64_t>(bytes_per_s);
  // Up to 18 MB the product fits 64 bits; a 128-bit division is an order of magnitude slower.
  if (count <= std::numeric_limits<std::uint64_t>::max() / kPsPerSecond) [[likely]] {
    const std::uint64_t product = count * kPsPerSecond;
    return ps(static_cast<std::int64_t>(product / rate + (product % rate != 0 ? 1 : 0)));
  }
  const Wide product = static_cast<Wide>(count) * kPsPerSecond;
  const Wide time = product / rate + (product % rate != 0 ? 1 : 0);
  check(time <= static_cast<Wide>(Duration::max().count()), "transfer time past the range of time");
  return ps(static_cast<std::int64_t>(time));
}

std::uint64_t Fraction::threshold() const {
  constexpr std::int64_t kMillion = 1'000'000;
  check(parts_per_million >= 0 && parts_per_million <= kMillion, "share outside 0 to 1");
  if (parts_per_million == kMillion) return std::numeric_limits<std::uint64_t>::max();
  const Wide scaled = (static_cast<Wide>(parts_per_million) << 64) / kMillion;
  return static_cast<std::uint64_t>(scaled);
}

void ParameterList::add(std::string_view name, std::string_view unit, std::string_view help,
                        ParameterSlot slot) {
  check(find(name) == nullptr, "two parameters of one name");
  parameters_.push_back({name, unit, help, slot});
}

const Parameter* ParameterList::find(std::string_view name) const {
  for (const Parameter& parameter : parameters_)
    if (parameter.name == name) return &parameter;
  return nullptr;
}

void ParameterProblems::require(bool condition, std::string_view name, std::string_view reason) {
  if (condition) return;
  lines_.push_back(std::string(name) + ": " + std::string(reason));
}

}  // namespace iodrome
