// SPDX-License-Identifier: Apache-2.0
// A script played by one design, with what tests of designs ask about: system calls, requests at
// the device, the design's counters and the costs.
#pragma once
#include <map>

#include "model/events/block.h"
#include "model/events/syscall.h"
#include "model/kernel/syscall.h"
#include "tests/model/testbed/scripted.h"

namespace iodrome::tests {

struct Played {
  Outcome outcome;
  std::map<kernel::Sysno, int> calls;
  int at_device = 0;  // at once, at most
  std::map<std::string, std::uint64_t> counters;
  std::map<std::string, testbed::CostUse> costs;
};

/// How often each system call was made, and how many requests were at the device at once.
struct SeenCalls final : events::Observer {
  void on(const events::EventInfo& info, SimTime, std::uint32_t,
          std::span<const std::uint64_t> words) override {
    if (info.kind == events::SysEnter::info.kind) ++calls[static_cast<kernel::Sysno>(words[1])];
    if (info.kind == events::BlockRqIssue::info.kind) most = std::max(most, ++at_device);
    if (info.kind == events::BlockRqComplete::info.kind) --at_device;
  }
  std::map<kernel::Sysno, int> calls;
  int at_device = 0;
  int most = 0;
};

/// On one CPU, unless the first setting says otherwise.
inline Played played_by(const std::string& design, const Script& script, Settings set) {
  if (set.empty() || set[0].first != "cpu.count") set.insert(set.begin(), {"cpu.count", "1"});
  SeenCalls seen;
  testbed::RunOptions options;
  options.observe = [&](events::Probe& probe) {
    static constexpr events::Subsystem kAll[] = {events::Subsystem::syscall,
                                                 events::Subsystem::block};
    probe.attach(seen, kAll);
  };
  Played all;
  all.outcome = play(script, design, set, options);
  all.calls = seen.calls;
  all.at_device = seen.most;
  for (const auto& [name, count] : all.outcome.record.design_counters) all.counters[name] = count;
  for (const testbed::CostUse& use : all.outcome.record.costs) all.costs[use.name] = use;
  return all;
}

inline Duration costs_of(const Played& of) {
  Duration sum{0};
  for (const auto& [name, use] : of.costs) sum += use.total;
  return sum;
}

/// Of the first client's first chain.
inline Duration latency_of(const Played& of) {
  return of.outcome.ends[0][0][0].latency;
}

}  // namespace iodrome::tests
