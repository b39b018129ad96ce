// SPDX-License-Identifier: Apache-2.0
// An NVMe 1.4 controller with one namespace: registers, queue pairs in host memory, commands,
// interrupts.
#pragma once
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hw/core/activity.h"
#include "hw/nvme/flash.h"
#include "hw/nvme/params.h"
#include "hw/nvme/registers.h"
#include "hw/ports.h"

namespace iodrome::hw {

/// What a drive did; for metrics and tests.
struct NvmeCounters {
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
  std::uint64_t flushes = 0;
  std::uint64_t deallocations = 0;  // Write Zeroes and Dataset Management
  std::uint64_t aborts = 0;         // commands that Abort took back
  std::uint64_t admin_commands = 0;
  std::uint64_t errors = 0;  // commands that ended with another status than success
  std::uint64_t bytes_to_host = 0;
  std::uint64_t bytes_from_host = 0;
  std::uint64_t interrupts = 0;
};

/// The drive. Its register window answers at once; commands run on the timeline.
///
/// Order: commands of one queue are fetched in order and complete in any.
/// Errors: what a host can do wrong ends as a status code, or as a Response of the register access.
class Nvme final : public Target, private Timeline::StallSource {
 public:
  /// Errors: values that NvmeParams::examine() refuses are a bug here.
  Nvme(const NvmeParams& params, Timeline& timeline, Port& memory, Port& interrupts, Medium& medium,
       DrawKey key);
  ~Nvme();

  Response access(Command command, std::uint64_t address, std::span<std::byte> data) override;

  const NvmeCounters& counters() const { return counters_; }
  /// I/O commands fetched and not yet completed.
  std::size_t in_flight() const { return in_flight_; }
  Activities& activities() { return activities_; }
  /// Behind the controller: what the cache, the dies and the translation layer are doing.
  const Flash& flash() const { return flash_; }
  /// Whether a loss of power now would leave the newest content of [first, first + bytes).
  bool durable(std::uint64_t first, std::uint64_t bytes) const {
    return flash_.durable(first, bytes);
  }

 private:
  struct SubmissionQueue {
    std::uint16_t id = 0;
    std::uint16_t completion_queue = 0;
    std::uint32_t entries = 0;
    PhysAddr base = 0;
    std::uint32_t head = 0;
    std::uint32_t tail = 0;        // last doorbell
    std::uint32_t fetch_tail = 0;  // last doorbell the controller has noticed
    bool fetching = false;
    bool deleted = false;  // the host has taken the memory back
  };
  struct CompletionQueue {
    std::uint16_t id = 0;
    std::uint16_t vector = 0;
    bool interrupts = false;
    bool deleted = false;
    bool phase = true;
    std::uint32_t entries = 0;
    PhysAddr base = 0;
    std::uint32_t head = 0;  // last doorbell
    std::uint32_t tail = 0;
    std::uint32_t users = 0;                      // submission queues that complete here
    std::uint32_t unreported = 0;                 // coalesced completions
    std::uint64_t reports = 0;                    // coalesced interrupts so far
    std::deque<nvme::CompletionEntry> backlog{};  // completions that found the queue full
  };
  struct Vector {
    std::uint64_t address = 0;
    std::uint32_t data = 0;
    bool masked = false;
    bool pending = false;
  };

  // registers.cpp
  Response read_register(std::uint64_t address, std::span<std::byte> data);
  Response write_register(std::uint64_t address, std::span<const std::byte> data);
  Response ring_doorbell(std::uint64_t address, std::uint32_t value);
  Response access_vector(Command command, std::uint64_t offset, std::span<std::byte> data);
  void configure(std::uint32_t value);
  void enable();
  Activity become_ready(std::uint64_t enable);
  void disable();

  // queues.cpp
  Activity fetch(SubmissionQueue& queue, std::uint32_t tail);
  void report(SubmissionQueue& submission, std::uint16_t command_id, nvme::Status status,
              std::uint32_t result = 0);
  Activity post(CompletionQueue& queue, nvme::CompletionEntry entry);
  Activity post_backlog(CompletionQueue& queue);
  Access write_entry(CompletionQueue& queue, nvme::CompletionEntry& entry);
  bool interrupt_due(CompletionQueue& queue);
  Activity coalesce(CompletionQueue& queue, std::uint64_t report);
  bool take_message(std::uint16_t vector);
  Activity send_again(std::uint16_t vector, Duration later);
  bool interrupt_fault(std::uint16_t vector);
  Activity send_unmasked(std::uint16_t vector);

