// SPDX-License-Identifier: Apache-2.0
// A read that nothing goes wrong with: most commands of most runs.
#pragma once
#include "hw/nvme/nvme.h"

namespace iodrome::hw {

// An object of three cache lines, used again and again, where execute()'s frame has a dozen: with
// thousands of commands in flight each line is one that the host's caches do not hold.
struct Nvme::PlainRead final : Event, Flash::Read, Pooled {
  explicit PlainRead(Nvme& its_drive)
      : Event{&PlainRead::processed}, Read(&PlainRead::ended), drive(its_drive) {}
  static void processed(Event* self);
  static void ended(Flash::Read& self);

  Nvme& drive;
  SubmissionQueue* queue = nullptr;
  std::uint16_t command_id = 0;
  Prps prps;
  PlainRead* next_free = nullptr;
};

}  // namespace iodrome::hw
