// SPDX-License-Identifier: Apache-2.0
#include "hw/iommu/iommu.h"

#include <catch2/catch.hpp>
#include <string>

#include "hw/memory/memory.h"
#include "model/engine/task.h"

using namespace iodrome;
using namespace iodrome::hw;

namespace {

constexpr std::uint64_t kPage = iommu::kPageBytes;

struct Host {
  explicit Host(std::int64_t entries = 4)
      : unit({.iotlb_entries = entries, .page_walk = 100ns, .fault_records = 2}, timeline),
        port(unit.port_for(1, table, direct)) {}

  /// Maps an I/O page to a fresh page of memory.
  PhysAddr map(std::uint64_t io_page, bool readable = true, bool writable = true) {
    const PhysAddr page = memory.allocate_page();
    table.set(io_page, {page, readable, writable});
    return page;
  }
  Task<void> one(Command command, std::uint64_t address, std::size_t size, std::string name) {
    std::vector<std::byte> bytes(size, std::byte{0x5a});
    Access access(*port, command, address, bytes);
    co_await access;
    log += (log.empty() ? "" : " ") + name + (access.response() == Response::ok ? "" : "!") + "@" +
           std::to_string(to_ps(timeline.now()) / 1000);
    read = bytes;
  }
  void start(Command command, std::uint64_t address, std::size_t size, std::string name) {
    timeline.spawn(one(command, address, size, std::move(name)), "test");
  }
  std::string run(Command command, std::uint64_t address, std::size_t size = 8) {
    log.clear();
    const SimTime before = timeline.now();
    start(command, address, size, "done");
    CHECK(timeline.run() == RunState::idle);
    waited = timeline.now() - before;
    return log.substr(0, log.find('@'));
  }
  std::uint64_t reg(std::uint64_t address) {
    std::uint64_t value = 0;
    CHECK(unit.access(Command::read, address, std::as_writable_bytes(std::span{&value, 1})) ==
          Response::ok);
    return value;
  }
  void reg(std::uint64_t address, std::uint64_t value) {
    CHECK(unit.access(Command::write, address, std::as_writable_bytes(std::span{&value, 1})) ==
          Response::ok);
  }

  Timeline timeline;
  Memory memory;
  DirectPort direct{memory};
  iommu::PageTable table;
  Iommu unit;
  std::unique_ptr<Port> port;
  std::string log;
  std::vector<std::byte> read;
  Duration waited{};
};

}  // namespace

TEST_CASE("the first access of a page waits for the walk, the next ones do not") {
  Host h;
  const PhysAddr page = h.map(7);
  CHECK(h.run(Command::write, 7 * kPage + 16) == "done");
  CHECK(h.waited == 100ns);
  CHECK(h.memory.at<std::uint64_t>(page + 16) == 0x5a5a5a5a5a5a5a5aull);
  CHECK(h.run(Command::read, 7 * kPage + 16) == "done");
  CHECK(h.waited == 0ns);
  CHECK(h.read[0] == std::byte{0x5a});
  CHECK((h.unit.hits() == 1 && h.unit.misses() == 1));
}

TEST_CASE("an access over pages goes to each page's own place, a walk for each") {
  Host h;
  const PhysAddr second = h.map(11);
  const PhysAddr first = h.map(10);
  CHECK(h.run(Command::write, 10 * kPage + kPage - 8, 16) == "done");
  CHECK(h.waited == 200ns);
  CHECK(h.memory.at<std::uint64_t>(first + kPage - 8) == 0x5a5a5a5a5a5a5a5aull);
  CHECK(h.memory.at<std::uint64_t>(second) == 0x5a5a5a5a5a5a5a5aull);
}

TEST_CASE("unmapped pages and forbidden directions abort the access and are recorded") {
  Host h;
  const PhysAddr page = h.map(3, true, false);
  h.memory.at<std::uint64_t>(page) = 0;
  CHECK(h.run(Command::write, 3 * kPage) == "done!");
  CHECK(h.memory.at<std::uint64_t>(page) == 0);
  CHECK(h.run(Command::read, 3 * kPage) == "done");
  CHECK(h.run(Command::read, 9 * kPage + 100) == "done!");
  CHECK(h.reg(iommu::kFaultRecord) == (3 * kPage | iommu::kFaultValid | iommu::kFaultWrite));
  CHECK(h.reg(iommu::kFaultRecord) == (9 * kPage | iommu::kFaultValid));
  CHECK(h.reg(iommu::kFaultRecord) == 0);
  CHECK(h.reg(iommu::kFaultOverflow) == 0);
}

