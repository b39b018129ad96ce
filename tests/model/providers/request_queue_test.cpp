// SPDX-License-Identifier: Apache-2.0
#include "model/providers/request_queue.h"

#include <algorithm>
#include <array>
#include <vector>

#include "model/kernel/sync/completion.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::providers {
namespace {

using namespace kernel;

struct Scene {
  static constexpr std::size_t kRequests = 8;
  explicit Scene(std::uint32_t limit) : queue(limit) {
    for (QueuedRequest& request : requests) {
      request.may_backlog = true;
      request.argument = this;
      request.complete = &Scene::heard;
    }
  }
  static Task<void> heard(Atomic& ctx, QueuedRequest& self, Errno error) {
    auto& mine = *static_cast<Scene*>(self.argument);
    const std::size_t number = mine.number_of(self);
    if (error != Errno::einprogress) {
      mine.ended.push_back(number);
      co_return;
    }
    mine.told.push_back(number);
    co_await mine.room.complete(ctx);
  }
  std::size_t number_of(const QueuedRequest& request) const {
    return static_cast<std::size_t>(&request - requests.data());
  }

  Rig rig{2};
  RequestQueue queue;
  std::array<QueuedRequest, kRequests> requests{};
  std::vector<Errno> answers;
  std::vector<std::size_t> told;   // that they left the backlog, in order
  std::vector<std::size_t> ended;  // in order
  std::uint32_t longest = 0;
  Completion room{"room"};
  Completion work{"work"};
  Cost service;
};

// Gives as dm-crypt does: after EBUSY no more until it is told.
Task<void> give(Sleepable& ctx, Scene& s) {
  for (QueuedRequest& request : s.requests) {
    s.answers.push_back(s.queue.enqueue(request));
    s.longest = std::max(s.longest, s.queue.length());
    if (s.answers.back() == Errno::enospc) continue;
    co_await s.work.complete(ctx);
    if (s.answers.back() == Errno::ebusy) co_await s.room.wait(ctx, events::Stage::queue);
  }
}

// A device that takes 1 us for each.
Task<void> serve(Sleepable& ctx, Scene& s) {
  for (;;) {
    co_await s.work.wait(ctx, events::Stage::device);
    QueuedRequest* const request = co_await s.queue.dequeue(ctx);
    co_await ctx.spend_for(s.service, 1us);
    co_await request->complete(ctx, *request, Errno::ok);
  }
}

// Before the device looks: takes all that is given at once.
Task<void> give_at_once(Sleepable&, Scene& s) {
  for (QueuedRequest& request : s.requests) s.answers.push_back(s.queue.enqueue(request));
  return Task<void>::ready();
}

Task<void> take_all(Sleepable& ctx, Scene& s) {
  for (;;) {
    QueuedRequest* const request = co_await s.queue.dequeue(ctx);
    if (request == nullptr) co_return;
    co_await request->complete(ctx, *request, Errno::ok);
  }
}

const std::vector<std::size_t> kAll = {0, 1, 2, 3, 4, 5, 6, 7};

}  // namespace

TEST_CASE("a full queue says EBUSY to who may wait and ENOSPC to who may not") {
  Scene s(3);
  s.requests[4].may_backlog = s.requests[6].may_backlog = false;
  s.rig.thread(0, s, give_at_once);
  s.rig.run();
  constexpr Errno kIn = Errno::einprogress;
  CHECK(s.answers == std::vector{kIn, kIn, kIn, Errno::ebusy, Errno::enospc, Errno::ebusy,
                                 Errno::enospc, Errno::ebusy});
  CHECK(s.queue.length() == 6);
  CHECK(s.queue.backlog() == 3);
  s.rig.thread(0, s, take_all);
  s.rig.run();
  CHECK(s.told == std::vector<std::size_t>{3, 5, 7});  // once each, in order
  CHECK(s.ended == std::vector<std::size_t>{0, 1, 2, 3, 5, 7});
  CHECK(s.queue.length() == 0);
}

TEST_CASE("who leaves the backlog hears of it when a place comes, not when it is served") {
  Scene s(2);
  s.rig.thread(0, s, give_at_once);
  s.rig.run();
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    QueuedRequest* const first = co_await scene.queue.dequeue(ctx);
    CHECK(first == &scene.requests[0]);
  });
  s.rig.run();
  CHECK(s.told == std::vector<std::size_t>{2});
  CHECK(s.queue.backlog() == 5);
  s.rig.thread(0, s, take_all);
  s.rig.run();
  CHECK(s.told == std::vector<std::size_t>{2, 3, 4, 5, 6, 7});
}

TEST_CASE("who keeps to the rule has one request in the backlog at most, and loses none") {
  for (const std::uint32_t limit : {0u, 1u, 2u, 5u}) {
    CAPTURE(limit);
    Scene s(limit);
    s.rig.thread(0, s, give);
    s.rig.thread(1, s, serve);
    s.rig.run();
    CHECK(s.ended == kAll);
    CHECK(s.longest <= limit + 1);
    const auto busy = std::ranges::count(s.answers, Errno::ebusy);
    CHECK(busy > 0);
    CHECK(s.told.size() == static_cast<std::size_t>(busy));
    for (const std::size_t number : s.told) CHECK(s.answers[number] == Errno::ebusy);
  }
}

}  // namespace iodrome::providers
