// SPDX-License-Identifier: Apache-2.0
// A queue pair as the driver keeps it; for the driver's own files.
#pragma once
#include "model/drivers/nvme/nvme_driver.h"

namespace iodrome::drivers {

// A submission and a completion queue, and the handler of their vector if they have one.
struct NvmeDriver::Queue final : kernel::IrqAction {
  Queue(NvmeDriver& driver, std::uint32_t number, std::uint32_t size)
      : owner(driver),
        id(number),
        entries(size),
        submission(
            driver.system_.memory.allocate_contiguous(size * sizeof(hw::nvme::SubmissionEntry))),
        completion(
            driver.system_.memory.allocate_contiguous(size * sizeof(hw::nvme::CompletionEntry))) {}

  Task<void> handle(kernel::Atomic& ctx) override {
    if (id == 0) return owner.process_admin(ctx);
    return then_done(owner.process(ctx, *this));
  }

  NvmeDriver& owner;
  std::uint32_t id;
  std::uint32_t entries;
  bool interrupts = true;
  hw::PhysAddr submission;
  hw::PhysAddr completion;
  std::uint32_t tail = 0;
  std::uint32_t head = 0;
  bool phase = true;
  std::vector<hw::PhysAddr> prp_lists{};  // by tag; allocated when first needed
};

inline constexpr std::uint32_t kNvmeAdminEntries = 32;

}  // namespace iodrome::drivers
