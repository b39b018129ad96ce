// SPDX-License-Identifier: Apache-2.0
#include "model/timeline/ftrace.h"

#include "model/events/irq.h"
#include "model/events/syscall.h"
#include "tests/model/timeline/story.h"

using namespace iodrome;
using namespace iodrome::timeline;
using tests::Story;

namespace {

constexpr const char* kHead =
    "# tracer: nop\n"
    "#\n"
    "# iodrome 1.2: design sync, a.log, seed 3\n"
    "#\n"
    "#           TASK-PID     CPU#  |||||  TIMESTAMP  FUNCTION\n"
    "#              | |         |   |||||     |         |\n";

std::string text_of(Story& story) {
  std::string text;
  append_ftrace(story.recorder.take(), {"sync", "a.log", "1.2", 3, 2}, text);
  return text;
}

}  // namespace

TEST_CASE("the text is what Linux's trace file says of the same events") {
  Story story;
  story.recorder.on_name(events::Named::thread, 4, "sync/0");
  story.recorder.on_name(events::Named::vector, 1, "nvme0q2");
  story.recorder.on_name(events::Named::syscall, 17, "pread64");
  story.submit(9, Duration{0});
  story.now = SimTime{} + ps(1'000'000'001'999'999);
  story.tell(events::SchedSwitch{1, 0, 4, 0}, 1);
  story.tell(events::SysEnter{4, 17}, 1);
  story.tell(events::SchedSwitch{1, 4, 0, 1}, 1);
  story.tell(events::IrqHandlerEntry{1, 1}, 1);
  story.tell(events::BlockRqComplete{3, 800, 0, Story::cookie(9), 1}, 1);
  story.tell(events::SoftirqRaise{1, 3}, 1);
  story.tell(events::SchedWaking{4, 0}, events::kNoCpu);
  story.tell(events::IrqHandlerExit{1, 1}, 1);
  story.tell(events::SysExit{4, 17, static_cast<std::uint64_t>(-5)}, 0);
  story.reap(9);
  CHECK(text_of(story) ==
        std::string(kHead) +
            "          <idle>-0       [000] ..... 0.000000000: io_submit: request=9 thread=1 "
            "arrival=0\n"
            "          <idle>-0       [001] ..... 1000.000001999: sched_switch: "
            "prev_comm=swapper/1 prev_pid=0 prev_prio=120 prev_state=R ==> next_comm=sync/0 "
            "next_pid=4 next_prio=120\n"
            "          sync/0-4       [001] ..... 1000.000001999: sys_enter: NR 17 (pread64)\n"
            "          sync/0-4       [001] ..... 1000.000001999: sched_switch: "
            "prev_comm=sync/0 prev_pid=4 prev_prio=120 prev_state=S ==> next_comm=swapper/1 "
            "next_pid=0 next_prio=120\n"
            "          <idle>-0       [001] ..... 1000.000001999: irq_handler_entry: irq=1 "
            "name=nvme0q2\n"
            "          <idle>-0       [001] ..... 1000.000001999: block_rq_complete: tag=3 "
            "sector=800 error=0 request=9 device=1\n"
            "          <idle>-0       [001] ..... 1000.000001999: softirq_raise: vec=3 "
            "[action=NET_RX]\n"
            "          <idle>-0       [000] ..... 1000.000001999: sched_waking: comm=sync/0 pid=4 "
            "prio=120 target_cpu=000\n"
            "          <idle>-0       [001] ..... 1000.000001999: irq_handler_exit: irq=1 "
            "ret=handled\n"
            "          <idle>-0       [000] ..... 1000.000001999: sys_exit: NR 17 = -5\n"
            "          <idle>-0       [000] ..... 1000.000001999: io_reap: request=9 result=0\n");
}

TEST_CASE("a gap is a line, and what ran before it is forgotten") {
  Story story({.first = 1, .slowest = 1, .piece_events = 16, .pieces = 8});
  story.submit(1);
  story.tell(events::SchedSwitch{0, 0, 4, 0});
  story.reap(1);
  story.noise(300);
  story.submit(2);
  story.noise(10);
  story.reap(2);
  const std::string text = text_of(story);
  const std::string gap = "# nothing was kept between these lines\n";
  const std::size_t second = text.find(gap, std::string(kHead).size());
  REQUIRE(second != std::string::npos);
  CHECK(text[second - 1] == '\n');
  CHECK(text.find("thread 4-4", second) == std::string::npos);
  CHECK(text.rfind("thread 4-4", second) != std::string::npos);
}
