// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio/fio_run.h"

#include <bit>

#include "model/engine/random.h"

namespace iodrome::workloads {

using chain::ChainRun;
using chain::Op;

FioRun::FioRun(const FioWorkload& workload, Stage& stage)
    : workload_(workload),
      stage_(stage),
      clones_(workload.clones().size()),
      group_ended_(stage.timeline, "fio stonewall") {
  const bool blocking = stage.design.threads == designs::Threads::per_connection;
  for (std::size_t i = 0; i < clones_.size(); ++i) {
    Clone& clone = clones_[i];
    clone.spec = &workload.clones()[i];
    const FioClone& spec = *clone.spec;
    clone.blocks = spec.region_bytes / spec.block_bytes;
    if (spec.group > 0 || spec.start_delay > Duration{0}) waits_for_others_ = true;
    for (const std::string& path : spec.files) {
      kernel::FilePtr file{new kernel::File};
      file->inode = *stage.files.lookup(path);
      const Result<int> fd = stage.process.files.install(file);
      check(fd.has_value(), "more job files than descriptors");
      clone.fds.push_back(*fd);
    }
    const std::uint64_t depth = blocking ? 1 : spec.iodepth;
    for (std::uint32_t slot = 0; slot < depth; ++slot) {
      ChainRun& run = clone.runs.emplace_back();
      run.slot = slot;
      run.direct = spec.direct;
      run.chain.steps.push_back({.op = Op::read, .bytes = spec.block_bytes});
      const std::uint64_t pages = (spec.block_bytes + hw::kPageBytes - 1) / hw::kPageBytes;
      for (std::uint64_t page = 0; page < pages; ++page)
        run.buffer.push_back(stage.system.memory.allocate_page());
      clone.idle.push_back(&run);
    }
  }
}

void FioRun::start(ArrivalListener& listener) {
  listener_ = &listener;
  for (std::uint32_t thread = 0; thread < clones_.size(); ++thread)
    if (clones_[thread].spec->group == 0 && clones_[thread].spec->start_delay == Duration{0})
      begin(thread);
  if (waits_for_others_) stage_.timeline.spawn(start_groups(), "fio groups");
}

void FioRun::begin(std::uint32_t thread) {
  Clone& clone = clones_[thread];
  clone.started = true;
  if (clone.spec->runtime > Duration{0})
    clone.stop_at = stage_.timeline.now() + clone.spec->runtime;
  listener_->on_arrival(thread);
}

Task<void> FioRun::start_groups() {
  const std::uint32_t last = workload_.clones().back().group;
  for (std::uint32_t group = 0; group <= last; ++group) {
    while (group > 0 && !group_over(group - 1)) co_await group_ended_.wait();
    for (std::uint32_t thread = 0; thread < clones_.size(); ++thread)
      if (clones_[thread].spec->group == group && !clones_[thread].started)
        stage_.timeline.spawn(begin_later(thread), "fio clone");
  }
}

Task<void> FioRun::begin_later(std::uint32_t thread) {
  co_await sleep_for(stage_.timeline, clones_[thread].spec->start_delay);
  begin(thread);
}

bool FioRun::over(const Clone& clone) const {
  if (!clone.started) return false;
  if (stage_.timeline.now() >= clone.stop_at) return true;
  return clone.spec->ios != 0 && clone.issued >= clone.spec->ios;
}

bool FioRun::group_over(std::uint32_t group) const {
  for (const Clone& clone : clones_)
    if (clone.spec->group == group && !(over(clone) && clone.finished == clone.issued))
      return false;
  return true;
}

bool FioRun::ready(std::uint32_t thread) const {
  const Clone& clone = clones_[thread];
  return clone.started && !clone.idle.empty() && !over(clone);
}

bool FioRun::exhausted(std::uint32_t thread) const {
  return over(clones_[thread]);
}

std::uint64_t FioRun::block_of(const Clone& clone, std::uint64_t number) const {
  const FioClone& spec = *clone.spec;
  const std::uint64_t blocks = clone.blocks;
  if (!spec.random) return number % blocks;
  const std::uint64_t key = (std::uint64_t{spec.job} << 32) | spec.clone;
  if (spec.repeat_offsets)
    return below(draw(stage_.seed, Purpose::access_offset, key, number), blocks);
  // Each pass over the region is a permutation of its own.
  const std::uint64_t pass = number / blocks;
  return permuted(number % blocks, blocks, stage_.seed, key ^ (pass << 16));
}

ChainRun* FioRun::next(std::uint32_t thread) {
  if (!ready(thread)) return nullptr;
  Clone& clone = clones_[thread];
  const FioClone& spec = *clone.spec;
  ChainRun& run = *clone.idle.back();
  clone.idle.pop_back();
  const std::uint64_t number = clone.issued++;
  run.id = number * clones_.size() + thread;
  chain::Step& step = run.chain.steps[0];
  // Files are taken in turn.
  const std::uint64_t files = clone.fds.size();
  step.fd = clone.fds[files == 1 ? 0 : number % files];
  const std::uint64_t turn = files == 1 ? number : number / files;
  step.offset = spec.offset_bytes + block_of(clone, turn) * spec.block_bytes;
  run.start(stage_.timeline.now());
  return &run;
}

void FioRun::finished(std::uint32_t thread, ChainRun& run) {
  Clone& clone = clones_[thread];
  clone.idle.push_back(&run);
  ++clone.finished;
  if (over(clone)) group_ended_.wake_all();
}

std::uint64_t FioRun::requests_issued() const {
  std::uint64_t issued = 0;
  for (const Clone& clone : clones_) issued += clone.issued;
  return issued;
}

std::uint64_t FioRun::requests_total() const {
  std::uint64_t total = 0;
  for (const Clone& clone : clones_) {
    if (clone.spec->ios == 0) return 0;
    total += clone.spec->ios;
  }
  return total;
}

// A balanced Feistel network over the next even power of two, walked until the value falls below n.
std::uint64_t permuted(std::uint64_t index, std::uint64_t n, std::uint64_t seed,
                       std::uint64_t key) {
  const int half = (std::bit_width(n - 1) + 1) / 2;
  if (half == 0) return 0;
  const std::uint64_t mask = (std::uint64_t{1} << half) - 1;
  const std::uint64_t round_key = draw(seed, Purpose::access_offset, key, ~0ull);
  std::uint64_t value = index;
  do {
    std::uint64_t left = value >> half;
    std::uint64_t right = value & mask;
    for (std::uint64_t round = 1; round <= 4; ++round) {
      std::uint64_t mixed = (right + round * round_key + round) * 0x9E3779B97F4A7C15ull;
      mixed ^= mixed >> 32;
      const std::uint64_t next = left ^ (mixed & mask);
      left = right;
      right = next;
    }
    value = left << half | right;
  } while (value >= n);
  return value;
}

}  // namespace iodrome::workloads
