// SPDX-License-Identifier: Apache-2.0
// What a chain does, said once more and as plainly as possible: an interpreter that walks a program
// step by step, without contexts, time or buffers. It shares nothing with the walker but the
// language.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "model/chain/chain.h"

namespace iodrome::chain::reference {

/// How the k-th try of a step goes. `cancel`: the chain is cancelled while it runs; `too_late`:
/// likewise, but the step cannot be stopped any more; `exit`: likewise, because its process ends,
/// which leaves no descriptor open; `dropped`: it ends while the step waits for somebody.
/// `no_file`: its descriptor is none; `no_entry`: its name is. `refused`: nobody listens; `reset`:
/// the peer has gone; `ended`: nothing comes any more.
enum class Outcome {
  ok,
  is_short,
  error,
  cancel,
  too_late,
  exit,
  dropped,
  no_file,
  no_entry,
  refused,
  reset,
  ended
};

struct Try {
  std::size_t step;
  std::uint64_t offset;
  std::uint64_t bytes;
  friend bool operator==(const Try&, const Try&) = default;
};

/// What remains of a program.
struct End {
  std::vector<std::int64_t> results;
  std::vector<Try> tries;  // in order
  bool exited = false;     // then no descriptor is open
  friend bool operator==(const End&, const End&) = default;
};

using Script = std::function<Outcome(std::size_t step, int attempt)>;

constexpr std::int64_t kEnoent = -2;
constexpr std::int64_t kEio = -5;
constexpr std::int64_t kEbadf = -9;
constexpr std::int64_t kEnodata = -61;
constexpr std::int64_t kEconnreset = -104;
constexpr std::int64_t kEconnrefused = -111;
constexpr std::int64_t kEcanceled = -125;

inline bool moves_bytes(Op op) {
  return op == Op::read || op == Op::write || op == Op::send || op == Op::receive;
}
inline bool fills_memory(Op op) {
  return op == Op::copy || op == Op::exclusive_or || op == Op::memset || op == Op::encrypt ||
         op == Op::decrypt || op == Op::hash;
}

/// What a try returns. A short transfer moves half of what it was asked for.
inline std::int64_t value_of(Outcome outcome, Op op, std::uint64_t bytes) {
  switch (outcome) {
    case Outcome::error:
      return kEio;
    case Outcome::cancel:
    case Outcome::dropped:
      return kEcanceled;
    case Outcome::refused:
      return kEconnrefused;
    case Outcome::reset:
      return kEconnreset;
    case Outcome::ended:
      return 0;
    case Outcome::is_short:
      return moves_bytes(op) ? static_cast<std::int64_t>(bytes / 2) : 0;
    case Outcome::no_file:
      return kEbadf;
    case Outcome::no_entry:
      return kEnoent;
    case Outcome::ok:
    case Outcome::too_late:
    case Outcome::exit:
      break;
  }
  return moves_bytes(op) || fills_memory(op) ? static_cast<std::int64_t>(bytes) : 0;
}

/// What a stat, a sum, an event or a poll returns if all goes well.
using Yields = std::function<std::int64_t(std::size_t step)>;

/// Runs a chain that is a line, or a graph of steps that all carry on whatever fails: then its
/// results are those of any order that its steps allow, say of the one they stand in.
class Line {
 public:
  Line(const Chain& chain, Script script, Yields yields = nullptr)
      : chain_(chain), script_(std::move(script)), yields_(std::move(yields)) {
    end_.results.assign(chain.steps.size(), 0);
    total_.assign(chain.steps.size(), 0);
  }

  End run() {
    for (std::size_t i = 0; i < chain_.steps.size();) i = visit(i);
    return end_;
  }

