// SPDX-License-Identifier: Apache-2.0
#include "model/engine/hosted/pump.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace iodrome::hosted {

namespace {

// SystemC counts unsigned; what lies beyond our range is never.
SimTime from_systemc(const sc_core::sc_time& time) {
  constexpr std::uint64_t kLast = std::numeric_limits<std::int64_t>::max();
  return SimTime{ps(static_cast<std::int64_t>(std::min<std::uint64_t>(time.value(), kLast)))};
}

sc_core::sc_time to_systemc(Duration duration) {
  return sc_core::sc_time::from_value(static_cast<sc_dt::uint64>(to_ps(duration)));
}

}  // namespace

Pump::Pump(sc_core::sc_module_name name, Timeline& timeline, bool run_ahead)
    : sc_module(name), timeline_(timeline), run_ahead_(run_ahead) {
  timeline_.allow_run_ahead(run_ahead);
  settle_.perform = [](SyncRequest*) {};
  SC_HAS_PROCESS(Pump);
  SC_METHOD(activate);
}

SimTime Pump::outside() {
  return from_systemc(sc_core::sc_time_stamp());
}

// Strictly before it, nothing but the timeline can happen.
SimTime Pump::horizon() const {
  const SimTime now = outside();
  const sc_core::sc_time wait = sc_core::sc_time_to_pending_activity();
  const SimTime activity = later(now, from_systemc(wait).time_since_epoch());
  return run_ahead_ ? activity : std::min(activity, later(now, ps(1)));
}

void Pump::touched() {
  if (settling_ || horizon() >= horizon_) return;
  settling_ = true;
  timeline_.request_sync(settle_);
}

Timeline& Pump::arrive() {
  if (turning_) return timeline_;
  const SimTime now = outside();
  check(timeline_.now() <= now, "something foreign happened in the timeline's past");
  timeline_.advance_to(now);
  wake_.notify(sc_core::SC_ZERO_TIME);
  return timeline_;
}

void Pump::fail(std::exception_ptr error) {
  if (!error_) error_ = std::move(error);
  sc_core::sc_pause();
}

void Pump::activate() {
  if (closing_) return Context::end_threads();
  turning_ = true;
  try {
    turn();
  } catch (...) {
    next_trigger(wake_);
    fail(std::current_exception());
  }
  turning_ = false;
}

void Pump::turn() {
  for (;;) {
    if (sc_core::sc_pending_activity_at_current_time()) return next_trigger(sc_core::SC_ZERO_TIME);
    if (timeline_.sync_requested() && !timeline_.has_first()) {
      const SimTime now = outside();
      if (timeline_.now() > now) return next_trigger(to_systemc(timeline_.now() - now));
      SyncRequest* const request = timeline_.take_sync();
      if (request == &settle_) settling_ = false;
      request->perform(request);
      continue;
    }
    horizon_ = horizon();
    state_ = timeline_.run(horizon_);
    if (state_ != RunState::sync) return wait_for(state_);
  }
}

void Pump::wait_for(RunState state) {
  const SimTime next = timeline_.next_time();
  const bool nobody_left = state == RunState::idle && timeline_.live_tasks() == 0;
  if (state == RunState::stopped || nobody_left) {
    if (sc_core::sc_pending_activity_at_current_time() && nobody_left)
      return next_trigger(sc_core::SC_ZERO_TIME);
    next_trigger(wake_);
    return sc_core::sc_pause();
  }
  if (next == kNever) return next_trigger(wake_);
  next_trigger(to_systemc(next - outside()), wake_);
}

RunState Pump::take_turn() {
  check(std::abs(sc_core::sc_get_time_resolution().to_seconds() - 1e-12) < 1e-15,
        "SystemC's time resolution must be 1 ps");
  state_ = RunState::idle;
  if (std::exchange(started_, true)) wake_.notify(sc_core::SC_ZERO_TIME);
  sc_core::sc_start();
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
  const bool never = state_ == RunState::horizon && timeline_.next_time() == kNever;
  return state_ == RunState::idle || never ? RunState::idle : RunState::stopped;
}

void Pump::close() {
  closing_ = true;
  if (!started_ || sc_core::sc_get_status() != sc_core::SC_PAUSED) return;
  wake_.notify();  // immediately: the one delta cycle would end before a delayed one arrives
  sc_core::sc_start(sc_core::SC_ZERO_TIME);
}

}  // namespace iodrome::hosted
