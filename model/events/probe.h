// SPDX-License-Identifier: Apache-2.0
// How what happened is told upward: `probe.emit(SchedSwitch{…})`.
//
// Every event first feeds the static list (counters and fingerprint), then, behind one mask bit per
// subsystem, observers that were attached for the run. An event type is a struct with
//   static constexpr EventInfo info{"name", Subsystem::x};   the name is Linux's tracepoint where
//   one exists auto words() const;                                      its fields as an array of
//   64-bit words
// and, if it moves a counter, `static constexpr auto counter = &Counters::x` and optionally
// `amount()`.
#pragma once
#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "model/engine/fingerprint.h"
#include "model/engine/timeline.h"
#include "model/events/counters.h"

namespace iodrome::events {

enum class Subsystem : std::uint8_t {
  io,
  syscall,
  sched,
  irq,
  workqueue,
  block,
  vfs,
  net,
  memory,
  device,
  design
};

struct EventInfo {
  const char* name;
  Subsystem subsystem;
  std::uint32_t kind;  // a hash of the name, the same on every machine

  constexpr EventInfo(const char* event_name, Subsystem of)
      : name(event_name), subsystem(of), kind(hash(event_name)) {}

 private:
  static constexpr std::uint32_t hash(const char* text) {
    std::uint32_t value = 2166136261u;
    for (; *text != '\0'; ++text)
      value = (value ^ static_cast<std::uint32_t>(static_cast<unsigned char>(*text))) * 16777619u;
    return value;
  }
};

/// Sees the events of the subsystems it was attached for. It must not touch the model.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on(const EventInfo& info, SimTime time, std::span<const std::uint64_t> words) = 0;
};

class Probe {
 public:
  explicit Probe(Timeline& timeline) : timeline_(timeline) {}
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  template <class E>
  void emit(const E& event) {
    if (timeline_.draining()) [[unlikely]]
      return;
    if constexpr (requires { E::counter; }) {
      if constexpr (requires { event.amount(); })
        counters_.*E::counter += event.amount();
      else
        ++(counters_.*E::counter);
    }
    const auto words = event.words();
    fingerprint_.mix(static_cast<std::uint64_t>(to_ps(timeline_.now())),
                     (std::uint64_t{E::info.kind} << 32) | words.size(), words);
    if ((mask_ & bit(E::info.subsystem)) != 0) [[unlikely]]
      tell(E::info, words);
  }

  /// Attaches an observer for the given subsystems; it must outlive the run.
  void attach(Observer& observer, std::span<const Subsystem> subsystems);

  const Counters& counters() const { return counters_; }
  Fingerprint& fingerprint() { return fingerprint_; }
  SimTime now() const { return timeline_.now(); }

 private:
  static constexpr std::uint32_t bit(Subsystem of) { return 1u << static_cast<unsigned>(of); }
  void tell(const EventInfo& info, std::span<const std::uint64_t> words);

  struct Attached {
    Observer* observer;
    std::uint32_t mask;
  };
  Timeline& timeline_;
  Fingerprint fingerprint_;
  Counters counters_;
  std::uint32_t mask_ = 0;
  std::vector<Attached> observers_;
};

using Words1 = std::array<std::uint64_t, 1>;
using Words2 = std::array<std::uint64_t, 2>;
using Words3 = std::array<std::uint64_t, 3>;
using Words4 = std::array<std::uint64_t, 4>;

}  // namespace iodrome::events
