// SPDX-License-Identifier: Apache-2.0
#include "model/designs/posix_aio/aio_side.h"

#include "model/designs/plain_calls.h"
#include "model/kernel/calls/file_calls.h"

namespace iodrome::designs::posix_aio {

using namespace kernel;
using chain::Op;
using events::Stage;
using Value = Result<std::int64_t>;

AioSide::AioSide(Os& os, Process& process, AioRequests& library, AioCosts& costs,
                 const AioParams& params, WaitQueue& sleepers)
    : os_(os),
      process_(process),
      library_(library),
      costs_(costs),
      params_(params),
      sleepers_(sleepers),
      suspension_(library.sync()) {}

Way AioSide::way(const Step& step) const {
  const bool asks = (step.transfers() || step.op == Op::fsync) && !waits_for_peer(step);
  return asks ? Way::native_async : Way::native_sync;
}

Task<Value> AioSide::call(Sleepable& user, ChainRun& run) {
  if (waits_for_peer(run.current_step())) return Task<Value>::ready(fail(Errno::enosys));
  return plain_call(user, os_, process_.files, run);
}

AioSide::Place& AioSide::place_of(ChainRun& run) {
  while (places_.size() <= run.slot) places_.push_back(std::make_unique<Place>());
  Place& place = *places_[run.slot];
  place.run = &run;
  return place;
}

Task<bool> AioSide::queue(Sleepable&, ChainRun& run) {
  run.results[run.current] = 0;
  queued_.push_back(&place_of(run));
  return Task<bool>::ready(true);
}

Task<void> AioSide::submit(Sleepable& user) {
  std::vector<Place*> now;
  now.swap(queued_);
  for (Place* const place : now) co_await start(user, *place);
}

// A send reads what it sends, a piece at a time.
Errno AioSide::fill(Place& place) {
  const ChainRun& run = *place.run;
  const Step& step = run.current_step();
  const chain::Course::Numbers asked = run.course.numbers(run.current);
  const auto sent = static_cast<std::uint64_t>(run.results[run.current]);
  Aiocb& block = place.block;
  block.fd = run.fd_of(step);
  block.direct = run.direct && step.op != Op::send;
  block.offset = asked.offset + sent;
  block.bytes = asked.bytes;
  block.ledger = &place.run->ledger;
  if (step.op == Op::fsync) {
    block.op = step.data_only ? AioOp::data_sync : AioOp::sync;
    return Errno::ok;
  }
  block.op = step.op == Op::write ? AioOp::write : AioOp::read;
  if (step.op == Op::send) {
    const auto most = static_cast<std::uint64_t>(params_.read_bytes);
    block.bytes = std::min(asked.bytes - sent, most);
    while (place.buffer.size() * hw::kPageBytes < block.bytes)
      place.buffer.push_back(os_.system.memory.allocate_page());
    block.pages = place.buffer;
    return Errno::ok;
  }
  const auto memory = run.memory_of(step, asked);
  if (!memory) return memory.error();
  block.pages = *memory;
  return Errno::ok;
}

// The next call of the step: aio_read, aio_write or aio_fsync.
Task<void> AioSide::start(Sleepable& user, Place& place) {
  const SubmittingCall counted(submit_times_, user);
  const WorkOn work(user, &place.run->ledger, Stage::submit);
  co_await user.spend(costs_.aiocb_prepare);
  Errno error = fill(place);
  const bool syncs = place.block.op == AioOp::sync || place.block.op == AioOp::data_sync;
  if (error == Errno::ok && syncs) error = co_await check_open(user, place.block.fd);
  if (error != Errno::ok) {
    place.run->results[place.run->current] = -static_cast<std::int64_t>(error);
    refused_.push_back(&place);
    user.set_stage(Stage::reap);
    co_return user.stop_work();
  }
  under_way_.push_back(&place);
  co_await library_.enqueue(user, place.block);
}

// By F_GETFL, as aio_fsync() does.
Task<Errno> AioSide::check_open(Sleepable& user, int fd) {
  const Result<FilePtr> file = process_.files.get(fd);
  const Value flags = file ? Value(0) : fail(file.error());
  const Value told = co_await syscall(user, Sysno::fcntl, Task<Value>::ready(flags));
  co_return told ? Errno::ok : told.error();
}

// --- their ends ---------------------------------------------------------------------------------

Task<Finished> AioSide::reap(Sleepable& user) {
  for (;;) {
    if (!refused_.empty()) {
      Place& place = *refused_.front();
      refused_.pop_front();
      co_return Finished{place.run, 1};
    }
    if (looked_at_ >= under_way_.size()) {
      looked_at_ = 0;
      co_return Finished{};
    }
    Place& place = *under_way_[looked_at_];
    co_await user.spend(costs_.look);
    const std::uint32_t error = co_await place.block.error.load_acquire(user);
    if (error == static_cast<std::uint32_t>(Errno::einprogress)) {
      ++looked_at_;
      continue;
    }
    under_way_.erase(under_way_.begin() + static_cast<std::ptrdiff_t>(looked_at_));
    const Finished finished = co_await take(user, place);
    if (finished.run != nullptr) co_return finished;
  }
}

Task<Finished> AioSide::take(Sleepable& user, Place& place) {
  ChainRun& run = *place.run;
  std::int64_t& result = run.results[run.current];
  if (run.current_step().op == Op::send && place.block.value > 0) return send_piece(user, place);
  // What went out before counts.
  if (result == 0) result = place.block.value;
  return Task<Finished>::ready(Finished{&run, 1});
}

Task<Finished> AioSide::send_piece(Sleepable& user, Place& place) {
  ChainRun& run = *place.run;
  std::int64_t& sent = run.results[run.current];
  const auto piece = static_cast<std::uint64_t>(place.block.value);
  const Value result = co_await send_call(user, place, piece);
  if (!result) {
    if (sent == 0) sent = as_return_value(result);
    co_return Finished{&run, 1};
  }
  sent += *result;
  const bool all = static_cast<std::uint64_t>(sent) >= run.course.numbers(run.current).bytes;
  if (all || piece < place.block.bytes) co_return Finished{&run, 1};
  co_await start(user, place);
  co_return Finished{};
}

Task<Value> AioSide::send_call(Sleepable& user, Place& place, std::uint64_t bytes) {
  const SubmittingCall counted(submit_times_, user);
  const ChainRun& run = *place.run;
  const WorkOn work(user, &place.run->ledger, Stage::submit);
  co_return co_await sys_send(user, os_, process_.files, run.to_of(run.current_step()),
                              place.buffer, bytes);
}

Task<void> AioSide::wait(Sleepable& user, const WakeCondition& woken) {
  co_await submit(user);
  if (!refused_.empty()) co_return;
  if (under_way_.empty()) {
    co_await syscall(user, Sysno::epoll_wait, sleep_until(user, woken));
    co_return;
  }
  std::vector<Aiocb*> list;
  for (Place* const place : under_way_) {
    if (list.size() == static_cast<std::size_t>(params_.suspend_entries)) break;
    list.push_back(&place->block);
  }
  co_await library_.suspend(user, list, suspension_, woken);
}

// With nothing under way it waits for its connections as any server does.
Task<Value> AioSide::sleep_until(Sleepable& user, const WakeCondition& woken) {
  co_await user.spend(user.costs().event_wait);
  while (!woken.holds()) co_await sleepers_.wait(user, "request", Stage::arrival);
  co_return 0;
}

}  // namespace iodrome::designs::posix_aio
