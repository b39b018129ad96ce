// SPDX-License-Identifier: Apache-2.0
// The one door of every nondeterministic decision. FIFO and "no fault" unless an oracle stands
// behind it.
#pragma once
#include <cstdint>

namespace iodrome {

/// What is being decided; an oracle may treat kinds differently, and a replay file names them.
enum class Choice : std::uint8_t {
  order,       // which of the events of one instant runs first
  wake,        // which waiter is woken
  interrupt,   // where an interrupt strikes
  completion,  // which finished command a device reports first
  memory,      // when a buffered store becomes visible; asked as `order`, a store being an event
  allocation,  // whether an allocation fails
  fault,       // whether, and how, hardware misbehaves
};

/// Decides. Exploration and replay implement it.
class ChoiceOracle {
 public:
  virtual ~ChoiceOracle() = default;
  /// One of 0 … options-1; 0 is always the default. `site` names the place, in words, and is
  /// stable.
  virtual std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) = 0;
};

/// A timeline's decisions.
class Choices {
 public:
  /// Puts an oracle behind the door; nullptr restores the defaults. It must outlive its use.
  void ask(ChoiceOracle* oracle) { oracle_ = oracle; }
  bool exploring() const { return oracle_ != nullptr; }

  std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) {
    if (oracle_ == nullptr || options < 2) return 0;
    return oracle_->choose(kind, options, site);
  }

 private:
  ChoiceOracle* oracle_ = nullptr;
};

}  // namespace iodrome
