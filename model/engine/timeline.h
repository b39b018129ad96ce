// SPDX-License-Identifier: Apache-2.0
// The timeline: the only clock, and the only thing that resumes modelled code.
//
// Invariants
//  1. Events of one instant run in the order they were scheduled, unless an oracle chooses
//  otherwise.
//  2. Code never runs inside the call that woke it: post() and at() only queue.
//  3. Time advances in run() or in try_advance(), which refuses while anything else could run
//  first.
#pragma once
#include <boost/intrusive/list.hpp>
#include <coroutine>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "model/engine/choice.h"
#include "model/engine/event_queue.h"
#include "model/engine/task.h"
#include "model/engine/time.h"

namespace iodrome {

/// Why run() came back.
enum class RunState : std::uint8_t {
  idle,     // nothing is pending
  horizon,  // the next event is not before the horizon
  sync,     // somebody must touch the world outside; see Timeline::request_sync
  stopped,  // stop() was called
};

/// Work that must happen outside run-ahead, at exactly the local time, before anything else runs.
struct SyncRequest {
  void (*perform)(SyncRequest*) = nullptr;
  SyncRequest* next = nullptr;
};

/// One line of "who waits for what".
struct StallLine {
  std::string who;
  std::string waits_for;
};

/// Hears now and then, in real time, that a run goes on.
class RunMonitor {
 public:
  virtual ~RunMonitor() = default;
  /// Called between two events. It must not touch the model; what it throws ends run().
  virtual void poll() = 0;
};

class Timeline;

/// An event that belongs to the timeline, for whatever outlives the frame that scheduled it:
/// timeouts, store buffers. Made with `new`; freed when it has fired, or when the run ends without
/// it.
class OwnedEvent : public Event,
                   public Pooled,
                   public boost::intrusive::list_base_hook<
                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  explicit OwnedEvent(Timeline& timeline);
  virtual ~OwnedEvent() = default;
  OwnedEvent(const OwnedEvent&) = delete;
  OwnedEvent& operator=(const OwnedEvent&) = delete;

  /// Takes a scheduled event back: it will neither happen nor move time. Not to be touched
  /// afterwards.
  void cancel() { fire = &OwnedEvent::discard; }
  static bool cancelled(const Event& event) { return event.fire == &OwnedEvent::discard; }

 protected:
  virtual void happen() = 0;

 private:
  friend class Timeline;
  static void fire_once(Event* self);
  static void discard(Event* self) { delete static_cast<OwnedEvent*>(self); }
};

class Timeline {
 public:
  Timeline();
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  SimTime now() const { return now_; }

  /// Runs the event at `time`, which is not in the past. It must stay alive until it has fired.
  void at(SimTime time, Event& event) {
    if (time <= now_) return post(event);
    queue_.push(to_ps(time), &event);
  }
  void after(Duration delay, Event& event) { at(later(now_, delay), event); }

  /// Runs the event at the current time, after everything already due now.
  void post(Event& event) {
    if (ready_count_ == ready_.size()) grow_ready();
    ready_[(ready_head_ + ready_count_++) & (ready_.size() - 1)] = &event;
  }

  /// Runs the event before everything else due now: how a driver continues what a sync interrupted.
  void post_first(Event& event) {
    check(first_ == nullptr, "two events cannot both be first");
    first_ = &event;
  }

  bool has_first() const { return first_ != nullptr; }

  /// Moves time forward at once, if nothing could happen in between and nobody explores.
  ///
  /// Order: refuses when an event is due at or before now + delay, or at the horizon; and after 256
  /// advances in a row, so that a stop request is seen.
  bool try_advance(Duration delay) {
    if (ready_count_ != 0 || advances_left_ == 0) return false;
    const SimTime target = later(now_, delay);
    if (target >= horizon_ || target < now_ || queue_.due_by(to_ps(target))) return false;
    --advances_left_;
    now_ = target;
    return true;
  }

  /// Starts a task that nobody awaits, after everything already due now. An exception in it ends
  /// run().
  void spawn(Task<void> task, const char* name);

  /// Runs every event strictly before `horizon`; time does not pass the last event run.
  RunState run(SimTime horizon = kNever);

  /// Moves the clock up to `time` while nothing is due before it: the hosted driver's arrival from
  /// outside.
  void advance_to(SimTime time);

  /// Makes run() come back after the current event; called outside run(), after the next one.
  void stop() { stop_requested_ = attention_ = true; }

  /// Polls `monitor` (or nobody: nullptr) every 65,536 events; it must outlive the runs.
  void poll_with(RunMonitor* monitor) { monitor_ = monitor; }

