// SPDX-License-Identifier: Apache-2.0
// The rules of a chain as a machine without time: told how each step has ended, it says which step
// comes next. Whoever carries chains out, asks it; it carries out nothing.
//
// Invariants
//  1. Every step of a chain that is over has a result; a step that was passed over has -ECANCELED.
//  2. A clean-up step runs once everything it comes after has ended, whatever that was.
//  3. Nothing is begun after stop() but clean-up.
#pragma once
#include <optional>
#include <span>
#include <vector>

#include "model/chain/chain.h"
#include "model/engine/result.h"

namespace iodrome::chain {

/// One step's tries so far.
struct Attempt {
  std::uint8_t failures = 0;
  std::int64_t done = 0;  // bytes that earlier tries have moved: `OnShort::resume`
};

/// What a try means by the step's own rules: the step's result, or nothing if it is to be tried
/// again, for what `attempt.done` leaves. `wanted` bytes were asked for; nothing is tried again
/// once the chain is `stopped`.
std::optional<std::int64_t> judge(const Step& step, Attempt& attempt, std::int64_t value,
                                  std::uint64_t wanted, bool stopped);

class Course {
 public:
  /// The chain is valid; one result per step. Both outlive the course.
  Course(const Chain& chain, std::span<std::int64_t> results);

  /// A step to begin; from now on it runs. None: what runs has to end first, or all is over.
  std::optional<std::size_t> next();
  /// What a step that runs is asked to move, and from where; its operands are there.
  struct Numbers {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  Numbers numbers(std::size_t step) const;
  /// A step that runs has ended with a value or -errno.
  void ended(std::size_t step, std::int64_t result);
  /// Cancellation: what runs goes on to its end, and then only clean-up is left.
  void stop() { stopped_ = true; }

  bool stopped() const { return stopped_; }
  bool over() const;

 private:
  std::optional<std::size_t> next_in_line();
  std::optional<std::size_t> next_in_graph();
  bool begins(std::size_t step);
  bool passed_over(std::size_t step) const;
  bool cleans_up(const Step& step) const;
  std::int64_t missing_operand(const Step& step) const;
  bool goes_round(std::size_t step, std::int64_t result);
  std::uint64_t sum(const From& from) const;

  const Chain& chain_;
  std::span<std::int64_t> results_;
  std::vector<std::int64_t> totals_;   // by step, where a chain asks for one
  std::vector<std::uint32_t> rounds_;  // by step, in a chain with loops: rounds that have ended
  std::size_t cursor_ = 0;             // in line: the step that runs or comes next
  std::size_t skip_to_ = 0;            // in line: a jump's target
  std::uint64_t begun_ = 0;            // in a graph, a bit each
  std::uint64_t ended_ = 0;
  bool running_ = false;  // in line
  bool stopped_ = false;
};

}  // namespace iodrome::chain
