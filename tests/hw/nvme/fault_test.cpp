// SPDX-License-Identifier: Apache-2.0
// What the choice oracle can do to a drive, and how a host gets out of it.
#include <catch2/catch.hpp>

#include "tests/hw/nvme/host.h"
#include "tests/hw/part_file.h"
#include "tests/hw/scripted_oracle.h"

namespace iodrome::hw::test {
namespace {

using nvme::IoOpcode;
using nvme::Status;

struct Scene {
  Scene() : host(part<NvmeParams>("nvme", "gen4_datacenter"), 1, true) {
    REQUIRE(host.create_pair(1, 16) == Status::success);
    host.messages.messages.clear();
    host.timeline.choices().ask(&oracle);
  }
  void read(std::uint16_t id, std::uint32_t blocks = 8) {
    nvme::SubmissionEntry entry = NvmeHost::io(IoOpcode::read, 64u * id, blocks, id);
    entry.prp1 = host.memory.allocate_page();
    host.submit(1, entry);
  }
  void abort(std::uint16_t id) {
    nvme::SubmissionEntry entry;
    entry.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::abort);
    entry.cdw10 = static_cast<std::uint32_t>(id) << 16 | 1;
    entry.command_id = 0xad;
    host.submit(0, entry);
    host.timeline.run();
  }
  ScriptedOracle oracle;
  NvmeHost host;
};

}  // namespace

TEST_CASE("a media fault ends a read with status 0x281, for good, and moves nothing") {
  Scene s;
  s.oracle.script["nvme.command"] = {1};
  s.read(1);
  s.host.timeline.run();
  REQUIRE(s.host.done.size() == 1);
  CHECK(s.host.done[0].entry.code() == 0x281);
  CHECK(s.host.done[0].entry.do_not_retry());
  CHECK(s.host.medium.reads == 0);
}

TEST_CASE("a transfer fault may be tried again") {
  Scene s;
  s.oracle.script["nvme.command"] = {2};
  s.read(1);
  s.host.timeline.run();
  REQUIRE(s.host.done.size() == 1);
  CHECK(s.host.done[0].entry.code() == static_cast<std::uint16_t>(Status::data_transfer_error));
  CHECK_FALSE(s.host.done[0].entry.do_not_retry());
  s.read(1);
  s.host.timeline.run();
  CHECK(s.host.done[1].entry.code() == 0);
}

TEST_CASE("a lost command is taken back by Abort, and ends once") {
  Scene s;
  s.oracle.script["nvme.command"] = {3};
  s.read(1);
  s.read(2);
  s.host.timeline.run();
  REQUIRE(s.host.done.size() == 1);
  CHECK(s.host.done[0].entry.command_id == 2);
  CHECK(s.host.drive.in_flight() == 1);
  s.abort(1);
  REQUIRE(s.host.done.size() == 3);
  std::map<std::uint16_t, nvme::CompletionEntry> ends;
  for (const auto& done : s.host.done) ends[done.entry.command_id] = done.entry;
  CHECK(ends.at(1).code() == static_cast<std::uint16_t>(Status::abort_requested));
  CHECK(ends.at(0xad).result == 0);
  CHECK(s.host.drive.in_flight() == 0);
  s.abort(1);
  REQUIRE(s.host.done.size() == 4);
  CHECK(s.host.done[3].entry.result == nvme::kNotAborted);
}

TEST_CASE("a command that was held back for one that is lost then is reported all the same") {
  Scene s;
  s.oracle.script["nvme.command"] = {1, 3};
  s.oracle.script["nvme.completion"] = {1};
  s.read(1);
  s.read(2, 64);  // still in the firmware when the first one, which fails, has ended
  s.host.timeline.run();
  REQUIRE(s.host.done.size() == 1);
  CHECK(s.host.done[0].entry.command_id == 1);
}

