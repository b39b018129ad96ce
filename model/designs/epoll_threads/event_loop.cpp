// SPDX-License-Identifier: Apache-2.0
#include "model/designs/epoll_threads/event_loop.h"

#include "model/designs/plain_calls.h"

namespace iodrome::designs::epoll_threads {

using namespace kernel;
using chain::Op;
using events::Stage;
using Value = Result<std::int64_t>;

EpollEngine::EpollEngine(Os& kernel_of, Process& of, const EpollParams& with)
    : os(kernel_of), process(of), params(with), sync(kernel_of.system) {}

ThreadPool& EpollEngine::pool_for_loop() {
  if (pools.empty() || params.pool_each)
    pools.push_back(std::make_unique<ThreadPool>(
        os.system, sync, static_cast<std::uint32_t>(params.threads), params.max_queue));
  return *pools.back();
}

EventLoop::EventLoop(EpollEngine& engine, EpollCosts& costs)
    : engine_(engine),
      pool_(engine.pool_for_loop()),
      costs_(costs),
      epoll_(*Epoll::make(0)),
      completions_(engine.sync, engine.params.notify_each),
      events_(static_cast<std::size_t>(engine.params.events)) {
  engine.loops.push_back(this);
}

EventLoop::~EventLoop() {
  std::erase(engine_.loops, this);
}

// What never waits for a disk is a call of the loop: closing, and fstat of what is open.
Way EventLoop::way(const Step& step) const {
  const bool at_once = step.op == Op::nop || step.op == Op::stat || step.op == Op::close;
  return at_once || waits_for_peer(step) ? Way::native_sync : Way::native_async;
}

Task<Value> EventLoop::call(Sleepable& user, ChainRun& run) {
  const Step& step = run.current_step();
  if (waits_for_peer(step)) return Task<Value>::ready(fail(Errno::enosys));
  if (step.op == Op::close) return close(user, run);
  return plain_call(user, engine_.os, engine_.process.files, run);
}

Task<bool> EventLoop::queue(Sleepable&, ChainRun& run) {
  run.results[run.current] = 0;
  queued_.push_back(&run);
  return Task<bool>::ready(true);
}

Task<void> EventLoop::submit(Sleepable& user) {
  std::vector<ChainRun*> now;
  now.swap(queued_);
  for (ChainRun* const run : now) {
    const SubmittingCall counted(submit_times_, user);
    const WorkOn work(user, &run->ledger, Stage::submit);
    ++under_way_;
    co_await start(user, *run);
  }
}

Task<void> EventLoop::start(Sleepable& user, ChainRun& run) {
  const Step& step = run.current_step();
  if (step.op == Op::send) co_return co_await begin_send(user, run);
  if (step.op == Op::timeout) {
    timers_.emplace(later(user.now(), std::chrono::nanoseconds(step.bytes)), &run);
    user.set_stage(Stage::queue);
    co_return user.stop_work();
  }
  const bool done = co_await do_or_post(user, run);
  if (done) finish(user, run);
}

void EventLoop::finish(Sleepable& user, ChainRun& run) {
  if (user.ledger() == &run.ledger) {
    user.set_stage(Stage::reap);
    user.stop_work();
  }
  --under_way_;
  finished_.push_back(&run);
}

// --- the pool -----------------------------------------------------------------------------------

FileTask& EventLoop::task_of(ChainRun& run) {
  while (tasks_.size() <= run.slot) tasks_.push_back(std::make_unique<FileTask>(*this));
  FileTask& task = *tasks_[run.slot];
  task.chain_run = &run;
  return task;
}

// True: done here and now. Without room in the pool's queue the loop stands still for it.
Task<bool> EventLoop::do_or_post(Sleepable& user, ChainRun& run) {
  FileTask& task = task_of(run);
  const bool for_pool = run.current_step().op != Op::send || engine_.params.pool_sends;
  if (for_pool) {
    co_await user.spend(costs_.task_prepare);
    const bool posted = co_await pool_.post(user, task);
    if (posted) co_return false;
    ++engine_.counts.pool_full;
  }
  co_await carry_out(user, task);
  co_return true;
}

Task<void> EventLoop::carry_out(Sleepable& thread, FileTask& task) {
  ChainRun& run = *task.chain_run;
  if (run.current_step().op == Op::send) {
    task.over = co_await send_on(thread, run);
    co_return;
  }
  const Value done = co_await plain_call(thread, engine_.os, engine_.process.files, run);
  run.results[run.current] = as_return_value(done);
  task.over = true;
}

Task<void> FileTask::run(Sleepable& thread) {
  {
    const WorkOn work(thread, &chain_run->ledger, Stage::submit);
    co_await loop_.carry_out(thread, *this);
    thread.set_stage(over ? Stage::reap : Stage::network);
  }
  co_await loop_.completions().push(thread, *this);
}

Task<void> EventLoop::take_done(Sleepable& user) {
  if (!engine_.params.edge) co_await completions_.reset(user);
  Completions::List done;
  co_await completions_.take(user, done);
  while (!done.empty()) {
    FileTask& task = done.front();
    done.pop_front();
    ChainRun& run = *task.chain_run;
    if (run.current_step().op != Op::send) {
      finish(user, run);
      continue;
    }
    const int fd = run.to_of(run.current_step());
    const bool more = co_await goes_on(user, fd, task.over);
    if (more) co_await resume_sends(user, fd);
  }
}

}  // namespace iodrome::designs::epoll_threads
