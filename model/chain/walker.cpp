// SPDX-License-Identifier: Apache-2.0
#include "model/chain/walker.h"

namespace iodrome::chain {

using namespace kernel;
using Value = Result<std::int64_t>;

Walker::Walker(WalkerHost& host, ChainRun& run) : IoWait(&Walker::arrived), host_(host), run_(run) {
  ledger = &run.ledger;
  id = run.cookie();
}

// Opening, changing the process's table, writing and syncing take locks that sleep. What moves
// bytes out of files or drops the chain's own reference may run in a softirq; a hardirq may only
// end a chain.
bool Walker::legal(const Step& step, Level level) {
  if (level == Level::thread) return true;
  if (level == Level::hardirq) return step.op == Op::nop;
  if (step.op == Op::open || step.op == Op::write || step.op == Op::fsync) return false;
  return !(step.op == Op::close && step.fd_from < 0);
}

// A step in progress that only has to collect its result is legal anywhere.
bool Walker::only_collects() const {
  return pending == 0 && (direct_read_ || (writing_ && writing_->at_device()));
}

Task<void> Walker::arrived(Atomic& ctx, IoWait& self) {
  auto& walker = static_cast<Walker&>(self);
  if (walker.running_) {
    walker.look_again_ = true;
    return Task<void>::ready();
  }
  const Continue policy = walker.host_.policy();
  const bool here = policy == Continue::cheapest ||
                    (policy == Continue::softirq && ctx.level() != Level::hardirq);
  return here ? walker.advance_atomic(ctx) : walker.hand_over(ctx);
}

Task<void> Walker::hand_over(Atomic& ctx) {
  co_await ctx.spend(host_.walker_costs().hand_over);
  if (ctx.ledger() == ledger) ctx.stop_work();
  ledger->enter(events::Stage::queue, ctx.now());
  static constexpr Step kEnd{};
  const Step& step = at_end() ? kEnd : run_.chain.steps[run_.next_step];
  const Continue policy = host_.policy();
  const bool by_softirq = policy == Continue::cheapest || policy == Continue::softirq;
  if (by_softirq && ctx.level() == Level::hardirq && legal(step, Level::softirq)) {
    host_.defer_to_softirq(ctx, *this);
    co_return;
  }
  if (policy == Continue::workqueue) co_return co_await host_.workqueue().queue(ctx, *this);
  co_await host_.threads().queue(ctx, *this);
}

Task<void> Walker::advance_in(Atomic& ctx, Sleepable* sleeper) {
  const events::Stage here = ctx.level() == Level::hardirq   ? events::Stage::hardirq
                             : ctx.level() == Level::softirq ? events::Stage::softirq
                                                             : events::Stage::kernel;
  const WorkOn work(ctx, ledger, here);
  running_ = true;
  while (!at_end()) {
    const Step& step = run_.chain.steps[run_.next_step];
    if (sleeper == nullptr && !only_collects() && !legal(step, ctx.level())) {
      running_ = false;
      co_return co_await hand_over(ctx);
    }
    const Value result = co_await take_step(ctx, sleeper, step);
    if (result || result.error() != Errno::eagain) {
      settle(result);
      continue;
    }
    if (std::exchange(look_again_, false)) continue;
    running_ = false;
    if (ctx.ledger() == ledger) {
      ctx.stop_work();
      // The device took over at its doorbell; anything else is waited for in a queue or at the
      // peer.
      if (ledger->stage() != events::Stage::device) ledger->enter(stage, ctx.now());
    }
    co_return;
  }
  ChainRun& run = run_;
  WalkerHost& host = host_;
  delete this;
  co_await host.finished(ctx, run);
}

Result<FilePtr> Walker::file_of(const Step& step) {
  if (step.fd_from < 0) return host_.files().get(step.fd);
  if (opened_ == nullptr) return fail(Errno::ebadf);
  return opened_;
}

Task<Value> Walker::take_step(Atomic& ctx, Sleepable* sleeper, const Step& step) {
  return then(ctx.spend(host_.walker_costs().step),
              [this, &ctx, sleeper, &step] { return carry_out(ctx, sleeper, step); });
}

Task<Value> Walker::carry_out(Atomic& ctx, Sleepable* sleeper, const Step& step) {
  switch (step.op) {
    case Op::nop:
      return Task<Value>::ready(0);
    case Op::open:
      check(sleeper != nullptr, "open outside a thread");
      return open(*sleeper, step);
    case Op::stat:
      return stat(ctx, step);
    case Op::read:
      return read(ctx, step);
    case Op::send:
      return send(ctx, step);
    case Op::close:
      return close(ctx, sleeper, step);
    case Op::write:
      return write(ctx, step);
    case Op::fsync:
      return fsync(ctx, step);
  }
  return Task<Value>::ready(fail(Errno::einval));
}

Task<Value> Walker::stat(Atomic& ctx, const Step& step) {
  const Result<FilePtr> file = file_of(step);
  if (!file) co_return fail(file.error());
  co_return co_await stat_file(ctx, **file);
}

Task<Value> Walker::open(Sleepable& ctx, const Step& step) {
  Result<FilePtr> file = co_await try_open(ctx, host_.os(), *step.path, this);
  if (!file) co_return fail(file.error());
  opened_ = *file;
  if (!step.keep) co_return 0;
  const Result<int> fd = co_await install_file(ctx, host_.files(), std::move(*file));
  if (!fd) co_return fail(fd.error());
  co_return *fd;
}

Task<Value> Walker::close(Atomic& ctx, Sleepable* sleeper, const Step& step) {
  if (step.fd_from < 0) {
    check(sleeper != nullptr, "a descriptor closed outside a thread");
    co_return co_await close_file(*sleeper, host_.files(), step.fd);
  }
  co_await ctx.spend(ctx.costs().file_close);
  if (opened_ == nullptr) co_return fail(Errno::ebadf);
  opened_ = nullptr;
  co_return 0;
}

Task<Value> Walker::read(Atomic& ctx, const Step& step) {
  const Result<FilePtr> file = file_of(step);
  if (!file) co_return fail(file.error());
  if (!run_.direct) {
    if (!reading_) {
      co_await ctx.spend(ctx.costs().vfs_read);
      // The copy may run in any context, so the user's pages are pinned first.
      co_await ctx.spend(ctx.costs().page_pin, (step.bytes + hw::kPageBytes - 1) / hw::kPageBytes);
      reading_.emplace(*file, step.offset, step.bytes, run_.buffer);
    }
    co_return co_await reading_->try_run(ctx, host_.os(), *this);
  }
  co_return co_await read_direct(ctx, **file, step);
}

Task<Value> Walker::read_direct(Atomic& ctx, File& file, const Step& step) {
  if (direct_read_) co_return direct_read_->result();
  for (;;) {
    if (write_back_) {
      const Errno waits = co_await write_back_->try_run(ctx, host_.os(), *this);
      if (waits == Errno::eagain) co_return fail(waits);
      write_back_.reset();
    }
    direct_read_.emplace();
    const Value started = co_await direct_read_->start(ctx, host_.os(), file, step.offset,
                                                       step.bytes, run_.buffer, *this);
    if (started && *started != 0)
      co_return pending == 0 ? direct_read_->result() : Value(fail(Errno::eagain));
    if (started || started.error() != Errno::eagain) co_return started;
    direct_read_.reset();
    write_back_.emplace(*file.inode, step.offset / hw::kPageBytes,
                        (step.offset + step.bytes - 1) / hw::kPageBytes);
  }
}

Task<Value> Walker::write(Atomic& ctx, const Step& step) {
  if (!writing_) {
    const Result<FilePtr> file = file_of(step);
    if (!file) co_return fail(file.error());
    // Whichever thread copies, the submitter's pages are pinned first; a direct write does it
    // itself.
    if (!run_.direct)
      co_await ctx.spend(ctx.costs().page_pin, (step.bytes + hw::kPageBytes - 1) / hw::kPageBytes);
    writing_.emplace(*file, run_.direct, step.offset, step.bytes, run_.buffer);
  }
  co_return co_await writing_->try_run(ctx, host_.os(), *this);
}

Task<Value> Walker::fsync(Atomic& ctx, const Step& step) {
  if (!syncing_) {
    const Result<FilePtr> file = file_of(step);
    if (!file) co_return fail(file.error());
    syncing_.emplace(*file, step.data_only);
  }
  co_return co_await syncing_->try_run(ctx, host_.os(), *this);
}

Task<Value> Walker::send(Atomic& ctx, const Step& step) {
  if (!sending_) {
    const Result<FilePtr> file = file_of(step);
    if (!file) co_return fail(file.error());
    const Result<FilePtr> socket = host_.files().get(step.to_fd);
    if (!socket) co_return fail(socket.error());
    co_await ctx.spend(ctx.costs().splice_call);
    sending_.emplace(*file, *socket, step.offset, step.bytes);
  }
  co_return co_await sending_->try_run(ctx, host_.os(), *this);
}

// Records a step's result and moves on; an error cancels the rest, but for closing what was opened.
void Walker::settle(const Value& result) {
  const Step& step = run_.chain.steps[run_.next_step];
  run_.results[run_.next_step++] = as_return_value(result);
  sending_.reset();
  reading_.reset();
  direct_read_.reset();
  writing_.reset();
  syncing_.reset();
  failed_ = failed_ || (!result && step.on_error == OnError::stop);
  if (!failed_) return;
  while (!at_end() && !(run_.chain.steps[run_.next_step].op == Op::close && opened_ != nullptr))
    run_.results[run_.next_step++] = -static_cast<std::int64_t>(Errno::ecanceled);
}

}  // namespace iodrome::chain
