// SPDX-License-Identifier: Apache-2.0
// Laws of service times, as integer draws with their exact moments.
#pragma once
#include "model/engine/random.h"

namespace iodrome::truth {

/// One unit of mean service time in every oracle: large against a picosecond.
inline constexpr Duration kUnit = 1us;
inline constexpr double kUnitPs = 1e6;

enum class Law { exponential, constant, erlang_4, uniform, hyperexponential, rare_long };

/// The service time of a customer at a station, of the law scaled to the given mean.
Duration service_time(Law law, std::uint64_t seed, std::uint64_t station, std::uint64_t customer,
                      Duration mean);
/// E[S^2] for a mean of 1.
double second_moment(Law law);
const char* name_of(Law law);

}  // namespace iodrome::truth