TEST_CASE("a reset forgets lost commands") {
  Scene s;
  s.oracle.script["nvme.command"] = {3};
  s.read(1);
  s.host.timeline.run();
  REQUIRE(s.host.drive.in_flight() == 1);
  s.host.write32(nvme::kCc, 0);
  s.host.timeline.run();
  CHECK(s.host.drive.in_flight() == 0);
  CHECK(s.host.done.empty());
}

TEST_CASE("a command in service, or not yet fetched, is not aborted and goes on") {
  Scene s;
  SECTION("in service") {
    nvme::SubmissionEntry write = NvmeHost::io(IoOpcode::write, 0, 8, 2);
    write.prp1 = s.host.memory.allocate_page();
    s.host.submit(1, write);
    s.host.timeline.run();
    // It waits for what is in the cache, longer than an admin command takes.
    s.host.submit(1, NvmeHost::io(IoOpcode::write_zeroes, 64, 8, 1));
    s.abort(1);
    REQUIRE(s.host.done.size() == 3);
    CHECK(s.host.done[1].entry.command_id == 0xad);
    CHECK(s.host.done[2].entry.command_id == 1);
  }
  SECTION("not yet fetched") {
    s.oracle.script["nvme.doorbell"] = {1};
    s.read(1);
    s.abort(1);
    REQUIRE(s.host.done.size() == 1);
    s.read(2);
    s.host.timeline.run();
    REQUIRE(s.host.done.size() == 3);
  }
  CHECK(s.host.drive.counters().aborts == 0);
  for (const auto& done : s.host.done) {
    CHECK(done.entry.code() == 0);
    if (done.entry.command_id == 0xad) CHECK(done.entry.result == nvme::kNotAborted);
  }
}

TEST_CASE("Aborts beyond the limit that Identify tells are refused, and may be sent again") {
  Scene s;
  nvme::SubmissionEntry identify;
  identify.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::identify);
  identify.cdw10 = nvme::kIdentifyController;
  identify.prp1 = s.host.memory.allocate_page();
  REQUIRE(s.host.admin(identify) == Status::success);
  CHECK(s.host.memory.at<std::uint8_t>(identify.prp1 + nvme::kAbortLimitAt) == 3);
  for (int round = 0; round < 2; ++round) {
    s.host.done.clear();
    nvme::SubmissionEntry abort;
    abort.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::abort);
    abort.cdw10 = 7u << 16 | 1;
    for (std::uint16_t id = 0; id < 5; ++id) {
      abort.command_id = id;
      s.host.queue(0, abort);
    }
    s.host.ring_doorbell(0);
    s.host.timeline.run();
    REQUIRE(s.host.done.size() == 5);
    for (const auto& done : s.host.done)
      CHECK(done.entry.code() == (done.entry.command_id < 4 ? 0 : 0x103));
  }
}

TEST_CASE("a controller that is enabled again is ready after its time, which CAP.TO covers") {
  Scene s;
  const SimTime start = s.host.timeline.now();
  CHECK(nvme::timeout_units(s.host.read64(nvme::kCap)) == 1);  // 250 ms of the part
  s.host.write32(nvme::kCc, 0);
  CHECK(s.host.read32(nvme::kCsts) == 0);
  s.host.write32(nvme::kCc, nvme::kCcEnable);
  SECTION("at once it is not") {
    s.host.timeline.run(start + 250ms);
    CHECK(s.host.read32(nvme::kCsts) == 0);
    CHECK(s.host.ring_doorbell(0) == Response::generic_error);
    s.host.timeline.run(start + 250ms + ps(1));
    CHECK(s.host.read32(nvme::kCsts) == nvme::kCstsReady);
  }
  SECTION("and its time begins anew if it is disabled meanwhile") {
    s.host.timeline.run(start + 100ms);
    s.host.timeline.advance_to(start + 100ms);
    s.host.write32(nvme::kCc, 0);
    s.host.write32(nvme::kCc, nvme::kCcEnable);
    s.host.timeline.run(start + 350ms);
    CHECK(s.host.read32(nvme::kCsts) == 0);
    s.host.timeline.run();
    CHECK(s.host.read32(nvme::kCsts) == nvme::kCstsReady);
  }
}

