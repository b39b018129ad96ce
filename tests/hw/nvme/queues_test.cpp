// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <numeric>

#include "tests/hw/nvme/host.h"
#include "tests/hw/part_file.h"

namespace iodrome::hw::test {
namespace {

using nvme::IoOpcode;
using nvme::Status;

NvmeParams drive() {
  return part<NvmeParams>("nvme", "gen4_datacenter");
}

// Points the command at `pages` host pages, the first used from `offset`; builds a list where
// needed.
void point(NvmeHost& host, nvme::SubmissionEntry& entry, const std::vector<PhysAddr>& pages,
           std::uint32_t offset) {
  entry.prp1 = pages[0] + offset;
  if (pages.size() == 2) entry.prp2 = pages[1];
  if (pages.size() <= 2) return;
  PhysAddr list = host.memory.allocate_page();
  entry.prp2 = list;
  std::uint32_t slot = 0;
  for (std::size_t i = 1; i < pages.size(); ++i) {
    if (slot == 511 && i + 1 < pages.size()) {
      const PhysAddr more = host.memory.allocate_page();
      host.memory.at<std::uint64_t>(list + 8 * 511) = more;
      list = more;
      slot = 0;
    }
    host.memory.at<std::uint64_t>(list + 8ull * slot++) = pages[i];
  }
}

class Always final : public ChoiceOracle {
 public:
  Always(Choice kind, std::uint32_t answer) : kind_(kind), answer_(answer) {}
  std::uint32_t choose(Choice kind, std::uint32_t, const char*) override {
    if (kind != kind_) return 0;
    ++asked;
    return answer_;
  }
  int asked = 0;

 private:
  Choice kind_;
  std::uint32_t answer_;
};

}  // namespace

TEST_CASE("payload reaches the right bytes of every page, and nothing around them") {
  NvmeParams params = drive();
  params.max_transfer = 4 << 20;
  NvmeHost host(params, 1, true);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  const auto blocks = GENERATE(1u, 7u, 8u, 9u, 16u, 64u, 4096u, 8191u);
  const auto offset = GENERATE(0u, 512u, 3584u);
  const std::uint32_t bytes = blocks * 512;
  std::vector<PhysAddr> pages((offset + bytes + 4095) / 4096);
  for (PhysAddr& page : pages) {
    page = host.memory.allocate_page();
    std::ranges::fill(host.memory.bytes(page, 4096), std::byte{0xee});
  }
  nvme::SubmissionEntry entry = NvmeHost::io(IoOpcode::read, 1000, blocks);
  point(host, entry, pages, offset);
  host.submit(1, entry);
  host.timeline.run();
  REQUIRE(host.done.size() == 1);
  REQUIRE(host.done[0].entry.code() == 0);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < pages.size() * 4096; ++i) {
    const std::byte got = host.memory.bytes(pages[i / 4096], 4096)[i % 4096];
    const bool inside = i >= offset && i < offset + bytes;
    wrong += got != (inside ? TestMedium::original(1000 * 512 + i - offset) : std::byte{0xee});
  }
  CHECK(wrong == 0);
}

TEST_CASE("what was written is what is read") {
  NvmeHost host(drive(), 1, true);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  const std::vector<PhysAddr> pages{host.memory.allocate_page(), host.memory.allocate_page()};
  for (std::size_t i = 0; i < 8192; ++i)
    host.memory.bytes(pages[i / 4096], 4096)[i % 4096] = static_cast<std::byte>(i * 7 + i / 251);
  nvme::SubmissionEntry write = NvmeHost::io(IoOpcode::write, 77, 16);
  point(host, write, pages, 0);
  host.submit(1, write);
  host.timeline.run();
  for (std::size_t i = 0; i < 8192; ++i)
    REQUIRE(host.medium.at(77 * 512 + i) == static_cast<std::byte>(i * 7 + i / 251));
  CHECK(host.drive.counters().bytes_from_host == 8192);
}