  /// Ends run-ahead: run() returns `sync` after the current event, and the driver calls
  /// `request.perform` at local time, before any other event. Until then time stands still.
  ///
  /// Order: requests of one event are performed first come, first served, each followed by what it
  /// continues.
  void request_sync(SyncRequest& request);
  bool sync_requested() const { return sync_first_ != nullptr; }
  SyncRequest* take_sync();

  /// Time of the next event, or kNever.
  SimTime next_time() const;

  /// Forbids advances past events that come from outside, e.g. while waves are recorded.
  void allow_run_ahead(bool allowed) { advance_budget_ = allowed ? kAdvances : 0; }

  Choices& choices() { return choices_; }

  /// True while frames are destroyed at the end of a run: nothing may be emitted or scheduled.
  bool draining() const { return draining_; }

  /// Destroys every spawned task that has not ended, newest first, and forgets all pending events.
  /// Whatever those tasks' destructors post or wake is forgotten with them.
  void drain();

  std::uint64_t events_run() const { return events_run_; }
  std::size_t live_tasks() const { return live_tasks_; }

  /// Something that can say who waits in it; used by the stall dump.
  struct StallSource {
    virtual void describe_stall(std::vector<StallLine>& lines) const = 0;
    boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>
        hook;

   protected:
    ~StallSource() = default;
  };
  void watch(StallSource& source) { stall_sources_.push_back(source); }
  std::vector<StallLine> who_waits_for_what() const;

 private:
  friend class OwnedEvent;
  struct Root;
  RunState run_until_horizon();
  void grow_ready();
  Event* take_ready();
  Event* take_due();
  Event* take_first_of_instant(Event& first);

  static constexpr std::uint32_t kAdvances = 256;
  static constexpr std::uint64_t kPollMask = (1u << 16) - 1;

  SimTime now_{};
  SimTime horizon_ = SimTime{};
  EventQueue queue_;
  std::vector<Event*> ready_;
  std::size_t ready_head_ = 0;
  std::size_t ready_count_ = 0;
  std::uint32_t advances_left_ = 0;
  std::uint32_t advance_budget_ = kAdvances;
  bool stop_requested_ = false;
  bool attention_ = false;  // a stop or a sync was requested: the loop looks which
  bool draining_ = false;
  SyncRequest* sync_first_ = nullptr;
  SyncRequest* sync_last_ = nullptr;
  Event* first_ = nullptr;
  RunMonitor* monitor_ = nullptr;
  std::exception_ptr error_;
  std::uint64_t events_run_ = 0;
  std::size_t live_tasks_ = 0;
  Root* newest_root_ = nullptr;
  Choices choices_;
  boost::intrusive::list<
      StallSource,
      boost::intrusive::member_hook<StallSource, decltype(StallSource::hook), &StallSource::hook>,
      boost::intrusive::constant_time_size<false>>
      stall_sources_;
  boost::intrusive::list<OwnedEvent, boost::intrusive::constant_time_size<false>> owned_events_;
};

inline OwnedEvent::OwnedEvent(Timeline& timeline) : Event{&OwnedEvent::fire_once} {
  timeline.owned_events_.push_back(*this);
}

/// An event that resumes a coroutine; the base of every awaiter that waits for the timeline.
struct ResumeEvent : Event {
  std::coroutine_handle<> handle;
  ResumeEvent() : Event{&ResumeEvent::resume} {}

 private:
  static void resume(Event* self) { static_cast<ResumeEvent*>(self)->handle.resume(); }
};

/// `co_await sleep_for(timeline, 3us)`: for devices and remote parties. Modelled kernel code spends
/// or waits.
class [[nodiscard]] SleepFor : ResumeEvent {
 public:
  SleepFor(Timeline& timeline, Duration delay) : timeline_(timeline), delay_(delay) {}
  bool await_ready() { return timeline_.try_advance(delay_); }
  void await_suspend(std::coroutine_handle<> waiter) {
    handle = waiter;
    timeline_.after(delay_, *this);
  }
  void await_resume() const noexcept {}

 private:
  Timeline& timeline_;
  Duration delay_;
};

inline SleepFor sleep_for(Timeline& timeline, Duration delay) {
  return {timeline, delay};
}
inline SleepFor sleep_until(Timeline& timeline, SimTime time) {
  return {timeline, time > timeline.now() ? time - timeline.now() : Duration{0}};
}

/// `co_await yield_now(timeline)`: lets everything else that is due now run first.
inline SleepFor yield_now(Timeline& timeline) {
  return {timeline, Duration{0}};
}

}  // namespace iodrome
