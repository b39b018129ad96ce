// SPDX-License-Identifier: Apache-2.0
#include "model/engine/task.h"

#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "model/engine/timeline.h"

using namespace iodrome;

namespace {

Task<int> one() {
  co_return 1;
}

Task<int> after_a_while(Timeline& timeline, Duration delay, int value) {
  co_await sleep_for(timeline, delay);
  co_return value;
}

Task<void> sum_synchronously(std::int64_t count, std::int64_t& sum) {
  for (std::int64_t i = 0; i < count; ++i) sum += co_await one();
}

Task<int> nested(Timeline& timeline, int depth) {
  if (depth == 0) co_return co_await after_a_while(timeline, 1us, 1);
  const int below = co_await nested(timeline, depth - 1);
  co_return below + 1;
}

Task<int> throws_at_once() {
  throw std::out_of_range("at once");
  co_return 0;
}

Task<int> throws_later(Timeline& timeline) {
  co_await sleep_for(timeline, 5ns);
  throw std::domain_error("later");
}

}  // namespace

TEST_CASE("ten million awaits that complete at once need no stack") {
  Timeline timeline;
  std::int64_t sum = 0;
  timeline.spawn(sum_synchronously(10'000'000, sum), "sum");
  CHECK(timeline.run() == RunState::idle);
  CHECK(sum == 10'000'000);
}

TEST_CASE("a task waits for its children and gets their values") {
  Timeline timeline;
  int result = 0;
  struct {
    static Task<void> parent(Timeline& t, int& out) { out = co_await nested(t, 100); }
  } body;
  timeline.spawn(body.parent(timeline, result), "parent");
  timeline.run();
  CHECK(result == 101);
  CHECK(timeline.now() == SimTime{1us});
  CHECK(timeline.live_tasks() == 0);
}

TEST_CASE("a move-only value passes through a task") {
  Timeline timeline;
  struct {
    static Task<std::unique_ptr<std::string>> make(Timeline& t) {
      co_await sleep_for(t, 1ns);
      co_return std::make_unique<std::string>("value");
    }
    static Task<void> take(Timeline& t, std::string& out) {
      const std::unique_ptr<std::string> value = co_await make(t);
      out = *value;
    }
  } body;
  std::string got;
  timeline.spawn(body.take(timeline, got), "take");
  timeline.run();
  CHECK(got == "value");
}

TEST_CASE("an exception reaches whoever awaits, before and after a suspension") {
  Timeline timeline;
  struct {
    static Task<void> parent(Timeline& t, std::string& seen) {
      try {
        co_await throws_at_once();
      } catch (const std::out_of_range& e) {
        seen += e.what();
      }
      try {
        co_await throws_later(t);
      } catch (const std::domain_error& e) {
        seen += ", ";
        seen += e.what();
      }
    }
  } body;
  std::string seen;
  timeline.spawn(body.parent(timeline, seen), "parent");
  timeline.run();
  CHECK(seen == "at once, later");
}

TEST_CASE("an exception that nobody awaits ends the run with its type, and the run can go on") {
  Timeline timeline;
  struct {
    static Task<void> fails(Timeline& t) { co_await throws_later(t); }
    static Task<void> goes_on(Timeline& t, bool& ended) {
      co_await sleep_for(t, 1us);
      ended = true;
    }
  } body;
  bool ended = false;
  timeline.spawn(body.fails(timeline), "fails");
  timeline.spawn(body.goes_on(timeline, ended), "goes on");
  CHECK_THROWS_AS(timeline.run(), std::domain_error);
  CHECK(timeline.now() == SimTime{5ns});
  CHECK_FALSE(ended);
  CHECK(timeline.run() == RunState::idle);
  CHECK(ended);
}

TEST_CASE("a task that is dropped before it starts runs nothing and frees its arguments") {
  const auto token = std::make_shared<int>(0);
  struct {
    static Task<void> never(std::shared_ptr<int> held) {
      *held = 1;
      co_return;
    }
  } body;
  {
    const Task<void> task = body.never(token);
    CHECK(token.use_count() == 2);
  }
  CHECK(token.use_count() == 1);
  CHECK(*token == 0);
}

TEST_CASE("a task that is ready gives its value without a coroutine") {
  Timeline timeline;
  struct {
    static Task<std::unique_ptr<int>> plain(int value) {
      return Task<std::unique_ptr<int>>::ready(std::make_unique<int>(value));
    }
    static Task<void> parent(int& out) {
      co_await Task<void>::ready();
      const std::unique_ptr<int> value = co_await plain(7);
      out = *value;
    }
  } body;
  int got = 0;
  timeline.spawn(body.parent(got), "parent");
  timeline.run();
  CHECK(got == 7);
}

TEST_CASE("a task that has already ended cannot be spawned") {
  Timeline timeline;
  CHECK_THROWS_AS(timeline.spawn(Task<void>::ready(), "nothing"), InternalError);
}

TEST_CASE("then() goes on at once after what is ready, and later after what is not") {
  Timeline timeline;
  struct {
    static Task<int> plus_one(Timeline& t, Duration delay, int& begun) {
      return then(after_a_while(t, delay, 1), [&begun](int value) {
        ++begun;
        return Task<int>::ready(value + 1);
      });
    }
    static Task<void> parent(Timeline& t, int& begun, int& out) {
      const int at_once = co_await then(Task<int>::ready(3), [&begun](int value) {
        ++begun;
        return Task<int>::ready(value * 2);
      });
      CHECK(begun == 1);
      CHECK(t.now() == SimTime{});
      const int later = co_await plus_one(t, 1us, begun);
      CHECK(t.now() == SimTime{1us});
      out = at_once + later;
    }
  } body;
  int begun = 0;
  int got = 0;
  timeline.spawn(body.parent(timeline, begun, got), "parent");
  timeline.run();
  CHECK(begun == 2);
  CHECK(got == 8);
}

TEST_CASE("an exception behind then() reaches whoever awaits it") {
  Timeline timeline;
  struct {
    static Task<void> parent(Timeline& t, int& seen) {
      try {
        co_await then(throws_later(t), [](int) { return Task<void>::ready(); });
      } catch (const std::domain_error&) {
        ++seen;
      }
      try {
        co_await then(Task<void>::ready(), []() -> Task<void> { throw std::domain_error("now"); });
      } catch (const std::domain_error&) {
        ++seen;
      }
    }
  } body;
  int seen = 0;
  timeline.spawn(body.parent(timeline, seen), "parent");
  timeline.run();
  CHECK(seen == 2);
}
