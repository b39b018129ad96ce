// SPDX-License-Identifier: Apache-2.0
// epoll against a reference of a few lines, and under schedules that nobody has thought of.
#include <map>

#include "model/explore/random_walk.h"
#include "tests/model/explore/no_failures.h"
#include "tests/model/kernel/poll/scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

using tests::NoFailures;

// What epoll(7) promises, in sets: no lists, no queues.
struct Reference {
  struct Watch {
    PollEvents events = 0;
    bool disabled = false;  // a one-shot that was told
    bool told = false;      // an edge that was
  };
  std::map<int, std::uint64_t> counts;
  std::map<int, Watch> watches;

  PollEvents ready(int fd) const {
    const std::uint64_t count = counts.at(fd);
    return (count > 0 ? kPollIn : 0) | kPollOut;
  }
  void watch(int fd, PollEvents events) { watches[fd] = {events, false, false}; }
  // A change that wakes the file's queue with that event.
  void changed(int fd, PollEvents event) {
    const auto it = watches.find(fd);
    if (it != watches.end() && (it->second.events & event) != 0) it->second.told = false;
  }
  std::string wait() {
    std::vector<std::string> found;
    for (auto& [fd, watch] : watches) {
      const PollEvents events = ready(fd) & watch.events;
      const bool edge = (watch.events & kEpollEdge) != 0;
      if (watch.disabled || (edge && watch.told)) continue;
      watch.told = true;
      if (events == 0) continue;
      if ((watch.events & kEpollOneshot) != 0) watch.disabled = true;
      found.push_back(std::to_string(fd) + letters(events));
    }
    return sorted(found);
  }
  static std::string sorted(std::vector<std::string> words) {
    std::sort(words.begin(), words.end());
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
  }
};

std::string sorted(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  for (const char letter : text + " ")
    if (letter == ' ') {
      if (!word.empty()) words.push_back(std::exchange(word, ""));
    } else {
      word += letter;
    }
  return Reference::sorted(words);
}

struct Walk {
  PollScene scene{1};
  Reference reference;
  int told = 0;
};

std::uint32_t pick(Atomic& ctx, std::uint32_t options) {
  return ctx.system().timeline.choices().choose(Choice::order, options, "epoll walk");
}

Task<void> change_watch(Sleepable& ctx, Walk& walk, int fd) {
  constexpr PollEvents kMasks[] = {kPollIn,
                                   kPollOut,
                                   kPollIn | kPollOut,
                                   kPollIn | kEpollEdge,
                                   kPollIn | kPollOut | kEpollEdge,
                                   kPollIn | kEpollOneshot,
                                   kPollIn | kEpollEdge | kEpollOneshot,
                                   0};
  const std::uint32_t operation = pick(ctx, 3);
  const std::uint32_t mask = pick(ctx, 8);
  const bool watched = walk.reference.watches.contains(fd);
  if (operation == 0) {
    const Value added = co_await add(ctx, walk.scene, 0, fd, kMasks[mask]);
    CHECK(added.has_value() == !watched);
    if (!watched) walk.reference.watch(fd, kMasks[mask]);
  } else if (operation == 1) {
    const Value modified = co_await modify(ctx, walk.scene, 0, fd, kMasks[mask]);
    CHECK(modified.has_value() == watched);
    if (watched) walk.reference.watch(fd, kMasks[mask]);
  } else {
    const Value removed = co_await del(ctx, walk.scene, 0, fd);
    CHECK(removed.has_value() == watched);
    walk.reference.watches.erase(fd);
  }
}

Task<void> stroll(Sleepable& ctx, Walk& walk) {
  PollScene& s = walk.scene;
  for (int step = 0; step < 120; ++step) {
    const int fd = 1 + static_cast<int>(pick(ctx, 4));
    const std::uint32_t what = pick(ctx, 5);
    if (what == 0) {
      co_await put(ctx, s, fd, 1);
      ++walk.reference.counts[fd];
      walk.reference.changed(fd, kPollIn);
    } else if (what == 1) {
      std::uint64_t value = 0;
      const Value read = co_await take(ctx, s, fd, value);
      CHECK(read.has_value() == (walk.reference.counts[fd] != 0));
      if (read) walk.reference.changed(fd, kPollOut);
      walk.reference.counts[fd] = 0;
    } else if (what == 2) {
      co_await change_watch(ctx, walk, fd);
    } else {
      const std::string text = co_await wait_text(ctx, s, 0);
      const std::string expected = walk.reference.wait();
      INFO("step " << step);
      CHECK(sorted(text) == expected);
      if (!expected.empty()) ++walk.told;
    }
  }
  ++s.done;
}

}  // namespace

