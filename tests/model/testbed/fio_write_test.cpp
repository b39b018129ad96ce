// SPDX-License-Identifier: Apache-2.0
// Jobs that write, by every design; the run itself checks what the files hold afterwards.
#include "model/kernel/syscall.h"
#include "tests/model/testbed/races.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

testbed::RunRecord run_text(const std::string& text, const std::string& design,
                            const std::string& machine = "server_2026") {
  const Input input{"job.fio", text};
  testbed::RaceRequest request = request_for(input);
  request.machine = machine;
  return run_one(request, design);
}

std::uint64_t used(const testbed::RunRecord& record, const std::string& cost) {
  for (const testbed::CostUse& use : record.costs)
    if (use.name == cost) return use.count;
  return 0;
}

}  // namespace

TEST_CASE("jobs that write and sync end well on every machine, their bytes on the device") {
  for (const std::string machine : {"server_2026", "server_2007"})
    for (const std::string& design : design_names()) {
      CAPTURE(machine, design);
      const testbed::RunRecord record = run_text(kWritingFio, design, machine);
      CHECK(record.requests.errors.empty());
      // 209 writes with a sync behind every 16th and one at the end, 400 reads and writes, 64
      // writes of each of two clones with a sync behind every 8th but the last, 100 writes.
      CHECK(record.requests.latency.count() == 209 + 13 + 1 + 400 + 2 * (64 + 7) + 100);
      CHECK(record.requests.bytes == 209 * 5000 + 400 * 4096 + 128 * 16'384 + 100 * 8192);
    }
}

TEST_CASE("a sync behind every write pays for it every time, fdatasync with one block less") {
  const std::string head = "[j]\nrw=write\nbs=4k\nsize=256k\n";
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const testbed::RunRecord none = run_text(head, design);
    const testbed::RunRecord data = run_text(head + "fdatasync=1\n", design);
    const testbed::RunRecord all = run_text(head + "fsync=1\n", design);
    CHECK(used(none, "fsync_call") == 0);
    CHECK(used(data, "fsync_call") == 63);  // behind the last one there is no next
    CHECK(used(all, "fsync_call") == 63);
    CHECK(used(none, "page_writeback") == 0);  // the flusher comes later
    CHECK(used(data, "page_writeback") == 63);
    CHECK(used(all, "page_writeback") == 126);
    CHECK(none.simulated < data.simulated);
    CHECK(data.simulated < all.simulated);
  }
}

TEST_CASE("buffered writes of io_uring go to its workers, direct ones to the device at once") {
  const std::string head = "[j]\nrw=randwrite\nbs=4k\nsize=256k\niodepth=8\n";
  const testbed::RunRecord direct = run_text(head + "direct=1\n", "io_uring");
  const testbed::RunRecord buffered = run_text(head, "io_uring");
  CHECK(used(direct, "queue_work") == 0);
  CHECK(used(direct, "copy_call") == 0);
  CHECK(used(buffered, "queue_work") == 64);
  CHECK(used(buffered, "copy_call") == 64);
}

TEST_CASE("more than memory may hold dirty is written at the device's pace") {
  const Input input{"job.fio", "[j]\nrw=write\nbs=64k\nsize=32m\n"};
  testbed::RaceRequest request = request_for(input);
  request.machine = "server_2026";
  const testbed::RunRecord free = run_one(request, "sync");
  request.set.emplace_back("page_cache.capacity", "8 MiB");
  const testbed::RunRecord held = run_one(request, "sync");
  CHECK(held.requests.errors.empty());
  CHECK(held.simulated > free.simulated);
  CHECK(used(held, "page_writeback") >= 8192 - 8 * 256 / 5 - 16);
}

TEST_CASE("chains that write and sync end well with every design, and may not send") {
  const std::string chain =
      "[workload]\nkind = \"chain\"\n[chain]\nclients = 3\nrepeat = 5\n"
      "[[chain.step]]\nop = \"open\"\npath = \"/log\"\n"
      "[[chain.step]]\nop = \"write\"\nfd = \"$open.fd\"\nbytes = \"6 KiB\"\noffset = 1000\n"
      "[[chain.step]]\nop = \"fsync\"\nfd = \"$open.fd\"\n";
  const Input input{"chain.toml", chain + "[[chain.step]]\nop = \"close\"\nfd = \"$open.fd\"\n"};
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const testbed::RunRecord record = run_one(request_for(input), design);
    CHECK(record.requests.errors.empty());
    CHECK(record.requests.bytes == 15 * 6144);
    CHECK(used(record, "fsync_call") == 15);
  }
  const Input sends{"sends.toml",
                    chain + "[[chain.step]]\nop = \"send\"\nfd = \"$open.fd\"\nbytes = 10\n"};
  CHECK_THROWS(run_one(request_for(sends), "sync"));
}
