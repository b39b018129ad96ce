// SPDX-License-Identifier: Apache-2.0
// How what happened is told upward: `probe.emit(SchedSwitch{…})`.
//
// Every event first feeds the static list (counters and fingerprint), then, behind one mask bit per
// subsystem, observers that were attached for the run. An event type is a struct with
//   static constexpr EventInfo info{"name", Subsystem::x, "field field"};
//   auto words() const;
// where the name is Linux's tracepoint if one exists, and words() are the fields, in their order,
// as an array of 64-bit words; and, if it moves a counter, `static constexpr auto counter =
// &Counters::x` and optionally `amount()`.
#pragma once
#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include "model/engine/fingerprint.h"
#include "model/engine/timeline.h"
#include "model/events/counters.h"
#include "model/events/stage.h"

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
  design,
  lock
};

struct EventInfo {
  const char* name;
  Subsystem subsystem;
  const char* fields;  // names of the words, separated by blanks
  std::uint64_t kind;  // a hash of the name, the same on every machine

  constexpr EventInfo(const char* event_name, Subsystem of, const char* field_names)
      : name(event_name), subsystem(of), fields(field_names), kind(hash(event_name)) {}

 private:
  // FNV-1a, the same on every machine.
  static constexpr std::uint64_t hash(const char* text) {
    std::uint64_t value = 14695981039346656037u;
    for (; *text != '\0'; ++text)
      value = (value ^ static_cast<unsigned char>(*text)) * 1099511628211u;
    return value;
  }
};

/// The CPU of what happens on none.
inline constexpr std::uint32_t kNoCpu = 0xffffffff;

/// What observers are told names of.
enum class Named : std::uint8_t { thread, vector, syscall, lock_class, place };
inline constexpr std::size_t kNamed = 5;

/// Sees the events of the subsystems it was attached for, and the CPU on which they happened. It
/// must not touch the model.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void on(const EventInfo& info, SimTime time, std::uint32_t cpu,
                  std::span<const std::uint64_t> words) = 0;
  virtual void on_name(Named, std::uint64_t /*id*/, std::string_view /*name*/) {}
};

class Probe {
 public:
  explicit Probe(Timeline& timeline) : timeline_(timeline) {}
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  /// `cpu` is where it happens.
  template <class E>
  void emit(const E& event, std::uint32_t cpu = kNoCpu) {
    if (timeline_.draining()) [[unlikely]]
      return;
    if constexpr (requires { E::counter; }) {
      if constexpr (requires { event.amount(); })
        counters_.*E::counter += event.amount();
      else
        ++(counters_.*E::counter);
    }
    const auto words = event.words();
    fingerprint_.mix(static_cast<std::uint64_t>(to_ps(timeline_.now())) ^ E::info.kind, words);
    if ((mask_ & bit(E::info.subsystem)) != 0) [[unlikely]]
      tell(E::info, cpu, words);
  }

  /// For what follows from the events: observers alone hear of it, and without one it costs a look
  /// at the mask.
  template <class E>
  void show(const E& event, std::uint32_t cpu = kNoCpu) {
    if ((mask_ & bit(E::info.subsystem)) == 0) [[likely]]
      return;
    if (!timeline_.draining()) tell(E::info, cpu, event.words());
  }
  void name(Named what, std::uint64_t id, std::string_view name) const;
  /// Whether an observer hears of that subsystem, for what is told to observers alone.
  bool shows(Subsystem of) const { return (mask_ & bit(of)) != 0; }

  /// Attaches an observer for the given subsystems; it must outlive the run.
  void attach(Observer& observer, std::span<const Subsystem> subsystems);

  /// Who hears of every change of a request's stage, or nullptr.
  StageListener* stage_listener() const { return stage_listener_; }
  void listen_to_stages(StageListener& listener) { stage_listener_ = &listener; }

  const Counters& counters() const { return counters_; }
  Fingerprint& fingerprint() { return fingerprint_; }
  SimTime now() const { return timeline_.now(); }

 private:
  static constexpr std::uint32_t bit(Subsystem of) { return 1u << static_cast<unsigned>(of); }
  void tell(const EventInfo& info, std::uint32_t cpu, std::span<const std::uint64_t> words);

  struct Attached {
    Observer* observer;
    std::uint32_t mask;
  };
  Timeline& timeline_;
  Fingerprint fingerprint_;
  Counters counters_;
  std::uint32_t mask_ = 0;
  std::vector<Attached> observers_;
  StageListener* stage_listener_ = nullptr;
};

using Words0 = std::array<std::uint64_t, 0>;
using Words1 = std::array<std::uint64_t, 1>;
using Words2 = std::array<std::uint64_t, 2>;
using Words3 = std::array<std::uint64_t, 3>;
using Words4 = std::array<std::uint64_t, 4>;
using Words5 = std::array<std::uint64_t, 5>;

}  // namespace iodrome::events
