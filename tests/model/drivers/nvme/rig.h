// SPDX-License-Identifier: Apache-2.0
// A machine with an NVMe drive of constant times behind its driver and the block layer.
#pragma once
#include "hw/nvme/nvme.h"
#include "model/drivers/nvme/nvme_driver.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/hw/test_medium.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::drivers {

/// A read of 4 KiB: its completion entry is in memory 7.7 us after the doorbell (0.1 + 0.4 to fetch
/// it, 2 of firmware, a die's 4, 0.8 of its channel, 0.2 of the link, 0.2 to write it); a message
/// would come 0.3 us later.
inline hw::NvmeParams round_drive() {
  hw::NvmeParams p;
  p.doorbell_flight = 100ns;
  p.command_fetch = 400ns;
  p.firmware_read_small = p.firmware_read_large = 2us;
  p.firmware_write = 2us;
  p.firmware_slots = 64;
  p.admin_latency = 1us;
  p.abort_limit = 2;
  p.ready_time = 3ms;
  p.completion_write = 200ns;
  p.msi_flight = 300ns;
  p.queue_pairs = 16;
  p.queue_entries = 64;
  p.block_size = 512;
  p.max_transfer = 1 << 20;
  p.channels = 4;
  p.dies_per_channel = 2;
  p.planes_per_die = 1;
  p.page_size = 16384;
  p.read_fast = p.read_slow = 4us;
  p.program = 100us;
  p.program_pages = 1;
  p.erase = 1ms;
  p.pages_per_block = 64;
  p.mapping_unit = 4096;
  p.over_provisioning = {70'000};
  p.gc_free_blocks = 2;
  p.channel_rate = {5'120'000'000};
  p.link_rate = {20'480'000'000};
  p.write_cache = 4 << 20;
  p.late_interrupt = 1ms;
  return p;
}
inline constexpr Duration kDeviceTime = 7'700ns;
inline constexpr Duration kMessageTime = 300ns;

/// The drive's registers as the driver sees them.
class RegisterGate final : public hw::Target {
 public:
  explicit RegisterGate(hw::Target& device) : device_(device) {}
  hw::Response access(hw::Command command, std::uint64_t address,
                      std::span<std::byte> data) override {
    const hw::Response response = device_.access(command, address, data);
    if (command == hw::Command::write && address == hw::nvme::kAsq)
      std::memcpy(&admin_submissions, data.data(), sizeof admin_submissions);
    if (fatal && command == hw::Command::read && address == hw::nvme::kCsts)
      data[0] |= static_cast<std::byte>(hw::nvme::kCstsFatal);
    return response;
  }

  bool fatal = false;  // CSTS says so
  hw::PhysAddr admin_submissions = 0;

 private:
  hw::Target& device_;
};

struct NvmeRig {
  explicit NvmeRig(std::uint32_t cpus = 2, NvmeDriverParams params = {16, 0},
                   ChoiceOracle* oracle = nullptr, hw::Medium* other_medium = nullptr)
      : rig(cpus),
        device(round_drive(), rig.timeline, memory_port, interrupt_port,
               other_medium != nullptr ? *other_medium : medium, hw::DrawKey{1, 7}),
        driver(rig.system, irqs, registers, params),
        block(driver) {
    rig.timeline.spawn(driver.attach(), "attach");
    rig.timeline.run();
    rig.timeline.choices().ask(oracle);
    ready = rig.now();
  }
  ~NvmeRig() {
    rig.timeline.choices().ask(nullptr);
    rig.end();
  }

  struct PageBio : kernel::Bio {
    NvmeRig* owner = nullptr;
    int ends = 0;
    Duration ended{};
  };
  PageBio& bio(std::uint64_t sector, kernel::BlockOp op = kernel::BlockOp::read,
               std::uint32_t pages = 1) {
    PageBio& made = *bios.emplace_back(std::make_unique<PageBio>());
    made.owner = this;
    made.op = op;
    made.sector = sector;
    made.bytes = pages * hw::kPageBytes;
    for (std::uint32_t i = 0; i < pages; ++i)
      made.segments.push_back({rig.memory.allocate_page(), hw::kPageBytes});
    made.end_io = [](kernel::Atomic& ctx, kernel::Bio& bio) {
      auto& mine = static_cast<PageBio&>(bio);
      ++mine.ends;
      mine.ended = ctx.now().time_since_epoch() - mine.owner->ready;
      mine.owner->order.push_back(&mine);
      return Task<void>::ready();
    };
    return made;
  }
  bool holds(const PageBio& bio) {
    std::uint64_t offset = bio.sector * 512;
    for (const kernel::BioSegment& segment : bio.segments)
      for (const std::byte each : rig.memory.bytes(segment.address, segment.bytes))
        if (each != medium.at(offset++)) return false;
    return true;
  }
  /// Runs a thread on that CPU.
  void on(std::uint32_t cpu, std::function<Task<void>(kernel::Sleepable&)> code) {
    struct Code final : kernel::ThreadBody {
      Task<void> run(kernel::Sleepable& ctx) override { return what(ctx); }
      std::function<Task<void>(kernel::Sleepable&)> what;
    };
    auto body = std::make_unique<Code>();
    body->what = std::move(code);
    rig.threads.push_back(std::make_unique<kernel::RunningThread>(
        rig.system, "thread", events::CpuClass::user, cpu, *body));
    rig.bodies.push_back(std::move(body));
  }

  kernel::Rig rig;
  kernel::IrqController irqs{rig.system};
  hw::DirectPort memory_port{rig.memory};
  hw::DirectPort interrupt_port{irqs};
  hw::test::TestMedium medium{1ull << 32, true};
  hw::Nvme device;
  RegisterGate gate{device};
  hw::DirectPort registers{gate};
  NvmeDriver driver;
  kernel::BlockDevice block;
  Duration ready{};  // when it has booted
  std::vector<std::unique_ptr<PageBio>> bios;
  std::vector<PageBio*> order;  // of their ends
};

}  // namespace iodrome::drivers
