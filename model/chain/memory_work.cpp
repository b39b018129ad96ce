// SPDX-License-Identifier: Apache-2.0
#include "model/chain/memory_work.h"

#include <algorithm>

#include "hw/memory/memory.h"
#include "model/engine/aes.h"
#include "model/engine/crc32c.h"
#include "model/kernel/mm/copy.h"

namespace iodrome::chain {

using providers::Job;
using providers::Operation;
using Value = Result<std::int64_t>;

namespace {

constexpr std::uint64_t kMaxJobBytes = std::uint64_t{1} << 20;
// Of a cipher: each is a message by itself, so that they need not wait for one another.
constexpr std::uint64_t kSectorBytes = 4096;
static_assert(kCipherBlock == Aes128::kBlock && kDigestBytes == std::tuple_size_v<Digest>);
static_assert(kSectorBytes == hw::kPageBytes, "no sector is torn");

constexpr std::size_t kKeys = 256;  // as many as Step::value tells apart

// Of the keys, by number, for one direction.
constexpr std::array<providers::Session, kKeys> sessions_for(Operation operation) {
  std::array<providers::Session, kKeys> all{};
  for (std::size_t number = 0; number < kKeys; ++number) {
    all[number].route[0] = operation;
    for (std::size_t i = 0; i < Aes128::kBlock; ++i)
      all[number].key[i] = static_cast<std::uint8_t>(number + i);
  }
  return all;
}
constexpr auto kEncrypting = sessions_for(Operation::encrypt);
constexpr auto kDecrypting = sessions_for(Operation::decrypt);

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
    case Op::encrypt:
      return Operation::encrypt;
    case Op::decrypt:
      return Operation::decrypt;
    case Op::hash:
      return Operation::hash;
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
  const std::size_t count = step.op == Op::exclusive_or ? step.sources : 1;
  for (std::size_t i = 0; i < count; ++i) cursors.push_back({pages, step.offset + i * bytes});
  return cursors;
}

std::uint64_t written_by(const Step& step, std::uint64_t bytes) {
  if (step.op == Op::hash) return kDigestBytes;  // which no provider writes, but finish()
  return step.op == Op::crc32c ? 0 : bytes;
}

bool beyond(const Cursor& at, std::uint64_t bytes) {
  const std::uint64_t room = at.pages.size() * hw::kPageBytes;
  return bytes > room || at.at > room - bytes;
}

// Errors: EFAULT; EINVAL, it writes over what it reads, or a cipher's last block is not whole.
Errno examine(const Step& step, std::uint64_t bytes, std::span<const Cursor> sources,
              const Cursor& to) {
  const std::uint64_t written = written_by(step, bytes);
  if (beyond(to, written) ||
      std::ranges::any_of(sources, [bytes](const Cursor& from) { return beyond(from, bytes); }))
    return Errno::efault;
  if (step.ciphers() && bytes % kCipherBlock != 0) return Errno::einval;
  // Whoever takes over from a provider that failed reads the sources once more.
  for (const Cursor& from : sources)
    if (from.at < to.at + written && to.at < from.at + bytes && written > 0) return Errno::einval;
  return Errno::ok;
}

// A cipher's session, and as its initial vector the sector's number.
void give_key(Job& job, const Step& step, std::uint64_t sector) {
  job.session = &(step.op == Op::encrypt ? kEncrypting : kDecrypting)[step.value];
  for (std::size_t i = 0; i < sizeof(sector); ++i)
    job.iv[i] = static_cast<std::uint8_t>(sector >> 8 * i);
}

}  // namespace

Result<std::vector<Job>> jobs_of(const ChainRun& run, std::size_t index) {
  const Step& step = run.chain.steps[index];
  const std::uint64_t bytes = run.course.numbers(index).bytes;
  std::vector<Cursor> sources = sources_of(run, step, bytes);
  Cursor to{run.buffer, step.memory};
  const Errno error = examine(step, bytes, sources, to);
  if (error != Errno::ok) return fail(error);
  const bool writes = step.op != Op::crc32c && step.op != Op::hash;
  const std::uint64_t most = step.ciphers() ? kSectorBytes : kMaxJobBytes;
  std::vector<Job> jobs;
  for (std::uint64_t left = bytes; left > 0;) {
    std::uint64_t piece = std::min(left, most);
    if (writes) piece = to.run(piece);
    for (const Cursor& from : sources) piece = from.run(piece);
    Job job;
    job.operation = operation_of(step.op);
    job.destination = writes ? to.address() : 0;
    job.source_count = static_cast<std::uint32_t>(sources.size());
    job.bytes = static_cast<std::uint32_t>(piece);
    job.value = step.value;
    if (step.ciphers()) give_key(job, step, jobs.size());
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

bool join(std::span<Job> jobs, Sha256& message) {
  if (jobs.size() < 2 || jobs.front().operation != Operation::hash) return false;
  for (Job& job : jobs) job.message = &message;
  return true;
}

Task<Value> finish(kernel::Atomic& ctx, const ChainRun& run, std::size_t index,
                   std::span<const Job> jobs) {
  const Value result = result_of(jobs);
  const Step& step = run.chain.steps[index];
  if (step.op != Op::hash || !result) co_return result;
  co_await kernel::charge_copy(ctx, kDigestBytes, kernel::CacheState::hot);
  if (!ctx.system().payload_checked) co_return result;
  const Digest digest = jobs.empty() ? Sha256().digest() : jobs.back().digest;
  const hw::PhysAddr to = run.buffer[step.memory / hw::kPageBytes];
  std::ranges::copy(std::as_bytes(std::span{digest}),
                    ctx.system().memory.bytes(to, kDigestBytes).begin());
  co_return result;
}

MemoryWork::MemoryWork(const ChainRun& run, std::size_t step, std::vector<Job> jobs)
    : run_(run), step_(step), jobs_(std::move(jobs)), serial_(join(jobs_, message_)) {
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
    if (serial_ && wait.pending != 0) break;
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
  co_return co_await finish(ctx, run_, step_, jobs_);
}

}  // namespace iodrome::chain
