// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/signal/signalfd.h"

#include <cstring>

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;

SignalFdInfo told(const SigInfo& info) {
  SignalFdInfo out;
  out.number = static_cast<std::uint32_t>(info.number);
  out.code = info.code;
  out.value = static_cast<std::int32_t>(info.value);
  out.pointer = info.value;
  return out;
}

}  // namespace

Task<Value> SignalFd::read(Sleepable& ctx, const File& file, std::span<std::byte> to) {
  ThreadSignals* const mine = ctx.thread().signals;
  const std::size_t room = to.size() / sizeof(SignalFdInfo);
  if (room == 0 || mine == nullptr) co_return fail(Errno::einval);
  const FileObjectPtr self(this);
  std::size_t count = 0;
  while (count < room) {
    co_await ctx.spend(ctx.costs().signal_take);
    const std::optional<SigInfo> info = mine->take(mask_);
    if (info) {
      const SignalFdInfo out = told(*info);
      std::memcpy(to.data() + count++ * sizeof(out), &out, sizeof(out));
      continue;
    }
    if (count > 0) break;
    if (file.nonblocking) co_return fail(Errno::eagain);
    const WaitOutcome ended = co_await mine->process().readers().wait_for(
        ctx, "signalfd", events::Stage::queue, kSharedWait);
    if (ended == WaitOutcome::interrupted) co_return fail(Errno::erestartsys);
  }
  co_return static_cast<std::int64_t>(count * sizeof(SignalFdInfo));
}

Task<PollEvents> SignalFd::poll(Sleepable& ctx, const File&, PollTable* table) {
  ThreadSignals* const mine = ctx.thread().signals;
  if (mine == nullptr) return Task<PollEvents>::ready(PollEvents{0});
  if (table != nullptr) table->queue(mine->process().readers());
  const bool ready = !(mine->waiting() & mask_).empty();
  return Task<PollEvents>::ready(ready ? kPollIn : PollEvents{0});
}

Result<FilePtr> make_signalfd(SigSet mask, std::int32_t flags) {
  if ((flags & ~(kSfdNonblock | kSfdCloexec)) != 0) return fail(Errno::einval);
  FilePtr file{new File};
  file->object = new SignalFd(mask & ~kSigKernelOnly);
  file->nonblocking = (flags & kSfdNonblock) != 0;
  file->writable = false;
  return file;
}

SignalFd* signalfd_of(const File& file) {
  FileObject* const object = file.object.get();
  if (object == nullptr || object->kind != FileObject::Kind::signalfd) return nullptr;
  return static_cast<SignalFd*>(object);
}

}  // namespace iodrome::kernel
