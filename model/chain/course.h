// SPDX-License-Identifier: Apache-2.0
// The rules of a chain as a machine without time: told how each step has ended, it says which step
// comes next. Whoever carries chains out, asks it; it carries out nothing.
//
// Invariants
//  1. Every step of a chain that is over has a result; a step that was passed over has -ECANCELED.
//  2. A clean-up step runs once everything it comes after has ended, whatever that was.
//  3. Nothing is begun, and nothing tried again, after stop() but clean-up.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>

#include "model/chain/chain.h"
#include "model/engine/result.h"

namespace iodrome::chain {

class Course {
 public:
  Course() = default;
  Course(const Course&) = delete;
  Course& operator=(const Course&) = delete;
  /// From the first step on. The chain is valid, `results` has one of each step, all 0; both
  /// outlive the course.
  void start(const Chain& chain, std::int64_t* results);
  /// As before any start: nothing has failed.
  void forget();
  bool started() const { return chain_ != nullptr; }

  /// A step to begin; from now on it runs. None: what runs has to end first, or all is over.
  std::optional<std::size_t> next();
  /// What a step that runs is asked to move, and from where; its operands are there.
  struct Numbers {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::uint64_t done = 0;  // moved by earlier tries, and no longer part of `bytes`
  };
  Numbers numbers(std::size_t step) const;
  /// A try of a step that runs has ended with a value or -errno; `at_end`: asking for the rest of
  /// it would bring nothing. False: the step goes on running and is to be tried again, with what
  /// numbers() then says.
  bool ended(std::size_t step, std::int64_t value, bool at_end = false);
  /// Cancellation: what runs goes on to its end, and then only clean-up is left. `why` is the
  /// chain's error if that leaves a step without its end, and nothing has failed before.
  void stop(Errno why) {
    if (!stopped_) why_ = why;
    stopped_ = true;
  }

  /// Whether a step that runs is not to be tried any more: the chain was stopped, and it is none
  /// that cleans up.
  bool gives_up(std::size_t step) const { return stopped_ && !cleans_up(chain_->steps[step]); }
  /// A step that runs ends in its middle, after stop(): with what earlier tries and `moved` of this
  /// one come to, or -ECANCELED if that is nothing. Either way it is without its end.
  void cut(std::size_t step, std::int64_t moved);

  /// What a step has returned in all rounds together.
  std::int64_t total(std::size_t step) const {
    return records_ != nullptr ? records_[step].total : std::max<std::int64_t>(results_[step], 0);
  }
  /// The first error of any step in any round, or ok; a cancelled step has that of who stopped the
  /// chain.
  Errno first_error() const { return first_error_; }

  bool stopped() const { return stopped_; }
  bool over() const;
  /// Whether the steps behind this one will follow it one by one, as long as none fails or loops.
  bool in_line(std::size_t step) const { return !chain_->graph && !stopped_ && step >= skip_to_; }

 private:
  // What a step whose rules ask for it is known by, beside its result.
  struct Record {
    std::int64_t total = 0;    // of its results in all rounds
    std::int64_t done = 0;     // by tries of this round
    std::uint32_t rounds = 0;  // of the loop it closes, that have ended
    std::uint8_t failures = 0;
  };

  std::optional<std::size_t> next_in_line();
  std::optional<std::size_t> next_in_graph();
  bool begins(std::size_t step);
  bool passed_over(std::size_t step) const;
  bool cleans_up(const Step& step) const;
  std::int64_t missing_operand(const Step& step) const;
  std::optional<std::int64_t> judge(std::size_t step, std::int64_t value, bool at_end);
  void settle(std::size_t step, std::int64_t result);
  void note_error(std::int64_t result);
  bool goes_round(std::size_t step, std::int64_t result);
  std::uint64_t sum(const From& from) const;

  const Chain* chain_ = nullptr;
  std::int64_t* results_ = nullptr;
  std::unique_ptr<Record[]> records_;  // by step, if a rule of the chain asks for one
  std::uint64_t begun_ = 0;            // in a graph, a bit each
  std::uint64_t ended_ = 0;
  Errno first_error_ = Errno::ok;
  Errno why_ = Errno::ok;      // it was stopped from outside
  std::uint16_t cursor_ = 0;   // in line: the step that runs or comes next
  std::uint16_t skip_to_ = 0;  // in line: a jump's target
  bool running_ = false;       // in line
  bool stopped_ = false;
};

}  // namespace iodrome::chain
