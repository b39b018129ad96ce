// SPDX-License-Identifier: Apache-2.0
#include "model/chain/memory_work.h"

#include <algorithm>

#include "hw/memory/memory.h"
#include "model/engine/crc32c.h"

namespace iodrome::chain {

using providers::Job;
using providers::Operation;
using Value = Result<std::int64_t>;

namespace {

constexpr std::uint64_t kMaxJobBytes = std::uint64_t{1} << 20;

// A place in the chain's memory that moves on.
struct Cursor {
  std::span<const hw::PhysAddr> pages;
  std::uint64_t at = 0;  // bytes

  hw::PhysAddr address() const { return pages[at / hw::kPageBytes] + at % hw::kPageBytes; }
  // How much of `bytes` lies in one piece.
  std::uint64_t run(std::uint64_t bytes) const {
    std::uint64_t whole = hw::kPageBytes - at % hw::kPageBytes;
    for (std::size_t page = at / hw::kPageBytes; whole < bytes; ++page, whole += hw::kPageBytes) {
      const hw::PhysAddr next = pages[page + 1];
      if (next != pages[page] + hw::kPageBytes || next % hw::Memory::kBoundary == 0) break;
    }
    return std::min(whole, bytes);
  }
};

Operation operation_of(Op op) {
  switch (op) {
    case Op::copy:
      return Operation::copy;
    case Op::exclusive_or:
      return Operation::exclusive_or;
    case Op::memset:
      return Operation::memset;
    default:
      return Operation::crc32c;
  }
}

// Where the step's bytes come from; of what it reads nothing for, nowhere.
std::vector<Cursor> sources_of(const ChainRun& run, const Step& step, std::uint64_t bytes) {
  const std::span<const hw::PhysAddr> pages = run.buffer;
  if (step.op == Op::memset) return {};
  if (step.op == Op::crc32c) return {{pages, step.memory}};
  std::vector<Cursor> cursors;
  const std::size_t count = step.op == Op::copy ? 1 : step.sources;
  for (std::size_t i = 0; i < count; ++i) cursors.push_back({pages, step.offset + i * bytes});
  return cursors;
}

}  // namespace

Result<std::vector<Job>> jobs_of(const ChainRun& run, std::size_t index) {
  const Step& step = run.chain.steps[index];
  const std::uint64_t bytes = run.course.numbers(index).bytes;
  const std::uint64_t room = run.buffer.size() * hw::kPageBytes;
  std::vector<Cursor> sources = sources_of(run, step, bytes);
  Cursor to{run.buffer, step.memory};
  bool beyond = bytes > room || to.at > room - bytes;
  for (const Cursor& from : sources) beyond = beyond || bytes > room || from.at > room - bytes;
  if (beyond) return fail(Errno::efault);
  // Whoever takes over from a provider that failed reads the sources once more.
  for (const Cursor& from : sources)
    if (step.op != Op::crc32c && from.at < to.at + bytes && to.at < from.at + bytes)
      return fail(Errno::einval);
  std::vector<Job> jobs;
  for (std::uint64_t left = bytes; left > 0;) {
    std::uint64_t piece = to.run(std::min(left, kMaxJobBytes));
    for (const Cursor& from : sources) piece = from.run(piece);
    Job job;
    job.operation = operation_of(step.op);
    job.destination = step.op == Op::crc32c ? 0 : to.address();
    job.source_count = static_cast<std::uint32_t>(sources.size());
    job.bytes = static_cast<std::uint32_t>(piece);
    job.value = step.value;
    to.at += piece;
    for (std::size_t i = 0; i < sources.size(); ++i) {
      job.sources[i] = sources[i].address();
      sources[i].at += piece;
    }
    jobs.push_back(job);
    left -= piece;
  }
  return jobs;
}

Value result_of(std::span<const Job> jobs) {
  std::uint64_t bytes = 0;
  std::uint32_t crc = 0;
  bool sums = false;
  for (const Job& job : jobs) {
    if (job.status == Errno::eagain) return fail(Errno::ebusy);
    if (job.status != Errno::ok) return fail(job.status);
    bytes += job.bytes;
    sums = job.operation == Operation::crc32c;
    if (sums) crc = crc32c_combine(crc, job.crc, job.bytes);
  }
  return static_cast<std::int64_t>(sums ? crc : bytes);
}

MemoryWork::MemoryWork(std::vector<Job> jobs) : jobs_(std::move(jobs)) {
  for (Job& job : jobs_) {
    job.done = &MemoryWork::done;
    job.argument = this;
  }
}

Task<void> MemoryWork::done(kernel::Atomic& ctx, Job& job) {
  return static_cast<MemoryWork*>(job.argument)->wait_->arrived(ctx);
}

Task<Value> MemoryWork::try_run(kernel::Atomic& ctx, providers::Registry& registry,
                                kernel::IoWait& wait) {
  wait_ = &wait;
  wait.stage = events::Stage::device;
  while (submitted_ < jobs_.size() && refused_ == Errno::ok) {
    wait.expect();
    const Errno error = co_await registry.submit(ctx, jobs_[submitted_]);
    if (error == Errno::ok) {
      ++submitted_;
      continue;
    }
    --wait.pending;
    if (error == Errno::eagain && registry.in_flight() > 0) {
      wait.stage = events::Stage::queue;
      registry.wait_for_room(wait);
      co_return fail(error);
    }
    // Nobody would tell of room, so it is not waited for.
    refused_ = error == Errno::eagain ? Errno::ebusy : error;
  }
  if (wait.pending != 0) co_return fail(Errno::eagain);
  if (refused_ != Errno::ok) co_return fail(refused_);
  co_return result_of(jobs_);
}

}  // namespace iodrome::chain
