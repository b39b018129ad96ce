// SPDX-License-Identifier: Apache-2.0
// Fetching submissions, posting completions, sending interrupts.
#include "hw/nvme/nvme.h"

namespace iodrome::hw {
namespace {

// Trying again helps where the transfer or the controller failed, not where the command is wrong or
// the medium has lost its data.
bool final_status(nvme::Status status) {
  return status != nvme::Status::success && status != nvme::Status::data_transfer_error &&
         status != nvme::Status::abort_requested;
}

}  // namespace

// Any number of doorbells may be on their way; the first to arrive fetches until nothing is left.
Activity Nvme::fetch(SubmissionQueue& queue, std::uint32_t tail) {
  co_await pause_for(timeline_, params_.doorbell_flight + params_.command_fetch);
  // The oracle may lose the doorbell: the queue is stuck until the next one.
  if (timeline_.choices().choose(Choice::fault, 2, "nvme.doorbell") != 0) co_return;
  queue.fetch_tail = tail;
  if (queue.fetching) co_return;
  queue.fetching = true;
  while (queue.head != queue.fetch_tail && !queue.deleted) {
    nvme::SubmissionEntry entry;
    Access access = memory_.read(queue.base + sizeof entry * queue.head,
                                 std::as_writable_bytes(std::span{&entry, 1}));
    co_await access;
    if (access.response() != Response::ok) {
      status_ |= nvme::kCstsFatal;
      break;
    }
    queue.head = queue.head + 1 == queue.entries ? 0 : queue.head + 1;
    if (queue.id == 0) {
      execute_admin(queue, entry);
    } else {
      ++in_flight_;
      begin(queue, entry);
    }
  }
  queue.fetching = false;
}

void Nvme::report(SubmissionQueue& submission, std::uint16_t command_id, nvme::Status status,
                  std::uint32_t result) {
  if (submission.deleted) return;
  if (status != nvme::Status::success) ++counters_.errors;
  CompletionQueue& queue = *completion_[submission.completion_queue];
  nvme::CompletionEntry completion;
  completion.result = result;
  completion.sq_head = static_cast<std::uint16_t>(submission.head);
  completion.sq_id = submission.id;
  completion.command_id = command_id;
  completion.status = static_cast<std::uint16_t>(static_cast<unsigned>(status) << 1);
  if (final_status(status)) completion.status |= 0x8000;
  const std::uint32_t next = queue.tail + 1 == queue.entries ? 0 : queue.tail + 1;
  if (next == queue.head || !queue.backlog.empty())
    queue.backlog.push_back(completion);
  else
    post(queue, completion);
}

// The slot is taken at once, so that entries keep their order however long the writes take.
Access Nvme::write_entry(CompletionQueue& queue, nvme::CompletionEntry& entry) {
  if (queue.phase) entry.status |= 1;
  const PhysAddr address = queue.base + sizeof entry * queue.tail;
  if (++queue.tail == queue.entries) {
    queue.tail = 0;
    queue.phase = !queue.phase;
  }
  return memory_.write(address, std::as_writable_bytes(std::span{&entry, 1}));
}

Activity Nvme::post(CompletionQueue& queue, nvme::CompletionEntry entry) {
  Access access = write_entry(queue, entry);
  co_await access;
  if (access.response() != Response::ok) status_ |= nvme::kCstsFatal;
  if (!interrupt_due(queue)) co_return;
  if (timeline_.choices().exploring() && interrupt_fault(queue.vector)) co_return;
  co_await pause_for(timeline_, params_.notification_delay + params_.msi_flight);
  if (take_message(queue.vector)) {
    const Vector& vector = vectors_[queue.vector];
    co_await interrupts_.write32(vector.address, vector.data);
  }
}

Activity Nvme::post_backlog(CompletionQueue& queue) {
  co_await pause_for(timeline_, params_.doorbell_flight);
  while (!queue.backlog.empty() && !queue.deleted) {
    const std::uint32_t next = queue.tail + 1 == queue.entries ? 0 : queue.tail + 1;
    if (next == queue.head) co_return;
    const nvme::CompletionEntry entry = queue.backlog.front();
    queue.backlog.pop_front();
    post(queue, entry);
  }
}

bool Nvme::interrupt_due(CompletionQueue& queue) {
  if (!queue.interrupts) return false;
  if (coalesce_count_ < 2 || queue.id == 0) return true;
  if (++queue.unreported >= coalesce_count_) {
    queue.unreported = 0;
    ++queue.reports;
    return true;
  }
  if (queue.unreported == 1) coalesce(queue, queue.reports);
  return false;
}

Activity Nvme::coalesce(CompletionQueue& queue, std::uint64_t report) {
  co_await pause_for(timeline_, coalesce_time_);
  if (queue.deleted || queue.reports != report || queue.unreported == 0) co_return;
  queue.unreported = 0;
  ++queue.reports;
  if (timeline_.choices().exploring() && interrupt_fault(queue.vector)) co_return;
  co_await pause_for(timeline_, params_.notification_delay + params_.msi_flight);
  if (take_message(queue.vector)) {
    const Vector& vector = vectors_[queue.vector];
    co_await interrupts_.write32(vector.address, vector.data);
  }
}

// A masked vector keeps one message pending, however many were due.
bool Nvme::take_message(std::uint16_t number) {
  Vector& vector = vectors_[number];
  vector.pending = vector.masked;
  if (!vector.masked) ++counters_.interrupts;
  return !vector.masked;
}

// What the oracle may do to a message; true if this one is not to be sent.
bool Nvme::interrupt_fault(std::uint16_t vector) {
  enum : std::uint32_t { kNone, kLost, kLate, kTwice, kKinds };
  const std::uint32_t fault = timeline_.choices().choose(Choice::fault, kKinds, "nvme.interrupt");
  if (fault == kLate) send_again(vector, params_.late_interrupt);
  if (fault == kTwice) send_again(vector, params_.notification_delay + params_.msi_flight);
  return fault == kLost || fault == kLate;
}

Activity Nvme::send_again(std::uint16_t number, Duration later) {
  co_await pause_for(timeline_, later);
  if (!take_message(number)) co_return;
  const Vector& vector = vectors_[number];
  co_await interrupts_.write32(vector.address, vector.data);
}

Activity Nvme::send_unmasked(std::uint16_t number) {
  co_await pause_for(timeline_, params_.msi_flight);
  if (!vectors_[number].pending || !take_message(number)) co_return;
  const Vector& vector = vectors_[number];
  co_await interrupts_.write32(vector.address, vector.data);
}

}  // namespace iodrome::hw