TEST_CASE("unchecked payload moves no bytes and takes the same time") {
  const auto run = [](bool checked) {
    NvmeHost host(drive(), 1, checked);
    REQUIRE(host.create_pair(1, 16) == Status::success);
    nvme::SubmissionEntry entry = NvmeHost::io(IoOpcode::read, 0, 8);
    entry.prp1 = host.memory.allocate_page();
    host.submit(1, entry);
    host.timeline.run();
    CHECK(host.medium.reads == (checked ? 1 : 0));
    CHECK(host.drive.counters().bytes_to_host == 4096);
    return host.done.at(0).time;
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("every command completes exactly once over many passes of small rings") {
  NvmeHost host(drive());
  REQUIRE(host.create_pair(1, 5) == Status::success);
  REQUIRE(host.create_pair(2, 7) == Status::success);
  std::vector<int> seen(1000);
  int sent = 0;
  const auto next = [&](std::uint32_t queue) {
    if (sent == 1000) return;
    const int id = sent++;
    host.submit(queue, NvmeHost::io(IoOpcode::read, static_cast<std::uint64_t>(id) * 64, 8,
                                    static_cast<std::uint16_t>(id)));
  };
  host.on_done = [&](std::uint32_t queue, const nvme::CompletionEntry& entry) {
    CHECK(entry.sq_id == queue);
    ++seen.at(entry.command_id);
    next(queue);
  };
  for (int i = 0; i < 4; ++i) next(1);
  for (int i = 0; i < 6; ++i) next(2);
  host.timeline.run();
  CHECK(seen == std::vector<int>(1000, 1));
  CHECK(host.drive.in_flight() == 0);
  CHECK(host.drive.activities().count() == 0);
}

TEST_CASE("a full completion queue loses nothing") {
  NvmeHost host(drive());
  REQUIRE(host.create_pair(1, 64, true, 4) == Status::success);
  host.free_entries = false;
  for (unsigned i = 0; i < 40; ++i)
    host.queue(1, NvmeHost::io(IoOpcode::read, 64 * i, 8, static_cast<std::uint16_t>(i)));
  host.ring_doorbell(1);
  host.timeline.run();
  CHECK(host.done.size() == 3);
  REQUIRE(host.timeline.who_waits_for_what().size() == 1);
  CHECK(host.timeline.who_waits_for_what()[0].waits_for == "room for 37 completions");
  host.free_entries = true;
  host.free_reaped(1);
  host.timeline.run();
  REQUIRE(host.done.size() == 40);
  std::vector<int> seen(40);
  for (const auto& done : host.done) ++seen.at(done.entry.command_id);
  CHECK(seen == std::vector<int>(40, 1));
}

TEST_CASE("there is one message per completion, at the address and with the data of its vector") {
  NvmeHost host(drive());
  REQUIRE(host.create_pair(3, 64) == Status::success);
  host.write64(nvme::msix_entry(3) + nvme::kMsixAddress, 0xfee0'0040);
  host.messages.messages.clear();
  for (unsigned i = 0; i < 10; ++i) host.submit(3, NvmeHost::io(IoOpcode::read, 64 * i, 8));
  host.timeline.run();
  REQUIRE(host.messages.messages.size() == 10);
  for (const auto& message : host.messages.messages) {
    CHECK(message.address == 0xfee0'0040);
    CHECK(message.data == 3);
  }
}

TEST_CASE("a masked vector keeps one message until it is unmasked") {
  NvmeHost host(drive());
  REQUIRE(host.create_pair(1, 64) == Status::success);
  host.write32(nvme::msix_entry(1) + nvme::kMsixControl, 1);
  for (unsigned i = 0; i < 10; ++i) host.submit(1, NvmeHost::io(IoOpcode::read, 64 * i, 8));
  host.timeline.run();
  CHECK(host.done.empty());
  host.messages.messages.clear();
  host.write32(nvme::msix_entry(1) + nvme::kMsixControl, 0);
  host.timeline.run();
  CHECK(host.messages.messages.size() == 1);
  CHECK(host.done.size() == 10);
}

TEST_CASE("a queue without interrupts is polled") {
  NvmeHost host(drive());
  REQUIRE(host.create_pair(1, 64, false) == Status::success);
  host.messages.messages.clear();
  host.submit(1, NvmeHost::io(IoOpcode::read, 0, 8));
  host.timeline.run();
  CHECK(host.messages.messages.empty());
  host.reap(1);
  CHECK(host.done.size() == 1);
}

TEST_CASE("coalescing reports a full batch at once and a partial one in time") {
  NvmeParams params = drive();
  params.coalesce_count = 4;
  params.coalesce_time = 100us;
  NvmeHost host(params);
  REQUIRE(host.create_pair(1, 64) == Status::success);
  host.messages.messages.clear();
  for (unsigned i = 0; i < 6; ++i) host.queue(1, NvmeHost::io(IoOpcode::read, 64 * i, 8));
  host.ring_doorbell(1);
  host.timeline.run();
  CHECK(host.done.size() == 6);
  REQUIRE(host.messages.messages.size() == 2);
  CHECK(host.messages.messages[1].time - host.messages.messages[0].time < 101us);
  CHECK(host.messages.messages[1].time - host.messages.messages[0].time > 80us);
}

TEST_CASE("bad commands end with the status that names the fault") {
  NvmeHost host(drive(), 1, true, 1 << 20);
  REQUIRE(host.create_pair(1, 64) == Status::success);
  const auto status = [&](nvme::SubmissionEntry entry) {
    host.done.clear();
    host.submit(1, entry);
    host.timeline.run();
    return static_cast<Status>(host.done.at(0).entry.code());
  };
  nvme::SubmissionEntry entry = NvmeHost::io(IoOpcode::read, 2047, 1);
  entry.prp1 = host.memory.allocate_page();
  CHECK(status(entry) == Status::success);
  CHECK(status(NvmeHost::io(IoOpcode::read, 2048, 1)) == Status::lba_out_of_range);
  CHECK(status(NvmeHost::io(IoOpcode::read, 2047, 2)) == Status::lba_out_of_range);
  CHECK(status(NvmeHost::io(IoOpcode::write, ~0ull, 1)) == Status::lba_out_of_range);
  CHECK(status(NvmeHost::io(IoOpcode::read, 0, 1024)) == Status::invalid_field);
  CHECK(status(NvmeHost::io(IoOpcode::read, 0, 8)) ==
        Status::data_transfer_error);  // PRP1 is no memory
  entry = NvmeHost::io(IoOpcode::read, 0, 16);
  entry.prp1 = host.memory.allocate_page();
  entry.prp2 = entry.prp1 + 512;
  CHECK(status(entry) == Status::invalid_prp_offset);
  entry.opcode = 0x77;
  CHECK(status(entry) == Status::invalid_opcode);
  entry.opcode = 0;
  entry.namespace_id = 9;
  CHECK(status(entry) == Status::invalid_namespace);
  CHECK(host.drive.counters().errors == 8);
}

TEST_CASE("wrong queue commands and doorbells are refused") {
  NvmeHost host(drive());
  CHECK(host.create_pair(0, 16) == Status::invalid_queue_id);
  CHECK(host.create_pair(4000, 16) == Status::invalid_queue_id);
  CHECK(host.create_pair(1, 1) == Status::invalid_queue_size);
  CHECK(host.create_pair(1, 16) == Status::success);
  CHECK(host.create_pair(1, 16) == Status::invalid_queue_id);
  CHECK(host.write32(nvme::sq_tail_doorbell(1), 16) == Response::generic_error);
  CHECK(host.write32(nvme::sq_tail_doorbell(2), 1) == Response::generic_error);
  CHECK(host.write32(0x2ff0, 1) == Response::address_error);
  CHECK(host.write64(nvme::kCc, 1) == Response::command_error);
  CHECK(host.write32(nvme::kVs, 1) == Response::command_error);
  nvme::SubmissionEntry del;
  del.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::delete_io_cq);
  del.cdw10 = 1;
  CHECK(host.admin(del) == Status::invalid_queue_deletion);
  del.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::delete_io_sq);
  CHECK(host.admin(del) == Status::success);
  del.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::delete_io_cq);
  CHECK(host.admin(del) == Status::success);
  CHECK(host.create_pair(1, 16) == Status::success);
}

TEST_CASE("identify tells size, block and largest transfer") {
  NvmeHost host(drive(), 1, false, 1 << 30);
  nvme::SubmissionEntry entry;
  entry.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::identify);
  entry.namespace_id = 1;
  entry.prp1 = host.memory.allocate_page();
  REQUIRE(host.admin(entry) == Status::success);
  CHECK(host.memory.at<std::uint64_t>(entry.prp1 + nvme::kNamespaceSizeAt) == (1 << 30) / 512);
  CHECK((host.memory.at<std::uint32_t>(entry.prp1 + nvme::kLbaFormat0At) >> 16 & 0xff) == 9);
  entry.cdw10 = nvme::kIdentifyController;
  REQUIRE(host.admin(entry) == Status::success);
  CHECK(host.memory.at<std::uint8_t>(entry.prp1 + nvme::kMaxTransferAt) == 6);  // 256 KiB
  entry.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::set_features);
  entry.cdw10 = nvme::kFeatureNumberOfQueues;
  REQUIRE(host.admin(entry) == Status::success);
  CHECK(host.last_result == 0x007f'007f);
}