  // io.cpp
  struct Payload {
    bool to_host = true;
    std::uint64_t medium_offset = 0;
    std::byte* buffer = nullptr;  // instead of the medium
  };
  // Where in host memory the bytes of a command lie.
  struct Prps {
    PhysAddr prp1 = 0;
    PhysAddr prp2 = 0;
  };
  struct HoldBack;
  // A command that the oracle has made the controller forget.
  struct Lost {
    SubmissionQueue* queue;
    nvme::SubmissionEntry entry;
  };
  void begin(SubmissionQueue& queue, const nvme::SubmissionEntry& entry);
  Activity execute(SubmissionQueue& queue, nvme::SubmissionEntry entry);
  nvme::Status validate(const nvme::SubmissionEntry& entry) const;
  Duration processing_time(const nvme::SubmissionEntry& entry) const;
  Task<nvme::Status> serve_write(SubmissionQueue& queue, const nvme::SubmissionEntry& entry);
  Task<nvme::Status> serve_other(const nvme::SubmissionEntry& entry);
  Task<nvme::Status> deallocate_ranges(const nvme::SubmissionEntry& entry);
  void deallocate(std::uint64_t first_block, std::uint64_t blocks);
  std::uint32_t choose_fault();
  bool injected(std::uint32_t fault, const nvme::SubmissionEntry& entry, nvme::Status& status);
  void count(const nvme::SubmissionEntry& entry);
  bool hold_back();
  void release_held_back();
  void lose(SubmissionQueue& queue, const nvme::SubmissionEntry& entry);
  Task<nvme::Status> move_payload(Prps prps, std::uint32_t bytes, Payload payload);
  Task<nvme::Status> move_page(PhysAddr host, std::uint32_t count, Payload payload);
  std::uint32_t bytes_of(const nvme::SubmissionEntry& entry) const {
    return entry.blocks() << block_shift_;
  }

  // plain_read.cpp
  struct PlainRead;
  PlainRead& take_plain_read();
  void begin_plain_read(SubmissionQueue& queue, const nvme::SubmissionEntry& entry);
  Activity deliver(PlainRead& read);
  void end_plain_read(PlainRead& read, nvme::Status status);

  // admin.cpp
  Activity execute_admin(SubmissionQueue& queue, nvme::SubmissionEntry entry);
  nvme::Status create_completion_queue(const nvme::SubmissionEntry& entry);
  nvme::Status create_submission_queue(const nvme::SubmissionEntry& entry);
  nvme::Status delete_completion_queue(std::uint16_t id);
  nvme::Status delete_submission_queue(std::uint16_t id);
  nvme::Status set_features(const nvme::SubmissionEntry& entry, std::uint32_t& result);
  bool abort(const nvme::SubmissionEntry& entry);
  Task<nvme::Status> identify(const nvme::SubmissionEntry& entry);

  void describe_stall(std::vector<StallLine>& lines) const override;

  const NvmeParams params_;
  Timeline& timeline_;
  Port& memory_;
  Port& interrupts_;
  Medium& medium_;
  int block_shift_;
  std::uint64_t blocks_;
  Flash flash_;
  Pipeline firmware_;
  Pipeline admin_;

  std::uint32_t configuration_ = 0;
  std::uint32_t status_ = 0;
  bool was_enabled_ = false;
  std::uint64_t enables_ = 0;
  std::uint32_t admin_sizes_ = 0;
  std::uint64_t admin_sq_ = 0;
  std::uint64_t admin_cq_ = 0;
  std::vector<std::unique_ptr<SubmissionQueue>> submission_;  // by queue id
  std::vector<std::unique_ptr<CompletionQueue>> completion_;
  std::vector<std::unique_ptr<SubmissionQueue>>
      old_submission_;  // deleted; commands may still refer to them
  std::vector<std::unique_ptr<CompletionQueue>> old_completion_;
  std::vector<Vector> vectors_;
  std::int64_t coalesce_count_;
  Duration coalesce_time_;
  std::size_t in_flight_ = 0;
  std::int64_t aborts_under_way_ = 0;
  std::vector<Lost> lost_;
  std::vector<std::coroutine_handle<>> held_back_;
  std::vector<std::unique_ptr<PlainRead>> plain_reads_;  // as many as have been needed at once
  PlainRead* free_read_ = nullptr;
  NvmeCounters counters_;
  Activities activities_;  // last: its frames refer to everything above
};

}  // namespace iodrome::hw