 private:
  // Carries out step i or passes over it; returns the one to look at after it.
  std::size_t visit(std::size_t i) {
    const Step& step = chain_.steps[i];
    std::int64_t& result = end_.results[i];
    const bool wanted = !broken_ && i >= land_at_;
    if (!wanted && !tidies(step)) {
      result = kEcanceled;
      return i + 1;
    }
    result = lacks(step).value_or(0);
    if (result == 0) result = carry_out(i);
    if (result > 0) total_[i] += result;
    if (result < 0) {
      if (step.on_error == OnError::jump)
        land_at_ = std::max(land_at_, static_cast<std::size_t>(step.jump_to));
      if (step.on_error == OnError::stop || step.on_error == OnError::retry) broken_ = true;
    }
    return again(i) ? static_cast<std::size_t>(step.loop.to) : i + 1;
  }

  bool tidies(const Step& step) const {
    if (step.clean_up) return true;
    return step.op == Op::close && step.fd_from != -1 &&
           end_.results[static_cast<std::size_t>(step.fd_from)] >= 0;
  }

  // The error of a step that lacks what an earlier one should have given.
  std::optional<std::int64_t> lacks(const Step& step) const {
    if (step.fd_from != -1 && end_.results[static_cast<std::size_t>(step.fd_from)] < 0)
      return kEbadf;
    for (const From* from : {&step.offset_from, &step.bytes_from})
      if (from->step != -1 && !from->total &&
          end_.results[static_cast<std::size_t>(from->step)] < 0)
        return end_.results[static_cast<std::size_t>(from->step)];
    return std::nullopt;
  }

  std::uint64_t number(std::uint64_t fixed, const From& from) const {
    if (from.step == -1) return fixed;
    const auto k = static_cast<std::size_t>(from.step);
    return fixed + static_cast<std::uint64_t>(from.total ? total_[k] : end_.results[k]);
  }

  std::int64_t carry_out(std::size_t i) {
    const Step& step = chain_.steps[i];
    std::uint64_t at = number(step.offset, step.offset_from);
    std::uint64_t left = number(step.bytes, step.bytes_from);
    // What a step is given to use is settled before it begins; its own result is not its operand.
    std::int64_t moved = 0;
    for (int spare = step.on_error == OnError::retry ? step.retries : 0;;) {
      const Outcome outcome = script_(i, tries_[i]++);
      end_.tries.push_back({i, at, left});
      std::int64_t value = value_of(outcome, step.op, left);
      const bool yields = step.op == Op::stat || step.op == Op::crc32c || step.op == Op::inotify ||
                          step.op == Op::poll;
      if (yields && yields_ && value == 0) value = yields_(i);
      const bool less =
          value >= 0 && moves_bytes(step.op) && static_cast<std::uint64_t>(value) < left;
      if (outcome == Outcome::exit || outcome == Outcome::dropped) end_.exited = true;
      if (end_.exited || outcome == Outcome::cancel || outcome == Outcome::too_late) broken_ = true;
      if (less && step.on_short == OnShort::error) value = kEnodata;
      if (value < 0) {
        if (value == kEcanceled || broken_ || spare == 0) return value;
        --spare;
        continue;
      }
      moved += value;
      if (!less || step.on_short != OnShort::resume || value == 0 || broken_) return moved;
      at += static_cast<std::uint64_t>(value);
      left -= static_cast<std::uint64_t>(value);
    }
  }

  // Whether the loop that ends with step i has another round.
  bool again(std::size_t i) {
    const Step& step = chain_.steps[i];
    if (step.loop.to == -1 || i < land_at_) return false;  // what a jump passes has no rounds
    const bool dry = end_.results[i] < 0 || (moves_bytes(step.op) && end_.results[i] == 0);
    std::uint32_t& round = round_[i];
    ++round;
    if (dry || broken_ || round == step.loop.rounds) {
      round = 0;
      return false;
    }
    for (std::size_t k = static_cast<std::size_t>(step.loop.to); k < i; ++k) round_[k] = 0;
    land_at_ = 0;
    return true;
  }

  const Chain& chain_;
  Script script_;
  Yields yields_;
  End end_;
  std::vector<std::int64_t> total_;
  std::map<std::size_t, std::uint32_t> round_;
  std::map<std::size_t, int> tries_;
  std::size_t land_at_ = 0;
  bool broken_ = false;
};

}  // namespace iodrome::chain::reference
