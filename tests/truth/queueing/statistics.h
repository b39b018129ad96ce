// SPDX-License-Identifier: Apache-2.0
// Confidence intervals for what a simulation measured, by batch means.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace iodrome::truth {

/// Where a measured mean lies with a certainty of 99 %.
struct Interval {
  double mean = 0;
  double half = 0;
  bool holds(double exact) const { return exact >= mean - half && exact <= mean + half; }
};

/// The two-sided 99 % point of Student's t.
/// Shape: 1 to 30 degrees of freedom; beyond, the value of 30, which is on the safe side.
/// Source: Abramowitz & Stegun, Handbook of Mathematical Functions, table 26.10.
double student_99(std::size_t degrees_of_freedom);

/// The interval of the mean of batches, each the mean of one stretch of a run. Honest if a stretch
/// is long against the time in which the station forgets.
Interval interval_of(const std::vector<double>& batches);

/// Sorts what is measured about customer 0, 1, … into batches of equal size. The first customers
/// are left out: the run starts empty.
class BatchMeans {
 public:
  static constexpr std::uint64_t kBatches = 30;
  BatchMeans(std::uint64_t warm_up, std::uint64_t batch)
      : warm_up_(warm_up), batch_(batch), sums_(kBatches) {}

  std::uint64_t customers() const { return warm_up_ + kBatches * batch_; }
  void add(std::uint64_t customer, std::int64_t value) {
    if (customer < warm_up_ || customer >= customers()) return;
    sums_[(customer - warm_up_) / batch_] += value;
  }
  /// The means of the batches, in `unit`s.
  std::vector<double> means(double unit) const;
  Interval interval(double unit) const { return interval_of(means(unit)); }

 private:
  std::uint64_t warm_up_;
  std::uint64_t batch_;
  std::vector<std::int64_t> sums_;
};

}  // namespace iodrome::truth
