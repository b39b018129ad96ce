// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/poll/file_poll.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

// A place on a wait queue of the file.
struct FilePoll::Entry : WaitEntry {
  Entry(FilePoll& of, WaitQueue& on) : WaitEntry(&FilePoll::woken), owner(of), queue(on) {
    queue.add(*this);
  }
  ~Entry() {
    if (is_linked()) queue.remove(*this);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  FilePoll& owner;
  WaitQueue& queue;
};

struct FilePoll::Queueing final : PollTable {
  explicit Queueing(FilePoll& of) : owner(of) {}
  void queue(WaitQueue& on) override { owner.entries_.emplace_back(owner, on); }
  FilePoll& owner;
};

FilePoll::FilePoll(FilePtr file, PollEvents events)
    : file_(std::move(file)), mask_(events | kPollErr | kPollHup) {}
FilePoll::~FilePoll() = default;

bool FilePoll::disarm() {
  entries_.clear();
  return std::exchange(wait_, nullptr) != nullptr;
}

Task<Value> FilePoll::try_run(Sleepable& ctx, IoWait& wait) {
  Pollable* const pollable = file_->pollable();
  if (pollable == nullptr) {
    const PollEvents always = mask_ & (kPollIn | kPollOut);
    co_return always != 0 ? Value(always) : Value(fail(Errno::eperm));
  }
  while (found_ == 0) {
    wait_ = &wait;
    wait.stage = file_->socket != nullptr ? events::Stage::network : events::Stage::queue;
    wait.expect();
    Queueing table(*this);
    co_await ctx.spend(ctx.costs().epoll_event);
    const PollEvents ready = mask_ & co_await pollable->poll(ctx, *file_, &table);
    // A wake-up during the look has taken the entries out and the wait's expectation along.
    const bool still_armed = wait_ != nullptr;
    if (ready != 0) found_ = ready;
    if (ready == 0 && still_armed) co_return fail(Errno::eagain);
    if (disarm()) --wait.pending;
  }
  co_return found_;
}

// Once its IoWait has heard of it, this may be gone, and the entry with it.
Task<Woken> FilePoll::woken(Atomic& ctx, WaitEntry& self, WakeKey key) {
  FilePoll& poll = static_cast<Entry&>(self).owner;
  const auto told = static_cast<PollEvents>(key) & poll.mask_;
  if (key != 0 && told == 0) co_return Woken::no;
  poll.found_ = told;
  IoWait& wait = *poll.wait_;
  poll.disarm();
  co_await ctx.spend(ctx.costs().epoll_callback);
  co_await wait.arrived(ctx);
  co_return Woken::yes;
}

}  // namespace iodrome::kernel
