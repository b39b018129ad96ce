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
/// out.
struct Burst : Event {
  void (*finished)(Burst* self) = nullptr;
  Cpu* cpu = nullptr;
  Level level = Level::thread;
  bool scheduled = false;
  SimTime end{};
  Duration left{};  // while frozen

  explicit Burst(void (*when_finished)(Burst*))
      : Event{&Burst::fire_event}, finished(when_finished) {}

 private:
  static void fire_event(Event* self);
};

}  // namespace iodrome::kernel
