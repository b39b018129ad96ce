// SPDX-License-Identifier: Apache-2.0
#include "model/providers/cpu_provider.h"

#include <algorithm>

#include "model/engine/aes.h"
#include "model/engine/crc32c.h"
#include "model/kernel/mm/copy.h"

namespace iodrome::providers {

using namespace kernel;

namespace {

std::vector<Capability> everything(System& system, const SoftwareDmaRates& rates) {
  std::vector<Capability> all;
  const auto add = [&](Operation operation, std::size_t sources, Rate rate,
                       std::uint32_t granule = 1) {
    if (rate.bytes_per_s > 0)
      all.push_back({operation, 1, kMaxCpuOperationBytes, 1, static_cast<std::uint32_t>(sources),
                     rate, system.costs.copy_call.each, granule});
  };
  add(Operation::copy, 1, Rate{system.copy_rates.cold_bytes_per_s});
  add(Operation::exclusive_or, kSources, rates.exclusive_or);
  add(Operation::zero_sum, kSources, rates.exclusive_or);
  add(Operation::memset, 0, rates.memset);
  add(Operation::crc32c, 1, rates.crc32c);
  add(Operation::encrypt, 1, rates.encrypt, Aes128::kBlock);
  add(Operation::decrypt, 1, rates.decrypt, Aes128::kBlock);
  add(Operation::hash, 1, rates.hash);
  all.back().parts = rates.hash.bytes_per_s > 0;
  return all;
}

// What an engine of the dmaengine does too.
std::optional<DmaOp> dma_op(Operation operation) {
  switch (operation) {
    case Operation::copy:
      return DmaOp::memcpy;
    case Operation::exclusive_or:
      return DmaOp::exclusive_or;
    case Operation::zero_sum:
      return DmaOp::zero_sum;
    case Operation::memset:
      return DmaOp::memset;
    default:
      return std::nullopt;
  }
}

Rate rate_of(const SoftwareDmaRates& rates, Operation operation) {
  if (operation == Operation::encrypt) return rates.encrypt;
  if (operation == Operation::decrypt) return rates.decrypt;
  return operation == Operation::hash ? rates.hash : rates.crc32c;
}

Digest digest_of(Job& job, std::span<const std::byte> bytes) {
  if (job.message == nullptr) return sha256(bytes);
  job.message->add(bytes);
  return job.message->digest();
}

void transform(hw::Memory& memory, Job& job) {
  const std::span<const std::byte> source = memory.bytes(job.source(), job.bytes);
  if (job.operation == Operation::crc32c) job.crc = crc32c(0, source);
  if (job.operation == Operation::hash) job.digest = digest_of(job, source);
  if (job.operation != Operation::encrypt && job.operation != Operation::decrypt) return;
  const std::span<std::byte> destination = memory.bytes(job.destination, job.bytes);
  std::ranges::copy(source, destination.begin());
  const Aes128 cipher(job.session->key);
  Aes128::Block iv = job.iv;
  if (job.operation == Operation::encrypt)
    cbc_encrypt(cipher, iv, destination);
  else
    cbc_decrypt(cipher, iv, destination);
}

}  // namespace

Task<void> carry_out(Atomic& ctx, const SoftwareDmaRates& rates, Job& job) {
  const std::optional<DmaOp> op = dma_op(job.operation);
  if (!op) {
    const Duration time = rate_of(rates, job.operation).time_for(job.bytes);
    const bool writes = job.operation == Operation::encrypt || job.operation == Operation::decrypt;
    const std::int64_t traffic = std::int64_t{job.bytes} * (writes ? 3 : 1);
    co_await ctx.spend_for(ctx.costs().copy_call, beside_others(ctx, time, traffic));
    System& system = ctx.system();
    if (system.payload_checked) transform(system.memory, job);
    co_return;
  }
  const hw::PhysAddr from = job.source();
  const std::span<const hw::PhysAddr> sources =
      *op == DmaOp::memcpy ? std::span{&from, 1} : std::span{job.sources.data(), job.source_count};
  CpuOperation operation{*op, job.destination, 0, sources, job.bytes, job.value};
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
