// SPDX-License-Identifier: Apache-2.0
#include "model/checkers/lock_order/lock_order.h"

#include <fmt/format.h>

#include <algorithm>

namespace iodrome::checkers {

using events::LockMode;
using events::Named;

void LockOrder::on(const events::EventInfo& info, SimTime, std::uint32_t,
                   std::span<const std::uint64_t> words) {
  if (info.kind == events::LockAcquire::info.kind) acquire(words);
  if (info.kind == events::LockRelease::info.kind) release(words[0], words[1]);
}

void LockOrder::on_name(Named what, std::uint64_t id, std::string_view name) {
  names_[static_cast<std::size_t>(what)][id] = name;
}

std::string LockOrder::name(Named what, Number id) const {
  const auto& names = names_[static_cast<std::size_t>(what)];
  const auto found = names.find(id);
  return found != names.end() ? found->second : fmt::format("#{}", id);
}

void LockOrder::acquire(std::span<const std::uint64_t> words) {
  const Held taken{words[1], words[2]};
  const auto mode = static_cast<LockMode>(words[3]);
  std::vector<Held>& held = held_[words[0]];
  note_use(taken.lock_class, taken.place, words[4]);
  // A try does not wait, so it closes no cycle.
  if (mode == LockMode::exclusive || mode == LockMode::shared)
    for (const Held& before : held) depend(before, taken.lock_class, taken.place);
  held.push_back(taken);
}

void LockOrder::release(Number context, Number lock_class) {
  std::vector<Held>& held = held_[context];
  const auto found = std::find_if(held.rbegin(), held.rend(), [lock_class](const Held& each) {
    return each.lock_class == lock_class;
  });
  if (found != held.rend()) held.erase(std::next(found).base());
}

void LockOrder::note_use(Number lock_class, Number place, std::uint64_t state) {
  struct Rule {
    std::uint64_t inside;
    std::uint64_t exposed;
    const char* interrupt;
  };
  static constexpr Rule kRules[] = {
      {events::kLockInHardirq, events::kLockIrqsOn, "hardirq"},
      {events::kLockInSoftirq, events::kLockSoftirqsOn, "softirq"},
  };
  std::array<Use, 2>& uses = uses_[lock_class];
  for (std::size_t i = 0; i < uses.size(); ++i) {
    Use& use = uses[i];
    if ((state & kRules[i].inside) != 0 && use.inside == 0) use.inside = place;
    if ((state & kRules[i].exposed) != 0 && use.exposed == 0) use.exposed = place;
    if (use.inside == 0 || use.exposed == 0 || use.told) continue;
    use.told = true;
    findings_.push_back(fmt::format(
        "{} is taken in a {} at {}, and at {} where one could strike and wait for it for ever",
        name(Named::lock_class, lock_class), kRules[i].interrupt, name(Named::place, use.inside),
        name(Named::place, use.exposed)));
  }
}

void LockOrder::depend(const Held& held, Number lock_class, Number place) {
  if (held.lock_class == lock_class) return;
  std::map<Number, Edge>& out = edges_[held.lock_class];
  if (!out.try_emplace(lock_class, Edge{held.place, place}).second) return;
  std::vector<Number> path{lock_class};
  if (!find_path(lock_class, held.lock_class, path)) return;
  path.insert(path.begin(), held.lock_class);
  std::string text = "locks are taken in a circle:";
  for (std::size_t i = 0; i + 1 < path.size(); ++i) {
    const Edge& edge = edges_.at(path[i]).at(path[i + 1]);
    text += fmt::format("{} {} at {} while {} is held since {}", i == 0 ? "" : ",",
                        name(Named::lock_class, path[i + 1]), name(Named::place, edge.taken_at),
                        name(Named::lock_class, path[i]), name(Named::place, edge.held_at));
  }
  findings_.push_back(text);
}

// Appends the classes on a way from the last of `path` to `to`.
bool LockOrder::find_path(Number from, Number to, std::vector<Number>& path) const {
  const auto out = edges_.find(from);
  if (out == edges_.end()) return false;
  for (const auto& [next, edge] : out->second) {
    if (std::find(path.begin(), path.end(), next) != path.end()) continue;
    path.push_back(next);
    if (next == to || find_path(next, to, path)) return true;
    path.pop_back();
  }
  return false;
}

}  // namespace iodrome::checkers
