// SPDX-License-Identifier: Apache-2.0
// Queueing stations made of the modelled machine: a server is a CPU with a kernel thread of a pool,
// a queue is the pool's, a customer is an item of work that spends CPU time, and arrivals are
// interrupts on a CPU of their own. Every other cost is zero.
#pragma once
#include <functional>

#include "tests/model/kernel/rig.h"
#include "tests/truth/queueing/laws.h"

namespace iodrome::truth {

/// A station of a network: `servers` CPUs that work for one queue, first come, first served.
struct StationSpec {
  std::uint32_t servers = 1;
  Duration mean = kUnit;
  Law law = Law::exponential;
};

/// Carries customers through stations. A customer is a piece of work, queued where it is next.
class CpuNetwork {
 public:
  static constexpr int kOut = -1;

  struct Customer final : kernel::Work {
    Task<void> run(kernel::Sleepable& ctx) override { return network->serve(ctx, *this); }
    CpuNetwork* network = nullptr;
    std::uint64_t number = 0;
    std::uint64_t visits = 0;  // of stations, in all its life
    int station = 0;
    SimTime arrived{};
    SimTime begun{};  // its latest service
  };

  CpuNetwork(const std::vector<StationSpec>& stations, std::uint64_t seed);
  ~CpuNetwork();

  /// Where a customer goes after its station: another one, or kOut. Called on the CPU it leaves.
  std::function<int(Customer&)> next_station = [](Customer&) { return kOut; };
  /// Called when a customer has left.
  std::function<void(Customer&)> left = [](Customer&) {};

  /// A customer arrives at a station, now.
  void arrive(std::uint64_t number, int station);
  /// Poisson arrivals at station 0; `admit` may turn customers away. Runs until all have left.
  void run_open(
      std::uint64_t customers, Duration interarrival,
      const std::function<bool()>& admit = [] { return true; });
  /// `time` of a closed network, from the end of the stretch before: the clock itself stops at the
  /// last event of a stretch.
  void run_for(Duration time);

  Timeline& timeline() { return rig_.timeline; }
  std::uint64_t seed() const { return seed_; }
  std::uint64_t inside() const { return inside_; }
  /// The time integral of the customers inside, and the sum of the times of those who left.
  Duration area();
  Duration sojourns() const { return sojourns_; }

 private:
  struct Arrivals;
  Task<void> serve(kernel::Sleepable& ctx, Customer& customer);
  Task<void> queue_arrived(kernel::Atomic& ctx);
  static Task<void> poisson(CpuNetwork& self, std::uint64_t customers, Duration interarrival,
                            std::function<bool()> admit);
  void turn_count(int by);

  std::vector<StationSpec> specs_;
  std::uint64_t seed_;
  kernel::Rig rig_;
  kernel::Cost service_;
  std::vector<std::unique_ptr<kernel::KthreadPool>> pools_;
  kernel::IrqAction* arrivals_ = nullptr;
  std::vector<Customer*> arrived_;  // not yet queued
  std::vector<std::unique_ptr<Customer>> all_;
  std::vector<Customer*> free_;
  std::uint64_t inside_ = 0;
  SimTime until_{};
  SimTime counted_{};
  Duration area_{};
  Duration sojourns_{};
};

}  // namespace iodrome::truth