TEST_CASE("commands in flight at a controller reset touch no memory afterwards") {
  NvmeHost host(drive(), 1, true);
  REQUIRE(host.create_pair(1, 16) == Status::success);
  nvme::SubmissionEntry entry = NvmeHost::io(IoOpcode::read, 0, 8);
  entry.prp1 = host.memory.allocate_page();
  std::ranges::fill(host.memory.bytes(entry.prp1, 4096), std::byte{0xee});
  host.submit(1, entry);
  host.timeline.run(host.timeline.now() + 10us);
  host.write32(nvme::kCc, 0);
  host.timeline.run();
  CHECK(host.done.empty());
  CHECK(host.memory.bytes(entry.prp1, 4096)[0] == std::byte{0xee});
  CHECK(host.drive.activities().count() == 0);
}

TEST_CASE("an oracle may reorder completions but loses none") {
  NvmeHost host(drive());
  REQUIRE(host.create_pair(1, 16) == Status::success);
  Always hold(Choice::completion, 1);
  host.timeline.choices().ask(&hold);
  for (unsigned i = 0; i < 5; ++i)
    host.queue(1, NvmeHost::io(IoOpcode::read, 64 * i, 8, static_cast<std::uint16_t>(i)));
  host.ring_doorbell(1);
  host.timeline.run();
  REQUIRE(host.done.size() == 5);
  CHECK(hold.asked == 4);
  std::vector<int> seen(5);
  for (const auto& done : host.done) ++seen.at(done.entry.command_id);
  CHECK(seen == std::vector<int>(5, 1));
}

}  // namespace iodrome::hw::test
