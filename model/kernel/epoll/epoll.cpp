// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/epoll/epoll.h"

#include "model/kernel/epoll/item.h"
#include "model/kernel/mm/allocation.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

namespace {
// EP_PRIVATE_BITS: how to report, not what.
constexpr PollEvents kPrivate = kEpollExclusive | kEpollOneshot | kEpollEdge;

// Whether an exclusive item takes the wake-up, so that others need not have it.
bool takes(PollEvents asked, PollEvents happened) {
  const PollEvents direction = happened & (kPollIn | kPollOut);
  if (direction == (kPollIn | kPollOut)) return false;
  return direction == 0 || (asked & direction) != 0;
}
}  // namespace

Task<PollEvents> Epoll::Item::poll(Sleepable& ctx, PollTable* table) {
  const PollEvents ready = co_await file.pollable()->poll(ctx, file, table);
  co_return ready& event.events;
}

Epoll::Epoll() : FileObject(Kind::epoll) {}

std::size_t Epoll::listed() const {
  return ready_.size();
}

// ep_events_available().
bool Epoll::available() const {
  return scanning_ || !ready_.empty();
}

Epoll::~Epoll() {
  file_ended();
}

void Epoll::file_ended() {
  file_ = nullptr;
  while (!items_.empty()) remove(*items_.begin()->second);
}

// --- a file becomes ready -----------------------------------------------------------------------

// ep_poll_callback(): in the context of whoever wakes the file's queue.
Task<Woken> Epoll::callback(Atomic& ctx, WaitEntry& self, WakeKey key) {
  const ItemPtr item(&static_cast<PollWait&>(self).item);
  const boost::intrusive_ptr<Epoll> epoll(item->owner);
  co_await ctx.spend(ctx.costs().epoll_callback);
  const PollEvents asked = item->event.events;
  const auto happened = static_cast<PollEvents>(key);
  const Woken others = (asked & kEpollExclusive) != 0 ? Woken::no : Woken::yes;
  if (item->removed() || (asked & ~kPrivate) == 0) co_return others;
  if (happened != 0 && (happened & asked) == 0) co_return others;
  if (epoll->scanning_) {
    if (!static_cast<ListHook<LateTag>&>(*item).is_linked()) epoll->late_.push_back(*item);
  } else if (!item->listed()) {
    epoll->ready_.push_back(*item);
  }
  Woken made = others;
  if (!epoll->waiters_.empty()) {
    if (takes(asked, happened)) made = Woken::yes;
    co_await epoll->waiters_.wake_one(ctx);
  }
  if (!epoll->pollers_.empty()) co_await epoll->pollers_.wake_up(ctx, 1, kPollIn);
  co_return made;
}

Task<void> Epoll::wake_waiters(Atomic& ctx) {
  return waiters_.empty() ? Task<void>::ready() : waiters_.wake_one(ctx);
}

// --- changing the set ---------------------------------------------------------------------------

Epoll::ItemPtr Epoll::find(const File& target, int fd) const {
  const auto [first, last] = items_.equal_range(fd);
  for (auto it = first; it != last; ++it)
    if (&it->second->file == &target) return it->second;
  return nullptr;
}

Task<Value> Epoll::ctl(Sleepable& ctx, EpollOp op, File& target, int fd, EpollEvent event) {
  if (op != EpollOp::del && !exclusive_allowed(op, target, event.events))
    co_return fail(Errno::einval);
  event.events |= kPollErr | kPollHup;
  const FileObjectPtr self(this);
  co_await mutex_.lock(ctx);
  Cost& cost = op == EpollOp::mod ? ctx.costs().epoll_mod : ctx.costs().epoll_ctl;
  co_await ctx.spend(cost);
  const ItemPtr item = find(target, fd);
  Value result = 0;
  if (op == EpollOp::add) {
    result = fail(Errno::eexist);
    if (item == nullptr) result = co_await insert(ctx, target, fd, event);
  } else if (item == nullptr) {
    result = fail(Errno::enoent);
  } else if (op == EpollOp::del) {
    remove(*item);
  } else if ((item->event.events & kEpollExclusive) != 0) {
    result = fail(Errno::einval);
  } else {
    co_await modify(ctx, *item, event);
  }
  co_await mutex_.unlock(ctx);
  co_return result;
}

// ep_insert().
Task<Value> Epoll::insert(Sleepable& ctx, File& target, int fd, EpollEvent event) {
  if (allocation_fails(ctx.system(), "epitem")) co_return fail(Errno::enomem);
  Nesting nesting{*this, {}, {}};
  const Epoll* const nested = epoll_of(target);
  if (nested == nullptr)
    nesting.leaves.push_back(&target);
  else if (!nesting.descend(*nested, 0))
    co_return fail(Errno::eloop);
  const ItemPtr item(new Item(*this, target, fd, event));
  items_.emplace(fd, item);
  target.watches.push_back(*item);
  if (!nesting.paths_fit()) {
    remove(*item);
    co_return fail(Errno::einval);
  }
  Queueing queueing(*item);
  co_await list_if_ready(ctx, *item, &queueing);
  co_return 0;
}

// ep_modify(). The file's queues stay; what it is ready for already is not told by them.
Task<void> Epoll::modify(Sleepable& ctx, Item& item, EpollEvent event) {
  item.event = event;
  return list_if_ready(ctx, item, nullptr);
}

