// SPDX-License-Identifier: Apache-2.0
#include "model/designs/kevent/kevent_queue.h"

#include "model/events/io.h"
#include "model/kernel/mm/allocation.h"
#include "model/kernel/syscall.h"

namespace iodrome::designs::kevent {

using namespace kernel;

namespace {

std::int64_t result_of(const Ukevent& event) {
  const bool broken = (event.ret_flags & kBroken) != 0;
  return broken ? -std::int64_t{event.ret_data[1]} : static_cast<std::int64_t>(event.ret_number());
}

}  // namespace

KeventQueue::~KeventQueue() {
  tree_.clear_and_dispose([](Kevent* kevent) { delete kevent; });
}

Errno KeventQueue::init(KeventRing* ring, std::uint32_t entries) {
  if ((ring == nullptr) != (entries == 0) || entries == 1) return Errno::einval;
  ring_ = ring;
  ring_size_ = entries;
  return Errno::ok;
}

void KeventQueue::release(Kevent& kevent) {
  tree_.erase(tree_.iterator_to(kevent));
  delete &kevent;
}

// Whether its callback says that it is ready or broken; then it tells so, and one that tells once
// has nothing more to do with its origin.
bool KeventQueue::ask(Kevent& kevent, std::uint32_t mask) {
  if ((kevent.event.event & mask) == 0) return false;
  const int answer = kevent.callback(kevent);
  if (answer == 0) return false;
  kevent.event.ret_flags |= answer < 0 ? kDone | kBroken : kDone;
  if (answer < 0 || (kevent.event.req_flags & kOneshot) != 0) kevent.InStorage::unlink();
  return true;
}

void KeventQueue::make_ready(Atomic& ctx, Kevent& kevent) {
  if (kevent.is_ready()) return;
  ready_.push_back(kevent);
  if (kevent.ledger == nullptr) return;
  ctx.emit(
      events::IoComplete{kevent.event.user, static_cast<std::uint64_t>(result_of(kevent.event))});
  // From here on the request waits for the application, whatever this context does.
  if (ctx.ledger() == kevent.ledger) ctx.stop_work();
  kevent.ledger->enter(events::Stage::reap, ctx.now());
}

Task<Result<bool>> KeventQueue::add(Atomic& ctx, Ukevent& what, KeventStorage& storage,
                                    Kevent::Callback callback, void* origin,
                                    events::StageLedger* ledger) {
  co_await ctx.spend(costs_.add);
  Spinlock::Guard guard = co_await ready_lock_.lock(ctx);
  if (tree_.find(what.id) != tree_.end()) co_return fail(Errno::eexist);
  if (allocation_fails(system_, "kevent")) co_return fail(Errno::enomem);
  auto* const kevent = new Kevent(what);
  kevent->callback = callback;
  kevent->origin = origin;
  kevent->ledger = ledger;
  tree_.insert(*kevent);
  storage.push_back(*kevent);
  if (!ask(*kevent, kMaskAll)) co_return true;
  if ((what.req_flags & kAlwaysQueue) != 0) {
    make_ready(ctx, *kevent);
    co_await ctx.spend(costs_.ready);
    guard.unlock();
    co_await sleepers_.wake_one(ctx);
    co_return true;
  }
  what = kevent->event;
  delivered(*kevent);
  co_return false;
}

Task<Errno> KeventQueue::remove(Atomic& ctx, std::uint64_t id) {
  Spinlock::Guard guard = co_await ready_lock_.lock(ctx);
  const auto found = tree_.find(id);
  if (found == tree_.end()) co_return Errno::enoent;
  release(*found);
  co_return Errno::ok;
}

Task<void> KeventQueue::storage_ready(Atomic& ctx, KeventStorage& storage, std::uint32_t mask) {
  Spinlock::Guard guard = co_await ready_lock_.lock(ctx);
  std::uint64_t looked = 0;
  std::uint64_t turned = 0;
  for (auto next = storage.begin(); next != storage.end();) {
    Kevent& kevent = *next++;
    ++looked;
    const bool beside_others = (kevent.event.req_flags & kWakeupAll) != 0;
    if (turned > 0 && !beside_others) continue;
    if (!ask(kevent, mask)) continue;
    make_ready(ctx, kevent);
    ++turned;
  }
  // After the walk, which is thereby one moment: nobody leaves the list meanwhile.
  co_await ctx.spend(costs_.look, looked);
  co_await ctx.spend(costs_.ready, turned);
  guard.unlock();
  for (; turned > 0; --turned) co_await sleepers_.wake_one(ctx);
}

std::uint32_t KeventQueue::space() const {
  if (full_) return 0;
  return uidx_ > kidx_ ? uidx_ - kidx_ : ring_size_ - (kidx_ - uidx_);
}

// The oldest event, into the ring and `to`, if there is one; without `to` it must find room.
Task<bool> KeventQueue::deliver(Sleepable& ctx, Ukevent* to) {
  co_await ring_lock_.lock(ctx);
  const bool there = !ready_.empty() && (to != nullptr || space() > 0);
  if (there) co_await ctx.spend(costs_.deliver);
  bool done = false;
  if (there) {
    const Spinlock::Guard guard = co_await ready_lock_.lock(ctx);
    if (!ready_.empty()) {  // it may have been removed
      Kevent& kevent = ready_.front();
      ready_.pop_front();
      const bool copied = ring_ == nullptr || put_in_ring(ctx, kevent.event);
      if (to != nullptr) *to = kevent.event;
      if (!copied) to->ret_flags |= kCopyFailed;
      delivered(kevent);
      done = true;
    }
  }
  co_await ring_lock_.unlock(ctx);
  co_return done;
}

bool KeventQueue::put_in_ring(Atomic& ctx, const Ukevent& event) {
  if (full_) return false;
  ring_->event[kidx_] = event;
  kidx_ = (kidx_ + 1) % ring_size_;
  full_ = kidx_ == uidx_;
  ring_->ring_kidx = kidx_;
  ctx.show(events::RingPosted{});
  return true;
}

void KeventQueue::delivered(Kevent& kevent) {
  const std::uint32_t flags = kevent.event.req_flags;
  const bool over = (kevent.event.ret_flags & kBroken) != 0 || (flags & kOneshot) != 0;
  if (over) return release(kevent);
  if ((flags & kEdge) == 0) return;
  kevent.event.ret_flags = 0;
  kevent.event.ret_data[0] = kevent.event.ret_data[1] = 0;
}

// Until the next wake-up. False: `until` has come.
Task<bool> KeventQueue::sleep(Sleepable& ctx, const char* call, SimTime until) {
  if (until == kNever) {
    co_await sleepers_.wait(ctx, call, events::Stage::arrival);
    co_return true;
  }
  if (ctx.now() >= until) co_return false;
  WaitOptions options;
  options.deadline = until;
  options.clock = SleepClock::high_resolution;
  const WaitOutcome outcome =
      co_await sleepers_.wait_for(ctx, call, events::Stage::arrival, options);
  co_return outcome != WaitOutcome::timed_out;
}

Task<KeventQueue::Value> KeventQueue::get_events(Sleepable& user, SimTime until,
                                                 std::span<Ukevent> to) {
  return syscall(user, Sysno::kevent_get_events, get_events_body(user, until, to));
}

Task<KeventQueue::Value> KeventQueue::get_events_body(Sleepable& ctx, SimTime until,
                                                      std::span<Ukevent> to) {
  co_await ctx.spend(costs_.wait_call);
  bool woken = true;
  while (!deliverable() && woken) woken = co_await sleep(ctx, "kevent_get_events", until);
  std::size_t told = 0;
  for (bool more = true; more && told < to.size();) {
    more = co_await deliver(ctx, &to[told]);
    told += more ? 1 : 0;
  }
  co_return static_cast<std::int64_t>(told);
}

Task<KeventQueue::Value> KeventQueue::wait(Sleepable& user, std::uint32_t num,
                                           std::uint32_t old_uidx, SimTime until,
                                           const WakeCondition* woken) {
  return syscall(user, Sysno::kevent_wait, wait_body(user, num, old_uidx, until, woken));
}

Task<KeventQueue::Value> KeventQueue::wait_body(Sleepable& ctx, std::uint32_t num,
                                                std::uint32_t old_uidx, SimTime until,
                                                const WakeCondition* woken) {
  co_await ctx.spend(costs_.wait_call);
  if (ring_ == nullptr || num > ring_size_) co_return fail(Errno::einval);
  bool in_time = true;
  while (in_time && !deliverable() && old_uidx == uidx_ && (woken == nullptr || !woken->holds()))
    in_time = co_await sleep(ctx, "kevent_wait", until);
  std::uint32_t moved = 0;
  for (bool more = true; more && moved < num;) {
    more = co_await deliver(ctx, nullptr);
    moved += more ? 1 : 0;
  }
  co_return std::int64_t{moved};
}

Task<KeventQueue::Value> KeventQueue::commit(Sleepable& user, std::uint32_t new_uidx,
                                             std::uint32_t over) {
  return syscall(user, Sysno::kevent_commit, commit_body(user, new_uidx, over));
}

Task<KeventQueue::Value> KeventQueue::commit_body(Sleepable& ctx, std::uint32_t new_uidx,
                                                  std::uint32_t over) {
  co_await ctx.spend(costs_.commit_call);
  co_await ring_lock_.lock(ctx);
  const Value freed = move_uidx(new_uidx, over);
  co_await ring_lock_.unlock(ctx);
  if (freed && *freed > 0) co_await sleepers_.wake_all(ctx);
  co_return freed;
}

KeventQueue::Value KeventQueue::move_uidx(std::uint32_t new_uidx, std::uint32_t over) {
  if (ring_ == nullptr) return 0;
  if (new_uidx >= ring_size_) return fail(Errno::einval);
  if (over != over_ && over != over_ - 1) return fail(Errno::eoverflow);
  if (uidx_ < kidx_ && new_uidx > kidx_) return fail(Errno::einval);
  if (new_uidx == uidx_) return 0;
  std::uint32_t freed = 0;
  if (new_uidx > uidx_) {
    if (over != over_) return fail(Errno::eoverflow);
    freed = new_uidx - uidx_;
  } else {
    freed = ring_size_ - (uidx_ - new_uidx);
    ring_->ring_over = ++over_;
  }
  uidx_ = new_uidx;
  full_ = false;
  return std::int64_t{freed};
}

}  // namespace iodrome::designs::kevent
