// SPDX-License-Identifier: Apache-2.0
// Fetching submissions, posting completions, sending interrupts.
#include "hw/nvme/nvme.h"

namespace iodrome::hw {

// Any number of doorbells may be on their way; the first to arrive fetches until nothing is left.
Activity Nvme::fetch(SubmissionQueue& queue, std::uint32_t tail) {
  co_await pause_for(timeline_, params_.doorbell_flight + params_.command_fetch);
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
      execute(queue, entry);
    }
  }
  queue.fetching = false;
}

void Nvme::report(SubmissionQueue& submission, const nvme::SubmissionEntry& entry,
                  nvme::Status status, std::uint32_t result) {
  if (submission.deleted) return;
  if (status != nvme::Status::success) ++counters_.errors;
  CompletionQueue& queue = *completion_[submission.completion_queue];
  nvme::CompletionEntry completion;
  completion.result = result;
  completion.sq_head = static_cast<std::uint16_t>(submission.head);
  completion.sq_id = submission.id;
  completion.command_id = entry.command_id;
  completion.status = static_cast<std::uint16_t>(static_cast<unsigned>(status) << 1);
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
  if (params_.coalesce_count < 2) return true;
  if (++queue.unreported >= params_.coalesce_count) {
    queue.unreported = 0;
    ++queue.reports;
    return true;
  }
  if (queue.unreported == 1) coalesce(queue, queue.reports);
  return false;
}

Activity Nvme::coalesce(CompletionQueue& queue, std::uint64_t report) {
  co_await pause_for(timeline_, params_.coalesce_time);
  if (queue.deleted || queue.reports != report || queue.unreported == 0) co_return;
  queue.unreported = 0;
  ++queue.reports;
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

Activity Nvme::send_unmasked(std::uint16_t number) {
  co_await pause_for(timeline_, params_.msi_flight);
  if (!vectors_[number].pending || !take_message(number)) co_return;
  const Vector& vector = vectors_[number];
  co_await interrupts_.write32(vector.address, vector.data);
}

}  // namespace iodrome::hw
