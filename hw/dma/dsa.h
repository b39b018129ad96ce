// SPDX-License-Identifier: Apache-2.0
// A data streaming accelerator: work queues and engines in groups, batches, completion records.
#pragma once
#include <coroutine>
#include <deque>
#include <vector>

#include "hw/core/activity.h"
#include "hw/core/fifo.h"
#include "hw/dma/dsa_params.h"
#include "hw/dma/dsa_registers.h"
#include "hw/ports.h"

namespace iodrome::hw {

/// What a device did; for metrics and tests.
struct DsaCounters {
  std::uint64_t descriptors = 0;  // batches and what is in them
  std::uint64_t batches = 0;
  std::uint64_t bytes = 0;  // done
  std::uint64_t retries = 0;
  std::uint64_t dropped = 0;  // posted, and no room
  std::uint64_t page_faults = 0;
  std::uint64_t interrupts = 0;
};

/// The device. Its register window answers at once; descriptors run on the timeline.
///
/// Order: descriptors of a group begin in the order of their arrival, whatever their queue, and end
/// in any.
/// Errors: what a descriptor asks wrongly is told in its record.
class Dsa final : public Target, private Timeline::StallSource {
 public:
  /// Without `payload_checked` every time is kept and no byte is looked at: comparisons find no
  /// difference, and a CRC is 0.
  /// Errors: values that DsaParams::examine() refuses are a bug here.
  Dsa(const DsaParams& params, Timeline& timeline, Port& memory, Port& interrupts,
      bool payload_checked);

  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;

  const DsaCounters& counters() const { return counters_; }
  Activities& activities() { return activities_; }

 private:
  // A batch that waits for the end of descriptors.
  struct Batch {
    std::uint32_t outstanding = 0;
    std::uint32_t carried_out = 0;
    bool failed = false;
    std::coroutine_handle<> waiter;
  };
  struct Work {
    dsa::Descriptor descriptor;
    std::uint32_t queue = 0;
    std::uint32_t epoch = 0;
    Batch* batch = nullptr;
  };
  struct Queue {
    std::uint32_t config = 0;
    std::uint32_t used = 0;
    std::uint32_t size() const { return config & 0xff; }
    std::uint32_t threshold() const { return config >> 8 & 0xff; }
    std::uint32_t group() const { return config >> 16 & 0xf; }
    bool dedicated() const { return (config & dsa::kWqDedicated) != 0; }
  };
  struct Engine {
    std::uint32_t group = 0;
    std::int64_t at_work = 0;
    SimTime next{};
  };
  struct Group {
    std::deque<Work> pending;
    bool planned = false;  // somebody comes to look when an engine may take the next one
  };
  struct Vector {
    std::uint64_t address = 0;
    std::uint32_t data = 0;
  };
  // Waits until nothing of a batch is outstanding.
  struct AllEnded {
    Batch& batch;
    bool await_ready() const { return batch.outstanding == 0; }
    void await_suspend(std::coroutine_handle<> waiter) const { batch.waiter = waiter; }
    void await_resume() const noexcept {}
  };

  // dsa_window.cpp
  Response read_register(std::uint64_t address, std::span<std::byte> data) const;
  Response write_register(std::uint64_t address, std::span<const std::byte> data);
  Response access_vector(Command command, std::uint64_t offset, std::span<std::byte> data);
  Response configure(std::uint64_t address, std::uint32_t value);
  Response submit(std::uint64_t offset, std::span<const std::byte> data);
  std::uint32_t entries_given() const;
  void write_control(std::uint32_t value);

  // dsa.cpp
  Activity arrive(Work work);
  void dispatch(Group& group);
  Activity dispatch_at(Group& group, SimTime time);
  Activity run(Group& group, Engine& engine, Work work);
  Activity run_batch(Group& group, Engine& engine, Work work);
  dsa::Status examine(const Work& work) const;
  Task<void> finish(const Work& work, dsa::Record record);
  void leave(Group& group, Engine& engine);
  Activity send_message(std::uint16_t handle);

  // dsa_operations.cpp
  Task<dsa::Record> carry_out(const dsa::Descriptor& descriptor);
  Task<void> carry_piece(const dsa::Descriptor& descriptor, std::uint32_t offset,
                         std::uint32_t bytes, dsa::Record& record);
  std::uint32_t piece_at(const dsa::Descriptor& descriptor, std::uint32_t offset) const;
  std::uint32_t faulting_piece(const dsa::Descriptor& descriptor);
  void note_fault(dsa::Record& record, PhysAddr at);
  Task<bool> read_piece(PhysAddr at, std::vector<std::byte>& to, dsa::Record& record);
  Task<bool> write_piece(PhysAddr at, std::vector<std::byte>& from, dsa::Record& record);

  void describe_stall(std::vector<StallLine>& lines) const override;

  const DsaParams params_;
  Timeline& timeline_;
  Port& memory_;
  Port& interrupts_;
  const bool payload_checked_;
  Bus bus_;
  bool enabled_ = false;
  std::uint32_t software_error_ = 0;
  std::uint32_t epoch_ = 0;  // counts disablings; what began before one ends silently
  std::vector<Queue> queues_;
  std::vector<Engine> engines_;
  std::vector<Group> groups_;
  std::vector<Vector> vectors_;
  DsaCounters counters_;
  Activities activities_;  // last: its frames refer to everything above
};

}  // namespace iodrome::hw
