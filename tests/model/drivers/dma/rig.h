// SPDX-License-Identifier: Apache-2.0
// A machine with CPUs, an I/OAT engine with its driver, and a CPU's own channel.
#pragma once
#include "hw/dma/ioat.h"
#include "model/drivers/dma/ioat_driver.h"
#include "model/kernel/dmaengine/software_channel.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::drivers {

struct DmaRig {
  static constexpr std::uint32_t kBytes = 4096;

  explicit DmaRig(std::uint32_t cpus = 2, std::int64_t descriptors = 8,
                  ChoiceOracle* oracle = nullptr)
      : rig(cpus), software(rig.system, costs, {{1'000'000'000}, {2'000'000'000}}, 8) {
    driver_params.descriptors = descriptors;
    rig.system.scheduler.hz = 1000;
    rig.system.costs.irq_entry.each = 500ns;
    rig.system.costs.softirq.each = 200ns;
    costs.prep.each = 100ns;
    costs.issue.each = 50ns;
    costs.complete.each = 100ns;
    driver = std::make_unique<IoatDriver>(rig.system, irqs, registers, driver_params, costs);
    rig.timeline.spawn(driver->attach(engine), "attach");
    rig.timeline.run();
    engine.add(software, true);
    rig.timeline.choices().ask(oracle);
    area = rig.memory.allocate_contiguous(64 * kBytes);
    for (std::uint32_t page = 0; page < 32; ++page) {
      const auto bytes = rig.memory.bytes(source(page), kBytes);
      for (std::uint32_t i = 0; i < kBytes; ++i) bytes[i] = pattern(page, i);
    }
  }
  ~DmaRig() {
    rig.timeline.choices().ask(nullptr);
    rig.end();
  }

  static std::byte pattern(std::uint32_t page, std::uint32_t i) {
    return static_cast<std::byte>(page * 71 + i * 13 + i / 256 + 1);
  }
  hw::PhysAddr source(std::uint32_t page) const { return area + page * kBytes; }
  hw::PhysAddr target(std::uint32_t page) const { return area + (32 + page) * kBytes; }
  bool copied(std::uint32_t page) {
    const auto bytes = rig.memory.bytes(target(page), kBytes);
    for (std::uint32_t i = 0; i < kBytes; ++i)
      if (bytes[i] != pattern(page, i)) return false;
    return true;
  }
  bool untouched(std::uint32_t page) {
    for (const std::byte one : rig.memory.bytes(target(page), kBytes))
      if (one != std::byte{0}) return false;
    return true;
  }
  std::size_t in_use() const {
    std::size_t sum = 0;
    for (const kernel::DmaChannel* channel : engine.hardware()) sum += channel->in_use();
    for (const kernel::DmaChannel* channel : engine.software()) sum += channel->in_use();
    return sum;
  }
  /// Two channels; 4096 B take 1 us on the bus.
  static hw::IoatParams params() {
    hw::IoatParams p;
    p.channels = 2;
    p.max_transfer = 1 << 20;
    p.doorbell_flight = 100ns;
    p.descriptor_setup = 300ns;
    p.rate = {4'096'000'000};
    p.completion_write = 200ns;
    p.msi_flight = 400ns;
    return p;
  }

  kernel::Rig rig;
  DmaDriverParams driver_params{8, 0us, 100us};
  kernel::DmaCosts costs;
  kernel::IrqController irqs{rig.system};
  hw::DirectPort memory_port{rig.memory};
  hw::DirectPort interrupt_port{irqs};
  hw::Ioat device{params(), rig.timeline, memory_port, interrupt_port, true};
  hw::DirectPort registers{device};
  kernel::DmaEngine engine;
  kernel::SoftwareChannel software;
  std::unique_ptr<IoatDriver> driver;
  hw::PhysAddr area = 0;

  // What a test's thread and callbacks note.
  std::string log;
  int ended = 0;
  Duration last_end{};
  int failed = 0;
};

}  // namespace iodrome::drivers
