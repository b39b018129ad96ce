// SPDX-License-Identifier: Apache-2.0
#include "tests/truth/queueing/statistics.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace iodrome::truth {

double student_99(std::size_t degrees_of_freedom) {
  static constexpr double kPoints[] = {63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355,
                                       3.250,  3.169, 3.106, 3.055, 3.012, 2.977, 2.947, 2.921,
                                       2.898,  2.878, 2.861, 2.845, 2.831, 2.819, 2.807, 2.797,
                                       2.787,  2.779, 2.771, 2.763, 2.756, 2.750};
  return kPoints[std::clamp<std::size_t>(degrees_of_freedom, 1, std::size(kPoints)) - 1];
}

Interval interval_of(const std::vector<double>& batches) {
  Interval result;
  const auto n = static_cast<double>(batches.size());
  for (const double batch : batches) result.mean += batch / n;
  double squares = 0;
  for (const double batch : batches) squares += (batch - result.mean) * (batch - result.mean);
  result.half = student_99(batches.size() - 1) * std::sqrt(squares / (n - 1) / n);
  return result;
}

std::vector<double> BatchMeans::means(double unit) const {
  std::vector<double> means;
  for (const std::int64_t sum : sums_)
    means.push_back(static_cast<double>(sum) / static_cast<double>(batch_) / unit);
  return means;
}

}  // namespace iodrome::truth
