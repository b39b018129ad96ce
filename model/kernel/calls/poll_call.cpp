// SPDX-License-Identifier: Apache-2.0
// poll(2): do_sys_poll(), do_poll() and the table that it queues with. A look at a file costs what
// epoll's does.
#include <list>

#include "model/kernel/calls/event_calls.h"

namespace iodrome::kernel {

namespace {

using Value = Result<std::int64_t>;

// poll_wqueues: wakes its thread for any event that one of its entries is about. Wakers that are
// still at it when the thread has gone keep it.
class PollWqueues : public boost::intrusive_ref_counter<PollWqueues, boost::thread_unsafe_counter> {
 public:
  PollWqueues() = default;
  PollWqueues(const PollWqueues&) = delete;
  PollWqueues& operator=(const PollWqueues&) = delete;

  // What its thread does last: poll_freewait().
  struct Leaving {
    explicit Leaving(PollWqueues& of) : owner(of) {}
    ~Leaving() {
      for (Entry& entry : owner.entries_)
        if (entry.is_linked()) entry.queue.remove(entry);
      owner.entries_.clear();
    }
    Leaving(const Leaving&) = delete;
    Leaving& operator=(const Leaving&) = delete;
    PollWqueues& owner;
  };

  struct Table final : PollTable {
    Table(PollWqueues& of, FilePtr about, PollEvents events)
        : owner(of), file(std::move(about)), mask(events) {}
    void queue(WaitQueue& on) override { owner.entries_.emplace_back(owner, file, mask, on); }
    PollWqueues& owner;
    FilePtr file;
    PollEvents mask;
  };
  bool triggered() const { return triggered_; }
  void forget() { triggered_ = false; }
  WaitQueue& sleepers() { return sleepers_; }

 private:
  struct Entry : WaitEntry {
    Entry(PollWqueues& of, FilePtr about, PollEvents events, WaitQueue& on)
        : WaitEntry(&PollWqueues::wake),
          owner(of),
          file(std::move(about)),
          mask(events),
          queue(on) {
      queue.add(*this);
    }
    PollWqueues& owner;
    FilePtr file;  // it lives as long as somebody stands in its queue
    PollEvents mask;
    WaitQueue& queue;
  };
  // pollwake().
  static Task<Woken> wake(Atomic& ctx, WaitEntry& self, WakeKey key) {
    auto& entry = static_cast<Entry&>(self);
    if (key != 0 && (key & entry.mask) == 0) co_return Woken::no;
    const boost::intrusive_ptr<PollWqueues> owner(&entry.owner);
    owner->triggered_ = true;
    co_await owner->sleepers_.wake_one(ctx);
    co_return Woken::yes;
  }

  WaitQueue sleepers_{"poll"};
  std::list<Entry> entries_;
  bool triggered_ = false;
};

// do_pollfd().
Task<PollEvents> look_at(Sleepable& ctx, FileTable& files, const PollFd& at, PollWqueues* queue) {
  if (at.fd < 0) co_return 0;
  const Result<FilePtr> file = files.get(at.fd);
  if (!file) co_return kPollNval;
  const PollEvents mask = at.events | kPollErr | kPollHup;
  Pollable* const pollable = (*file)->pollable();
  if (pollable == nullptr) co_return mask&(kPollIn | kPollOut);
  if (queue == nullptr) {
    const PollEvents found = co_await pollable->poll(ctx, **file, nullptr);
    co_return found& mask;
  }
  PollWqueues::Table table(*queue, *file, mask);
  const PollEvents found = co_await pollable->poll(ctx, **file, &table);
  co_return found& mask;
}

Task<Value> poll_body(Sleepable& ctx, FileTable& files, std::span<PollFd> fds, Duration timeout) {
  if (fds.size() > files.limit()) co_return fail(Errno::einval);
  const SimTime deadline = timeout < Duration{0} ? kNever : later(ctx.now(), timeout);
  const boost::intrusive_ptr<PollWqueues> queues(new PollWqueues);
  const PollWqueues::Leaving leaving(*queues);
  bool queued = timeout == Duration{0};  // who does not wait stands in no queue
  for (;;) {
    queues->forget();
    std::int64_t ready = 0;
    for (PollFd& each : fds) {
      co_await ctx.spend(ctx.costs().epoll_event);
      each.revents = co_await look_at(ctx, files, each, queued ? nullptr : queues.get());
      ready += each.revents != 0;
    }
    queued = true;
    if (ready > 0) co_return ready;
    if (ctx.thread().interrupted()) co_return fail(Errno::eintr);
    if (ctx.now() >= deadline) co_return 0;
    if (queues->triggered()) continue;
    co_await queues->sleepers().wait_for(ctx, "poll", events::Stage::queue,
                                         {.exclusive = false,
                                          .interruptible = true,
                                          .deadline = deadline,
                                          .clock = SleepClock::high_resolution});
  }
}

}  // namespace

Task<Value> sys_poll(Sleepable& user, FileTable& files, std::span<PollFd> fds, Duration timeout) {
  return syscall(user, Sysno::poll, poll_body(user, files, fds, timeout));
}

}  // namespace iodrome::kernel
