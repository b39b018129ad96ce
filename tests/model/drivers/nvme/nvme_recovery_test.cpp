// SPDX-License-Identifier: Apache-2.0
#include "tests/model/drivers/nvme/rig.h"

namespace iodrome::drivers {
namespace {

using namespace kernel;

constexpr Duration kJiffy = 4ms;
constexpr Duration kTimeout = 30s;
constexpr Duration kReadTime = kDeviceTime + kMessageTime;
// Doorbell and fetch 0.5 us, the command 1, its completion entry 0.2.
constexpr Duration kAdminTime = 1'700ns + kMessageTime;
constexpr Duration kFailTime = 2'700ns + kMessageTime;  // no die, no channel, no link
constexpr Duration kReadyTime = 3ms;                    // a multiple of the driver's looks

NvmeDriverParams linux_defaults() {
  return {16, 0, kTimeout, 60s, 5, 2};
}

struct Scene {
  explicit Scene(NvmeDriverParams params = linux_defaults()) : rig(2, params, &oracle) {
    rig.rig.system.scheduler.hz = 250;
  }
  std::deque<std::uint32_t>& at(const char* site) { return oracle.script[site]; }
  /// A read that is submitted at that time after boot.
  NvmeRig::PageBio& read(std::uint32_t cpu = 0, Duration when = Duration{0}) {
    NvmeRig::PageBio& made = rig.bio(800 + 8 * rig.bios.size());
    const auto submit = [this, cpu, &made] {
      rig.on(cpu, [this, &made](Sleepable& ctx) { return rig.block.submit(ctx, made); });
    };
    if (when == Duration{0})
      submit();
    else
      rig.rig.at(rig.ready + when, submit);
    return made;
  }
  const NvmeRecovery& run() {
    rig.rig.run();
    CHECK(rig.block.in_flight() == 0);
    CHECK(rig.block.waiting() == 0);
    CHECK_FALSE(rig.block.timer_pending());
    CHECK(rig.device.in_flight() == 0);
    for (const auto& bio : rig.bios) {
      CHECK(bio->ends == 1);
      CHECK(rig.holds(*bio) == (bio->status == Errno::ok));
    }
    return rig.driver.recovery();
  }
  /// The first jiffy at or after a time after boot, as such a time.
  Duration jiffy(Duration after_boot) const {
    const Duration past = (rig.ready + after_boot) % kJiffy;
    return past == Duration{0} ? after_boot : after_boot + kJiffy - past;
  }
  /// A reset, until the controller takes commands: two commands for each of two queue pairs.
  static constexpr Duration kReset = kReadyTime + 4 * kAdminTime;

