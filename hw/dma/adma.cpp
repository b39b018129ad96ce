// SPDX-License-Identifier: Apache-2.0
// How chains run.
#include "hw/dma/adma.h"

#include <algorithm>
#include <string>

#include "hw/core/examined.h"
#include "hw/core/message_fault.h"
#include "model/engine/check.h"

namespace iodrome::hw {

Adma::Adma(const AdmaParams& params, Timeline& timeline, Port& memory, Port& interrupts,
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

Activity Adma::notice(Channel& channel, std::uint32_t control, std::uint32_t epoch) {
  co_await pause_for(timeline_, params_.doorbell_flight);
  if (channel.epoch != epoch) co_return;
  channel.control |= control;
  if (!channel.running && !channel.halted) run(channel, epoch);
}

// The next word of a descriptor is read with the rest of it, before its work.
Activity Adma::run(Channel& channel, std::uint32_t epoch) {
  channel.running = true;
  for (;;) {
    if (channel.next == 0) {
      const bool goes_on = co_await resumed(channel, epoch);
      if (channel.epoch != epoch) co_return;
      if (!goes_on) break;
    }
    co_await pause_for(timeline_, params_.descriptor_fetch);
    if (channel.epoch != epoch) co_return;
    channel.current = channel.next;
    adma::Descriptor descriptor;
    Access fetch = memory_.read(channel.current, std::as_writable_bytes(std::span{&descriptor, 1}));
    co_await fetch;
    if (channel.epoch != epoch) co_return;
    if (fetch.response() != Response::ok || !legal(descriptor)) co_return halt(channel);
    const std::int64_t bytes = bus_bytes(descriptor);
    if (bytes > 0) {
      const SimTime now = timeline_.now();
      co_await pause_until(timeline_, memory_.pass(now, bus_.take(now, bytes), bytes));
    }
    if (channel.epoch != epoch) co_return;
    counters_.bus_bytes += static_cast<std::uint64_t>(bytes);
    const bool done = co_await carry_out(channel, descriptor);
    if (channel.epoch != epoch) co_return;
    if (!done) co_return halt(channel);
    if ((descriptor.control & adma::kStatusWriteBack) != 0) {
      co_await pause_for(timeline_, params_.completion_write);
      if (channel.epoch != epoch) co_return;
      Access back = memory_.write32(channel.current + offsetof(adma::Descriptor, count),
                                    descriptor.count | adma::kComplete);
      co_await back;
      if (channel.epoch != epoch) co_return;
    }
    ++counters_.descriptors;
    channel.next = descriptor.next;
    if ((descriptor.control & adma::kInterrupt) != 0) raise(channel, adma::kStatusEndOfTransfer);
  }
  channel.running = false;
  raise(channel, adma::kStatusEndOfChain);
}

// At the end of the chain: whether the host has lengthened it. An idle channel that was never
// started has no descriptor whose next word it could read.
Task<bool> Adma::resumed(Channel& channel, std::uint32_t epoch) {
  while ((channel.control & adma::kControlResume) != 0 && channel.current != 0) {
    channel.control &= ~adma::kControlResume;
    co_await pause_for(timeline_, params_.descriptor_fetch);
    if (channel.epoch != epoch) co_return false;
    PhysAddr next = 0;
    Access word = memory_.read(channel.current + offsetof(adma::Descriptor, next),
                               std::as_writable_bytes(std::span{&next, 1}));
    co_await word;
    if (channel.epoch != epoch) co_return false;
    channel.next = next;
    if (next == 0) continue;
    ++counters_.resumed;
    co_return true;
  }
  co_return false;
}

bool Adma::legal(const adma::Descriptor& descriptor) const {
  const std::uint32_t bytes = descriptor.count & adma::kCountMask;
  if (bytes > params_.max_transfer) return false;
  const bool fill = (descriptor.control & adma::kBlockFill) != 0;
  const bool check = (descriptor.control & adma::kZeroResult) != 0;
  return !(fill && check) && adma::sources_of(descriptor.control) <= params_.max_sources;
}

// Every source is read once, the destination written once.
std::int64_t Adma::bus_bytes(const adma::Descriptor& descriptor) const {
  const std::int64_t bytes = descriptor.count & adma::kCountMask;
  if ((descriptor.control & adma::kBlockFill) != 0) return bytes;
  const bool writes = (descriptor.control & adma::kZeroResult) == 0;
  return bytes * (adma::sources_of(descriptor.control) + (writes ? 1 : 0));
}

// False: the bus has failed. Nothing was written then.
Task<bool> Adma::carry_out(Channel& channel, adma::Descriptor& descriptor) {
  const std::uint32_t bytes = descriptor.count & adma::kCountMask;
  descriptor.count = bytes;
  if (bytes == 0) co_return true;
  if (timeline_.choices().choose(Choice::fault, 2, "adma.transfer") != 0) co_return false;
  if (!payload_checked_) co_return true;
  channel.sum.assign(bytes, std::byte{0});
  if ((descriptor.control & adma::kBlockFill) != 0) {
    for (std::uint32_t i = 0; i < bytes; ++i)
      channel.sum[i] = static_cast<std::byte>(descriptor.fill >> 8 * (i % 4));
  } else {
    const bool read = co_await add_sources(channel, descriptor, bytes);
    if (!read) co_return false;
  }
  if ((descriptor.control & adma::kZeroResult) != 0) {
    const bool zero = std::all_of(channel.sum.begin(), channel.sum.end(),
                                  [](std::byte one) { return one == std::byte{0}; });
    if (!zero) descriptor.count |= adma::kZeroResultError;
    co_return true;
  }
  Access write = memory_.write(descriptor.destination, channel.sum);
  co_await write;
  co_return write.response() == Response::ok;
}

Task<bool> Adma::add_sources(Channel& channel, const adma::Descriptor& descriptor,
                             std::uint32_t bytes) {
  channel.source.resize(bytes);
  const std::uint32_t sources = adma::sources_of(descriptor.control);
  for (std::uint32_t source = 0; source < sources; ++source) {
    Access read = memory_.read(descriptor.sources[source], channel.source);
    co_await read;
    if (read.response() != Response::ok) co_return false;
    for (std::uint32_t i = 0; i < bytes; ++i) channel.sum[i] ^= channel.source[i];
  }
  co_return true;
}

void Adma::halt(Channel& channel) {
  ++counters_.errors;
  channel.halted = true;
  channel.running = false;
  raise(channel, adma::kStatusError);
}

// One message when the first of its bits rises; who clears them must look afterwards.
void Adma::raise(Channel& channel, std::uint32_t bits) {
  const bool first = (channel.status & adma::kStatusEvents) == 0;
  channel.status |= bits;
  if (first) send_message(channel);
}

// The oracle may lose it, or send it twice.
Activity Adma::send_message(Channel& channel) {
  const int messages = messages_sent(timeline_, "adma.message");
  for (int message = 0; message < messages; ++message) {
    co_await pause_for(timeline_, params_.msi_flight);
    ++counters_.interrupts;
    co_await interrupts_.write32(channel.message_address, channel.message_data);
  }
}

void Adma::describe_stall(std::vector<StallLine>& lines) const {
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const std::string who = "adma channel " + std::to_string(i);
    if (channels_[i].halted) lines.push_back({who, "to be disabled: it has halted"});
    if (channels_[i].running) lines.push_back({who, "a descriptor in progress"});
  }
}

}  // namespace iodrome::hw