Task<void> Epoll::list_if_ready(Sleepable& ctx, Item& item, PollTable* table) {
  const PollEvents ready = co_await item.poll(ctx, table);
  if (ready == 0 || item.removed() || item.listed()) co_return;
  ready_.push_back(item);
  co_await wake_waiters(ctx);
  if (!pollers_.empty()) co_await pollers_.wake_up(ctx, 1, kPollIn);
}

// Also from the end of the file, in whatever context that comes.
void Epoll::remove(Item& item) {
  const ItemPtr keep(&item);
  item.waits.clear();
  static_cast<FileWatch&>(item).unlink();
  static_cast<ListHook<ReadyTag>&>(item).unlink();
  static_cast<ListHook<LateTag>&>(item).unlink();
  item.owner = nullptr;
  const auto [first, last] = items_.equal_range(item.fd);
  for (auto it = first; it != last; ++it)
    if (it->second == keep) {
      items_.erase(it);
      return;
    }
}

Task<void> Epoll::release(Sleepable& ctx) {
  if (items_.empty()) co_return;
  co_await ctx.spend(ctx.costs().epoll_ctl, items_.size());
}

// --- reporting ----------------------------------------------------------------------------------

// ep_start_scan(): from here on callbacks leave the ready list alone.
void Epoll::begin_scan() {
  transfer_.splice(transfer_.end(), ready_);
  scanning_ = true;
}

// ep_done_scan().
Task<void> Epoll::end_scan(Atomic& ctx) {
  while (!late_.empty()) {
    Item& item = late_.back();
    late_.pop_back();
    if (!item.listed()) ready_.push_front(item);
  }
  scanning_ = false;
  ready_.splice(ready_.begin(), transfer_);
  return ready_.empty() ? Task<void>::ready() : wake_waiters(ctx);
}

// ep_send_events().
Task<Value> Epoll::send_events(Sleepable& ctx, std::span<EpollEvent> to) {
  co_await mutex_.lock(ctx);
  begin_scan();
  std::size_t sent = 0;
  while (!transfer_.empty() && sent < to.size()) {
    const ItemPtr item(&transfer_.front());
    transfer_.pop_front();
    co_await ctx.spend(ctx.costs().epoll_event);
    if (item->removed()) continue;
    const PollEvents ready = co_await item->poll(ctx, nullptr);
    if (ready == 0 || item->removed()) continue;
    to[sent++] = {ready, item->event.data};
    if ((item->event.events & kEpollOneshot) != 0)
      item->event.events &= kPrivate;
    else if ((item->event.events & kEpollEdge) == 0)
      ready_.push_back(*item);
  }
  co_await end_scan(ctx);
  co_await mutex_.unlock(ctx);
  co_return static_cast<std::int64_t>(sent);
}

// ep_poll().
Task<Value> Epoll::wait(Sleepable& ctx, std::span<EpollEvent> to, SimTime deadline) {
  const FileObjectPtr self(this);
  co_await ctx.spend(ctx.costs().epoll_wait);
  bool timed_out = deadline <= ctx.now();
  bool look = available();
  for (;;) {
    if (look) {
      const Value sent = co_await send_events(ctx, to);
      if (!sent || *sent > 0) co_return sent;
    }
    if (timed_out) co_return 0;
    if (ctx.thread().interrupted()) co_return fail(Errno::eintr);
    look = true;
    if (available()) continue;
    const WaitOptions options{true, true, deadline, SleepClock::high_resolution, true};
    const WaitOutcome ended =
        co_await waiters_.wait_for(ctx, "epoll_wait", events::Stage::arrival, options);
    timed_out = ended == WaitOutcome::timed_out;
    look = !timed_out;
  }
}

// __ep_eventpoll_poll().
Task<PollEvents> Epoll::poll(Sleepable& ctx, const File&, PollTable* table) {
  if (table != nullptr) table->queue(pollers_);
  const FileObjectPtr self(this);
  co_await mutex_.lock(ctx);
  begin_scan();
  PollEvents ready = 0;
  while (ready == 0 && !transfer_.empty()) {
    const ItemPtr item(&transfer_.front());
    co_await ctx.spend(ctx.costs().epoll_event);
    if (item->removed()) continue;
    const PollEvents found = co_await item->poll(ctx, nullptr);
    if (found != 0)
      ready = kPollIn;
    else
      static_cast<ListHook<ReadyTag>&>(*item).unlink();
  }
  co_await end_scan(ctx);
  co_await mutex_.unlock(ctx);
  co_return ready;
}

// --- instances ----------------------------------------------------------------------------------

bool exclusive_allowed(EpollOp op, const File& target, PollEvents events) {
  constexpr PollEvents kAllowed =
      kPollIn | kPollOut | kPollErr | kPollHup | kEpollEdge | kEpollExclusive;
  if ((events & kEpollExclusive) == 0) return true;
  return op == EpollOp::add && epoll_of(target) == nullptr && (events & ~kAllowed) == 0;
}

Result<FilePtr> Epoll::make(std::int32_t flags) {
  if ((flags & ~kEpollCloexec) != 0) return fail(Errno::einval);
  FilePtr made{new File};
  auto* const epoll = new Epoll;
  made->object = epoll;
  epoll->file_ = made.get();
  return made;
}

Epoll* epoll_of(const File& file) {
  FileObject* const object = file.object.get();
  return object != nullptr && object->kind == FileObject::Kind::epoll ? static_cast<Epoll*>(object)
                                                                      : nullptr;
}

}  // namespace iodrome::kernel