  hw::test::ScriptedOracle oracle;
  NvmeRig rig;
};

}  // namespace

TEST_CASE("an interrupt that is lost is made good by a look when the command has timed out") {
  Scene s;
  s.at("nvme.interrupt") = {1};
  const auto& bio = s.read();
  const NvmeRecovery& did = s.run();
  CHECK(bio.ended == s.jiffy(kTimeout));
  CHECK(bio.status == Errno::ok);
  CHECK(did.timeouts == 1);
  CHECK(did.polled == 1);
  CHECK(did.aborts == 0);
  CHECK(did.retries == 0);
}

TEST_CASE("a command that the drive has lost is aborted after 30 s, and then tried again") {
  Scene s;
  s.at("nvme.command") = {3};
  const auto& bio = s.read();
  const NvmeRecovery& did = s.run();
  CHECK(bio.ended == s.jiffy(kTimeout) + kAdminTime + kReadTime);
  CHECK(bio.status == Errno::ok);
  CHECK(s.rig.device.counters().aborts == 1);
  CHECK(did.aborts == 1);
  CHECK(did.retries == 1);
  CHECK(did.resets == 0);
}

TEST_CASE("a doorbell that is lost costs an Abort in vain and a reset after as long again") {
  Scene s;
  s.at("nvme.doorbell") = {1};
  const auto& bio = s.read();
  const NvmeRecovery& did = s.run();
  CHECK(bio.ended == s.jiffy(kTimeout) + kTimeout + Scene::kReset + kReadTime);
  CHECK(bio.status == Errno::ok);
  CHECK(s.rig.device.counters().aborts == 0);
  CHECK(did.timeouts == 2);
  CHECK(did.aborts == 1);
  CHECK(did.resets == 1);
  CHECK(did.retries == 1);
}

TEST_CASE("a doorbell that is lost is made good by the next one, and no timer is left behind") {
  Scene s;
  s.at("nvme.doorbell") = {1};
  const auto& first = s.read();
  const auto& second = s.read(0, 1s);
  const NvmeRecovery& did = s.run();
  CHECK(first.ended > 1s);
  CHECK(first.ended < 1s + 2 * kReadTime);
  CHECK(second.ended < 1s + 2 * kReadTime);
  CHECK(did.timeouts == 0);
}

TEST_CASE("a drive that loses every command ends a request with EIO after six times 30 s") {
  Scene s;
  s.at("nvme.command").assign(6, 3);
  const auto& bio = s.read();
  const NvmeRecovery& did = s.run();
  // Each further attempt begins in the middle of a jiffy.
  CHECK(bio.ended == s.jiffy(kTimeout) + 5 * (kTimeout + kJiffy) + kAdminTime);
  CHECK(bio.status == Errno::eio);
  CHECK(did.timeouts == 6);
  CHECK(did.aborts == 6);
  CHECK(did.retries == 5);
  CHECK(did.resets == 0);
}

TEST_CASE("what may be tried again is tried again as often as max_retries says") {
  for (const std::uint32_t retries : {0u, 1u, 5u}) {
    CAPTURE(retries);
    NvmeDriverParams params = linux_defaults();
    params.max_retries = retries;
    SECTION("and ends well if the last attempt does") {
      Scene s(params);
      s.at("nvme.command").assign(retries, 2);
      const auto& bio = s.read();
      const NvmeRecovery& did = s.run();
      CHECK(bio.ended == retries * kFailTime + kReadTime);
      CHECK(bio.status == Errno::ok);
      CHECK(did.retries == retries);
      CHECK(did.timeouts == 0);
    }
    SECTION("and then ends with EIO") {
      Scene s(params);
      s.at("nvme.command").assign(retries + 1, 2);
      const auto& bio = s.read();
      s.run();
      CHECK(bio.ended == (retries + 1) * kFailTime);
      CHECK(bio.status == Errno::eio);
    }
  }
}

TEST_CASE("a request has its retries anew, whatever its tag went through before") {
  Scene s;
  s.at("nvme.command").assign(10, 2);
  const auto& first = s.read();
  const auto& second = s.read(0, 1ms);
  const NvmeRecovery& did = s.run();
  CHECK(first.status == Errno::eio);
  CHECK(second.status == Errno::ok);
  CHECK(did.retries == 9);
}

TEST_CASE("what the drive has given up for good is not tried again") {
  Scene s;
  s.at("nvme.command") = {1};
  const auto& bio = s.read();
  const NvmeRecovery& did = s.run();
  CHECK(bio.ended == kFailTime);
  CHECK(bio.status == Errno::eio);
  CHECK(did.retries == 0);
}

TEST_CASE("a command that is not aborted for want of an Abort waits once more") {
  NvmeDriverParams params = linux_defaults();
  params.abort_limit = 1;
  Scene s(params);
  s.at("nvme.command") = {3, 3};
  const auto& first = s.read(0);
  const auto& second = s.read(1);
  const NvmeRecovery& did = s.run();
  CHECK(first.ended == s.jiffy(kTimeout) + kAdminTime + kReadTime);
  CHECK(second.ended == s.jiffy(kTimeout) + kTimeout + kAdminTime + kReadTime);
  CHECK(did.timeouts == 3);
  CHECK(did.aborts == 2);
}

TEST_CASE("a command in service goes on when it is aborted, and its end is its own") {
  NvmeDriverParams params = linux_defaults();
  params.timeout = 6us;
  Scene s(params);
  s.rig.rig.system.scheduler.hz = 1'000'000;
  const auto& bio = s.read();
  const NvmeRecovery& did = s.run();
  CHECK(bio.ended == kReadTime);
  CHECK(did.aborts == 1);
  CHECK(did.retries == 0);
  CHECK(s.rig.device.counters().aborts == 0);
}

TEST_CASE("a drive slower than its time limit is reset for each attempt, and ends nothing twice") {
  NvmeDriverParams params = linux_defaults();
  params.timeout = 3us;
  Scene s(params);
  s.rig.rig.system.scheduler.hz = 1'000'000;
  const auto& bio = s.read();
  const NvmeRecovery& did = s.run();  // nor does an old command write to memory
  const Duration boot_past = s.rig.ready % Duration{1us};
  const Duration first = 3us + (boot_past == Duration{0} ? Duration{0} : 1us - boot_past);
  CHECK(bio.ended == first + 3us + 5 * (Scene::kReset + 6us));
  CHECK(bio.status == Errno::eio);
  CHECK(did.resets == 6);
  CHECK(did.retries == 5);
  CHECK(did.strays == 0);
}

TEST_CASE("all that is at the drive is taken back by a reset, and what comes meanwhile waits") {
  Scene s;
  s.at("nvme.doorbell") = {1, 0, 0};
  s.at("nvme.command") = {3};
  const auto& silent = s.read(0);
  const Duration resets = s.jiffy(kTimeout) + kTimeout;
  const auto& lost = s.read(1, resets - 10s);
  const auto& late = s.read(1, resets + 1ms);
  s.rig.rig.at(s.rig.ready + resets + 2ms, [&] {
    CHECK(late.ends == 0);
    CHECK(s.rig.block.in_flight() == 3);
    CHECK(s.rig.device.in_flight() == 0);
  });
  const NvmeRecovery& did = s.run();
  const Duration again = resets + Scene::kReset;
  for (const auto* bio : {&silent, &lost, &late}) {
    CHECK(bio->status == Errno::ok);
    CHECK(bio->ended >= again + kReadTime);
    CHECK(bio->ended < again + 3 * kReadTime);
  }
  CHECK(did.resets == 1);
  CHECK(did.retries == 2);  // the late one was never at the drive
}

TEST_CASE("an Abort that does not end within its own time resets the controller, busy or not") {
  Scene s;
  s.at("nvme.doorbell") = {1, 1};  // the command's, then the Abort's
  const auto& bio = s.read(0);
  const Duration aborted = s.jiffy(kTimeout);
  const auto& next = s.read(0, aborted + 1s);  // whose doorbell brings both
  const NvmeRecovery& did = s.run();
  CHECK(bio.ended < aborted + 1s + 2 * kReadTime);
  CHECK(next.status == Errno::ok);
  CHECK(did.aborts == 1);
  CHECK(did.resets == 1);
  CHECK(did.retries == 0);
  CHECK(s.rig.rig.now() - s.rig.ready >= aborted + 60s);
}

TEST_CASE("an Abort whose interrupt is lost is found by a look at its queue") {
  Scene s;
  s.at("nvme.command") = {3};
  s.at("nvme.interrupt") = {0, 1};  // of the command that it ends, then its own
  const auto& bio = s.read();
  const NvmeRecovery& did = s.run();
  CHECK(bio.status == Errno::ok);
  CHECK(did.polled == 1);
  CHECK(did.resets == 0);
  CHECK(s.rig.rig.now() - s.rig.ready >= s.jiffy(kTimeout) + 60s);
}

TEST_CASE("a controller that does not come back from its reset takes every request with it") {
  for (const std::uint32_t kind : {1u, 2u}) {  // not ready, fatal
    CAPTURE(kind);
    Scene s;
    s.at("nvme.doorbell") = {1};
    s.at("nvme.reset") = {kind};
    const auto& bio = s.read(0);
    const Duration resets = s.jiffy(kTimeout) + kTimeout;
    const auto& meanwhile = s.read(1, resets + 1ms);
    const auto& later = s.read(1, resets + 10s);
    const NvmeRecovery& did = s.run();
    // 3 ms are one unit of CAP.TO, and another half second is granted.
    CHECK(bio.ended == resets + 1s);
    CHECK(meanwhile.ended == resets + 1s);
    CHECK(later.ended == resets + 10s);
    for (const auto& each : s.rig.bios) CHECK(each->status == Errno::eio);
    CHECK(did.resets == 1);
    CHECK(s.rig.driver.dead());
  }
}

TEST_CASE("bios without number that wait for a tag of a dead drive end one after the other") {
  Scene s;
  s.at("nvme.doorbell").assign(40, 1);
  s.at("nvme.reset") = {1};
  for (int i = 0; i < 3'000; ++i) s.rig.bio(8);
  s.rig.on(0, [&](Sleepable& ctx) -> Task<void> {
    for (const auto& bio : s.rig.bios) co_await s.rig.block.submit(ctx, *bio);
  });
  s.run();
  for (const auto& bio : s.rig.bios) CHECK(bio->status == Errno::eio);
}

TEST_CASE("a controller that reports a fatal state is reset without an Abort") {
  Scene s;
  s.at("nvme.command") = {3};
  const auto& bio = s.read();
  s.rig.rig.at(s.rig.ready + 10s, [&] { s.rig.gate.fatal = true; });
  const NvmeRecovery& did = s.run();
  CHECK(bio.ended == s.jiffy(kTimeout) + Scene::kReset + kReadTime);
  CHECK(did.timeouts == 1);
  CHECK(did.aborts == 0);
  CHECK(did.resets == 1);
}

TEST_CASE("a completion of a command that is not at the drive is passed over") {
  Scene s;
  const auto& bio = s.read(0);
  s.rig.rig.at(s.rig.ready + 1s, [&] {
    // The first I/O queue's completions lie where it was created.
    hw::Memory& memory = s.rig.rig.memory;
    const auto& create = memory.at<hw::nvme::SubmissionEntry>(s.rig.gate.admin_submissions);
    REQUIRE(create.opcode == static_cast<std::uint8_t>(hw::nvme::AdminOpcode::create_io_cq));
    auto* const entries = &memory.at<hw::nvme::CompletionEntry>(create.prp1);
    REQUIRE(entries[0].command_id == 0);
    entries[1] = entries[0];
    s.rig.irqs.access(hw::Command::write, IrqController::message_address(0), {});
  });
  const NvmeRecovery& did = s.run();
  CHECK(bio.status == Errno::ok);
  CHECK(did.strays == 1);
}

TEST_CASE("a polled command that is lost is aborted, and who polls finds the second attempt") {
  NvmeDriverParams params = linux_defaults();
  params.poll_queues = 1;
  Scene s(params);
  s.rig.rig.system.costs.block_poll.each = 1ms;
  s.at("nvme.command") = {3};
  s.rig.bio(800);
  s.rig.on(1, [&](Sleepable& ctx) -> Task<void> {
    PollQueue place;
    s.rig.block.make_polled(ctx, *s.rig.bios[0], place);
    co_await s.rig.block.submit(ctx, *s.rig.bios[0]);
    while (s.rig.bios[0]->ends == 0) co_await s.rig.block.poll(ctx, place);
  });
  const NvmeRecovery& did = s.run();
  CHECK(s.rig.bios[0]->status == Errno::ok);
  CHECK(did.aborts == 1);
  CHECK(did.retries == 1);
}

TEST_CASE("commands that end in time cost no thread, no CPU time and one look after 30 s") {
  Scene s;
  const std::uint64_t threads = s.rig.rig.system.last_thread_id;
  for (int i = 0; i < 20; ++i) s.read(i % 2, i * 1s);
  s.rig.rig.at(s.rig.ready + 25s, [&] { CHECK(s.rig.block.timer_pending()); });
  const NvmeRecovery& did = s.run();
  CHECK(did.timeouts == 0);
  CHECK(s.rig.rig.system.last_thread_id == threads + 20);  // those of the test
  CHECK(s.rig.rig.spent(0, events::CpuClass::kthread) == Duration{0});
  CHECK(s.rig.rig.now() - s.rig.ready == s.jiffy(kTimeout));
}

TEST_CASE("a drive without a time limit sets no timer, and loses a command for ever") {
  NvmeDriverParams params = linux_defaults();
  params.timeout = Duration{0};
  Scene s(params);
  s.at("nvme.command") = {3};
  const auto& bio = s.read();
  s.rig.rig.run();
  CHECK(bio.ends == 0);
  CHECK(s.rig.block.in_flight() == 1);
  CHECK_FALSE(s.rig.block.timer_pending());
}

}  // namespace iodrome::drivers
