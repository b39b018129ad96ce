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
  device,     // from the doorbell until the driver's handler finds the completion
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

/// Hears of every change of stage of the requests that it was given to.
class StageListener {
 public:
  virtual ~StageListener() = default;
  virtual void on_stage(std::uint64_t request, Stage stage, SimTime now) = 0;
};

/// One request's stages. Changing the stage closes the previous one.
class StageLedger {
 public:
  void open(SimTime at, Stage stage) {
    opened_ = since_ = at;
    stage_ = stage;
    total_.fill(Duration{0});
  }
  void enter(Stage stage, SimTime now) {
    total_[static_cast<std::size_t>(stage_)] += now - since_;
    since_ = now;
    stage_ = stage;
    if (listener_ != nullptr) [[unlikely]]
      listener_->on_stage(request_, stage, now);
  }
  /// Whose ledger it is: the request's cookie, for the events that name it; and who hears of it.
  void belong_to(std::uint64_t request, StageListener* listener) {
    request_ = request;
    listener_ = listener;
  }
  std::uint64_t request() const { return request_; }
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

 private:
  std::array<Duration, kStages> total_{};
  SimTime opened_{};
  SimTime since_{};
  Stage stage_ = Stage::arrival;
  std::uint64_t request_ = 0;
  StageListener* listener_ = nullptr;
};

}  // namespace iodrome::events
