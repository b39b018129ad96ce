// SPDX-License-Identifier: Apache-2.0
#include "model/engine/timeline.h"

namespace iodrome {

// One spawned task, in a list with the newest first.
struct Timeline::Root : ResumeEvent, DetachedOwner, Pooled {
  Timeline* timeline;
  const char* name;
  Root* older;
  Root* newer = nullptr;

  Root(Timeline& owner, Task<void> task, const char* label)
      : DetachedOwner{&Root::end}, timeline(&owner), name(label), older(owner.newest_root_) {
    handle = task.detach(*this);
    if (older != nullptr) older->newer = this;
    owner.newest_root_ = this;
    ++owner.live_tasks_;
  }
  ~Root() {
    if (newer != nullptr) newer->older = older;
    if (older != nullptr) older->newer = newer;
    if (timeline->newest_root_ == this) timeline->newest_root_ = older;
    --timeline->live_tasks_;
    handle.destroy();
  }

  static void end(DetachedOwner* self, std::exception_ptr error) {
    Root* const root = static_cast<Root*>(self);
    if (error) {
      root->timeline->error_ = error;
      root->timeline->stop();
    }
    delete root;
  }
};

void OwnedEvent::fire_once(Event* self) {
  const std::unique_ptr<OwnedEvent> event{static_cast<OwnedEvent*>(self)};
  event->happen();
}

Timeline::Timeline() : ready_(64) {}

Timeline::~Timeline() {
  drain();
}

void Timeline::spawn(Task<void> task, const char* name) {
  post(*new Root(*this, std::move(task), name));
}

void Timeline::grow_ready() {
  std::vector<Event*> larger(ready_.size() * 2);
  for (std::size_t i = 0; i < ready_count_; ++i)
    larger[i] = ready_[(ready_head_ + i) & (ready_.size() - 1)];
  ready_.swap(larger);
  ready_head_ = 0;
}

Event* Timeline::take_ready() {
  const std::size_t mask = ready_.size() - 1;
  if (choices_.exploring() && ready_count_ > 1) [[unlikely]] {
    const std::uint32_t pick =
        choices_.choose(Choice::order, static_cast<std::uint32_t>(ready_count_), "timeline");
    // The events before the picked one keep their order.
    Event* const chosen = ready_[(ready_head_ + pick) & mask];
    for (std::size_t i = pick; i > 0; --i)
      ready_[(ready_head_ + i) & mask] = ready_[(ready_head_ + i - 1) & mask];
    ready_[ready_head_ & mask] = chosen;
  }
  Event* const event = ready_[ready_head_ & mask];
  ready_head_ = (ready_head_ + 1) & mask;
  --ready_count_;
  return event;
}

// Moves to the next instant and returns its first event. Others of the same instant become ready,
// so that wake-ups made from now on come after them. A cancelled event moves nothing; then there
// may be no event.
inline Event* Timeline::take_due() {
  const std::int64_t time = queue_.head_time();
  Event* const first = queue_.pop();
  if (OwnedEvent::cancelled(*first)) [[unlikely]] {
    first->fire(first);
    return nullptr;
  }
  now_ = SimTime{Duration{time}};
  if (!queue_.due_by(time)) [[likely]]
    return first;
  return take_first_of_instant(*first);
}

Event* Timeline::take_first_of_instant(Event& first) {
  post(first);
  do {
    post(*queue_.pop());
  } while (queue_.due_by(to_ps(now_)));
  return take_ready();
}

RunState Timeline::run(SimTime horizon) {
  if (sync_first_ != nullptr && first_ == nullptr) return RunState::sync;
  if (now_ >= horizon && next_time() != kNever) return RunState::horizon;
  horizon_ = horizon;
  const RunState state = run_until_horizon();
  horizon_ = SimTime{};
  return state;
}

RunState Timeline::run_until_horizon() {
  Event* event = std::exchange(first_, nullptr);
  for (;;) {
    if (event == nullptr) {
      if (ready_count_ != 0) {
        event = take_ready();
      } else {
        if (!queue_.due_before(to_ps(horizon_)))
          return queue_.empty() ? RunState::idle : RunState::horizon;
        event = take_due();
        if (event == nullptr) [[unlikely]]
          continue;
      }
    }
    const bool in_step = choices_.exploring() || (attention_ && sync_first_ != nullptr);
    advances_left_ = in_step ? 0 : advance_budget_;
    if ((++events_run_ & kPollMask) == 0 && monitor_ != nullptr) [[unlikely]]
      monitor_->poll();
    event->fire(event);
    event = nullptr;
    if (!attention_) [[likely]]
      continue;
    if (sync_first_ != nullptr) return RunState::sync;
    attention_ = false;
    if (!std::exchange(stop_requested_, false)) continue;
    if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
    return RunState::stopped;
  }
}

void Timeline::advance_to(SimTime time) {
  check(time <= now_ || time <= next_time(), "advance_to() would skip an event");
  if (time > now_) now_ = time;
}

void Timeline::request_sync(SyncRequest& request) {
  request.next = nullptr;
  (sync_first_ == nullptr ? sync_first_ : sync_last_->next) = &request;
  sync_last_ = &request;
  attention_ = true;
  advances_left_ = 0;
}

SyncRequest* Timeline::take_sync() {
  SyncRequest* const request = sync_first_;
  if (request != nullptr) sync_first_ = request->next;
  return request;
}

SimTime Timeline::next_time() const {
  if (ready_count_ != 0 || first_ != nullptr) return now_;
  return queue_.empty() ? kNever : SimTime{Duration{queue_.head_time()}};
}

void Timeline::drain() {
  draining_ = true;
  while (newest_root_ != nullptr) delete newest_root_;
  queue_.clear();
  ready_count_ = 0;
  first_ = nullptr;
  sync_first_ = nullptr;
  owned_events_.clear_and_dispose([](OwnedEvent* event) { delete event; });
  draining_ = false;
}

std::vector<StallLine> Timeline::who_waits_for_what() const {
  std::vector<StallLine> lines;
  for (const StallSource& source : stall_sources_) source.describe_stall(lines);
  for (const Root* root = newest_root_; root != nullptr; root = root->older)
    lines.push_back({root->name, "(has not ended)"});
  return lines;
}

}  // namespace iodrome
