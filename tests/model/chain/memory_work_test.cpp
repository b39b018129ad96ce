// SPDX-License-Identifier: Apache-2.0
// How a chain's memory is cut into jobs.
#include "model/chain/memory_work.h"

#include <catch2/catch.hpp>

#include "hw/memory/memory.h"
#include "model/engine/crc32c.h"

namespace iodrome::chain {
namespace {

using providers::Job;
using providers::Operation;

// A chain of one step over pages at the addresses given, in pages.
struct Rig {
  Rig(Step step, std::vector<std::uint64_t> pages) {
    run.chain.steps.push_back(step);
    for (const std::uint64_t page : pages) run.buffer.push_back(page * hw::kPageBytes);
    run.start(SimTime{});
    run.course.start(run.chain, run.results.data());
  }
  std::vector<Job> jobs() {
    Result<std::vector<Job>> cut = jobs_of(run, 0);
    REQUIRE(cut);
    return std::move(*cut);
  }
  ChainRun run;
};

TEST_CASE("Memory in one piece is one job", "[chain]") {
  Rig rig({.op = Op::copy, .offset = 0, .bytes = 8192, .memory = 8192}, {10, 11, 12, 13});
  const auto jobs = rig.jobs();
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].operation == Operation::copy);
  CHECK(jobs[0].sources[0] == 10 * hw::kPageBytes);
  CHECK(jobs[0].destination == 12 * hw::kPageBytes);
  CHECK(jobs[0].bytes == 8192);
}

