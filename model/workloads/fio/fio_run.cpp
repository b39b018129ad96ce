// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio/fio_run.h"

#include <array>
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
  if (workload.payload_checked()) check_.emplace(stage.system.memory);
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
      if (check_) check_->watch(*fd, *file->inode, spec.offset_bytes, spec.block_bytes);
      clone.fds.push_back(*fd);
    }
    const std::uint64_t depth = blocking ? 1 : spec.iodepth;
    for (std::uint32_t slot = 0; slot < depth; ++slot) {
      ChainRun& run = clone.runs.emplace_back();
      run.slot = slot;
      run.direct = spec.direct;
      run.chain.steps.push_back({.op = Op::read});
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

// Reads and writes are all issued, or time is over.
bool FioRun::moved_all(const Clone& clone) const {
  if (!clone.started) return false;
  if (stage_.timeline.now() >= clone.stop_at) return true;
  return clone.spec->ios != 0 && clone.issued >= clone.spec->ios;
}

bool FioRun::over(const Clone& clone) const {
  if (!moved_all(clone)) return false;
  return !clone.spec->end_fsync || clone.end_syncs == clone.fds.size();
}

// As fio: behind every so many writes, before what comes next.
bool FioRun::sync_due(const Clone& clone) const {
  const FioClone& spec = *clone.spec;
  const std::uint64_t writes = clone.done[1];
  if (writes == 0 || writes == clone.synced_at) return false;
  return (spec.fsync != 0 && writes % spec.fsync == 0) ||
         (spec.fdatasync != 0 && writes % spec.fdatasync == 0);
}

bool FioRun::group_over(std::uint32_t group) const {
  for (const Clone& clone : clones_)
    if (clone.spec->group == group && !(over(clone) && clone.finished == clone.handed))
      return false;
  return true;
}

bool FioRun::ready(std::uint32_t thread) const {
  const Clone& clone = clones_[thread];
  if (!clone.started || clone.idle.empty() || over(clone)) return false;
  // The last syncs wait for everything that is to be synced.
  return !moved_all(clone) || clone.finished == clone.handed;
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

bool FioRun::writes_next(const Clone& clone) const {
  const FioClone& spec = *clone.spec;
  if (!spec.reads || !spec.writes) return spec.writes;
  const std::uint64_t key = (std::uint64_t{spec.job} << 32) | spec.clone;
  const std::uint64_t bits = draw(stage_.seed, Purpose::access_offset, key, clone.issued, 1);
  return below(bits, 100) >= spec.read_percent;
}

ChainRun* FioRun::next(std::uint32_t thread) {
  if (!ready(thread)) return nullptr;
  Clone& clone = clones_[thread];
  ChainRun& run = *clone.idle.back();
  clone.idle.pop_back();
  run.id = clone.handed++ * clones_.size() + thread;
  if (moved_all(clone) || sync_due(clone))
    make_sync(clone, run);
  else
    make_transfer(clone, run);
  stage_.population.arrive(stage_.timeline.now());
  run.start(stage_.timeline.now());
  return &run;
}

void FioRun::make_transfer(Clone& clone, ChainRun& run) {
  const FioClone& spec = *clone.spec;
  const bool writes = writes_next(clone);
  // A random map is common to both directions; each direction goes through a file for itself.
  const std::uint64_t number = spec.random ? clone.issued : clone.done[writes ? 1 : 0];
  ++clone.issued;
  ++clone.done[writes ? 1 : 0];
  chain::Step& step = run.chain.steps[0];
  step.op = writes ? Op::write : Op::read;
  step.bytes = spec.block_bytes;
  // Files are taken in turn.
  const std::uint64_t files = clone.fds.size();
  step.fd = clone.fds[files == 1 ? 0 : number % files];
  const std::uint64_t turn = files == 1 ? number : number / files;
  step.offset = spec.offset_bytes + block_of(clone, turn) * spec.block_bytes;
  if (!writes) return;
  clone.last_written = step.fd;
  if (check_) check_->begin(run);
}

void FioRun::make_sync(Clone& clone, ChainRun& run) {
  const FioClone& spec = *clone.spec;
  chain::Step& step = run.chain.steps[0];
  step.op = Op::fsync;
  step.bytes = 0;
  step.offset = 0;
  if (moved_all(clone)) {
    step.fd = clone.fds[clone.end_syncs++];
    step.data_only = false;
    return;
  }
  step.fd = clone.last_written;
  clone.synced_at = clone.done[1];
  step.data_only = spec.fsync == 0 || clone.done[1] % spec.fsync != 0;
}

void FioRun::finished(std::uint32_t thread, ChainRun& run) {
  Clone& clone = clones_[thread];
  if (check_ && run.chain.steps[0].op == Op::write) check_->end(run);
  clone.idle.push_back(&run);
  ++clone.finished;
  if (over(clone)) group_ended_.wake_all();
}

std::string FioRun::wrong_content() const {
  return check_ ? check_->wrong_content() : std::string{};
}

std::uint64_t FioRun::requests_issued() const {
  std::uint64_t issued = 0;
  for (const Clone& clone : clones_) issued += clone.handed;
  return issued;
}

std::uint64_t FioRun::requests_total() const {
  std::uint64_t total = 0;
  for (const Clone& clone : clones_) {
    const FioClone& spec = *clone.spec;
    if (spec.ios == 0 || spec.fsync != 0 || spec.fdatasync != 0) return 0;
    total += spec.ios + (spec.end_fsync ? clone.fds.size() : 0);
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