TEST_CASE(
    "a controller may stay unready, or fatal, when it is enabled again; the next time counts") {
  Scene s;
  s.oracle.script["nvme.reset"] = {1, 2};
  for (const std::uint32_t status : {0u, nvme::kCstsFatal, nvme::kCstsReady}) {
    s.host.write32(nvme::kCc, 0);
    s.host.write32(nvme::kCc, nvme::kCcEnable);
    s.host.timeline.run();
    CHECK(s.host.read32(nvme::kCsts) == status);
  }
}

TEST_CASE("a reset forgets a command that was held back for another one") {
  Scene s;
  s.oracle.script["nvme.command"] = {1};
  s.oracle.script["nvme.completion"] = {1};
  s.read(1);
  s.read(2, 64);
  s.host.timeline.run(s.host.timeline.now() + 40us);
  s.host.write32(nvme::kCc, 0);
  s.host.timeline.run();
  CHECK(s.host.drive.in_flight() == 0);
  CHECK(s.host.done.empty());
}

TEST_CASE("a lost doorbell leaves the queue stuck until the next one, which brings both") {
  Scene s;
  s.oracle.script["nvme.doorbell"] = {1};
  s.read(1);
  s.host.timeline.run();
  CHECK(s.host.done.empty());
  s.read(2);
  s.host.timeline.run();
  CHECK(s.host.done.size() == 2);
}

TEST_CASE("an interrupt may be lost, late or doubled; the completion entry is there anyhow") {
  Scene s;
  SECTION("lost") {
    s.oracle.script["nvme.interrupt"] = {1};
    s.read(1);
    s.host.timeline.run();
    CHECK(s.host.messages.messages.empty());
    CHECK(s.host.done.empty());
    s.host.reap(1);
  }
  SECTION("late") {
    s.oracle.script["nvme.interrupt"] = {2};
    const SimTime start = s.host.timeline.now();
    s.read(1);
    s.host.timeline.run();
    REQUIRE(s.host.messages.messages.size() == 1);
    CHECK(s.host.messages.messages[0].time - start > 10ms);
  }
  SECTION("doubled") {
    s.oracle.script["nvme.interrupt"] = {3};
    s.read(1);
    s.host.timeline.run();
    CHECK(s.host.messages.messages.size() == 2);
  }
  REQUIRE(s.host.done.size() == 1);
  CHECK(s.host.done[0].entry.code() == 0);
}

TEST_CASE("the coalescing feature holds completions back until enough or late enough") {
  NvmeHost host(part<NvmeParams>("nvme", "gen4_datacenter"));
  REQUIRE(host.create_pair(1, 64) == Status::success);
  nvme::SubmissionEntry entry;
  entry.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::set_features);
  entry.cdw10 = nvme::kFeatureInterruptCoalescing;
  entry.cdw11 = 2u << 8 | 3u;  // 200 us, four completions
  REQUIRE(host.admin(entry) == Status::success);
  host.messages.messages.clear();
  for (unsigned i = 0; i < 6; ++i) host.queue(1, NvmeHost::io(IoOpcode::read, 64 * i, 8));
  host.ring_doorbell(1);
  host.timeline.run();
  CHECK(host.done.size() == 6);
  REQUIRE(host.messages.messages.size() == 2);
  const Duration apart = host.messages.messages[1].time - host.messages.messages[0].time;
  CHECK(apart > 180us);
  CHECK(apart < 201us);
  entry.cdw11 = 0;
  REQUIRE(host.admin(entry) == Status::success);
  host.messages.messages.clear();
  for (unsigned i = 0; i < 6; ++i) host.submit(1, NvmeHost::io(IoOpcode::read, 64 * i, 8));
  host.timeline.run();
  CHECK(host.messages.messages.size() == 6);
}

}  // namespace iodrome::hw::test
