// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/dmaengine/cpu_operation.h"

#include <algorithm>

#include "model/kernel/mm/copy.h"

namespace iodrome::kernel {
namespace {

// Exclusive or over the sources; of one source, its copy.
std::vector<std::byte> sum_of(hw::Memory& memory, const CpuOperation& operation) {
  std::vector<std::byte> sum(operation.bytes);
  for (const hw::PhysAddr source : operation.sources) {
    const auto from = memory.bytes(source, operation.bytes);
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] ^= from[i];
  }
  return sum;
}

// Source i times {02}^i, summed; by Horner's rule, from the last source to the first.
std::vector<std::byte> syndrome_of(hw::Memory& memory, const CpuOperation& operation) {
  std::vector<std::byte> sum(operation.bytes);
  for (std::size_t source = operation.sources.size(); source-- > 0;) {
    const auto from = memory.bytes(operation.sources[source], operation.bytes);
    for (std::size_t i = 0; i < sum.size(); ++i)
      sum[i] = std::byte{gf_double(static_cast<std::uint8_t>(sum[i]))} ^ from[i];
  }
  return sum;
}

void move_bytes(hw::Memory& memory, CpuOperation& operation) {
  if (operation.op == DmaOp::memset) {
    const auto to = memory.bytes(operation.destination, operation.bytes);
    std::fill(to.begin(), to.end(), std::byte{operation.value});
    return;
  }
  const std::vector<std::byte> sum = sum_of(memory, operation);
  if (operation.op == DmaOp::zero_sum) {
    const auto zero = [](std::byte one) { return one == std::byte{0}; };
    operation.sums_to_zero = std::all_of(sum.begin(), sum.end(), zero);
    return;
  }
  const auto write = [&](hw::PhysAddr to, const std::vector<std::byte>& bytes) {
    if (to != 0) std::ranges::copy(bytes, memory.bytes(to, operation.bytes).begin());
  };
  if (operation.op == DmaOp::pq) {
    const std::vector<std::byte> syndrome = syndrome_of(memory, operation);
    write(operation.q, syndrome);
  }
  write(operation.destination, sum);
}

Rate rate_of(const SoftwareDmaRates& rates, DmaOp op) {
  if (op == DmaOp::memset) return rates.memset;
  return op == DmaOp::pq ? rates.pq : rates.exclusive_or;
}

// What crosses to memory: sources once, what is written twice, as its lines are read before.
std::int64_t traffic_of(const CpuOperation& operation) {
  const auto sources = static_cast<std::int64_t>(operation.sources.size());
  const int written = operation.op == DmaOp::zero_sum ? 0 : operation.op == DmaOp::pq ? 2 : 1;
  return std::int64_t{operation.bytes} * (sources + 2 * written);
}

}  // namespace

Task<void> carry_out(Atomic& ctx, const SoftwareDmaRates& rates, CpuOperation& operation) {
  if (operation.op == DmaOp::interrupt) co_return;
  if (operation.op == DmaOp::memcpy) {
    co_await charge_copy(ctx, operation.bytes, CacheState::cold);
  } else {
    const std::size_t passes = operation.op == DmaOp::memset ? 1 : operation.sources.size();
    const auto bytes = static_cast<std::int64_t>(operation.bytes * passes);
    const Duration time = rate_of(rates, operation.op).time_for(bytes);
    co_await ctx.spend_for(ctx.costs().copy_call, beside_others(ctx, time, traffic_of(operation)));
  }
  if (ctx.system().payload_checked)
    move_bytes(ctx.system().memory, operation);
  else
    operation.sums_to_zero = true;  // there are no bytes that could be wrong
}

}  // namespace iodrome::kernel
