// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/eventfd/eventfd.h"

#include <cstring>

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;
using events::Stage;

}  // namespace

Task<Value> EventFd::read(Sleepable& ctx, const File& file, std::span<std::byte> to) {
  std::uint64_t value = 0;
  if (to.size() < sizeof(value)) co_return fail(Errno::einval);
  co_await ctx.spend(ctx.costs().eventfd_call);
  const FileObjectPtr self(this);
  while (count_ == 0) {
    if (file.nonblocking) co_return fail(Errno::eagain);
    const WaitOutcome ended = co_await waiters_.wait_for(ctx, "eventfd", Stage::queue, kSharedWait);
    if (ended == WaitOutcome::interrupted) co_return fail(Errno::erestartsys);
  }
  value = semaphore_ ? 1 : count_;
  count_ -= value;
  std::memcpy(to.data(), &value, sizeof(value));
  if (!waiters_.empty()) co_await waiters_.wake_up(ctx, 1, kPollOut);
  co_return sizeof(value);
}

Task<Value> EventFd::write(Sleepable& ctx, const File& file, std::span<const std::byte> from) {
  std::uint64_t value = 0;
  if (from.size() < sizeof(value)) co_return fail(Errno::einval);
  std::memcpy(&value, from.data(), sizeof(value));
  if (value == kMost) co_return fail(Errno::einval);
  co_await ctx.spend(ctx.costs().eventfd_call);
  const FileObjectPtr self(this);
  while (kMost - count_ <= value) {
    if (file.nonblocking) co_return fail(Errno::eagain);
    const WaitOutcome ended = co_await waiters_.wait_for(ctx, "eventfd", Stage::queue, kSharedWait);
    if (ended == WaitOutcome::interrupted) co_return fail(Errno::erestartsys);
  }
  count_ += value;
  if (!waiters_.empty()) co_await waiters_.wake_up(ctx, 1, kPollIn);
  co_return sizeof(value);
}

Task<PollEvents> EventFd::poll(Sleepable&, const File&, PollTable* table) {
  if (table != nullptr) table->queue(waiters_);
  PollEvents ready = 0;
  if (count_ > 0) ready |= kPollIn;
  if (count_ == kMost) ready |= kPollErr;
  if (kMost - 1 > count_) ready |= kPollOut;
  return Task<PollEvents>::ready(PollEvents{ready});
}

Task<void> EventFd::signal(Atomic& ctx, std::uint64_t add) {
  const FileObjectPtr self(this);
  count_ += std::min(add, kMost - count_);
  if (!waiters_.empty()) co_await waiters_.wake_up(ctx, 1, kPollIn);
}

Result<FilePtr> make_eventfd(std::uint32_t initial, std::int32_t flags) {
  if ((flags & ~(kEfdSemaphore | kEfdNonblock | kEfdCloexec)) != 0) return fail(Errno::einval);
  FilePtr file{new File};
  file->object = new EventFd(initial, (flags & kEfdSemaphore) != 0);
  file->nonblocking = (flags & kEfdNonblock) != 0;
  return file;
}

}  // namespace iodrome::kernel
