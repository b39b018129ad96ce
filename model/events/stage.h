// SPDX-License-Identifier: Apache-2.0
// The stage ledger: every picosecond of a request has exactly one owner.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>

#include "model/engine/check.h"
#include "model/engine/time.h"

namespace iodrome::events {

/// Where a request's time goes. A closed list; the sum over it is the latency, exactly.
enum class Stage : std::uint8_t {
  arrival,    // it has arrived, and the application has not turned to it yet
  submit,     // user code and the submitting call, until it is accepted
  kernel,     // kernel code works on it
  run_queue,  // its thread is runnable and another one runs
  lock,       // spinning or sleeping for a lock
  queue,      // in a software queue: tags, workqueue, another request's read
  device,     // from the doorbell until the driver's handler finds the completion; in an engine
  network,    // waiting for the peer to make room
  hardirq,
  softirq,
  wakeup,  // from the wake-up until its thread runs
  copy,    // a CPU moves its bytes
  stolen,  // interrupts took the CPU from code that works on it
  reap,    // completed, and the application has not taken the result yet
};
inline constexpr std::size_t kStages = 14;
const char* name_of(Stage stage);
/// Whose time it is, as a phrase.
const char* meaning_of(Stage stage);

/// Hears of every change of stage of the requests that it was given to.
class StageListener {
 public:
  virtual ~StageListener() = default;
  virtual void on_stage(std::uint64_t request, Stage stage, SimTime now) = 0;
};

/// When a request passed from hand to hand; kNever where that has not happened.
struct Milestones {
  SimTime submit = kNever;    // the application turned to it
  SimTime issue = kNever;     // the design's kernel side began with it
  SimTime dispatch = kNever;  // its first command went to the storage device
  SimTime complete = kNever;  // its last result could be seen by the application
};

/// One request's stages. Changing the stage closes the previous one.
class StageLedger {
 public:
  void open(SimTime at, Stage stage) {
    opened_ = since_ = at;
    stage_ = stage;
    total_.fill(Duration{0});
    milestones_ = {};
  }
  void enter(Stage stage, SimTime now) {
    total_[static_cast<std::size_t>(stage_)] += now - since_;
    since_ = now;
    if (stage != stage_) pass(stage, now);
    stage_ = stage;
  }
  /// Whose ledger it is: the request's cookie, for the events that name it; and who hears of it.
  void belong_to(std::uint64_t request, StageListener* listener) {
    request_ = request;
    listener_ = listener;
  }
  std::uint64_t request() const { return request_; }
  /// Goes on as `other` stands: a copy of this one, made when a request's work forked.
  void take_over(const StageLedger& other) {
    StageListener* const listener = listener_;
    *this = other;
    listener_ = listener;
  }
  /// Ends the request and returns its latency; the stages then sum to it.
  Duration close(SimTime now) {
    enter(stage_, now);
    Duration sum{0};
    for (const Duration part : total_) sum += part;
    check(sum == now - opened_, "stages do not sum to the latency");
    return sum;
  }
  Stage stage() const { return stage_; }
  SimTime opened() const { return opened_; }
  const std::array<Duration, kStages>& totals() const { return total_; }
  const Milestones& milestones() const { return milestones_; }

 private:
  void pass(Stage to, SimTime now) {
    if (stage_ <= Stage::submit) {
      SimTime& left = stage_ == Stage::arrival ? milestones_.submit : milestones_.issue;
      if (left == kNever) left = now;
    }
    if (to == Stage::device && milestones_.dispatch == kNever) milestones_.dispatch = now;
    if (to == Stage::reap) milestones_.complete = now;
    if (listener_ != nullptr) [[unlikely]]
      listener_->on_stage(request_, to, now);
  }

  SimTime since_{};
  Stage stage_ = Stage::arrival;
  StageListener* listener_ = nullptr;
  std::uint64_t request_ = 0;
  SimTime opened_{};
  Milestones milestones_;
  std::array<Duration, kStages> total_{};
};

}  // namespace iodrome::events
