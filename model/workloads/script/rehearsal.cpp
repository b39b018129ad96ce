// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/script/rehearsal.h"

#include <algorithm>
#include <set>

#include "model/chain/course.h"
#include "model/chain/validate.h"

namespace iodrome::workloads {

using chain::Op;

namespace {

class DryRun {
 public:
  DryRun(const chain::Chain& chain, std::map<std::string, std::uint64_t> sizes)
      : chain_(chain), sizes_(std::move(sizes)), results_(chain.steps.size()) {
    course_.start(chain, results_.data());
  }

  Rehearsal play() {
    std::size_t tries = 0;
    while (const auto step = course_.next()) {
      do {
        if (++tries > kMostTries) {
          done_.too_long = true;
          return std::move(done_);
        }
      } while (!course_.ended(*step, result_of(*step)));
    }
    return std::move(done_);
  }

 private:
  std::int64_t result_of(std::size_t index) {
    const chain::Step& step = chain_.steps[index];
    const auto [offset, bytes, done] = course_.numbers(index);
    note_memory(step, bytes + done);
    const std::uint64_t size = of_file(step) ? size_of(step) : 0;
    const std::uint64_t there = offset < size ? std::min(bytes, size - offset) : 0;
    switch (step.op) {
      case Op::open:
        if (step.truncate) sizes_[*step.path] = 0;
        return 0;
      case Op::stat:
        return static_cast<std::int64_t>(size);
      case Op::read:
        return static_cast<std::int64_t>(there);
      case Op::send:
        if (step.sends_memory()) return static_cast<std::int64_t>(bytes);
        if (!step.to_opened) done_.sent.push_back({index, offset, there});
        return static_cast<std::int64_t>(there);
      case Op::receive:
        return stream_ends(index) ? 0 : static_cast<std::int64_t>(bytes);
      case Op::write:
        size_of(step) = std::max(size, offset + bytes);
        return static_cast<std::int64_t>(bytes);
      default:
        return step.on_memory() ? static_cast<std::int64_t>(bytes) : 0;
    }
  }

  // Where a stream's end ends the loop, nobody knows when: one round reaches as far as all do.
  bool stream_ends(std::size_t index) {
    for (std::size_t k = index; k < chain_.steps.size(); ++k) {
      const chain::Loop& loop = chain_.steps[k].loop;
      if (loop.used() && loop.rounds == 0 && loop.to <= static_cast<std::int16_t>(index))
        return !received_.insert(index).second;
    }
    return false;
  }

  void note_memory(const chain::Step& step, std::uint64_t bytes) {
    chain::Chain alone;
    alone.steps.push_back(step);
    alone.steps[0].bytes = bytes;
    alone.steps[0].bytes_from = {};
    done_.memory_bytes = std::max(done_.memory_bytes, chain::reach_of(alone, 0));
  }

  bool of_file(const chain::Step& step) const {
    return step.fd_from >= 0 && chain_.steps[static_cast<std::size_t>(step.fd_from)].op == Op::open;
  }
  std::uint64_t& size_of(const chain::Step& step) {
    return sizes_[*chain_.steps[static_cast<std::size_t>(step.fd_from)].path];
  }

  const chain::Chain& chain_;
  std::map<std::string, std::uint64_t> sizes_;
  std::vector<std::int64_t> results_;
  chain::Course course_;
  std::set<std::size_t> received_;  // in loops without a bound
  Rehearsal done_;
};

}  // namespace

Rehearsal rehearse(const chain::Chain& chain, std::map<std::string, std::uint64_t> sizes) {
  return DryRun(chain, std::move(sizes)).play();
}

}  // namespace iodrome::workloads