TEST_CASE("faults beyond the records are lost, and that is told once") {
  Host h;
  for (int i = 1; i <= 3; ++i) CHECK(h.run(Command::read, i * kPage) == "done!");
  CHECK(h.reg(iommu::kFaultOverflow) == 1);
  CHECK(h.reg(iommu::kFaultOverflow) == 0);
  CHECK(h.reg(iommu::kFaultRecord) == (1 * kPage | iommu::kFaultValid));
  CHECK(h.reg(iommu::kFaultRecord) == (2 * kPage | iommu::kFaultValid));
}

TEST_CASE("the least recently used translation makes room") {
  Host h(2);
  for (const std::uint64_t page : {1, 2, 3}) h.map(page);
  h.run(Command::read, 1 * kPage);
  h.run(Command::read, 2 * kPage);
  h.run(Command::read, 1 * kPage);
  h.run(Command::read, 3 * kPage);  // in the place of 2
  CHECK(h.unit.iotlb_used() == 2);
  h.run(Command::read, 1 * kPage);
  CHECK(h.waited == 0ns);
  h.run(Command::read, 2 * kPage);
  CHECK(h.waited == 100ns);
}

TEST_CASE("a working set one page larger than the IOTLB, in turn, misses every time") {
  Host h(4);
  for (std::uint64_t page = 1; page <= 5; ++page) h.map(page);
  for (std::uint64_t i = 0; i < 50; ++i) h.run(Command::read, (1 + i % 5) * kPage);
  CHECK((h.unit.misses() == 50 && h.unit.hits() == 0));
  for (std::uint64_t i = 0; i < 52; ++i) h.run(Command::read, (1 + i % 4) * kPage);
  // 2 to 5 were kept; each newcomer of the first round pushes out the very next one.
  CHECK(h.unit.misses() == 54);
}

TEST_CASE("what was kept serves an unmapped page until it is flushed") {
  Host h;
  h.map(5);
  h.map(6);
  h.run(Command::read, 5 * kPage);
  h.run(Command::read, 6 * kPage);
  h.table.clear(5);
  CHECK(h.run(Command::write, 5 * kPage) == "done");  // stale
  h.reg(iommu::kFlushPages, iommu::flush_pages(1, 5, 1));
  CHECK(h.run(Command::write, 5 * kPage) == "done!");
  h.run(Command::read, 6 * kPage);
  CHECK(h.waited == 0ns);
  h.reg(iommu::kFlushDomain, 2);
  h.run(Command::read, 6 * kPage);
  CHECK(h.waited == 0ns);
  h.reg(iommu::kFlushDomain, 1);
  h.run(Command::read, 6 * kPage);
  CHECK(h.waited == 100ns);
}

TEST_CASE("accesses of one device keep their order behind a walk") {
  Host h;
  h.map(1);
  h.map(2);
  h.run(Command::read, 2 * kPage);
  h.log.clear();
  h.start(Command::write, 1 * kPage, 8, "walks");
  h.start(Command::write, 2 * kPage, 8, "waits");
  h.timeline.run();
  CHECK(h.log == "walks@200 waits@200");
}

TEST_CASE("devices of two domains do not see each other's mappings") {
  Host h;
  const PhysAddr mine = h.map(1);
  iommu::PageTable other;
  const PhysAddr theirs = h.memory.allocate_page();
  other.set(1, {theirs, true, true});
  const auto port = h.unit.port_for(2, other, h.direct);
  h.memory.at<std::uint64_t>(mine) = 1;
  h.memory.at<std::uint64_t>(theirs) = 2;
  h.run(Command::read, kPage);
  CHECK(h.read[0] == std::byte{1});
  h.port = h.unit.port_for(2, other, h.direct);
  h.run(Command::read, kPage);
  CHECK(h.waited == 100ns);
  CHECK(h.read[0] == std::byte{2});
  h.reg(iommu::kFlushDomain, 1);
  h.run(Command::read, kPage);
  CHECK(h.waited == 0ns);
}

TEST_CASE("a device that only looks sees kept pages without a walk, and never gets a pointer") {
  Host h;
  const PhysAddr page = h.map(4);
  h.memory.at<std::uint64_t>(page) = 9;
  std::vector<std::byte> scratch(8);
  CHECK(h.port->view(4 * kPage, scratch).empty());
  CHECK(h.port->direct(4 * kPage, 8).empty());
  h.run(Command::read, 4 * kPage);
  const std::span<const std::byte> seen = h.port->view(4 * kPage, scratch);
  CHECK((seen.size() == 8 && seen[0] == std::byte{9}));
  CHECK(h.port->direct(4 * kPage, 8).empty());
}
