// SPDX-License-Identifier: Apache-2.0
#include "model/engine/wait_queue.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace iodrome;

namespace {

Task<void> waits(WaitQueue& queue, std::string& log, char name) {
  co_await queue.wait();
  log += name;
}

Task<void> waits_cancellably(WaitQueue& queue, Canceller& canceller, std::vector<Errno>& results) {
  results.push_back(co_await queue.wait(canceller));
}

Task<void> sleeps_cancellably(Timeline& timeline, Duration delay, Canceller& canceller,
                              std::vector<Errno>& results) {
  results.push_back(co_await sleep_for(timeline, delay, canceller));
}

Task<void> cancels_after(Timeline& timeline, Duration delay, Canceller& canceller, Errno reason) {
  co_await sleep_for(timeline, delay);
  canceller.cancel(reason);
}

}  // namespace

TEST_CASE("waiters are woken in the order they came") {
  Timeline timeline;
  WaitQueue queue(timeline, "queue");
  std::string log;
  for (const char name : {'a', 'b', 'c', 'd'}) timeline.spawn(waits(queue, log, name), "waits");
  timeline.run();
  CHECK(queue.size() == 4);
  CHECK(queue.wake_one());
  CHECK(log.empty());  // waking only queues
  timeline.run();
  CHECK(log == "a");
  queue.wake_all();
  timeline.run();
  CHECK(log == "abcd");
  CHECK(queue.empty());
  CHECK_FALSE(queue.wake_one());
}

TEST_CASE("a waiter that waits again goes to the end, and one wake_all wakes it once") {
  Timeline timeline;
  WaitQueue queue(timeline, "queue");
  struct {
    static Task<void> twice(WaitQueue& q, std::string& log, char name) {
      co_await q.wait();
      log += name;
      co_await q.wait();
      log += name;
    }
  } body;
  std::string log;
  timeline.spawn(body.twice(queue, log, 'a'), "a");
  timeline.spawn(waits(queue, log, 'b'), "b");
  timeline.run();
  queue.wake_all();
  timeline.run();
  CHECK(log == "ab");
  CHECK(queue.size() == 1);
  queue.wake_all();
  timeline.run();
  CHECK(log == "aba");
}

TEST_CASE("a completion releases those before it and those after it") {
  Timeline timeline;
  Completion completion(timeline, "done");
  struct {
    static Task<void> waits_for(Completion& done, int& count) {
      co_await done.wait();
      ++count;
    }
  } body;
  int count = 0;
  timeline.spawn(body.waits_for(completion, count), "before");
  timeline.run();
  CHECK(count == 0);
  CHECK_FALSE(completion.done());
  completion.complete();
  timeline.run();
  CHECK(count == 1);
  timeline.spawn(body.waits_for(completion, count), "after");
  timeline.run();
  CHECK(count == 2);
  completion.reset();
  timeline.spawn(body.waits_for(completion, count), "again");
  timeline.run();
  CHECK(count == 2);
}

TEST_CASE("a cancelled wait returns the reason and leaves the queue") {
  Timeline timeline;
  WaitQueue queue(timeline, "queue");
  Canceller canceller(timeline);
  std::vector<Errno> results;
  std::string log;
  timeline.spawn(waits_cancellably(queue, canceller, results), "cancelled");
  timeline.spawn(waits(queue, log, 'b'), "other");
  timeline.run();
  canceller.cancel(Errno::eintr);
  CHECK(queue.size() == 1);
  timeline.run();
  CHECK(results == std::vector{Errno::eintr});
  queue.wake_one();
  timeline.run();
  CHECK(log == "b");
}

TEST_CASE("a wait with a reason already given returns at once; the first reason stands") {
  Timeline timeline;
  WaitQueue queue(timeline, "queue");
  Canceller canceller(timeline);
  std::vector<Errno> results;
  canceller.cancel();
  canceller.cancel(Errno::eintr);
  timeline.spawn(waits_cancellably(queue, canceller, results), "waits");
  timeline.spawn(sleeps_cancellably(timeline, 1s, canceller, results), "sleeps");
  timeline.run();
  CHECK(results == std::vector{Errno::ecanceled, Errno::ecanceled});
  CHECK(timeline.now() == SimTime{});
}

TEST_CASE("a wake-up that came first wins over a cancellation") {
  Timeline timeline;
  WaitQueue queue(timeline, "queue");
  Canceller canceller(timeline);
  std::vector<Errno> results;
  timeline.spawn(waits_cancellably(queue, canceller, results), "waits");
  timeline.run();
  queue.wake_one();
  canceller.cancel();
  timeline.run();
  CHECK(results == std::vector{Errno::ok});
}

TEST_CASE("a cancelled sleep ends at the cancellation, and its timer moves time no further") {
  Timeline timeline;
  Canceller canceller(timeline);
  std::vector<Errno> results;
  timeline.spawn(sleeps_cancellably(timeline, 10s, canceller, results), "sleeps");
  timeline.spawn(cancels_after(timeline, 3us, canceller, Errno::eintr), "cancels");
  CHECK(timeline.run() == RunState::idle);
  CHECK(results == std::vector{Errno::eintr});
  CHECK(timeline.now() == SimTime{3us});
}

TEST_CASE("a cancellable sleep that nobody cancels lasts as long as asked") {
  Timeline timeline;
  Canceller canceller(timeline);
  std::vector<Errno> results;
  timeline.spawn(sleeps_cancellably(timeline, 2us, canceller, results), "sleeps");
  timeline.spawn(cancels_after(timeline, 3us, canceller, Errno::eintr), "too late");
  timeline.run();
  CHECK(results == std::vector{Errno::ok});
  CHECK(timeline.now() == SimTime{3us});
}

TEST_CASE("a run may end in the middle of cancellable waits and sleeps") {
  Timeline timeline;
  WaitQueue queue(timeline, "queue");
  Canceller one(timeline);
  Canceller two(timeline);
  std::vector<Errno> results;
  timeline.spawn(waits_cancellably(queue, one, results), "waits");
  timeline.spawn(sleeps_cancellably(timeline, 1s, two, results), "sleeps");
  timeline.run(SimTime{1ms});
  timeline.drain();
  one.cancel();
  two.cancel();
  CHECK(timeline.run() == RunState::idle);
  CHECK(results.empty());
}
