// SPDX-License-Identifier: Apache-2.0
// A poll without a thread that sleeps, and wakers that come in the midst of its look.
#include "model/kernel/poll/file_poll.h"

#include "tests/model/kernel/rig.h"

namespace iodrome::kernel {
namespace {

using Value = Result<std::int64_t>;

// Its look takes 1 us from when the poller stands in its queue.
struct Slow final : FileObject {
  explicit Slow(Cost& look) : FileObject(Kind::eventfd), cost(look) {}
  Task<PollEvents> poll(Sleepable& ctx, const File&, PollTable* table) override {
    if (table != nullptr) table->queue(waiters);
    const PollEvents found = ready;
    co_await ctx.spend(cost);
    co_return found;
  }
  Cost& cost;
  PollEvents ready = 0;
  WaitQueue waiters{"slow"};
};

struct Looking final : IoWait {
  Looking() : IoWait(&Looking::come) {}
  static Task<void> come(Atomic&, IoWait& self) {
    ++static_cast<Looking&>(self).told;
    return Task<void>::ready();
  }
  int told = 0;
};

struct SlowScene {
  SlowScene() {
    file->object = slow;
    poll = std::make_unique<FilePoll>(file, kPollIn);
  }
  ~SlowScene() { rig.end(); }
  Rig rig{2};
  Cost look{1us};
  boost::intrusive_ptr<Slow> slow{new Slow(look)};
  FilePtr file{new File};
  std::unique_ptr<FilePoll> poll;
  Looking wait;
  Value value = 0;
};

Task<void> look_once(Sleepable& ctx, SlowScene& s) {
  s.value = co_await s.poll->try_run(ctx, s.wait);
  if (s.value) s.poll.reset();
}

Task<void> wake_all(Atomic& ctx, SlowScene& s) {
  co_await s.slow->waiters.wake_up(ctx, 0, kPollIn);
}

TEST_CASE("a look and a wake-up that meet give one answer and leave nothing expected") {
  for (const PollEvents ready : {PollEvents{0}, kPollIn}) {
    for (int at = 1; at < 20; ++at) {
      CAPTURE(ready, at);
      SlowScene s;
      s.slow->ready = ready;
      s.rig.system.costs.epoll_callback.each = 600ns;
      s.rig.thread(0, s, look_once);
      s.rig.irq_at(at * 100ns, 1, s.rig.action(s, wake_all));
      s.rig.run();
      CHECK(s.wait.pending == 0);
      const bool answered = s.value == kPollIn;
      // Without an answer of the look's own, the wake-up is the answer, now or when it is heard.
      CHECK((answered || s.wait.told == 1));
      if (!answered) CHECK(s.poll->found() == kPollIn);
      CHECK(s.slow->waiters.empty());
    }
  }
}

TEST_CASE("of two wakers at once one is heard") {
  SlowScene s;
  s.rig.system.costs.epoll_callback.each = 600ns;
  s.rig.thread(0, s, look_once);
  s.rig.irq_at(2us, 1, s.rig.action(s, wake_all));
  s.rig.irq_at(2'300ns, 0, s.rig.action(s, wake_all));
  s.rig.run();
  CHECK(s.value == fail(Errno::eagain));
  CHECK(s.wait.told == 1);
  CHECK(s.wait.pending == 0);
}

}  // namespace
}  // namespace iodrome::kernel
