// SPDX-License-Identifier: Apache-2.0
#include "model/chain/branch.h"

#include "model/chain/walker.h"

namespace iodrome::chain {

using namespace kernel;

Branch::Branch(Walker& walker, events::StageLedger& of_request)
    : IoWait(&Branch::arrived), walker_(walker) {
  ledger = &of_request;
  id = walker.run_.cookie();
}

// Until the join, each branch has its time in a ledger of its own; nobody listens to it.
Branch::Branch(Walker& walker, const events::StageLedger& forked_from, std::size_t step)
    : IoWait(&Branch::arrived),
      walker_(walker),
      own_ledger_(std::make_unique<events::StageLedger>(forked_from)) {
  ledger = own_ledger_.get();
  ledger->belong_to(forked_from.request(), nullptr);
  id = walker.run_.cookie();
  begin(step);
}

// What the context of an arrival may do. Opening, changing the process's table, writing and syncing
// take locks that sleep, and so do poll functions. What moves bytes out of files and through
// sockets or drops the chain's own reference may run in a softirq; a hardirq may only end a chain.
// In a thread that is somebody else's, what wants to be asleep or to borrow the address space is
// not done.
bool Branch::legal(const Step& step, Level level) const {
  if (level == Level::hardirq) return step.op == Op::nop || step.op == Op::timeout;
  if (step.op == Op::open || step.op == Op::unlink || step.op == Op::poll) return false;
  if (step.gives_descriptor() && step.keep) return false;
  if (step.op == Op::close && step.fd_from < 0) return false;
  const bool copies = (step.op == Op::read && !walker_.run_.direct) || step.op == Op::receive ||
                      step.sends_memory();
  if (copies && walker_.host_.user_copy() == UserCopy::thread) return false;
  return level == Level::thread || (step.op != Op::write && step.op != Op::fsync);
}

// Whether it may sleep for locks of the kernel, which only its own threads do.
bool Branch::sleeps(const Step& step) {
  return step.op == Op::unlink || (step.op == Op::open && (step.create || step.truncate));
}

// A step in progress that only has to collect its result is legal anywhere.
bool Branch::only_collects() const {
  if (pending != 0) return false;
  if (const auto* read = std::get_if<ReadAtDevice>(&operation_)) return read->started;
  if (const auto* poll = std::get_if<std::unique_ptr<FilePoll>>(&operation_))
    return (*poll)->told();
  const auto* write = std::get_if<std::unique_ptr<Write>>(&operation_);
  return write != nullptr && (*write)->at_device();
}

// Whether an inode's lock is kept while it waits, as by a write through the page cache, or is what
// has just been handed to it: nobody else will hear that it is free.
bool Branch::may_need_inode() const {
  if (std::holds_alternative<Truncating>(operation_)) return true;
  const auto* write = std::get_if<std::unique_ptr<Write>>(&operation_);
  return write != nullptr && !(*write)->at_device();
}

Task<void> Branch::arrived(Atomic& ctx, IoWait& self) {
  auto& branch = static_cast<Branch&>(self);
  if (branch.running_) return Task<void>::ready();
  if (branch.submitter != nullptr) return branch.wake_own_thread(ctx);
  const Continue policy = branch.walker_.host_.policy();
  // The submitter may sleep for that lock itself, where no task work wakes it.
  if (policy == Continue::submitter && !branch.may_need_inode())
    return branch.hand_to_submitter(ctx);
  const bool here = policy == Continue::cheapest ||
                    (policy == Continue::hardirq && ctx.level() == Level::hardirq) ||
                    (policy == Continue::softirq && ctx.level() != Level::hardirq);
  return here ? branch.advance_atomic(ctx) : branch.hand_over(ctx);
}

Task<void> Branch::hand_over(Atomic& ctx) {
  WalkerHost& host = walker_.host_;
  co_await ctx.spend(host.walker_costs().hand_over);
  if (ctx.ledger() == ledger) ctx.stop_work();
  ledger->enter(events::Stage::queue, ctx.now());
  const Continue policy = host.policy();
  const bool by_softirq = policy == Continue::cheapest || policy == Continue::softirq;
  if (by_softirq && ctx.level() == Level::hardirq && legal(step(), Level::softirq)) {
    host.defer_to_softirq(ctx, *this);
    co_return;
  }
  co_await host.hand_to_thread(ctx, *this);
}

// As io_uring's requests do, it waits for that thread to run.
Task<void> Branch::hand_to_submitter(Atomic& ctx) {
  WalkerHost& host = walker_.host_;
  co_await ctx.spend(host.walker_costs().hand_over);
  if (ctx.ledger() == ledger) ctx.stop_work();
  co_await host.hand_to_submitter(ctx, *this);
}

void Branch::begin(std::size_t step) {
  step_ = static_cast<std::uint16_t>(step);
  cleans_up_ = course().stopped();
}

// Steps one after another, until one waits, must run elsewhere, or none is left for this branch.
Task<void> Branch::advance_in(Atomic& ctx, Sleepable* sleeper) {
  const events::Stage here = ctx.level() == Level::hardirq   ? events::Stage::hardirq
                             : ctx.level() == Level::softirq ? events::Stage::softirq
                                                             : events::Stage::kernel;
  const WorkOn work(ctx, ledger, here);
  running_ = true;
  for (;;) {
    if (std::exchange(dropped_, false)) {
      course().cut(*step_, so_far());
      operation_.emplace<std::monostate>();
      step_.reset();
    }
    if (!step_) {
      const bool more = co_await take_up(ctx, sleeper);
      if (!more) co_return co_await end(ctx);
    }
    const bool may_go_on = sleeper != nullptr ? may_sleep_ || !sleeps(step())
                                              : only_collects() || legal(step(), ctx.level());
    if (!may_go_on) {
      running_ = false;
      co_return co_await hand_over(ctx);
    }
    const Value value = co_await take_step(ctx, sleeper, step());
    if (value || value.error() != Errno::eagain) {
      settle(value);
      continue;
    }
    if (pending == 0) continue;  // all has arrived meanwhile
    if (walker_.cancelled_ && drop_wait()) continue;
    running_ = false;
    if (submitter == nullptr) co_return park(ctx);
    co_await block(*sleeper);
  }
}

// Takes the next step for itself and starts a branch for every other one that is ready.
Task<bool> Branch::take_up(Atomic& ctx, Sleepable* sleeper) {
  const std::optional<std::size_t> next = course().next();
  if (!next) return Task<bool>::ready(false);
  begin(*next);
  return walker_.run_.chain.graph ? fork(ctx, sleeper) : Task<bool>::ready(true);
}

Task<bool> Branch::fork(Atomic& ctx, Sleepable* sleeper) {
  Course& course = this->course();
  while (const std::optional<std::size_t> other = course.next()) {
    auto* forked = new Branch(walker_, *ledger, *other);
    walker_.branches_.push_back(*forked);
    forked->may_sleep_ = may_sleep_;
    co_await forked->advance_in(ctx, sleeper);
  }
  co_return true;
}

// The device took over at its doorbell; anything else is waited for in a queue or at the peer.
void Branch::park(Atomic& ctx) {
  if (ctx.ledger() != ledger) return;
  ctx.stop_work();
  if (ledger->stage() != events::Stage::device) ledger->enter(stage, ctx.now());
}

// In its own thread, as BlockingWait does. A device or the peer goes on owning the time that it
// took over.
Task<void> Branch::block(Sleepable& ctx) {
  using events::Stage;
  while (pending != 0 && !dropped_) {
    const Stage now = ledger->stage();
    co_await ctx.block("io", now == Stage::device || now == Stage::network ? now : stage);
  }
  running_ = true;
  ctx.set_stage(Stage::kernel);
}

// From the wake-up on, its time is that thread's, and it may be gone.
Task<void> Branch::wake_own_thread(Atomic& ctx) {
  Thread& own = submitter->thread();
  co_await ctx.spend(ctx.costs().try_to_wake_up);
  if (ctx.ledger() == ledger) ctx.stop_work();
  co_await wake_up(ctx, own);
}

// Nothing is left for this branch. The last one ends the chain, and its time is the request's.
Task<void> Branch::end(Atomic& ctx) {
  Walker& walker = walker_;
  const bool last = walker.run_.course.over();
  if (!last) {
    if (ctx.ledger() == ledger) ctx.stop_work();
    running_ = false;
    if (own_ledger_ != nullptr)
      delete this;
    else
      InWalker::unlink();
    co_return;
  }
  if (own_ledger_ != nullptr) {
    events::StageLedger& request = walker.run_.ledger;
    const events::Stage stage_now = ctx.stage();
    ctx.stop_work();
    request.take_over(*own_ledger_);
    ctx.work_on(&request, stage_now);
    delete this;
  }
  co_await walker.disarm(ctx);
  co_await walker.host_.finished(ctx, walker);
}

// Whether what it waits for is another's page, the peer, an event or a time: nothing that a device
// would still do to its memory.
bool Branch::may_drop() const {
  if (const auto* timeout = std::get_if<std::unique_ptr<Timeout>>(&operation_))
    return (*timeout)->queued();
  if (const auto* provided = std::get_if<std::unique_ptr<ProvidedRead>>(&operation_))
    return !(*provided)->at_provider();
  if (const auto* take = std::get_if<std::unique_ptr<InotifyTake>>(&operation_))
    return (*take)->queued();
  return std::holds_alternative<BufferedRead>(operation_) ||
         std::holds_alternative<std::unique_ptr<HeldRead>>(operation_) ||
         std::holds_alternative<FileSend>(operation_) ||
         std::holds_alternative<Accepting>(operation_) ||
         std::holds_alternative<Connecting>(operation_) ||
         std::holds_alternative<Receiving>(operation_) ||
         std::holds_alternative<std::unique_ptr<SendMemory>>(operation_) ||
         std::holds_alternative<std::unique_ptr<FilePoll>>(operation_);
}

// Clean-up is waited for, but not by a process that ends for what may never come.
bool Branch::drop_wait() {
  const bool bounded = std::holds_alternative<BufferedRead>(operation_) ||
                       std::holds_alternative<std::unique_ptr<ProvidedRead>>(operation_) ||
                       std::holds_alternative<std::unique_ptr<HeldRead>>(operation_) ||
                       std::holds_alternative<std::unique_ptr<Timeout>>(operation_);
  if (cleans_up_ && (bounded || !walker_.abandoned_)) return false;
  if (charged || pending == 0 || !may_drop()) return false;
  if (std::holds_alternative<std::unique_ptr<Timeout>>(operation_) ||
      std::holds_alternative<std::unique_ptr<InotifyTake>>(operation_)) {
    operation_.emplace<std::monostate>();
    --pending;
  }
  if (auto* const poll = std::get_if<std::unique_ptr<FilePoll>>(&operation_);
      poll != nullptr && (*poll)->disarm())
    --pending;
  withdraw(*this);
  dropped_ = pending == 0;
  return dropped_;
}

// What the try whose wait was dropped has moved.
std::int64_t Branch::so_far() const {
  if (const auto* send = std::get_if<FileSend>(&operation_))
    return static_cast<std::int64_t>(send->sent());
  const auto* memory = std::get_if<std::unique_ptr<SendMemory>>(&operation_);
  return memory == nullptr ? 0 : (*memory)->sent();
}

// What a try has come to: again, or the step's end.
void Branch::settle(const Value& value) {
  const std::int64_t returned = as_return_value(value);
  operation_.emplace<std::monostate>();
  const bool over = course().ended(*step_, returned, walker_.run_.at_end(*step_, returned));
  if (over) step_.reset();
}

Course& Branch::course() const {
  return walker_.run_.course;
}
const Step& Branch::step() const {
  return walker_.run_.chain.steps[*step_];
}

}  // namespace iodrome::chain
