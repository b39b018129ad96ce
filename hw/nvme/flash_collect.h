// SPDX-License-Identifier: Apache-2.0
// What garbage collection waits for.
#pragma once
#include "hw/nvme/flash.h"

namespace iodrome::hw {

/// Operations that are awaited together.
struct Flash::Batch {
  std::size_t left = 0;
  std::coroutine_handle<> waiter{};

  bool await_ready() const noexcept { return left == 0; }
  void await_suspend(std::coroutine_handle<> handle) { waiter = handle; }
  void await_resume() const noexcept {}
  void end_one() {
    if (--left == 0) waiter.resume();
  }
};

struct Flash::CollectRead : Operation {
  Batch* batch = nullptr;
  std::uint32_t bytes = 0;
  std::uint64_t page = 0;
};

struct Flash::Erase : Operation {
  Batch* batch = nullptr;
};

}  // namespace iodrome::hw
