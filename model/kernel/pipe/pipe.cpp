// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/pipe/pipe.h"

#include "model/kernel/vfs/file_table.h"

namespace iodrome::kernel {

void Pipe::consume(std::uint64_t bytes) {
  check(bytes <= bytes_, "more taken from a pipe than it holds");
  bytes_ -= bytes;
  while (bytes > 0) {
    PagePart& part = parts_.front();
    if (part.bytes > bytes) {
      part.offset += static_cast<std::uint32_t>(bytes);
      part.bytes -= static_cast<std::uint32_t>(bytes);
      return;
    }
    bytes -= part.bytes;
    parts_.pop_front();
  }
}

Task<PollEvents> Pipe::poll(Sleepable&, const File& file, PollTable* table) {
  PollEvents ready = 0;
  if (file.readable) {
    if (table != nullptr) table->queue(readers_);
    if (!empty()) ready |= kPollIn;
  }
  if (file.writable) {
    if (table != nullptr) table->queue(writers_);
    if (!full()) ready |= kPollOut;
  }
  return Task<PollEvents>::ready(PollEvents{ready});
}

}  // namespace iodrome::kernel
