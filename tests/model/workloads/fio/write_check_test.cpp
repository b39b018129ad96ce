// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio/write_check.h"

#include <catch2/catch.hpp>
#include <deque>

#include "model/kernel/vfs/file_system.h"

using namespace iodrome;
using namespace iodrome::workloads;

namespace {

// A file of 16 blocks of 4 KiB, and writes that reach the device when the test says so.
struct Scene {
  Scene() {
    inode = *files.add_file("/f", 65'536, kernel::Inode::Metadata::cached);
    check.watch(3, *inode, 0, 4096);
  }
  chain::ChainRun& run(std::uint64_t id, std::uint64_t block) {
    chain::ChainRun& made = runs.emplace_back();
    made.id = id;
    made.chain.steps.push_back({.op = chain::Op::write, .fd = 3});
    made.chain.steps[0].offset = block * 4096;
    made.chain.steps[0].bytes = 4096;
    made.results.push_back(4096);
    made.buffer.push_back(memory.allocate_page());
    return made;
  }
  void store(const chain::ChainRun& from, std::size_t bytes = 4096) {
    files.volume().write(inode->first_sector * 512 + from.chain.steps[0].offset,
                         memory.bytes(from.buffer[0], bytes));
  }

  hw::Memory memory;
  kernel::FileSystem files{1 << 20, true};
  kernel::Inode* inode = nullptr;
  WriteCheck check{memory};
  std::deque<chain::ChainRun> runs;
};

}  // namespace

TEST_CASE("of two writes to one place only the later may be there, if the first had ended") {
  Scene s;
  const chain::ChainRun& first = s.run(1, 5);
  const chain::ChainRun& second = s.run(2, 5);
  s.check.begin(first);
  s.store(first);
  s.check.end(first);
  CHECK(s.check.wrong_content().empty());
  s.check.begin(second);
  s.check.end(second);
  CHECK(s.check.wrong_content() == "/f holds at byte 20480 what nobody wrote there last");
  s.store(second);
  CHECK(s.check.wrong_content().empty());
  s.store(second, 100);
  CHECK(s.check.wrong_content().empty());
  s.store(first, 100);
  CHECK_FALSE(s.check.wrong_content().empty());
}

TEST_CASE("of two writes that overlapped in time either may be there, but not parts of sectors") {
  Scene s;
  const chain::ChainRun& first = s.run(1, 5);
  const chain::ChainRun& second = s.run(2, 5);
  s.check.begin(first);
  s.check.begin(second);
  s.check.end(second);
  s.check.end(first);
  s.store(first);
  CHECK(s.check.wrong_content().empty());
  s.store(second, 1024);
  CHECK(s.check.wrong_content().empty());
  s.store(second, 1100);
  CHECK_FALSE(s.check.wrong_content().empty());
}

TEST_CASE("a write that strays, and one that is lost in the cache, are found") {
  Scene s;
  const std::byte stray[1] = {};
  s.files.volume().write(s.inode->first_sector * 512 + 9000, stray);
  CHECK(s.check.wrong_content() == "/f holds at byte 8704 what nobody wrote there last");
  Scene other;
  const chain::ChainRun& run = other.run(1, 2);
  other.check.begin(run);
  other.store(run);
  other.check.end(run);
  other.inode->pages.resize(16);
  other.inode->pages[2] = new kernel::Page(other.memory);
  CHECK(other.check.wrong_content() == "the page cache and the device differ in /f at byte 8192");
}

TEST_CASE("of a file with a failed write nothing is known") {
  Scene s;
  chain::ChainRun& run = s.run(1, 2);
  s.check.begin(run);
  run.results[0] = -5;
  s.check.end(run);
  CHECK(s.check.wrong_content().empty());
}
