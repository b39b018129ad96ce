// SPDX-License-Identifier: Apache-2.0
// The ways in which the bytes of a buffered read reach user memory.
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::Continue;
using chain::UserCopy;

ChainRun& buffered_read(Scene& s, std::uint64_t offset, std::uint64_t bytes) {
  ChainRun& run = s.run({open_step(s.path), read_step(0, offset, bytes), close_step(0)});
  run.direct = false;
  run.buffer = s.pages(26);
  return run;
}

TEST_CASE("every way brings the same bytes, of any place and length, cold and cached") {
  for (const UserCopy way : kUserCopies) {
    for (const Continue policy : kPolicies) {
      Scene s(policy, providers::CpuQueue::kthread);
      s.copy_by(way);
      ChainRun& cold = buffered_read(s, 5000, 80'001);
      ChainRun& again = buffered_read(s, 5000, 80'001);
      ChainRun& end = buffered_read(s, 98'304, 4096);
      play_all(s);
      CHECK(results(cold) == Results{0, 80'001, 0});
      CHECK(results(again) == Results{0, 80'001, 0});
      CHECK(results(end) == Results{0, 100'000 - 98'304, 0});
      const Inode& inode = **s.files.lookup(s.path);
      for (const ChainRun* run : {&cold, &again}) CHECK(s.holds(run->buffer, inode, 5000, 80'001));
      CHECK(s.holds(end.buffer, inode, 98'304, 100'000 - 98'304));
    }
  }
}

TEST_CASE("a provider's copies take its time, and none of who finds the page") {
  Scene s(Continue::softirq, providers::CpuQueue::kthread);
  s.params.copy_way = UserCopy::provider;
  buffered_read(s, 0, 65'536);
  play_all(s);
  CHECK(s.cpu.bytes() == 65'536);
  CHECK(s.rig.spent(1, events::CpuClass::softirq) == 0ns);
}

TEST_CASE("a chain whose provider ends in its own thread may open, read and unlink behind that") {
  for (const UserCopy way : kUserCopies) {
    for (const Continue policy : kPolicies) {
      Scene s(policy, providers::CpuQueue::kthread);
      s.copy_by(way);
      chain::Step fill{.op = chain::Op::memset, .bytes = 4096};
      chain::Step gone{.op = chain::Op::unlink, .path = &s.path};
      ChainRun& run = s.run({fill, open_step(s.path), read_step(1, 0, 8192), fill, gone});
      run.direct = false;
      play_all(s);
      CHECK(results(run) == Results{4096, 0, 8192, 4096, 0});
    }
  }
}

TEST_CASE("where a thread or the consumer copies nothing is pinned") {
  for (const UserCopy way : kUserCopies) {
    Scene s(Continue::kthread);
    s.copy_by(way);
    buffered_read(s, 0, 65'536);
    play_all(s);
    CHECK(s.rig.system.costs.page_pin.count ==
          (way == UserCopy::thread || way == UserCopy::consumer ? 0 : 16));
  }
}

TEST_CASE("a kernel thread that copies loads the address space where the CPU has another") {
  std::uint64_t loaded[2];
  for (const UserCopy way : {UserCopy::pinned, UserCopy::thread}) {
    Scene s(Continue::kthread);
    s.copy_by(way);
    buffered_read(s, 0, 4096);
    // While the disk works, other processes run on both CPUs.
    s.disk.on_issue = [&s](std::uint64_t) {
      for (std::size_t i = 0; i < 2; ++i) s.rig.cpu(i).load_mm(7);
    };
    play_all(s);
    loaded[way == UserCopy::thread] = s.rig.system.costs.mm_switch.count;
  }
  CHECK(loaded[1] == loaded[0] + 1);
}

TEST_CASE("no softirq copies where threads are to: the read is handed over") {
  for (const UserCopy way : {UserCopy::pinned, UserCopy::thread}) {
    Scene s(Continue::softirq);
    s.copy_by(way);
    buffered_read(s, 0, 65'536);
    play_all(s);
    CHECK((s.rig.spent(1, events::CpuClass::softirq) > 0ns) == (way == UserCopy::pinned));
  }
}

}  // namespace
}  // namespace iodrome::designs::task_chain
