// SPDX-License-Identifier: Apache-2.0
// A burst: a stretch of CPU time at one interrupt level of one CPU. Higher levels freeze it and add
// their time.
#pragma once
#include "model/engine/timeline.h"

namespace iodrome::kernel {

class Cpu;

/// Thread code is interrupted by softirqs, those by hardirqs, those by nothing.
enum class Level : std::uint8_t { thread, softirq, hardirq };
inline constexpr int kLevels = 3;

/// Its event is never taken back: frozen, or moved to a later end, it fires early and finds that
/// out. Nothing is set before prepare(): most spends end at once and never become a burst.
struct Burst : Event {
  void (*finished)(Burst* self);
  Cpu* cpu;
  Level level;
  bool scheduled;
  SimTime end;
  Duration left;  // while frozen

  Burst() {}
  void prepare(Level at, void (*when_finished)(Burst*)) {
    fire = &Burst::fire_event;
    finished = when_finished;
    level = at;
    scheduled = false;
  }

 private:
  static void fire_event(Event* self);
};

}  // namespace iodrome::kernel
