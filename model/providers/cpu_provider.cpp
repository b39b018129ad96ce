// SPDX-License-Identifier: Apache-2.0
#include "model/providers/cpu_provider.h"

#include "model/engine/crc32c.h"

namespace iodrome::providers {

using namespace kernel;

namespace {

std::vector<Capability> everything(System& system, const SoftwareDmaRates& rates) {
  std::vector<Capability> all;
  const auto add = [&](Operation operation, std::size_t sources, Rate rate) {
    if (rate.bytes_per_s > 0)
      all.push_back({operation, 1, kMaxCpuOperationBytes, 1, static_cast<std::uint32_t>(sources),
                     rate, system.costs.copy_call.each});
  };
  add(Operation::copy, 1, Rate{system.copy_rates.cold_bytes_per_s});
  add(Operation::exclusive_or, kSources, rates.exclusive_or);
  add(Operation::zero_sum, kSources, rates.exclusive_or);
  add(Operation::memset, 0, rates.memset);
  add(Operation::crc32c, 1, rates.crc32c);
  return all;
}

DmaOp dma_op(Operation operation) {
  switch (operation) {
    case Operation::exclusive_or:
      return DmaOp::exclusive_or;
    case Operation::zero_sum:
      return DmaOp::zero_sum;
    case Operation::memset:
      return DmaOp::memset;
    case Operation::copy:
    case Operation::crc32c:
      break;
  }
  return DmaOp::memcpy;
}

}  // namespace

Task<void> carry_out(Atomic& ctx, const SoftwareDmaRates& rates, Job& job) {
  if (job.operation == Operation::crc32c) {
    co_await ctx.spend_for(ctx.costs().copy_call, rates.crc32c.time_for(job.bytes));
    System& system = ctx.system();
    if (system.payload_checked) job.crc = crc32c(0, system.memory.bytes(job.sources[0], job.bytes));
    co_return;
  }
  CpuOperation operation{dma_op(job.operation),
                         job.destination,
                         0,
                         {job.sources.data(), job.source_count},
                         job.bytes,
                         job.value};
  co_await kernel::carry_out(ctx, rates, operation);
  job.sums_to_zero = operation.sums_to_zero;
}

struct CpuProvider::Piece final : Work {
  Task<void> run(Sleepable& ctx) override {
    Job& mine = *job;
    co_await carry_out(ctx, provider->rates_, mine);
    provider->free_.push_back(this);
    co_await provider->ends().ended(ctx, mine, Errno::ok);
    co_await ctx.cond_resched();
  }
  CpuProvider* provider = nullptr;
  Job* job = nullptr;
};

CpuProvider::CpuProvider(System& system, const SoftwareDmaRates& rates, CpuQueue queue,
                         std::uint32_t queue_limit)
    : Provider(queue == CpuQueue::caller ? "cpu" : "cpu thread", everything(system, rates),
               queue_limit),
      rates_(rates) {
  if (queue == CpuQueue::caller) return;
  pieces_.resize(queue_limit);
  for (Piece& piece : pieces_) {
    piece.provider = this;
    free_.push_back(&piece);
  }
  thread_.emplace(system, "provider", 1, 1);
}

CpuProvider::~CpuProvider() = default;

Task<Errno> CpuProvider::start(Atomic& ctx, Job& job) {
  if (!thread_) {
    co_await carry_out(ctx, rates_, job);
    co_await ends().ended(ctx, job, Errno::ok);
    co_return Errno::ok;
  }
  check(!free_.empty(), "more jobs than the provider's queue holds");
  Piece& piece = *free_.back();
  free_.pop_back();
  piece.job = &job;
  co_await thread_->queue(ctx, piece);
  co_return Errno::ok;
}

}  // namespace iodrome::providers
