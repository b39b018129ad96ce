// SPDX-License-Identifier: Apache-2.0
#include "model/app/app_thread.h"

#include <fmt/format.h>

#include "model/chain/memory_work.h"
#include "model/events/io.h"
#include "model/providers/cpu_provider.h"

namespace iodrome::app {

using chain::ChainRun;
using designs::Way;
using kernel::Sleepable;
using kernel::WorkOn;

AppThread::AppThread(kernel::System& system, const designs::Descriptor& design,
                     designs::Design& instance, ChainSource& source, RequestObserver& observer,
                     AppCosts& costs, const kernel::SoftwareDmaRates& rates,
                     const AppParams& params, std::uint32_t index)
    : system_(system),
      source_(source),
      observer_(observer),
      costs_(costs),
      rates_(rates),
      params_(params),
      index_(index),
      side_(instance.make_app_side(sleepers_, index)),
      whole_chains_(side_->takes_chains()),
      arrivals_(*this),
      thread_(system, fmt::format("{}/{}", design.name, index), events::CpuClass::user,
              index % static_cast<std::uint32_t>(system.cpus.size()), *this) {}

bool AppThread::Arrivals::holds() const {
  // While earlier requests wait for room, a new one is no reason to wake up.
  return (owner_.postponed_.empty() && owner_.source_.ready(owner_.index_)) ||
         (owner_.in_flight_ == 0 && owner_.source_.exhausted(owner_.index_));
}

std::string AppThread::describe() {
  const kernel::Thread& thread = thread_.thread();
  static constexpr const char* kStates[] = {"running", "runnable", "sleeping", "dead"};
  return fmt::format("thread {} ({}): {}, {} requests in flight", thread.name,
                     kStates[static_cast<int>(thread.state)],
                     thread.waits_for != nullptr ? thread.waits_for : "nothing", in_flight_);
}

Task<void> AppThread::run(Sleepable& ctx) {
  for (;;) {
    // Requests that found no room go first: order of arrival.
    if (!postponed_.empty()) co_await try_again(ctx);
    while (postponed_.empty()) {
      ChainRun* const run = source_.next(index_);
      if (run == nullptr) break;
      co_await begin(ctx, *run);
    }
    const designs::Finished finished = co_await side_->reap(ctx);
    if (finished.run != nullptr) {
      co_await go_on(ctx, note(finished));
      continue;
    }
    if (in_flight_ == 0 && source_.exhausted(index_)) break;
    if (source_.ready(index_) && postponed_.empty()) continue;
    queued_ = 0;
    co_await side_->wait(ctx, arrivals_);
  }
  observer_.on_thread_end();
}

Task<void> AppThread::try_again(Sleepable& ctx) {
  std::vector<ChainRun*> again;
  again.swap(postponed_);
  for (ChainRun* const run : again) co_await advance(ctx, *run);
}

Task<void> AppThread::begin(Sleepable& ctx, ChainRun& run) {
  ++in_flight_;
  if (!whole_chains_) run.course.start(run.chain, run.results.data());
  ctx.work_on(&run.ledger, events::Stage::submit);
  const auto arrival = static_cast<std::uint64_t>(to_ps(run.ledger.opened()));
  ctx.emit(events::IoSubmit{run.cookie(), ctx.thread().id, arrival});
  run.ledger.belong_to(run.cookie(), system_.probe.stage_listener());
  ctx.owe(costs_.request_start);
  // What has expired before it began ends at once, and its start is no part of that.
  return ctx.now() >= run.expires() ? advance_paid(ctx, run) : advance(ctx, run);
}

Task<void> AppThread::go_on(Sleepable& ctx, ChainRun& run) {
  if (whole_chains_) return finish(ctx, run);
  return ctx.owes() && take_up_in_time(ctx, run) ? advance_paid(ctx, run) : advance(ctx, run);
}

// What the last result cost to take is not the next step's time.
Task<void> AppThread::advance_paid(Sleepable& ctx, ChainRun& run) {
  co_await ctx.spend();
  co_await advance(ctx, run);
}

// Carries a request on until it waits for a completion, or to its end. The context works on no
// request then.
Task<void> AppThread::advance(Sleepable& ctx, ChainRun& run) {
  ctx.work_on(&run.ledger, events::Stage::submit);
  if (whole_chains_) return enqueue(ctx, run);
  if (!take_up_in_time(ctx, run)) return finish(ctx, run);
  return queues(run) ? enqueue(ctx, run) : call_on(ctx, run);
}

// The same from a step on that this thread carries out itself.
Task<void> AppThread::call_on(Sleepable& ctx, ChainRun& run) {
  if (ctx.owes()) co_await ctx.spend();
  do {
    if (queues(run)) co_return co_await enqueue(ctx, run);
    co_await call(ctx, run);
  } while (take_up_in_time(ctx, run));
  co_await finish(ctx, run);
}

bool AppThread::queues(const ChainRun& run) const {
  const chain::Step& step = run.current_step();
  return !step.on_memory() && side_->way(step) == Way::native_async;
}

// No call of the kernel does it for this application, so its own code does.
Task<Result<std::int64_t>> AppThread::compute(Sleepable& ctx, ChainRun& run) {
  Result<std::vector<providers::Job>> jobs = chain::jobs_of(run, run.current);
  if (!jobs) co_return fail(jobs.error());
  Sha256 message;
  chain::join(*jobs, message);
  for (providers::Job& job : *jobs) {
    co_await providers::carry_out(ctx, rates_, job);
    job.status = Errno::ok;
  }
  co_return co_await chain::finish(ctx, run, run.current, *jobs);
}

Task<void> AppThread::enqueue(Sleepable& ctx, ChainRun& run) {
  return then(side_->queue(ctx, run), [this, &ctx, &run](bool queued) {
    if (ctx.owes()) return note_paid(ctx, run, queued);
    ctx.stop_work();  // it stays in `submit` until the kernel has accepted it
    return queued ? note_queued(ctx) : make_room(ctx, run);
  });
}

// It cost nothing to queue.
Task<void> AppThread::note_paid(Sleepable& ctx, ChainRun& run, bool queued) {
  co_await ctx.spend();
  ctx.stop_work();
  Task<void> next = queued ? note_queued(ctx) : make_room(ctx, run);
  co_await std::move(next);
}

Task<void> AppThread::note_queued(Sleepable& ctx) {
  return ++queued_ >= params_.submit_batch ? submit(ctx) : Task<void>::ready();
}

// Nobody works on the request meanwhile: the others' submission is not its time in the kernel.
Task<void> AppThread::make_room(Sleepable& ctx, ChainRun& run) {
  co_await submit(ctx);
  ctx.work_on(&run.ledger, events::Stage::submit);
  const bool queued = co_await side_->queue(ctx, run);
  ctx.stop_work();
  if (queued) co_return co_await note_queued(ctx);
  postponed_.push_back(&run);
}

Task<void> AppThread::finish(Sleepable& ctx, ChainRun& run) {
  ctx.work_on(&run.ledger, events::Stage::reap);
  return then(ctx.spend(costs_.request_finish), [this, &ctx, &run] {
    ctx.emit(events::IoReap{run.cookie(), static_cast<std::uint64_t>(run.first_error())});
    ctx.stop_work();
    observer_.on_request(run, run.ledger.close(ctx.now()), ctx.cpu().index());
    --in_flight_;
    source_.finished(index_, run);
    return Task<void>::ready();
  });
}

Task<void> AppThread::call(Sleepable& ctx, ChainRun& run) {
  Result<std::int64_t> result = fail(Errno::enosys);
  if (run.current_step().on_memory()) {
    result = co_await compute(ctx, run);
  } else {
    const designs::SubmittingCall counted(side_->submit_times(), ctx);
    result = co_await side_->call(ctx, run);
  }
  run.results[run.current] = as_return_value(result);
  settle(run);
}

Task<void> AppThread::submit(Sleepable& ctx) {
  queued_ = 0;
  return side_->submit(ctx);
}

// The step that is under way, or the next one; false: all is over. Steps of a graph that could run
// beside each other follow one another.
bool AppThread::take_up(ChainRun& run) {
  if (run.tried) return true;
  const std::optional<std::size_t> next = run.course.next();
  if (!next) return false;
  run.current = static_cast<std::uint16_t>(*next);
  run.tried = true;
  return true;
}

// Between steps is when this side can look at its clock.
bool AppThread::take_up_in_time(Sleepable& ctx, ChainRun& run) {
  if (ctx.now() >= run.expires()) run.course.stop(Errno::etime);
  if (run.tried && run.course.gives_up(run.current)) {
    run.course.cut(run.current, 0);
    run.tried = false;
  }
  return take_up(run);
}

// The current step's value has come: it is over, or is tried again.
void AppThread::settle(ChainRun& run) {
  const std::int64_t value = run.results[run.current];
  run.tried = !run.course.ended(run.current, value, run.at_end(run.current, value));
}

// Takes the results of the steps that a completion ends.
ChainRun& AppThread::note(const designs::Finished& finished) {
  ChainRun& run = *finished.run;
  if (whole_chains_) return run;
  settle(run);
  for (std::uint32_t left = finished.steps - 1; left > 0; --left) {
    check(take_up(run), "a completion of more steps than there are");
    settle(run);
  }
  return run;
}

}  // namespace iodrome::app
