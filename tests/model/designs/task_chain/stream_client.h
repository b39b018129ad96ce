// SPDX-License-Identifier: Apache-2.0
#pragma once
#include "model/kernel/socket/segment.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::designs::task_chain {

using namespace kernel;

/// The card, and behind it the client that keeps every byte.
struct StreamClient final : NetDriver {
  explicit StreamClient(Rig& in) : rig(in) {}
  Task<void> xmit(Atomic&, Segment& segment) override {
    for (const PagePart& part : segment.parts) {
      const std::span<std::byte> bytes =
          rig.memory.bytes(part.page->address + part.offset, part.bytes);
      stream.insert(stream.end(), bytes.begin(), bytes.end());
    }
    co_return;
  }
  Rig& rig;
  std::vector<std::byte> stream;
};

}  // namespace iodrome::designs::task_chain
