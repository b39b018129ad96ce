// SPDX-License-Identifier: Apache-2.0
// The least a host does to use a drive: queues in memory, doorbells, a handler that reads
// completions.
#pragma once
#include <map>

#include "hw/memory/memory.h"
#include "hw/nvme/nvme.h"
#include "tests/hw/test_medium.h"

namespace iodrome::hw::test {

class NvmeHost {
 public:
  struct Done {
    SimTime time;  // of the interrupt that reported it
    nvme::CompletionEntry entry;
  };

  explicit NvmeHost(const NvmeParams& params, std::uint64_t seed = 1, bool checked = false,
                    std::uint64_t medium_bytes = std::uint64_t{1} << 40, MemoryBus* bus = nullptr)
      : medium(medium_bytes, checked),
        messages(timeline),
        drive(params, timeline, shared(bus), message_port, medium, DrawKey{seed, 0}),
        registers(drive) {
    messages.on_message = [this](std::uint32_t vector) { reap(vector); };
    bring_up();
  }

  /// Creates I/O queue pair `id` with vector `id`; interrupts as asked.
  nvme::Status create_pair(std::uint32_t id, std::uint32_t entries, bool interrupts = true,
                           std::uint32_t cq_entries = 0) {
    if (cq_entries == 0) cq_entries = entries;
    const Ring ring{memory.allocate_contiguous(64ull * entries),
                    memory.allocate_contiguous(16ull * cq_entries), entries, cq_entries};
    nvme::SubmissionEntry cq;
    cq.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::create_io_cq);
    cq.prp1 = ring.cq;
    cq.cdw10 = (cq_entries - 1) << 16 | id;
    cq.cdw11 = id << 16 | (interrupts ? 2u : 0u) | 1u;
    const nvme::Status status = admin(cq);
    if (status != nvme::Status::success) return status;
    rings_[id] = ring;
    nvme::SubmissionEntry sq;
    sq.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::create_io_sq);
    sq.prp1 = ring.sq;
    sq.cdw10 = (entries - 1) << 16 | id;
    sq.cdw11 = id << 16 | 1u;
    return admin(sq);
  }

  nvme::Status admin(nvme::SubmissionEntry entry) {
    const std::size_t before = done.size();
    entry.command_id = 0xad;
    submit(0, entry);
    timeline.run();
    check(done.size() == before + 1, "the admin command did not complete");
    last_result = done.back().entry.result;
    const auto status = static_cast<nvme::Status>(done.back().entry.code());
    done.pop_back();
    return status;
  }

  void queue(std::uint32_t id, const nvme::SubmissionEntry& entry) {
    Ring& ring = rings_[id];
    memory.at<nvme::SubmissionEntry>(ring.sq + 64ull * ring.tail) = entry;
    ring.tail = (ring.tail + 1) % ring.entries;
  }
  Response ring_doorbell(std::uint32_t id) {
    return write32(nvme::sq_tail_doorbell(id), rings_[id].tail);
  }
  void submit(std::uint32_t id, const nvme::SubmissionEntry& entry) {
    queue(id, entry);
    check(ring_doorbell(id) == Response::ok, "doorbell refused");
  }
  static nvme::SubmissionEntry io(nvme::IoOpcode opcode, std::uint64_t block, std::uint32_t blocks,
                                  std::uint16_t command_id = 0) {
    nvme::SubmissionEntry entry;
    entry.opcode = static_cast<std::uint8_t>(opcode);
    entry.namespace_id = 1;
    entry.command_id = command_id;
    entry.set_first_block(block);
    entry.cdw12 = blocks - 1;
    return entry;
  }

  /// Takes every completion of the queue off, and frees the entries unless told not to.
  void reap(std::uint32_t id) {
    Ring& ring = rings_[id];
    for (;;) {
      const auto& entry = memory.at<nvme::CompletionEntry>(ring.cq + 16ull * ring.head);
      if (entry.phase() != ring.phase) break;
      ring.head = (ring.head + 1) % ring.cq_entries;
      if (ring.head == 0) ring.phase = !ring.phase;
      done.push_back({timeline.now(), entry});
      if (on_done) on_done(id, entry);
    }
    if (free_entries) free_reaped(id);
  }
  void free_reaped(std::uint32_t id) { write32(nvme::cq_head_doorbell(id), rings_[id].head); }

  Response write32(std::uint64_t address, std::uint32_t value) {
    Access access = registers.write32(address, value);
    access.await_ready();
    return access.response();
  }
  Response write64(std::uint64_t address, std::uint64_t value) {
    Access access = registers.write64(address, value);
    access.await_ready();
    return access.response();
  }
  std::uint32_t read32(std::uint64_t address) {
    Access access = registers.read32(address);
    access.await_ready();
    return static_cast<std::uint32_t>(access.await_resume());
  }
  std::uint64_t read64(std::uint64_t address) {
    Access access = registers.read64(address);
    access.await_ready();
    return access.await_resume();
  }

  Timeline timeline;
  Memory memory;
  DirectPort memory_port{memory};
  TestMedium medium;
  MessageLog messages;
  DirectPort message_port{messages};
  Nvme drive;
  DirectPort registers;
  std::vector<Done> done;
  std::function<void(std::uint32_t, const nvme::CompletionEntry&)> on_done;
  std::uint32_t last_result = 0;
  bool free_entries = true;

 private:
  DirectPort& shared(MemoryBus* bus) {
    memory_port.share(bus);
    return memory_port;
  }
  struct Ring {
    PhysAddr sq = 0;
    PhysAddr cq = 0;
    std::uint32_t entries = 0;
    std::uint32_t cq_entries = 0;
    std::uint32_t tail = 0;
    std::uint32_t head = 0;
    bool phase = true;
  };

  void bring_up() {
    rings_[0] = {memory.allocate_contiguous(64 * 16), memory.allocate_contiguous(16 * 16), 16, 16};
    write32(nvme::kAqa, 15u << 16 | 15u);
    write64(nvme::kAsq, rings_[0].sq);
    write64(nvme::kAcq, rings_[0].cq);
    write32(nvme::kCc, nvme::kCcEnable);
    check(read32(nvme::kCsts) == nvme::kCstsReady, "the drive is not ready");
  }

  std::map<std::uint32_t, Ring> rings_;
};

}  // namespace iodrome::hw::test
