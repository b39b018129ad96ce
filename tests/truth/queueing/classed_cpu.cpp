// SPDX-License-Identifier: Apache-2.0
#include "tests/truth/queueing/classed_cpu.h"

#include <algorithm>

namespace iodrome::truth {

using namespace kernel;

namespace {

Softirq vector_of(Place place) {
  return place == Place::net_rx_softirq ? Softirq::net_rx : Softirq::block;
}

}  // namespace

ClassedCpu::ClassedCpu(const std::vector<CustomerClass>& classes, std::uint64_t seed)
    : seed_(seed) {
  for (const CustomerClass& spec : classes) {
    Station& station = stations_.emplace_back();
    station.owner = this;
    station.spec = spec;
    station.index = stations_.size();
    if (spec.place == Place::thread) {
      rig_.thread<Station>(0, station, in_thread, events::CpuClass::kthread);
    } else if (spec.place == Place::hardirq) {
      station.action = &rig_.action<Station>(station, on_hardirq);
    } else {
      station.action = &rig_.action<Station>(station, on_softirq);
      rig_.cpu(0).on_softirq(vector_of(spec.place), *station.action);
    }
  }
}

void ClassedCpu::call(Station& station) {
  if (station.spec.place == Place::thread)
    station.idle.wake_from_outside(rig_.system);
  else if (station.spec.place == Place::hardirq)
    rig_.cpu(0).raise_irq(*station.action);
  else
    rig_.cpu(0).raise_softirq(vector_of(station.spec.place));
}

Task<void> ClassedCpu::serve_first(Atomic& ctx, Station& station) {
  const Customer customer = station.queue.front();
  const Duration length = service_time(station.spec.law, station.owner->seed_, station.index,
                                       customer.number, station.spec.mean);
  co_await ctx.spend_for(station.service, length);
  station.queue.pop_front();
  station.times->add(customer.number, to_ps(ctx.now() - customer.arrived));
}

Task<void> ClassedCpu::on_hardirq(Atomic& ctx, Station& station) {
  while (!station.queue.empty()) co_await serve_first(ctx, station);
}

// One customer at a time, so that the CPU chooses the next vector after each.
// A round of softirqs serves what is pending when it begins, so a handler goes on by itself until a
// lower vector has come, which the next round serves first.
Task<void> ClassedCpu::on_softirq(Atomic& ctx, Station& station) {
  while (!station.queue.empty()) {
    co_await serve_first(ctx, station);
    if (station.owner->lower_vector_waits(station)) break;
  }
  if (!station.queue.empty()) ctx.cpu().raise_softirq(vector_of(station.spec.place));
}

bool ClassedCpu::lower_vector_waits(const Station& than) const {
  return std::any_of(stations_.begin(), stations_.end(), [&](const Station& each) {
    const bool softirq = each.spec.place == Place::net_rx_softirq;
    return softirq && than.spec.place == Place::block_softirq && !each.queue.empty();
  });
}

Task<void> ClassedCpu::in_thread(Sleepable& ctx, Station& station) {
  for (;;) {
    while (station.queue.empty())
      co_await station.idle.wait(ctx, "a customer", events::Stage::queue);
    co_await serve_first(ctx, station);
  }
}

// Goes on until every class has brought what is measured of it, so that all meet the same load.
Task<void> ClassedCpu::arrivals(Station& station) {
  ClassedCpu& self = *station.owner;
  Timeline& timeline = self.rig_.timeline;
  const auto gap = ps(static_cast<std::int64_t>(kUnitPs / station.spec.rate));
  for (std::uint64_t number = 0; self.measured_ < self.stations_.size(); ++number) {
    co_await sleep_for(
        timeline, exponential(draw(self.seed_, Purpose::interarrival, station.index, number), gap));
    station.queue.push_back({number, timeline.now()});
    self.call(station);
    if (number + 1 == station.times->customers()) ++self.measured_;
  }
}

std::vector<Interval> ClassedCpu::times(double batch) {
  for (Station& station : stations_) {
    const auto customers = static_cast<std::uint64_t>(batch * station.spec.rate);
    station.times.emplace(2 * customers, customers);
    rig_.timeline.spawn(arrivals(station), "arrivals");
  }
  rig_.timeline.run();
  std::vector<Interval> intervals;
  for (const Station& station : stations_) intervals.push_back(station.times->interval(kUnitPs));
  return intervals;
}

}  // namespace iodrome::truth
