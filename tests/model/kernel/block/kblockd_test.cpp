// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/kblockd.h"

#include "model/kernel/block/block.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::kernel {
namespace {

constexpr Duration kTimeout = 30s;

// A device that ends nothing until the test tells it to.
struct StuckDriver final : BlockDriver {
  explicit StuckDriver(Rig& on) : rig(on) {}
  Task<void> queue_request(Atomic& ctx, Request& request) override {
    co_await ctx.spend();
    device_->started(ctx, request);
    issued.push_back(request.sector);
    issue_times.push_back(rig.now());
  }
  std::uint32_t queue_depth() const override { return 8; }
  Duration timeout() const override { return limit; }
  Task<TimedOut> timed_out(Sleepable& ctx, Request& request) override {
    told.add(std::to_string(request.sector), ctx.now());
    if (answer == Answer::end) co_await device_->complete(ctx, request, Errno::etimedout);
    if (answer == Answer::requeue) co_await device_->requeue(ctx, request);
    co_return answer == Answer::wait ? TimedOut::reset_timer : TimedOut::done;
  }

  enum class Answer { wait, end, requeue };
  Rig& rig;
  Duration limit = kTimeout;
  Answer answer = Answer::end;
  Log told;
  std::vector<std::uint64_t> issued;
  std::vector<Duration> issue_times;
};

struct Scene {
  explicit Scene(const QueueParams& queue = {}) : device(driver, queue) {
    rig.system.scheduler.hz = 250;
  }
  ~Scene() { rig.end(); }

  struct Counted : Bio {
    Errno ended = Errno::einprogress;
    int ends = 0;
  };
  /// What a thread does at that time.
  void at(Duration time, std::function<Task<void>(Sleepable&)> what) {
    struct Code final : ThreadBody {
      Task<void> run(Sleepable& ctx) override { return what(ctx); }
      std::function<Task<void>(Sleepable&)> what;
    };
    auto code = std::make_unique<Code>();
    code->what = std::move(what);
    ThreadBody& body = *code;
    rig.bodies.push_back(std::move(code));
    rig.at(time, [this, &body] {
      rig.threads.push_back(
          std::make_unique<RunningThread>(rig.system, "thread", events::CpuClass::user, 0, body));
    });
  }
  Counted& submit_at(Duration time, std::uint64_t sector) {
    Counted& made = bios.emplace_back();
    made.sector = sector;
    made.bytes = 4096;
    made.segments.push_back({rig.memory.allocate_page(), hw::kPageBytes});
    made.end_io = [](Atomic&, Bio& bio) {
      auto& mine = static_cast<Counted&>(bio);
      mine.ended = bio.status;
      ++mine.ends;
      return Task<void>::ready();
    };
    at(time, [this, &made](Sleepable& ctx) { return device.submit(ctx, made); });
    return made;
  }
  void end_at(Duration time, std::uint32_t tag) {
    at(time, [this, tag](Sleepable& ctx) {
      return device.complete(ctx, device.request(tag), Errno::ok);
    });
  }

  Rig rig{1};
  StuckDriver driver{rig};
  BlockDevice device;
  std::deque<Counted> bios;
};

}  // namespace

TEST_CASE("a driver is told of a passed deadline at the first jiffy at or after it, once") {
  for (const Duration start : {Duration{0}, Duration{1us}, Duration{4ms}}) {
    CAPTURE(start.count());
    Scene s;
    const auto& bio = s.submit_at(start, 8);
    s.rig.run();
    const Duration jiffy = start == Duration{1us} ? 4ms : start;
    CHECK(s.driver.told.text == "8@" + std::to_string(to_ps(SimTime{30s + jiffy}) / 1000));
    CHECK(bio.ended == Errno::etimedout);
    CHECK_FALSE(s.device.timer_pending());
  }
}

TEST_CASE("each request has the whole time, whoever else began the watch") {
  Scene s;
  s.submit_at(0s, 8);
  s.end_at(1s, 0);
  s.submit_at(20s, 16);  // takes the tag that has been given back
  s.submit_at(25s, 24);
  s.rig.run();
  CHECK(s.driver.told.text == "16@50000000000 24@55000000000");
  CHECK(s.bios[0].ended == Errno::ok);
  CHECK_FALSE(s.device.timer_pending());
}

TEST_CASE("those that have passed by one jiffy are told together, by their tags") {
  Scene s;
  for (const std::uint64_t sector : {8u, 16u, 24u}) s.submit_at(1us * sector, 800 - sector);
  s.rig.run();
  CHECK(s.driver.told.text == "792@30004000000 784@30004000000 776@30004000000");
}

TEST_CASE("a driver that asks for more time is told again after as long") {
  Scene s;
  s.driver.answer = StuckDriver::Answer::wait;
  const auto& bio = s.submit_at(0s, 8);
  s.end_at(70s, 0);
  s.rig.run();
  CHECK(s.driver.told.text == "8@30000000000 8@60000000000");
  CHECK(bio.ended == Errno::ok);
  // The timer that was set at 60 s has found nothing.
  CHECK(s.rig.now() == 90s);
  CHECK_FALSE(s.device.timer_pending());
}

TEST_CASE("the watch begins again after it has ended") {
  Scene s;
  s.submit_at(0s, 8);
  s.end_at(1s, 0);
  s.submit_at(100s, 16);
  s.rig.run();
  CHECK(s.driver.told.text == "16@130000000000");
}

TEST_CASE("a request that is queued again keeps its tag, and has a new deadline") {
  for (const char* scheduler : {"none", "mq-deadline"}) {
    CAPTURE(scheduler);
    QueueParams params;
    params.scheduler = scheduler;
    Scene s(params);
    s.driver.answer = StuckDriver::Answer::requeue;
    const auto& bio = s.submit_at(0s, 8);
    s.rig.at(31s, [&s] {
      CHECK(s.device.in_flight() == 1);
      s.driver.answer = StuckDriver::Answer::end;
    });
    s.rig.run();
    CHECK(s.driver.told.text == "8@30000000000 8@60000000000");
    CHECK(s.driver.issued == std::vector<std::uint64_t>{8, 8});
    CHECK(s.driver.issue_times[1] == 30s);
    CHECK(bio.ended == Errno::etimedout);
    CHECK(bio.ends == 1);
    CHECK(s.device.in_flight() == 0);
  }
}

TEST_CASE(
    "what is queued again goes in the order of its queueing, and no earlier than its driver "
    "has answered") {
  Scene s;
  s.driver.answer = StuckDriver::Answer::requeue;
  for (const std::uint64_t sector : {24u, 8u, 16u}) s.submit_at(1us * sector, sector);
  s.rig.at(31s, [&s] { s.driver.answer = StuckDriver::Answer::end; });
  s.rig.run();
  CHECK(s.driver.issued == std::vector<std::uint64_t>{8, 16, 24, 8, 16, 24});
}

}  // namespace iodrome::kernel
