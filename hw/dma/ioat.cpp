// SPDX-License-Identifier: Apache-2.0
// How descriptors run.
#include "hw/dma/ioat.h"

#include <string>

#include "hw/core/examined.h"
#include "hw/core/message_fault.h"
#include "model/engine/check.h"

namespace iodrome::hw {

Ioat::Ioat(const IoatParams& params, Timeline& timeline, Port& memory, Port& interrupts,
           bool payload_checked)
    : params_(examined(params)),
      timeline_(timeline),
      memory_(memory),
      interrupts_(interrupts),
      payload_checked_(payload_checked),
      bus_(params.rate),
      channels_(static_cast<std::size_t>(params.channels)) {
  timeline.watch(*this);
}

// Any number of counts may be on their way; they arrive in order.
Activity Ioat::notice(Channel& channel, std::uint16_t count, std::uint32_t epoch) {
  co_await pause_for(timeline_, params_.doorbell_flight);
  if (channel.epoch != epoch) co_return;
  // Under exploration one may overtake another, which then tells nothing new.
  if (static_cast<std::int16_t>(count - channel.noticed) > 0) channel.noticed = count;
  if (!channel.running && !channel.halted && channel.done != channel.noticed) run(channel, epoch);
}

// The set-up of a descriptor goes on while the one before it is copied, if it was known by then.
Activity Ioat::run(Channel& channel, std::uint32_t epoch) {
  channel.running = true;
  SimTime ready = timeline_.now() + params_.descriptor_setup;
  while (!channel.halted && channel.done != channel.noticed) {
    co_await pause_until(timeline_, ready);
    if (channel.epoch != epoch) co_return;
    const PhysAddr at = channel.next;
    ioat::Descriptor descriptor;
    Access access = memory_.read(at, std::as_writable_bytes(std::span{&descriptor, 1}));
    co_await access;
    if (channel.epoch != epoch) co_return;
    const bool known = static_cast<std::uint16_t>(channel.noticed - channel.done) > 1;
    const SimTime start = timeline_.now();
    std::uint32_t error =
        access.response() != Response::ok ? ioat::kErrorNext : examine(descriptor);
    if (error == 0 && (descriptor.control & ioat::kNull) == 0) {
      co_await pause_until(timeline_, memory_.pass(start, bus_.take(start, descriptor.size),
                                                   2 * std::int64_t{descriptor.size}));
      if (channel.epoch != epoch) co_return;
      error = co_await transfer(channel, descriptor);
      if (channel.epoch != epoch) co_return;
    }
    if (error != 0) co_return halt(channel, error);
    ended(channel, at, descriptor);
    ready = (known ? start : timeline_.now()) + params_.descriptor_setup;
  }
  channel.running = false;
}

std::uint32_t Ioat::examine(const ioat::Descriptor& descriptor) const {
  if ((descriptor.control >> 24) != 0) return ioat::kErrorControl;
  if ((descriptor.control & ioat::kNull) != 0) return 0;
  const bool legal = descriptor.size >= 1 && descriptor.size <= params_.max_transfer;
  return legal ? 0 : ioat::kErrorLength;
}

// Returns bits of CHANERR.
Task<std::uint32_t> Ioat::transfer(Channel& channel, const ioat::Descriptor& descriptor) {
  const std::uint32_t fault = timeline_.choices().choose(Choice::fault, 3, "ioat.transfer");
  if (fault != 0) co_return fault == 1 ? ioat::kErrorReadData : ioat::kErrorWriteData;
  if (!payload_checked_) co_return 0;
  channel.staging.resize(descriptor.size);
  Access read = memory_.read(descriptor.source, channel.staging);
  co_await read;
  if (read.response() != Response::ok) co_return ioat::kErrorSource;
  Access write = memory_.write(descriptor.destination, channel.staging);
  co_await write;
  co_return write.response() == Response::ok ? 0 : ioat::kErrorDestination;
}

void Ioat::ended(Channel& channel, PhysAddr at, const ioat::Descriptor& descriptor) {
  const bool null = (descriptor.control & ioat::kNull) != 0;
  ++(null ? counters_.nulls : counters_.copies);
  if (!null) counters_.bytes += descriptor.size;
  channel.last = at;
  channel.next = descriptor.next;
  ++channel.done;
  const bool interrupt = (descriptor.control & ioat::kInterrupt) != 0;
  if (interrupt || (descriptor.control & ioat::kCompletionWrite) != 0)
    report(channel, channel.epoch, status(channel), interrupt);
}

void Ioat::halt(Channel& channel, std::uint32_t error) {
  ++counters_.errors;
  channel.error |= error;
  channel.halted = true;
  channel.running = false;
  const bool interrupt = (channel.control & ioat::kCtrlErrorInterrupt) != 0;
  if ((channel.control & ioat::kCtrlErrorCompletion) != 0)
    report(channel, channel.epoch, status(channel), interrupt);
  else if (interrupt)
    send_message(channel);
}

// Posted writes keep their order: memory never goes back to an older status. Under exploration one
// of the same instant may overtake another, which then has nothing new to tell.
Activity Ioat::report(Channel& channel, std::uint32_t epoch, std::uint64_t status, bool interrupt) {
  const std::uint64_t number = ++channel.reports;
  co_await pause_for(timeline_, params_.completion_write);
  if (channel.epoch != epoch) co_return;
  if (number > channel.reported) {
    channel.reported = number;
    Access access = memory_.write64(channel.completion, status);
    co_await access;
    if (access.response() != Response::ok) {
      channel.error |= ioat::kErrorCompletion;
      channel.halted = true;
    }
  }
  if (interrupt) send_message(channel);
}

// One message tells of all that ended until it leaves. The oracle may lose or double it.
Activity Ioat::send_message(Channel& channel) {
  if (channel.message_due) co_return;
  channel.message_due = true;
  co_await pause_for(timeline_, interrupt_delay_ * 1us);
  channel.message_due = false;
  const int messages = messages_sent(timeline_, "ioat.message");
  for (int message = 0; message < messages; ++message) {
    co_await pause_for(timeline_, params_.msi_flight);
    ++counters_.interrupts;
    co_await interrupts_.write32(channel.message_address, channel.message_data);
  }
}

void Ioat::describe_stall(std::vector<StallLine>& lines) const {
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const std::string who = "ioat channel " + std::to_string(i);
    if (channels_[i].halted) lines.push_back({who, "a reset: it has halted"});
    if (channels_[i].running) lines.push_back({who, "a descriptor in progress"});
  }
}

}  // namespace iodrome::hw
