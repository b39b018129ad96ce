// SPDX-License-Identifier: Apache-2.0
// What stands on both sides of the pump in its tests: foreign SystemC modules, and a few plain
// events.
#pragma once
#include <stdexcept>
#include <string>
#include <systemc>
#include <utility>
#include <vector>

#include "model/engine/hosted/pump.h"

namespace iodrome::hosted {

// A foreign process that notes when it is notified.
struct Listener : sc_core::sc_module {
  sc_core::sc_event rung;
  std::vector<std::uint64_t> heard_ps;
  SC_HAS_PROCESS(Listener);
  explicit Listener(sc_core::sc_module_name name) : sc_module(name) {
    SC_METHOD(hear);
    sensitive << rung;
    dont_initialize();
  }
  void hear() { heard_ps.push_back(sc_core::sc_time_stamp().value()); }
};

// A foreign clock that never ends, and makes pump and clock meet at every nanosecond.
struct Ticker : sc_core::sc_module {
  std::uint64_t ticks = 0;
  SC_HAS_PROCESS(Ticker);
  explicit Ticker(sc_core::sc_module_name name) : sc_module(name) { SC_METHOD(tick); }
  void tick() {
    ++ticks;
    next_trigger(sc_core::sc_time(1, sc_core::SC_NS));
  }
};

// Notifies a SystemC event at local time, by the rule.
struct Ring : SyncRequest, ResumeEvent {
  Timeline& timeline;
  sc_core::sc_event& event;
  double delay_ns;
  Ring(Timeline& t, sc_core::sc_event& e, double delay) : timeline(t), event(e), delay_ns(delay) {
    perform = &Ring::notify;
  }
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> waiter) {
    handle = waiter;
    timeline.request_sync(*this);
  }
  void await_resume() const noexcept {}
  static void notify(SyncRequest* self) {
    auto* ring = static_cast<Ring*>(self);
    ring->event.notify(ring->delay_ns, sc_core::SC_NS);
    ring->timeline.post_first(*ring);
  }
};

struct Note : Event {
  std::string& log;
  char name;
  Note(std::string& to, char what) : Event{&Note::write}, log(to), name(what) {}
  static void write(Event* self) {
    auto* note = static_cast<Note*>(self);
    note->log += note->name;
  }
};

// Posts into the timeline at a given time, some delta cycles late.
struct Foreign : sc_core::sc_module {
  Pump** pump;
  double at_ns;
  int deltas;
  Event& event;
  bool armed = false;
  SC_HAS_PROCESS(Foreign);
  Foreign(sc_core::sc_module_name name, Pump** to, double at, int late, Event& what)
      : sc_module(name), pump(to), at_ns(at), deltas(late), event(what) {
    SC_METHOD(act);
  }
  void act() {
    if (!std::exchange(armed, true)) return next_trigger(at_ns, sc_core::SC_NS);
    if (deltas-- > 0) return next_trigger(sc_core::SC_ZERO_TIME);
    (*pump)->arrive().post(event);
  }
};

struct Thrower : sc_core::sc_module {
  int what;
  SC_HAS_PROCESS(Thrower);
  Thrower(sc_core::sc_module_name name, int kind) : sc_module(name), what(kind) { SC_THREAD(act); }
  void act() {
    sc_core::wait(3, sc_core::SC_NS);
    if (what == 0) SC_REPORT_ERROR("foreign", "reported an error");
    if (what == 1) SC_REPORT_FATAL("foreign", "reported a fatal error");
    throw std::runtime_error("threw");
  }
};

// A register whose write makes a foreign process answer, some time later, from outside.
struct Answering : sc_core::sc_module, hw::Target {
  Pump& pump;
  Event& answer;
  sc_core::sc_event asked;
  SC_HAS_PROCESS(Answering);
  Answering(sc_core::sc_module_name name, Pump& to, Event& what)
      : sc_module(name), pump(to), answer(what) {
    SC_METHOD(act);
    sensitive << asked;
    dont_initialize();
  }
  hw::Response access(hw::Command command, std::uint64_t, std::span<std::byte>) override {
    if (command == hw::Command::write) asked.notify(7, sc_core::SC_NS);
    return hw::Response::ok;
  }
  void act() { pump.arrive().post(answer); }
};

// A thread that waits for ever, with something to destroy.
struct Suspended : sc_core::sc_module {
  int& unwound;
  SC_HAS_PROCESS(Suspended);
  Suspended(sc_core::sc_module_name name, int& count) : sc_module(name), unwound(count) {
    SC_THREAD(act);
  }
  void act() {
    struct Guard {
      int& count;
      ~Guard() { ++count; }
    } const guard{unwound};
    sc_core::wait(sc_core::sc_event());
  }
};

}  // namespace iodrome::hosted
