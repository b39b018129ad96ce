// SPDX-License-Identifier: Apache-2.0
// Reads and writes at random from several threads, against plain bytes. Sectors of one block and
// blocks of one stripe belong to different threads, so that all that a stripe can do meets, and
// still each thread knows what it must read.
#pragma once
#include "tests/model/kernel/md/array_rig.h"

namespace iodrome::kernel {

struct RandomLoad {
  static constexpr std::uint64_t kThreads = 4;
  static constexpr std::uint64_t kUnit = 3;  // sectors in turn: they go across blocks

  RandomLoad(ArrayRig& of, std::uint64_t with_seed, std::uint64_t ops)
      : s(of), seed(with_seed), operations(ops), expected(of.content()) {}

  void run() {
    for (std::uint64_t i = 0; i < kThreads; ++i) workers.push_back({*this, i});
    for (Worker& worker : workers)
      s.rig.thread<Worker>(0, worker, [](Sleepable& ctx, Worker& mine) -> Task<void> {
        for (std::uint64_t n = 0; n < mine.load.operations; ++n)
          co_await mine.load.step(ctx, mine.number, n);
        ++mine.load.finished;
      });
    s.rig.run();
    CHECK(finished == kThreads);
    CHECK(s.at_rest());
  }

  /// One thread owns every fourth unit; the first of them has long stretches of its own at the end.
  Task<void> step(Sleepable& ctx, std::uint64_t thread, std::uint64_t n) {
    const std::uint64_t bits = draw(seed, Purpose::exploration, thread, n, 0);
    const std::uint64_t place = draw(seed, Purpose::exploration, thread, n, 1);
    const std::uint64_t shared = s.array->sectors() / 2;
    const bool alone = bits % 4 == 0;
    std::uint64_t sector = 0;
    std::uint64_t sectors = 0;
    if (alone) {
      const std::uint64_t own = shared / kThreads;
      sectors = 1 + (bits >> 8) % 96;
      sector = shared + thread * own + (place >> 8) % (own - sectors);
    } else {
      const std::uint64_t units = shared / kUnit / kThreads;
      sector = ((place >> 8) % units * kThreads + thread) * kUnit;
      sectors = kUnit;
    }
    std::vector<std::byte> data(sectors * 512);
    const auto there = std::span(expected).subspan(sector * 512, data.size());
    const bool write = (bits >> 40) % 3 != 0;
    if (write)
      for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = std::byte((place + i * 7 + i / 512 * 31) & 0xff);
    if (write) std::ranges::copy(data, there.begin());
    const BlockOp op = write ? BlockOp::write : BlockOp::read;
    const Errno status = co_await s.transfer(ctx, op, sector, data);
    if (status != Errno::ok) ++errors;
    if (!write && status == Errno::ok && !std::ranges::equal(data, there)) ++wrong_reads;
  }

  struct Worker {
    RandomLoad& load;
    std::uint64_t number;
  };
  ArrayRig& s;
  const std::uint64_t seed;
  const std::uint64_t operations;
  ArrayRig::Bytes expected;
  std::deque<Worker> workers;
  std::uint64_t finished = 0;
  std::uint64_t errors = 0;
  std::uint64_t wrong_reads = 0;
};

}  // namespace iodrome::kernel
