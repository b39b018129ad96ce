// SPDX-License-Identifier: Apache-2.0
// Lock order, as lockdep checks it: what could deadlock is found in runs that do not.
//
// Rules, over classes of locks
//  1. No cycle: if B is once taken while A is held, A is never waited for while B is held, through
//  whatever others.
//  2. What is taken in a hardirq is never taken where a hardirq could strike; the same for
//  softirqs.
//
// Differs from lockdep: nothing is said of two locks of one class, nor of a class safe in
// interrupts held while one that is not is taken; readers count as writers.
#pragma once
#include <array>
#include <map>
#include <string>
#include <vector>

#include "model/events/lock.h"

namespace iodrome::checkers {

/// `probe.attach(order, LockOrder::kHears);`. Each fault is found once.
class LockOrder final : public events::Observer {
 public:
  static constexpr events::Subsystem kHears[] = {events::Subsystem::lock};

  void on(const events::EventInfo& info, SimTime time, std::uint32_t cpu,
          std::span<const std::uint64_t> words) override;
  void on_name(events::Named what, std::uint64_t id, std::string_view name) override;

  /// What was found, each as sentences for people: classes and the places where they were taken.
  const std::vector<std::string>& findings() const { return findings_; }

 private:
  using Number = std::uint64_t;
  struct Held {
    Number lock_class;
    Number place;
  };
  // That one class was taken while another was held.
  struct Edge {
    Number held_at;
    Number taken_at;
  };
  // Where a class was taken in an interrupt, and where it could be interrupted; 0: nowhere.
  struct Use {
    Number inside = 0;
    Number exposed = 0;
    bool told = false;
  };

  void acquire(std::span<const std::uint64_t> words);
  void release(Number context, Number lock_class);
  void note_use(Number lock_class, Number place, std::uint64_t state);
  void depend(const Held& held, Number lock_class, Number place);
  bool find_path(Number from, Number to, std::vector<Number>& path) const;
  std::string name(events::Named what, Number id) const;

  std::map<Number, std::vector<Held>> held_;  // by context
  std::map<Number, std::map<Number, Edge>> edges_;
  std::map<Number, std::array<Use, 2>> uses_;  // hardirq, softirq
  std::array<std::map<Number, std::string>, events::kNamed> names_;
  std::vector<std::string> findings_;
};

}  // namespace iodrome::checkers
