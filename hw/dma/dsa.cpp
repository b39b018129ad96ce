// SPDX-License-Identifier: Apache-2.0
// How descriptors come to engines, and how their ends are told.
#include "hw/dma/dsa.h"

#include <algorithm>
#include <string>

#include "hw/core/examined.h"
#include "hw/core/message_fault.h"
#include "model/engine/check.h"

namespace iodrome::hw {

using dsa::Opcode;
using dsa::Status;

namespace {

dsa::Record record_of(Status status) {
  dsa::Record record;
  record.status = static_cast<std::uint8_t>(status);
  return record;
}

}  // namespace

Dsa::Dsa(const DsaParams& params, Timeline& timeline, Port& memory, Port& interrupts,
         bool payload_checked)
    : params_(examined(params)),
      timeline_(timeline),
      memory_(memory),
      interrupts_(interrupts),
      payload_checked_(payload_checked),
      bus_(params.rate),
      queues_(static_cast<std::size_t>(params.work_queues)),
      engines_(static_cast<std::size_t>(params.engines)),
      groups_(static_cast<std::size_t>(params.engines)),
      vectors_(dsa::kHandles) {
  timeline.watch(*this);
}

Activity Dsa::arrive(Work work) {
  co_await pause_for(timeline_, params_.portal_flight);
  if (work.epoch != epoch_) co_return;
  Group& group = groups_[queues_[work.queue].group()];
  group.pending.push_back(work);
  dispatch(group);
}

// A descriptor leaves its queue when an engine takes it: the one that could do so first.
void Dsa::dispatch(Group& group) {
  while (!group.pending.empty()) {
    Engine* first = nullptr;
    for (Engine& engine : engines_) {
      const bool mine = &groups_[engine.group] == &group;
      if (!mine || engine.at_work >= params_.engine_slots) continue;
      if (first == nullptr || engine.next < first->next) first = &engine;
    }
    if (first == nullptr) return;
    if (first->next > timeline_.now()) {
      if (!std::exchange(group.planned, true)) dispatch_at(group, first->next);
      return;
    }
    const Work work = group.pending.front();
    group.pending.pop_front();
    first->next = timeline_.now() + params_.descriptor_interval;
    ++first->at_work;
    if (work.batch == nullptr) --queues_[work.queue].used;
    if (work.descriptor.opcode() == Opcode::batch)
      run_batch(group, *first, work);
    else
      run(group, *first, work);
  }
}

Activity Dsa::dispatch_at(Group& group, SimTime time) {
  co_await pause_until(timeline_, time);
  group.planned = false;
  dispatch(group);
}

void Dsa::leave(Group& group, Engine& engine) {
  --engine.at_work;
  dispatch(group);
}

Status Dsa::examine(const Work& work) const {
  const dsa::Descriptor& descriptor = work.descriptor;
  switch (descriptor.opcode()) {
    case Opcode::nop:
      return Status::success;
    case Opcode::batch: {
      if (work.batch != nullptr) return Status::bad_opcode;
      const bool legal = descriptor.size >= 2 && descriptor.size <= params_.max_batch;
      return legal ? Status::success : Status::invalid_count;
    }
    case Opcode::memmove:
    case Opcode::fill:
    case Opcode::compare:
    case Opcode::compare_pattern:
    case Opcode::dualcast:
    case Opcode::crc:
    case Opcode::copy_crc: {
      const bool legal = descriptor.size >= 1 && descriptor.size <= params_.max_transfer;
      return legal ? Status::success : Status::invalid_size;
    }
  }
  return Status::bad_opcode;
}

Activity Dsa::run(Group& group, Engine& engine, Work work) {
  co_await pause_for(timeline_, params_.descriptor_latency);
  const Status legal = examine(work);
  dsa::Record record = record_of(legal);
  if (legal == Status::success && work.descriptor.opcode() != Opcode::nop && work.epoch == epoch_)
    record = co_await carry_out(work.descriptor);
  leave(group, engine);
  co_await finish(work, record);
}

// The engine only fetches; what was fetched stands in the group's line as any other descriptor.
Activity Dsa::run_batch(Group& group, Engine& engine, Work work) {
  co_await pause_for(timeline_, params_.batch_fetch);
  leave(group, engine);
  const Status legal = examine(work);
  dsa::Record record = record_of(legal);
  if (legal == Status::success) {
    ++counters_.batches;
    std::vector<dsa::Descriptor> list(work.descriptor.size);
    Access fetch = memory_.read(work.descriptor.source, std::as_writable_bytes(std::span{list}));
    co_await fetch;
    const bool there = fetch.response() == Response::ok;
    if (!there) note_fault(record, work.descriptor.source);
    Batch batch;
    for (std::size_t i = 0; there && i < list.size(); ++i) {
      if ((list[i].flags_opcode & dsa::kFence) != 0) {
        co_await AllEnded{batch};
        if (batch.failed) break;  // what stands behind the fence relies on what stands before it
      }
      if (work.epoch != epoch_) break;
      ++batch.outstanding;
      group.pending.push_back({list[i], work.queue, work.epoch, &batch});
      dispatch(group);
    }
    co_await AllEnded{batch};
    if (batch.failed) record = record_of(Status::batch_failed);
    record.bytes = batch.carried_out;
  }
  co_await finish(work, record);
}

// The record, the message, and the batch that waits. A failure is recorded whoever asked.
Task<void> Dsa::finish(const Work& work, dsa::Record record) {
  const dsa::Descriptor& descriptor = work.descriptor;
  const bool success = record.status == static_cast<std::uint8_t>(Status::success);
  const bool wanted = !success || (descriptor.flags_opcode & dsa::kRecordRequested) != 0;
  if (wanted && (descriptor.flags_opcode & dsa::kRecordValid) != 0) {
    co_await pause_for(timeline_, params_.completion_write);
    if (work.epoch == epoch_) {
      Access write =
          memory_.write(descriptor.record, std::as_writable_bytes(std::span{&record, 1}));
      co_await write;
    }
  }
  if (work.epoch == epoch_) {
    ++counters_.descriptors;
    if ((descriptor.flags_opcode & dsa::kInterrupt) != 0) send_message(descriptor.handle);
  }
  if (work.batch == nullptr) co_return;
  Batch& batch = *work.batch;
  ++batch.carried_out;
  batch.failed = batch.failed || !success;
  if (--batch.outstanding == 0)
    if (const auto waiter = std::exchange(batch.waiter, {})) waiter.resume();
}

// The oracle may lose it, or send it twice.
Activity Dsa::send_message(std::uint16_t handle) {
  if (handle >= vectors_.size()) co_return;
  const int messages = messages_sent(timeline_, "dsa.message");
  for (int message = 0; message < messages; ++message) {
    co_await pause_for(timeline_, params_.msi_flight);
    ++counters_.interrupts;
    co_await interrupts_.write32(vectors_[handle].address, vectors_[handle].data);
  }
}

void Dsa::describe_stall(std::vector<StallLine>& lines) const {
  std::size_t waiting = 0;
  for (const Group& group : groups_) waiting += group.pending.size();
  if (waiting != 0)
    lines.push_back({"dsa", std::to_string(waiting) + " descriptors that no engine has taken"});
}

}  // namespace iodrome::hw
