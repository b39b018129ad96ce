// SPDX-License-Identifier: Apache-2.0
#include "model/chain/validate.h"

#include <algorithm>

#include "hw/memory/memory.h"
#include "model/kernel/inotify/inotify_take.h"

namespace iodrome::chain {

namespace {

// Its result is a number of bytes or another value that a later step may use.
bool gives_number(const Step& step) {
  return step.transfers() || step.op == Op::stat;
}

bool makes_socket(const Step& step) {
  return step.op == Op::accept || step.op == Op::connect;
}

constexpr std::uint64_t kLastPort = 65'535;
constexpr std::uint64_t kAllPollEvents = 0xffff;  // a short, as struct pollfd has it

class Validator {
 public:
  explicit Validator(const Chain& chain) : chain_(chain) {}

  bool valid(std::size_t i) const {
    const Step& step = chain_.steps[i];
    if (step.uses_path() && step.path == nullptr) return false;
    if (step.op == Op::exclusive_or && (step.sources == 0 || step.sources > kMaxSources))
      return false;
    if (step.op == Op::timeout && step.bytes > kLongestTimeout) return false;
    if (step.on_memory() && step.offset % hw::kPageBytes != 0) return false;
    if (step.ciphers() && !step.bytes_from.used() && step.bytes % kCipherBlock != 0) return false;
    if (step.on_short != OnShort::accept && !step.transfers()) return false;
    if (step.memory % hw::kPageBytes != 0) return false;
    return operands(step, i) && on_sockets(step, i) && reactions(step, i) && order(step, i) &&
           loop(step, i);
  }

 private:
  bool earlier(std::int16_t step, std::size_t i) const {
    return static_cast<std::size_t>(step) < i && (!chain_.graph || comes_before(step, i));
  }
  // In a graph, only what a step waits for has ended when it begins.
  bool comes_before(std::int16_t step, std::size_t i) const {
    std::uint64_t before = chain_.steps[i].after;
    for (std::size_t k = i; k-- > 0;)
      if ((before >> k & 1) != 0) before |= chain_.steps[k].after;
    return (before >> step & 1) != 0;
  }
  // What gives a descriptor, or the event that names the file.
  static bool serves(const Step& giver, const Step& step) {
    if (step.op == Op::inotify) return false;
    return step.uses_path() ? giver.op == Op::inotify : giver.gives_descriptor();
  }
  bool operands(const Step& step, std::size_t i) const {
    if (step.fd_from >= 0 && (!earlier(step.fd_from, i) || !serves(at(step.fd_from), step)))
      return false;
    const bool of_file = step.transfers() && step.op != Op::receive && !step.sends_memory();
    if (step.offset_from.used() && !of_file) return false;
    if (step.bytes_from.used() && !step.transfers() && !step.on_memory()) return false;
    for (const From& from : {step.offset_from, step.bytes_from}) {
      if (!from.used()) continue;
      // A running total may be the step's own: a loop's next piece begins where it has come to.
      const bool own = from.total && static_cast<std::size_t>(from.step) == i;
      if (!own && (!earlier(from.step, i) || !gives_number(at(from.step)))) return false;
    }
    return true;
  }
  bool on_sockets(const Step& step, std::size_t i) const {
    if (step.to_opened) {
      const std::int16_t to = step.to_from();
      if (step.op != Op::send || to < 0 || !earlier(to, i) || !makes_socket(at(to))) return false;
    }
    if (step.op == Op::connect)
      return step.fd < 0 && step.fd_from < 0 && step.bytes >= 1 && step.bytes <= kLastPort;
    if (step.op == Op::accept) return step.bytes <= kLastPort;  // its listener has one already
    if (step.op == Op::poll) return step.bytes != 0 && step.bytes <= kAllPollEvents;
    return true;
  }
  bool reactions(const Step& step, std::size_t i) const {
    if ((step.on_error == OnError::retry) != (step.retries > 0)) return false;
    if (step.on_error != OnError::jump) return step.jump_to < 0;
    return !chain_.graph && step.jump_to > static_cast<std::int64_t>(i) &&
           static_cast<std::size_t>(step.jump_to) <= chain_.steps.size();
  }
  bool order(const Step& step, std::size_t i) const {
    return chain_.graph ? step.after >> i == 0 : step.after == 0;
  }
  bool loop(const Step& step, std::size_t i) const {
    if (!step.loop.used()) return step.loop.rounds == 0;
    if (chain_.graph || static_cast<std::size_t>(step.loop.to) > i) return false;
    // Without a bound it must get on, or it never comes to an end.
    if (step.loop.rounds == 0 && !gets_on(step, i)) return false;
    // Loops may lie in each other, but not overlap.
    for (std::size_t k = static_cast<std::size_t>(step.loop.to); k < i; ++k)
      if (at(static_cast<std::int16_t>(k)).loop.used() &&
          at(static_cast<std::int16_t>(k)).loop.to < step.loop.to)
        return false;
    return true;
  }
  // A stream comes to its end, and so does who sends on what comes out of it.
  bool gets_on(const Step& step, std::size_t i) const {
    if (step.op == Op::receive) return true;
    const From& passed_on = step.bytes_from;
    if (step.sends_memory())
      return passed_on.used() && !passed_on.total && passed_on.step >= step.loop.to &&
             step.bytes == 0 && at(passed_on.step).op == Op::receive;
    return step.transfers() && step.offset_from.total &&
           static_cast<std::size_t>(step.offset_from.step) == i;
  }
  const Step& at(std::int16_t step) const { return chain_.steps[static_cast<std::size_t>(step)]; }

  const Chain& chain_;
};

}  // namespace

namespace {
constexpr std::uint64_t kFar = ~std::uint64_t{0};

std::uint64_t end_of(std::uint64_t at, std::uint64_t bytes) {
  return bytes > kFar - at ? kFar : at + bytes;
}
std::uint64_t one_source(Op op) {
  return op == Op::copy || op == Op::encrypt || op == Op::decrypt || op == Op::hash ? 1 : 0;
}
std::uint64_t times(std::uint64_t bytes, std::uint64_t count) {
  return bytes > kFar / count ? kFar : bytes * count;
}
}  // namespace

std::uint64_t reach_of(const Chain& chain, std::uint64_t all) {
  std::uint64_t reach = 0;
  for (const Step& step : chain.steps) {
    if (step.op == Op::inotify)
      reach = std::max(reach, end_of(step.memory, kernel::kInotifyLongest));
    if (!step.fills_or_drains() && !step.on_memory()) continue;
    // A length that is not known yet may be all there is; where it begins is known.
    if (step.bytes_from.used()) reach = std::max(reach, all);
    const bool digests = step.op == Op::hash;
    reach = std::max(reach, end_of(step.memory, digests ? kDigestBytes : step.bytes));
    const std::uint64_t sources = step.op == Op::exclusive_or ? step.sources : one_source(step.op);
    if (sources > 0) reach = std::max(reach, end_of(step.offset, times(step.bytes, sources)));
  }
  return reach;
}

Errno validate(const Chain& chain, std::size_t max_steps, std::uint64_t memory_bytes) {
  const std::size_t steps = chain.steps.size();
  if (steps == 0) return Errno::einval;
  if (steps > max_steps || (chain.graph && steps > kMaxGraphSteps)) return Errno::e2big;
  const Validator validator(chain);
  for (std::size_t i = 0; i < steps; ++i)
    if (!validator.valid(i)) return Errno::einval;
  return reach_of(chain, memory_bytes) > memory_bytes ? Errno::efault : Errno::ok;
}

}  // namespace iodrome::chain
