// SPDX-License-Identifier: Apache-2.0
// Carries steps of a chain out one after another, in whatever context the last one ended in if that
// is legal, and hands itself over where it is not. A line has one branch; in a graph, a step that
// makes several ready goes on with the first and starts a branch for each of the others, and the
// branch that ends last goes on behind a join.
//
// Invariants
//  1. One context at a time works on a branch: while it runs, an arrival only counts.
//  2. A branch that waits has its IoWait armed; every other is on its way through a context.
//  3. A branch in a thread of its own (IoWait::submitter) goes on nowhere else.
#pragma once
#include <variant>

#include "model/chain/delivery.h"
#include "model/chain/memory_work.h"
#include "model/chain/provided_read.h"
#include "model/kernel/inotify/inotify_take.h"
#include "model/kernel/kthread/kthread.h"
#include "model/kernel/poll/file_poll.h"
#include "model/kernel/vfs/write_ops.h"

namespace iodrome::chain {

class Walker;
using InWalker =
    boost::intrusive::list_base_hook<boost::intrusive::tag<class BranchesOfWalker>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

class Branch final : public kernel::IoWait,
                     public kernel::Work,
                     public Pooled,
                     public boost::intrusive::list_base_hook<>,
                     public InWalker {
 public:
  /// The walker's own: works on the request's ledger.
  Branch(Walker& walker, events::StageLedger& of_request);

  /// Goes on from a user's thread: all steps are legal but those that sleep for locks.
  Task<void> advance(kernel::Sleepable& ctx) {
    may_sleep_ = false;
    return advance_in(ctx, &ctx);
  }
  /// Goes on from any context; steps that need a thread are handed over.
  Task<void> advance_atomic(kernel::Atomic& ctx) {
    may_sleep_ = false;
    return advance_in(ctx, nullptr);
  }
  /// Work: goes on in a kernel thread.
  Task<void> run(kernel::Sleepable& ctx) override {
    may_sleep_ = true;
    return advance_in(ctx, &ctx);
  }

  /// Goes on in a thread of its own and blocks there, as a plain thread would, until it has ended.
  /// Then its IoWait has that thread as its submitter.
  Task<void> run_alone(kernel::Sleepable& ctx) {
    submitter = &ctx;
    return run(ctx);
  }

  Walker& walker() { return walker_; }

  /// Leaves the wait it sleeps in, if its step was begun before the chain was stopped and waits
  /// for another's page, for room in a socket, for a time or for an event. Nobody goes on with the
  /// branch then but who has asked; its step ends with -ECANCELED, or with what it has sent so far.
  bool stop_waiting() { return !running_ && drop_wait(); }
  /// Goes on after that: here, or if it blocks in a thread of its own there.
  Task<void> go_on(kernel::Sleepable& ctx) {
    return submitter == nullptr ? advance(ctx) : wake_own_thread(ctx);
  }

 private:
  friend class Walker;
  using Value = Result<std::int64_t>;
  struct ReadAtDevice {
    kernel::FilePtr file;
    kernel::DirectRead read;
    bool started = false;
    std::unique_ptr<kernel::RangeWrite> write_back;  // what the cache holds goes first
  };

  /// Large and rare, so apart from the branch: a million chains may be in flight.
  struct Write final : kernel::FileWrite, Pooled {
    using FileWrite::FileWrite;
  };
  struct Sync final : kernel::FileSync, Pooled {
    using FileSync::FileSync;
  };

  struct SendMemory final : kernel::UserSend, Pooled {
    using UserSend::UserSend;
  };
  // An open that has its file, and waits for the file's lock.
  struct Truncating {
    kernel::FilePtr file;
  };
  // The costs of accept() are paid: it waits in line.
  struct Accepting {
    kernel::FilePtr listener;
  };
  struct Connecting {
    kernel::FilePtr socket;
  };
  struct Receiving {
    kernel::FilePtr socket;
  };

  /// Of open and unlink: the path that an event's name has made.
  struct NamedFile final : Pooled {
    std::string path;
  };

  struct Timeout final : kernel::HrTimer, Pooled {
    explicit Timeout(IoWait& tells) : HrTimer(&Timeout::expired), wait(tells) {}
    static Task<kernel::HrRestart> expired(kernel::Atomic& ctx, kernel::HrTimer& self);
    IoWait& wait;
  };

  Branch(Walker& walker, const events::StageLedger& forked_from, std::size_t step);
  static Task<void> arrived(kernel::Atomic& ctx, IoWait& self);
  bool legal(const Step& step, kernel::Level level) const;
  static bool sleeps(const Step& step);
  Task<void> advance_in(kernel::Atomic& ctx, kernel::Sleepable* sleeper);
  Task<bool> take_up(kernel::Atomic& ctx, kernel::Sleepable* sleeper);
  Task<bool> fork(kernel::Atomic& ctx, kernel::Sleepable* sleeper);
  Task<void> end(kernel::Atomic& ctx);
  Task<void> hand_over(kernel::Atomic& ctx);
  Task<void> hand_to_submitter(kernel::Atomic& ctx);
  bool may_drop() const;
  bool drop_wait();
  std::int64_t so_far() const;
  void begin(std::size_t step);
  void settle(const Value& value);
  void park(kernel::Atomic& ctx);
  Task<void> block(kernel::Sleepable& ctx);
  Task<void> wake_own_thread(kernel::Atomic& ctx);

  Task<Value> take_step(kernel::Atomic& ctx, kernel::Sleepable* sleeper, const Step& step);
  Task<Value> carry_out(kernel::Atomic& ctx, kernel::Sleepable* sleeper, const Step& step);
  Task<Value> open(kernel::Sleepable& ctx, const Step& step);
  Task<Value> truncate(kernel::Sleepable& ctx, const Step& step);
  Task<Value> stat(kernel::Atomic& ctx, const Step& step);
  Task<Value> close(kernel::Atomic& ctx, kernel::Sleepable* sleeper, const Step& step);
  Task<Value> read(kernel::Atomic& ctx, kernel::Sleepable* sleeper, const Step& step);
  Task<Errno> begin_read(kernel::Atomic& ctx, const Step& step);
  bool begin_held(const kernel::FilePtr& file, const Course::Numbers& asked);
  Task<Errno> begin_buffered(kernel::Atomic& ctx, kernel::FilePtr file, Course::Numbers asked,
                             std::span<const hw::PhysAddr> memory);
  Task<Value> read_on(kernel::Atomic& ctx, kernel::Sleepable* sleeper);
  Task<Value> read_borrowing(kernel::Sleepable& thread);
  Task<Value> read_direct(kernel::Atomic& ctx);
  Task<Value> write_back_first(kernel::Atomic& ctx);
  Task<Value> send(kernel::Atomic& ctx, const Step& step);
  Task<Value> write(kernel::Atomic& ctx, const Step& step);
  Task<Value> fsync(kernel::Atomic& ctx, const Step& step);
  Task<Value> timeout(kernel::Atomic& ctx, const Step& step);
  Task<Value> work_on_memory(kernel::Atomic& ctx);

  // socket_steps.cpp
  Task<Value> accept(kernel::Atomic& ctx, kernel::Sleepable* sleeper, const Step& step);
  Task<Value> connect(kernel::Atomic& ctx, kernel::Sleepable* sleeper, const Step& step);
  Task<Value> hold(kernel::Sleepable* sleeper, const Step& step, kernel::FilePtr made);
  Task<Value> receive(kernel::Atomic& ctx, kernel::Sleepable* sleeper, const Step& step);
  Task<Value> send_memory(kernel::Atomic& ctx, kernel::Sleepable* sleeper, const Step& step);
  Task<Value> poll(kernel::Sleepable* sleeper, const Step& step);
  Result<kernel::FilePtr> target_of(const Step& step);
  Task<bool> borrow_memory(kernel::Sleepable* sleeper);
  Task<Value> unlink(kernel::Sleepable& ctx, const Step& step);
  Task<Value> inotify(kernel::Atomic& ctx, const Step& step);
  Task<Errno> get_name(kernel::Atomic& ctx, const Step& step);
  const std::string& path_of(const Step& step) const;
  bool only_collects() const;
  bool may_need_inode() const;
  Result<kernel::FilePtr> file_of(const Step& step);
  Course& course() const;
  Course::Numbers numbers() const { return course().numbers(*step_); }
  const Step& step() const;

  Walker& walker_;
  std::unique_ptr<events::StageLedger> own_ledger_;  // of a branch that was forked
  std::variant<std::monostate, kernel::BufferedRead, ReadAtDevice, std::unique_ptr<Write>,
               std::unique_ptr<Sync>, kernel::FileSend, std::unique_ptr<MemoryWork>,
               std::unique_ptr<Timeout>, std::unique_ptr<ProvidedRead>, std::unique_ptr<HeldRead>,
               Truncating, Accepting, Connecting, Receiving, std::unique_ptr<SendMemory>,
               std::unique_ptr<kernel::FilePoll>, std::unique_ptr<kernel::InotifyTake>,
               std::unique_ptr<NamedFile>>
      operation_;
  std::optional<std::uint16_t> step_;  // the one it carries out
  bool cleans_up_ = false;             // the step was begun after the chain was stopped
  bool running_ = false;
  bool may_sleep_ = false;  // in the thread it runs in now, which is no user's
  bool dropped_ = false;    // its wait; the step is to be ended
};

}  // namespace iodrome::chain
