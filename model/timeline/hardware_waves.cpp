// SPDX-License-Identifier: Apache-2.0
#include "model/timeline/hardware_waves.h"

#include "model/events/block.h"
#include "model/events/irq.h"
#include "model/events/memory.h"
#include "model/events/sched.h"

namespace iodrome::timeline {

namespace {
constexpr unsigned kNumberBits = 32;
constexpr std::uint64_t kMinusOne = ~std::uint64_t{0};
}  // namespace

HardwareWaves::HardwareWaves(WaveFile& file, std::uint32_t cpus,
                             const std::vector<WaveDevice>& devices) {
  for (std::uint32_t cpu = 0; cpu < cpus; ++cpu) {
    const std::string name = "cpu" + std::to_string(cpu);
    cpus_.push_back({&file.add_wave(name + ".hardirq", 1), &file.add_wave(name + ".softirq", 1),
                     &file.add_wave(name + ".thread", kNumberBits)});
  }
  for (const WaveDevice& device : devices) {
    Device& waves = devices_[device.number];
    waves = {{&file.add_wave(device.name + ".doorbells", kNumberBits)},
             &file.add_wave(device.name + ".doorbell_value", kNumberBits)};
    if (device.storage)
      waves.in_flight.wave = &file.add_wave(device.name + ".in_flight", kNumberBits);
    for (const std::uint64_t vector : device.vectors) {
      const std::string line = device.name + ".irq" + std::to_string(vector);
      vectors_[vector] = {&file.add_wave(line, 1),
                          {&file.add_wave(line + "_messages", kNumberBits)}};
    }
  }
}

void HardwareWaves::attach(events::Probe& probe) {
  using enum events::Subsystem;
  static constexpr events::Subsystem kShown[] = {sched, irq, block, device};
  probe.attach(*this, kShown);
}

void HardwareWaves::on(const events::EventInfo& info, SimTime, std::uint32_t,
                       std::span<const std::uint64_t> words) {
  switch (info.kind) {
    case events::SchedSwitch::info.kind:
      return cpus_[words[0]].thread->set(words[2]);
    case events::Doorbell::info.kind: {
      const auto device = devices_.find(words[0]);
      if (device == devices_.end()) return;
      device->second.doorbells.add(1);
      return device->second.doorbell_value->set(words[2]);
    }
    case events::BlockRqIssue::info.kind:
      return on_request(words[4], 1);
    case events::BlockRqComplete::info.kind:
    case events::BlockRqRequeue::info.kind:
      return on_request(words[4], kMinusOne);
  }
  if (info.subsystem == events::Subsystem::irq) on_irq(info, words);
}

void HardwareWaves::on_request(std::uint64_t device, std::uint64_t change) {
  const auto found = devices_.find(device);
  if (found != devices_.end() && found->second.in_flight.wave != nullptr)
    found->second.in_flight.add(change);
}

void HardwareWaves::on_irq(const events::EventInfo& info, std::span<const std::uint64_t> words) {
  const auto& [hardirq, softirq, thread] = cpus_[words[0]];
  if (info.kind == events::SoftirqEntry::info.kind) return softirq->set(1);
  if (info.kind == events::SoftirqExit::info.kind) return softirq->set(0);
  if (info.kind == events::IrqHandlerEntry::info.kind) hardirq->set(1);
  if (info.kind == events::IrqHandlerExit::info.kind) hardirq->set(0);
  const auto found = vectors_.find(words[1]);
  if (info.kind == events::SoftirqRaise::info.kind || found == vectors_.end()) return;
  Vector& vector = found->second;
  if (info.kind == events::IrqRaise::info.kind) {
    vector.messages.add(1);
    vector.pending = true;
    vector.line->set(1);
  } else if (info.kind == events::IrqHandlerEntry::info.kind) {
    vector.pending = false;
  } else if (info.kind == events::IrqHandlerExit::info.kind && !vector.pending) {
    vector.line->set(0);
  }
}

}  // namespace iodrome::timeline
