// SPDX-License-Identifier: Apache-2.0
#include "model/providers/dma_provider.h"

namespace iodrome::providers {

using namespace kernel;

namespace {

std::vector<Capability> published(const DmaChannel& channel, Rate rate, Duration fixed) {
  std::vector<Capability> all;
  const auto add = [&](Operation operation, DmaOp op, std::uint32_t sources) {
    if (channel.can(op))
      all.push_back({operation, 1, channel.limits().max_bytes, 1, sources, rate, fixed});
  };
  const std::uint32_t most = std::min<std::uint32_t>(channel.limits().max_sources, kSources);
  add(Operation::copy, DmaOp::memcpy, 1);
  add(Operation::exclusive_or, DmaOp::exclusive_or, most);
  add(Operation::zero_sum, DmaOp::zero_sum, most);
  add(Operation::memset, DmaOp::memset, 0);
  return all;
}

}  // namespace

DmaProvider::DmaProvider(DmaChannel& channel, std::string name, Rate rate, Duration fixed)
    : Provider(std::move(name), published(channel, rate, fixed),
               static_cast<std::uint32_t>(channel.descriptors())),
      channel_(channel) {}

Task<Errno> DmaProvider::start(Atomic& ctx, Job& job) {
  DmaDescriptor* const descriptor = co_await prepare(ctx, job);
  if (descriptor == nullptr) co_return Errno::eagain;
  descriptor->callback = &DmaProvider::callback;
  descriptor->argument = &job;
  channel_.submit(*descriptor);
  co_await channel_.issue_pending(ctx);
  co_return Errno::ok;
}

Task<DmaDescriptor*> DmaProvider::prepare(Atomic& ctx, Job& job) {
  const std::span<const hw::PhysAddr> sources{job.sources.data(), job.source_count};
  switch (job.operation) {
    case Operation::copy:
      return channel_.prep_memcpy(ctx, job.destination, sources[0], job.bytes);
    case Operation::exclusive_or:
      return channel_.prep_xor(ctx, job.destination, sources, job.bytes);
    case Operation::zero_sum:
      return channel_.prep_zero_sum(ctx, sources, job.bytes);
    case Operation::memset:
      return channel_.prep_memset(ctx, job.destination, job.value, job.bytes);
    case Operation::crc32c:
      break;
  }
  check(false, "a job that its DMA provider never published");
  return Task<DmaDescriptor*>::ready(nullptr);
}

Task<void> DmaProvider::callback(Atomic& ctx, DmaDescriptor& descriptor) {
  Job& job = *static_cast<Job*>(descriptor.argument);
  job.sums_to_zero = descriptor.sums_to_zero;
  return static_cast<DmaProvider*>(job.provider)->ends().ended(ctx, job, descriptor.error);
}

}  // namespace iodrome::providers
