// SPDX-License-Identifier: Apache-2.0
// One modelled CPU that serves several classes of customers, each at a place of its own in the
// kernel: the handler of an interrupt, the handler of a softirq, or a kernel thread. Which class
// goes first is the CPU's own order of levels and vectors. Every cost but the services is zero.
#pragma once
#include <deque>
#include <optional>

#include "tests/model/kernel/rig.h"
#include "tests/truth/queueing/laws.h"
#include "tests/truth/queueing/statistics.h"

namespace iodrome::truth {

enum class Place { hardirq, net_rx_softirq, block_softirq, thread };

/// A Poisson stream of customers, first come, first served among themselves.
struct CustomerClass {
  Place place = Place::thread;
  double rate = 0;  // per unit
  Duration mean = kUnit;
  Law law = Law::exponential;
};

class ClassedCpu {
 public:
  ClassedCpu(const std::vector<CustomerClass>& classes, std::uint64_t seed);
  ~ClassedCpu() { rig_.end(); }

  /// Runs until a class of rate r has brought `batch` · r customers for each batch and two more to
  /// warm up, and returns the times that each class spends in the system.
  std::vector<Interval> times(double batch);

 private:
  struct Customer {
    std::uint64_t number;
    SimTime arrived;
  };
  struct Station {
    ClassedCpu* owner = nullptr;
    CustomerClass spec;
    std::uint64_t index = 0;
    kernel::Cost service;
    std::deque<Customer> queue;
    kernel::WaitQueue idle{"customers"};
    kernel::IrqAction* action = nullptr;
    std::optional<BatchMeans> times;
  };

  static Task<void> arrivals(Station& station);
  static Task<void> serve_first(kernel::Atomic& ctx, Station& station);
  static Task<void> on_hardirq(kernel::Atomic& ctx, Station& station);
  static Task<void> on_softirq(kernel::Atomic& ctx, Station& station);
  static Task<void> in_thread(kernel::Sleepable& ctx, Station& station);
  bool lower_vector_waits(const Station& than) const;
  void call(Station& station);

  std::uint64_t seed_;
  kernel::Rig rig_{1};
  std::deque<Station> stations_;
  std::size_t measured_ = 0;  // classes that have brought all that is measured
};

}  // namespace iodrome::truth
