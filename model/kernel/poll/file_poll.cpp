// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/poll/file_poll.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

// A place on a wait queue of the file.
struct FilePoll::Entry : WaitEntry {
  Entry(Armed& of, WaitQueue& on) : WaitEntry(&FilePoll::woken), owner(of), queue(on) {
    queue.add(*this);
  }
  ~Entry() {
    if (is_linked()) queue.remove(*this);
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  Armed& owner;
  WaitQueue& queue;
};

// From when it listens until it has heard or been disarmed; wakers that are at it keep it.
struct FilePoll::Armed
    : boost::intrusive_ref_counter<FilePoll::Armed, boost::thread_unsafe_counter> {
  Armed(FilePoll& of, IoWait& tells) : poll(&of), wait(tells) {}
  FilePoll* poll;  // nullptr: it is over
  IoWait& wait;
  std::list<Entry> entries;
};

struct FilePoll::Queueing final : PollTable {
  explicit Queueing(Armed& of) : owner(of) {}
  void queue(WaitQueue& on) override { owner.entries.emplace_back(owner, on); }
  Armed& owner;
};

FilePoll::FilePoll(FilePtr file, PollEvents events)
    : file_(std::move(file)), mask_(events | kPollErr | kPollHup) {}
FilePoll::~FilePoll() {
  disarm();
}

bool FilePoll::disarm() {
  const boost::intrusive_ptr<Armed> was = std::exchange(armed_, nullptr);
  if (was == nullptr) return false;
  was->poll = nullptr;
  was->entries.clear();
  return true;
}

Task<Value> FilePoll::try_run(Sleepable& ctx, IoWait& wait) {
  Pollable* const pollable = file_->pollable();
  if (pollable == nullptr) {
    const PollEvents always = mask_ & (kPollIn | kPollOut);
    co_return always != 0 ? Value(always) : Value(fail(Errno::eperm));
  }
  while (found_ == 0) {
    armed_ = new Armed(*this, wait);
    wait.stage = file_->socket != nullptr ? events::Stage::network : events::Stage::queue;
    wait.expect();
    Queueing table(*armed_);
    co_await ctx.spend(ctx.costs().epoll_event);
    const PollEvents ready = mask_ & co_await pollable->poll(ctx, *file_, &table);
    // A wake-up during the look has disarmed it, and taken the wait's expectation along.
    const bool still_armed = armed_ != nullptr;
    if (ready != 0) found_ = ready;
    if (ready == 0 && still_armed) co_return fail(Errno::eagain);
    if (disarm()) --wait.pending;
  }
  co_return found_;
}

// It may be disarmed, and gone, while the waker pays; and is once its IoWait has heard.
Task<Woken> FilePoll::woken(Atomic& ctx, WaitEntry& self, WakeKey key) {
  const boost::intrusive_ptr<Armed> armed(&static_cast<Entry&>(self).owner);
  const auto told = static_cast<PollEvents>(key) & armed->poll->mask_;
  if (key != 0 && told == 0) co_return Woken::no;
  co_await ctx.spend(ctx.costs().epoll_callback);
  FilePoll* const poll = armed->poll;
  if (poll == nullptr) co_return Woken::no;
  poll->found_ = told;
  poll->disarm();
  co_await armed->wait.arrived(ctx);
  co_return Woken::yes;
}

}  // namespace iodrome::kernel
