// SPDX-License-Identifier: Apache-2.0
// A CPU as one provider among others: every operation, in software.
#pragma once
#include <optional>

#include "model/kernel/dmaengine/cpu_operation.h"
#include "model/kernel/kthread/kthread.h"
#include "model/providers/provider.h"

namespace iodrome::providers {

/// Where the work is done. In the caller, `submit` returns when it is done, `done` has run in its
/// context, and nothing is ever queued. In a thread, jobs wait for it FIFO, and `done` runs there.
enum class CpuQueue : std::uint8_t { caller, kthread };

/// Carries a job out in this context, for the time that it takes.
Task<void> carry_out(kernel::Atomic& ctx, const kernel::SoftwareDmaRates& rates, Job& job);

class CpuProvider final : public Provider {
 public:
  /// It publishes `rates`, and the cold copy rate, as they are, and copy_call as its fixed cost.
  CpuProvider(kernel::System& system, const kernel::SoftwareDmaRates& rates, CpuQueue queue,
              std::uint32_t queue_limit);
  ~CpuProvider() override;

 private:
  struct Piece;
  Task<Errno> start(kernel::Atomic& ctx, Job& job) override;

  const kernel::SoftwareDmaRates rates_;
  std::vector<Piece> pieces_;
  std::vector<Piece*> free_;
  std::optional<kernel::KthreadPool> thread_;
};

}  // namespace iodrome::providers
