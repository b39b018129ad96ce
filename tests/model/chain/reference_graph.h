// SPDX-License-Identifier: Apache-2.0
// What may have become of a graph that something has stopped: which steps were cancelled is a
// matter of time, but given these, the rest follows from the program. As plain as the reference
// model, and as far from the walker.
#pragma once
#include <optional>
#include <string>

#include "tests/model/chain/reference_model.h"

namespace iodrome::chain::reference {

/// What came to a graph from outside.
struct Stopped {
  bool by_somebody = false;   // cancelled, its time over, or its process ended, before its own end
  bool by_exit = false;       // the last
  bool reads_cached = false;  // its reads go through the page cache, where they wait for pages
  std::int64_t why = kEcanceled;
};

class Graph {
 public:
  /// What the tries of a step return one after another, if its operands are there.
  using Tries = std::function<std::int64_t(std::size_t step, int attempt)>;

  Graph(const Chain& chain, std::vector<std::int64_t> results, Stopped stopped)
      : chain_(chain), results_(std::move(results)), stopped_(stopped) {}

  /// What is wrong with the results, or an empty string.
  std::string refused(const Tries& tries) const {
    for (std::size_t i = 0; i < chain_.steps.size(); ++i) {
      const std::string wrong = cancelled(i) ? refused_cancellation(i) : refused_result(i, tries);
      if (!wrong.empty()) return "step " + std::to_string(i) + " " + wrong;
    }
    return "";
  }
  /// What the whole must say of itself.
  std::int64_t error() const {
    bool any_cancelled = false;
    for (const std::int64_t result : results_) {
      if (result < 0 && result != kEcanceled) return result;
      any_cancelled = any_cancelled || result == kEcanceled;
    }
    return any_cancelled ? stopped_.why : 0;
  }

 private:
  const Step& at(std::size_t i) const { return chain_.steps[i]; }
  bool cancelled(std::size_t i) const { return results_[i] == kEcanceled; }
  bool tidies(std::size_t i) const {
    if (at(i).clean_up) return true;
    return at(i).op == Op::close && at(i).fd_from >= 0 &&
           results_[static_cast<std::size_t>(at(i).fd_from)] >= 0;
  }
  // Its end came after a stop, or was one.
  bool tells_of_a_stop(std::size_t i) const {
    const OnError rule = at(i).on_error;
    const bool stops = rule == OnError::stop || rule == OnError::retry;
    return cancelled(i) || (results_[i] < 0 && stops);
  }
  std::uint64_t all_before(std::size_t i) const {
    std::uint64_t before = at(i).after;
    for (std::size_t k = i; k-- > 0;)
      if ((before >> k & 1) != 0) before |= at(k).after;
    return before;
  }
  bool begins_stopped(std::size_t i) const {
    const std::uint64_t before = all_before(i);
    for (std::size_t k = 0; k < i; ++k)
      if ((before >> k & 1) != 0 && tells_of_a_stop(k)) return true;
    return false;
  }
  // Something may have stopped it that does not come behind step i.
  bool may_be_stopped(std::size_t i) const {
    if (stopped_.by_somebody) return true;
    for (std::size_t k = 0; k < chain_.steps.size(); ++k)
      if (k != i && !cancelled(k) && tells_of_a_stop(k) && (all_before(k) >> i & 1) == 0)
        return true;
    return false;
  }
  // What may wait for a peer, an event, a page of the page cache or a time.
  static bool waits(const Step& step) { return step.op == Op::timeout || waits_for_others(step); }
  static bool waits_for_others(const Step& step) {
    return step.op == Op::send || step.op == Op::accept || step.op == Op::connect ||
           step.op == Op::receive || step.op == Op::poll || step.op == Op::inotify;
  }

  std::string refused_cancellation(std::size_t i) const {
    if (!may_be_stopped(i)) return "was cancelled and nothing had stopped the graph";
    if (!tidies(i)) return "";
    if (!stopped_.by_somebody) return "is clean-up, and another's failure has kept it from running";
    if (stopped_.by_exit && waits_for_others(at(i))) return "";
    const bool can_be_stopped = waits(at(i)) || stopped_.reads_cached;
    if (!can_be_stopped) return "is clean-up that nothing can stop, and was stopped";
    return begins_stopped(i) ? "is clean-up behind a stop, and was cancelled" : "";
  }

  std::string refused_result(std::size_t i, const Tries& tries) const {
    if (!tidies(i) && begins_stopped(i)) return "has run behind a stop";
    if (const std::optional<std::int64_t> error = lacks(at(i)))
      return results_[i] == *error ? "" : "lacked an operand and is not that error";
    const int retries = at(i).on_error == OnError::retry ? at(i).retries : 0;
    for (int attempt = 0;; ++attempt) {
      const std::int64_t value = tries(i, attempt);
      const bool last = value >= 0 || attempt == retries;
      if (results_[i] == value && (last || may_be_stopped(i))) return "";
      if (last) return "should have come to " + std::to_string(value);
    }
  }
  std::optional<std::int64_t> lacks(const Step& step) const {
    if (step.fd_from >= 0 && results_[static_cast<std::size_t>(step.fd_from)] < 0) return kEbadf;
    return std::nullopt;
  }

  const Chain& chain_;
  std::vector<std::int64_t> results_;
  Stopped stopped_;
};

}  // namespace iodrome::chain::reference
