// SPDX-License-Identifier: Apache-2.0
#include "hw/nvme/plain_read.h"

namespace iodrome::hw {

using nvme::Status;

Nvme::PlainRead& Nvme::take_plain_read() {
  if (free_read_ == nullptr) return *plain_reads_.emplace_back(std::make_unique<PlainRead>(*this));
  return *std::exchange(free_read_, free_read_->next_free);
}

void Nvme::begin_plain_read(SubmissionQueue& queue, const nvme::SubmissionEntry& entry) {
  PlainRead& read = take_plain_read();
  read.queue = &queue;
  read.ask(entry.first_block() << block_shift_, bytes_of(entry));
  read.command_id = entry.command_id;
  read.prps = {entry.prp1, entry.prp2};
  timeline_.at(firmware_.serve(timeline_.now(), processing_time(entry)), read);
}

void Nvme::PlainRead::processed(Event* self) {
  auto& read = *static_cast<PlainRead*>(self);
  read.start(read.drive.flash_);
}

void Nvme::PlainRead::ended(Flash::Read& self) {
  auto& read = static_cast<PlainRead&>(self);
  Nvme& drive = read.drive;
  if (drive.medium_.payload_checked() && !read.queue->deleted)
    drive.deliver(read);
  else
    drive.end_plain_read(read, Status::success);
}

Activity Nvme::deliver(PlainRead& read) {
  const Status status = co_await move_payload(read.prps, read.bytes(), {true, read.first()});
  end_plain_read(read, status);
}

void Nvme::end_plain_read(PlainRead& read, Status status) {
  --in_flight_;
  if (status == Status::success) {
    ++counters_.reads;
    counters_.bytes_to_host += read.bytes();
  }
  SubmissionQueue& queue = *read.queue;
  const std::uint16_t command_id = read.command_id;
  read.next_free = std::exchange(free_read_, &read);
  report(queue, command_id, status);
}

}  // namespace iodrome::hw
