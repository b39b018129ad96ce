// SPDX-License-Identifier: Apache-2.0
#include "tests/truth/queueing/cpu_network.h"

namespace iodrome::truth {

using namespace kernel;

namespace {

std::uint32_t cpus_for(const std::vector<StationSpec>& stations) {
  std::uint32_t cpus = 1;  // that of the arrivals
  for (const StationSpec& station : stations) cpus += station.servers;
  return cpus;
}

}  // namespace

CpuNetwork::CpuNetwork(const std::vector<StationSpec>& stations, std::uint64_t seed)
    : specs_(stations), seed_(seed), rig_(cpus_for(stations)) {
  std::uint32_t cpu = 0;
  for (const StationSpec& station : stations) {
    // One server stays on its CPU; several take whichever CPUs are idle, and there are enough.
    pools_.push_back(station.servers == 1
                         ? std::make_unique<KthreadPool>(rig_.system, "station", rig_.cpu(cpu))
                         : std::make_unique<KthreadPool>(rig_.system, "station", station.servers,
                                                         station.servers));
    cpu += station.servers;
  }
  arrivals_ = &rig_.action<CpuNetwork>(
      *this, [](Atomic& ctx, CpuNetwork& self) { return self.queue_arrived(ctx); });
}

CpuNetwork::~CpuNetwork() {
  rig_.end();
}

void CpuNetwork::turn_count(int by) {
  const SimTime now = rig_.timeline.now();
  area_ += (now - counted_) * static_cast<std::int64_t>(inside_);
  counted_ = now;
  inside_ += static_cast<std::uint64_t>(by);
}

Duration CpuNetwork::area() {
  turn_count(0);
  return area_;
}

void CpuNetwork::arrive(std::uint64_t number, int station) {
  if (free_.empty()) {
    all_.push_back(std::make_unique<Customer>());
    free_.push_back(all_.back().get());
  }
  Customer& customer = *free_.back();
  free_.pop_back();
  customer.network = this;
  customer.number = number;
  customer.visits = 0;
  customer.station = station;
  customer.arrived = rig_.timeline.now();
  turn_count(1);
  arrived_.push_back(&customer);
  rig_.system.cpus.back()->raise_irq(*arrivals_);
}

Task<void> CpuNetwork::queue_arrived(Atomic& ctx) {
  while (!arrived_.empty()) {
    Customer& customer = *arrived_.front();
    arrived_.erase(arrived_.begin());
    co_await pools_[static_cast<std::size_t>(customer.station)]->queue(ctx, customer);
  }
}

Task<void> CpuNetwork::serve(Sleepable& ctx, Customer& customer) {
  const auto station = static_cast<std::size_t>(customer.station);
  const StationSpec& spec = specs_[station];
  customer.begun = ctx.now();
  // A customer of a closed network is told apart by its visits too.
  const std::uint64_t identity = customer.number + (customer.visits++ << 32);
  co_await ctx.spend_for(service_, service_time(spec.law, seed_, station, identity, spec.mean));
  customer.station = next_station(customer);
  if (customer.station != kOut) {
    co_await pools_[static_cast<std::size_t>(customer.station)]->queue(ctx, customer);
    co_return;
  }
  turn_count(-1);
  sojourns_ += ctx.now() - customer.arrived;
  left(customer);
  free_.push_back(&customer);
}

Task<void> CpuNetwork::poisson(CpuNetwork& self, std::uint64_t customers, Duration interarrival,
                               std::function<bool()> admit) {
  for (std::uint64_t number = 0; number < customers; ++number) {
    co_await sleep_for(
        self.timeline(),
        exponential(draw(self.seed_, Purpose::interarrival, 0, number), interarrival));
    const bool admitted = admit();
    if (admitted) self.arrive(number, 0);
  }
}

void CpuNetwork::run_open(std::uint64_t customers, Duration interarrival,
                          const std::function<bool()>& admit) {
  rig_.timeline.spawn(poisson(*this, customers, interarrival, admit), "arrivals");
  rig_.timeline.run();
}

void CpuNetwork::run_for(Duration time) {
  until_ += time;
  rig_.timeline.run(until_);
}

}  // namespace iodrome::truth
