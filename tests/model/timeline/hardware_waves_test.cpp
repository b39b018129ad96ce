// SPDX-License-Identifier: Apache-2.0
#include "model/timeline/hardware_waves.h"

#include <catch2/catch.hpp>

#include "model/events/block.h"
#include "model/events/irq.h"
#include "model/events/memory.h"
#include "model/events/sched.h"

using namespace iodrome;
using namespace iodrome::timeline;

namespace {

struct Scope final : WaveFile {
  struct Signal final : Wave {
    unsigned bits = 0;
    std::vector<std::uint64_t> values{0};
    void set(std::uint64_t value) override { values.push_back(value); }
  };
  Wave& add_wave(const std::string& name, unsigned bits) override {
    signals[name].bits = bits;
    return signals[name];
  }
  const std::vector<std::uint64_t>& of(const char* name) { return signals.at(name).values; }
  std::map<std::string, Signal> signals;
};

using Values = std::vector<std::uint64_t>;

struct Rig {
  template <class Event>
  void tell(const Event& event) {
    waves.on(Event::info, SimTime{}, 0, event.words());
  }
  Scope scope;
  HardwareWaves waves{
      scope, 2, {{1, "nvme0", {0, 1}, true}, {3, "eth0", {2}, false}, {257, "nvme1", {3}, true}}};
};

}  // namespace

TEST_CASE("doorbells are counted by device, and the last value stays visible") {
  Rig rig;
  rig.tell(events::Doorbell{1, 1, 7});
  rig.tell(events::Doorbell{3, 0, 40});
  rig.tell(events::Doorbell{1, 2, 9});
  rig.tell(events::Doorbell{77, 0, 1});  // a device that nobody named
  CHECK(rig.scope.of("nvme0.doorbells") == Values{0, 1, 2});
  CHECK(rig.scope.of("nvme0.doorbell_value") == Values{0, 7, 9});
  CHECK(rig.scope.of("eth0.doorbells") == Values{0, 1});
}

TEST_CASE("an interrupt line is up from its message until a handler ends with none behind it") {
  Rig rig;
  rig.tell(events::IrqRaise{1, 1});
  CHECK(rig.scope.of("nvme0.irq1") == Values{0, 1});
  rig.tell(events::IrqHandlerEntry{1, 1});
  CHECK(rig.scope.of("cpu1.hardirq") == Values{0, 1});
  rig.tell(events::IrqRaise{1, 1});  // another while it is served
  rig.tell(events::IrqHandlerExit{1, 1});
  CHECK(rig.scope.of("nvme0.irq1").back() == 1);
  rig.tell(events::IrqHandlerEntry{1, 1});
  rig.tell(events::IrqHandlerExit{1, 1});
  CHECK(rig.scope.of("nvme0.irq1").back() == 0);
  CHECK(rig.scope.of("nvme0.irq1_messages") == Values{0, 1, 2});
  CHECK(rig.scope.of("cpu1.hardirq") == Values{0, 1, 0, 1, 0});
  CHECK(rig.scope.of("nvme0.irq0") == Values{0});
}

TEST_CASE("a softirq's number is not taken for an interrupt vector") {
  Rig rig;
  rig.tell(events::SoftirqRaise{0, 2});
  rig.tell(events::SoftirqEntry{0, 2});
  rig.tell(events::SoftirqExit{0, 2});
  CHECK(rig.scope.of("cpu0.softirq") == Values{0, 1, 0});
  CHECK(rig.scope.of("eth0.irq2") == Values{0});
}

TEST_CASE("each storage device's requests and the CPUs' threads are levels") {
  Rig rig;
  rig.tell(events::BlockRqIssue{0, 8, 4096, 0, 1});
  rig.tell(events::BlockRqIssue{1, 8, 4096, 0, 1});
  rig.tell(events::BlockRqComplete{0, 8, 0, 0, 1});
  rig.tell(events::BlockRqIssue{0, 8, 4096, 0, 257});
  rig.tell(events::BlockRqIssue{0, 8, 4096, 0, 513});  // a device that nobody named
  rig.tell(events::SchedSwitch{1, 0, 12, 0});
  rig.tell(events::SchedSwitch{1, 12, 0, 1});
  CHECK(rig.scope.of("nvme0.in_flight") == Values{0, 1, 2, 1});
  CHECK(rig.scope.of("nvme1.in_flight") == Values{0, 1});
  CHECK(rig.scope.of("cpu1.thread") == Values{0, 12, 0});
  CHECK(rig.scope.signals.count("eth0.in_flight") == 0);
  CHECK(rig.scope.signals.at("cpu0.hardirq").bits == 1);
}