TEST_CASE("Jobs end where the pages of any of their blocks do not follow each other", "[chain]") {
  // Three sources of two pages, the second of them torn, and a destination in one piece.
  Rig rig({.op = Op::exclusive_or, .sources = 3, .bytes = 6000, .memory = 24'576},
          {10, 11, 20, 30, 40, 41, 50, 51});
  const auto jobs = rig.jobs();
  std::uint64_t bytes = 0;
  for (const Job& job : jobs) {
    CHECK(job.source_count == 3);
    bytes += job.bytes;
  }
  CHECK(bytes == 6000);
  // Source i begins at byte 6000 * i: pages 10, 11 (1904 in) and 20, 30 (3808 in), 40.
  CHECK(jobs[0].sources[0] == 10 * hw::kPageBytes);
  CHECK(jobs[0].sources[1] == 11 * hw::kPageBytes + 1904);
  CHECK(jobs[0].sources[2] == 20 * hw::kPageBytes + 3808);
  CHECK(jobs[0].bytes == 288);  // where page 20 ends
  CHECK(jobs[1].sources[2] == 30 * hw::kPageBytes);
  CHECK(jobs[1].destination == 50 * hw::kPageBytes + 288);
  CHECK(jobs[1].bytes == 1904);  // where page 11 ends
  CHECK(jobs[2].sources[1] == 20 * hw::kPageBytes);
}

TEST_CASE("No job crosses what no access may cross, or has more than 1 MiB", "[chain]") {
  const std::uint64_t edge = hw::Memory::kBoundary / hw::kPageBytes;
  Rig torn({.op = Op::memset, .bytes = 8192}, {edge - 1, edge});
  CHECK(torn.jobs().size() == 2);
  std::vector<std::uint64_t> pages(300);
  for (std::size_t i = 0; i < pages.size(); ++i) pages[i] = edge + i;
  Rig large({.op = Op::crc32c, .bytes = 300 * hw::kPageBytes}, pages);
  const auto jobs = large.jobs();
  REQUIRE(jobs.size() == 2);
  CHECK(jobs[0].bytes == 1u << 20);
}

TEST_CASE("What lies beyond the chain's memory is EFAULT, and nothing is no job", "[chain]") {
  CHECK(jobs_of(Rig({.op = Op::memset, .bytes = 4097}, {10}).run, 0) == fail(Errno::efault));
  CHECK(jobs_of(Rig({.op = Op::copy, .offset = 4096, .bytes = 1}, {10}).run, 0) ==
        fail(Errno::efault));
  CHECK(jobs_of(Rig({.op = Op::crc32c, .bytes = ~std::uint64_t{0}}, {10}).run, 0) ==
        fail(Errno::efault));
  CHECK(Rig({.op = Op::crc32c, .bytes = 0}, {}).jobs().empty());
}

TEST_CASE("A cipher's jobs are sectors, each with its number as its vector", "[chain]") {
  Rig rig({.op = Op::decrypt, .value = 254, .offset = 8192, .bytes = 4096 + 32},
          {10, 11, 12, 13, 14});
  const auto jobs = rig.jobs();
  REQUIRE(jobs.size() == 2);
  for (const Job& job : jobs) {
    CHECK(job.operation == Operation::decrypt);
    CHECK(job.session->key[0] == 254);
    CHECK(job.session->key[2] == 0);
    CHECK(job.session->hops == 1);
    CHECK(job.session->route[0] == Operation::decrypt);
  }
  CHECK(jobs[0].iv == std::array<std::uint8_t, 16>{});
  CHECK(jobs[1].iv == std::array<std::uint8_t, 16>{1});
  CHECK(jobs[1].bytes == 32);
  CHECK(jobs[1].sources[0] == 13 * hw::kPageBytes);
  CHECK(jobs[1].destination == 11 * hw::kPageBytes);
  CHECK(jobs_of(Rig({.op = Op::encrypt, .bytes = 24, .memory = 4096}, {10, 11}).run, 0) ==
        fail(Errno::einval));
}

TEST_CASE("A digest is one job where its source lies in one piece, else parts in order",
          "[chain]") {
  Rig whole({.op = Op::hash, .offset = 4096, .bytes = 8000}, {9, 20, 21});
  auto jobs = whole.jobs();
  REQUIRE(jobs.size() == 1);
  CHECK(jobs[0].bytes == 8000);
  CHECK(jobs[0].destination == 0);
  Sha256 message;
  CHECK_FALSE(join(jobs, message));
  CHECK(jobs[0].message == nullptr);
  CHECK(Rig({.op = Op::hash, .bytes = 32, .memory = 4096}, {9, 20}).jobs()[0].destination == 0);
  Rig torn({.op = Op::hash, .offset = 4096, .bytes = 8000}, {9, 20, 31});
  jobs = torn.jobs();
  REQUIRE(jobs.size() == 2);
  CHECK(join(jobs, message));
  CHECK(jobs[1].message == &message);
  Rig filled({.op = Op::memset, .bytes = 8192}, {9, 20});
  jobs = filled.jobs();
  CHECK_FALSE(join(jobs, message));
  CHECK(jobs_of(Rig({.op = Op::hash, .bytes = 4096, .memory = 4096}, {10}).run, 0) ==
        fail(Errno::efault));
  CHECK(jobs_of(Rig({.op = Op::hash, .bytes = 4097, .memory = 4096}, {10, 11}).run, 0) ==
        fail(Errno::einval));
}

TEST_CASE("A step that would write over what it reads is EINVAL", "[chain]") {
  CHECK(jobs_of(Rig({.op = Op::copy, .bytes = 8192, .memory = 4096}, {10, 11, 12}).run, 0) ==
        fail(Errno::einval));
  CHECK(jobs_of(
            Rig({.op = Op::exclusive_or, .sources = 2, .bytes = 4096, .memory = 4096}, {10, 11, 12})
                .run,
            0) == fail(Errno::einval));
  CHECK(jobs_of(Rig({.op = Op::copy, .bytes = 4096, .memory = 4096}, {10, 11}).run, 0));
}

TEST_CASE("The sum over several jobs is that of their bytes in order", "[chain]") {
  Job first;
  first.operation = Operation::crc32c;
  first.status = Errno::ok;
  Job second = first;
  const std::byte bytes[] = {std::byte{'a'}, std::byte{'b'}, std::byte{'c'}};
  first.bytes = 1;
  first.crc = crc32c(0, std::span(bytes).first(1));
  second.bytes = 2;
  second.crc = crc32c(0, std::span(bytes).subspan(1));
  const Job both[] = {first, second};
  CHECK(result_of(both) == static_cast<std::int64_t>(crc32c(0, bytes)));
  Job failed = second;
  failed.status = Errno::enodev;
  const Job one_failed[] = {first, failed};
  CHECK(result_of(one_failed) == fail(Errno::enodev));
}

}  // namespace
}  // namespace iodrome::chain
