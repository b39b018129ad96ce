// SPDX-License-Identifier: Apache-2.0
// What random programs are drawn from.
#pragma once
#include "model/engine/random.h"
#include "tests/model/designs/task_chain/program_bytes.h"

namespace iodrome::designs::task_chain {

/// Numbers drawn for one program.
class Draws {
 public:
  explicit Draws(std::uint64_t program) : program_(program) {}
  std::uint64_t below(std::uint64_t bound) {
    return iodrome::below(draw(2, Purpose::exploration, program_, count_++), bound);
  }

 private:
  std::uint64_t program_;
  std::uint64_t count_ = 0;
};

inline constexpr chain::Op kKinds[] = {
    chain::Op::open,    chain::Op::read,    chain::Op::write,        chain::Op::stat,
    chain::Op::close,   chain::Op::copy,    chain::Op::memset,       chain::Op::nop,
    chain::Op::unlink,  chain::Op::timeout, chain::Op::send,         chain::Op::fsync,
    chain::Op::hash,    chain::Op::crc32c,  chain::Op::exclusive_or, chain::Op::encrypt,
    chain::Op::decrypt, chain::Op::inotify, chain::Op::accept,       chain::Op::connect,
    chain::Op::receive, chain::Op::poll};

inline chain::Op random_op(Draws& draws, std::size_t index) {
  return index == 0 && draws.below(2) == 0 ? chain::Op::open
                                           : kKinds[draws.below(std::size(kKinds))];
}

inline std::string told(const World& world) {
  std::string text;
  for (const chain::Step& step : world.steps) text += std::string(name_of(step.op)) + " ";
  return text;
}

/// What steps of a graph give each other they wait for: the file that the first opens, with a close
/// of it for all before it; the page that another sets. So no order matters but theirs.
inline std::uint64_t waits_for(Draws& draws, const World& world, const chain::Step& step) {
  using chain::Op;
  const std::size_t index = world.steps.size();
  std::uint64_t after = 0;
  for (std::size_t k = 0; k < index; ++k) {
    const chain::Step& other = world.steps[k];
    const bool closes = other.op == Op::close && other.fd_from >= 0;
    const bool in_line = step.op == Op::inotify && other.op == Op::inotify;
    const bool joins =
        in_line || step.op == Op::close || step.op == Op::send || other.op == Op::send;
    if (joins || closes || (k == 0 && other.op == Op::open) || draws.below(3) == 0)
      after |= std::uint64_t{1} << k;
  }
  return after;
}

/// A sum is that of a page that a step before it has set, if there is one.
inline void sum_what_was_set(World& world) {
  chain::Step& last = world.steps.back();
  if (last.op != chain::Op::crc32c) return;
  for (std::size_t k = 0; k + 1 < world.steps.size(); ++k)
    if ((last.after >> k & 1) != 0 && world.steps[k].op == chain::Op::memset)
      last.memory = k * kBlock;
}

}  // namespace iodrome::designs::task_chain
