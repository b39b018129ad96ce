// SPDX-License-Identifier: Apache-2.0
#include "model/engine/frame_pool.h"

#include <catch2/catch.hpp>
#include <set>

#include "model/engine/shared.h"
#include "model/engine/wait_queue.h"
#include "tests/model/engine/every_schedule.h"
#include "tests/resident.h"

using namespace iodrome;

namespace {

struct Cpu {
  MemoryView view;
  MemoryView& memory() { return view; }
};

Task<void> sleeps_for_ever(Timeline& timeline) {
  co_await sleep_for(timeline, 3600s);
}
Task<void> waits_for_ever(WaitQueue& queue, Canceller& canceller) {
  co_await queue.wait(canceller);
}
Task<void> dozes(Timeline& timeline, Canceller& canceller) {
  co_await sleep_for(timeline, 3600s, canceller);
}
Task<void> stores(Cpu& cpu, Shared<std::uint64_t>& word, Timeline& timeline) {
  for (std::uint64_t i = 0; i < 10; ++i) co_await word.store_release(cpu, i);
  timeline.stop();
}

// A run cut off with something of every kind still pending.
void run_and_cut_off(bool explored) {
  Timeline timeline;
  EverySchedule fifo;
  if (explored) timeline.choices().ask(&fifo);
  WaitQueue queue(timeline, "queue");
  Canceller one(timeline);
  Canceller two(timeline);
  Cpu cpu{MemoryView(timeline)};
  Shared<std::uint64_t> word;
  for (int i = 0; i < 200; ++i) timeline.spawn(sleeps_for_ever(timeline), "sleeps");
  timeline.spawn(waits_for_ever(queue, one), "waits");
  timeline.spawn(dozes(timeline, two), "dozes");
  timeline.spawn(stores(cpu, word, timeline), "stores");
  timeline.run(SimTime{1s});
  timeline.drain();
}

}  // namespace

TEST_CASE("blocks are distinct, aligned, and come back") {
  FramePool pool;
  std::set<void*> blocks;
  for (int i = 0; i < 5'000; ++i) {
    void* const block = pool.take(100);
    CHECK(reinterpret_cast<std::uintptr_t>(block) % 16 == 0);
    blocks.insert(block);
  }
  CHECK(blocks.size() == 5'000);
  for (void* block : blocks) pool.give(block, 100);
  for (int i = 0; i < 5'000; ++i) CHECK(blocks.contains(pool.take(128)));  // the same size class
}

TEST_CASE("frames larger than every class are served too") {
  FramePool pool;
  void* const block = pool.take(100'000);
  pool.give(block, 100'000);
}

TEST_CASE("ten thousand runs in one process do not grow it") {
  for (int i = 0; i < 500; ++i) run_and_cut_off(i % 2 == 0);
  const std::size_t before = resident_bytes();
  for (int i = 0; i < 10'000; ++i) run_and_cut_off(i % 2 == 0);
  const std::size_t after = resident_bytes();
  if (kResidentIsMeaningful) CHECK(after < before + 256 * 1024);
}