TEST_CASE("whatever is added, changed, written and read, a wait tells what the reference tells") {
  int told = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    explore::RandomWalk oracle(seed);
    Walk walk;
    walk.scene.epoll();
    for (int i = 0; i < 4; ++i) walk.reference.counts[walk.scene.eventfd()] = 0;
    NoFailures choices(oracle);
    walk.scene.rig.timeline.choices().ask(&choices);
    walk.scene.rig.thread(0, walk, stroll);
    INFO("seed " << seed);
    walk.scene.rig.run();
    CHECK(walk.scene.done == 1);
    told += walk.told;
    walk.scene.rig.timeline.choices().ask(nullptr);
  }
  CHECK(told > 1000);
}

namespace {

// Producers in hardirqs, and consumers that sleep in one instance until they have all there is.
struct Flow {
  static constexpr int kFiles = 3;
  static constexpr std::uint64_t kEach = 6;
  PollScene scene{3};
  PollEvents events = 0;
  std::uint64_t taken = 0;
};

Task<void> produce(Atomic& ctx, Flow& flow) {
  for (int fd = 1; fd <= Flow::kFiles; ++fd) {
    const boost::intrusive_ptr<EventFd> counter(&flow.scene.counter(fd));
    co_await counter->signal(ctx);
  }
}

Task<void> consume(Sleepable& ctx, Flow& flow) {
  PollScene& s = flow.scene;
  while (flow.taken < Flow::kFiles * Flow::kEach) {
    EpollEvent event;
    const Value count = co_await sys_epoll_wait(ctx, s.files, 0, &event, 1, -1s);
    CHECK(count == 1);
    const int fd = static_cast<int>(event.data);
    std::uint64_t value = 0;
    const Value read = co_await take(ctx, s, fd, value);
    if (read) flow.taken += value;  // else the other thread was quicker
    if ((flow.events & kEpollOneshot) != 0) co_await modify(ctx, s, 0, fd, flow.events);
  }
  if (s.done++ != 0) co_return;
  CHECK(flow.taken == Flow::kFiles * Flow::kEach);
  co_await put(ctx, s, 1, 1);  // the other one may be asleep
}

}  // namespace

TEST_CASE("in any schedule of interrupts and threads no event is lost") {
  for (const PollEvents how : {PollEvents{0}, kEpollEdge, kEpollOneshot}) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      explore::RandomWalk oracle(seed);
      NoFailures choices(oracle);
      Flow flow;
      flow.events = kPollIn | how;
      KernelCosts& costs = flow.scene.rig.system.costs;
      costs.epoll_event.each = costs.epoll_callback.each = costs.epoll_wait.each = 50ns;
      costs.try_to_wake_up.each = costs.eventfd_call.each = costs.context_switch.each = 30ns;
      flow.scene.epoll();
      for (int i = 0; i < Flow::kFiles; ++i) flow.scene.eventfd();
      flow.scene.rig.thread<Flow>(0, flow, [](Sleepable& ctx, Flow& on) -> Task<void> {
        for (int fd = 1; fd <= Flow::kFiles; ++fd) co_await add(ctx, on.scene, 0, fd, on.events);
        on.scene.log.add("ready", ctx.now());
      });
      flow.scene.rig.run();
      flow.scene.rig.timeline.choices().ask(&choices);
      IrqAction& action = flow.scene.rig.action(flow, produce);
      for (std::uint64_t i = 0; i < Flow::kEach; ++i)
        flow.scene.rig.irq_at(1us + i * 170ns, 2, action);
      for (std::uint32_t cpu = 0; cpu < 2; ++cpu) flow.scene.rig.thread(cpu, flow, consume);
      flow.scene.rig.run();
      INFO("seed " << seed << " events " << how);
      CHECK(flow.scene.done == 2);
      flow.scene.rig.timeline.choices().ask(nullptr);
    }
  }
}
