// SPDX-License-Identifier: Apache-2.0
#include "model/timeline/recorder.h"

#include <algorithm>

#include "tests/model/timeline/story.h"

using namespace iodrome;
using namespace iodrome::timeline;
using events::Stage;
using tests::Story;
using tests::whole;

namespace {

// A small room: pieces of 32 events, 40 of them.
constexpr RecorderLimits kSmall{.first = 10, .slowest = 3, .piece_events = 32, .pieces = 40};

std::size_t records_of(const Recording& recording) {
  std::size_t count = 0;
  for (const Piece& piece : recording.pieces) count += piece.records.size();
  return count;
}

std::vector<std::uint64_t> ranked(const Recording& recording) {
  std::map<std::size_t, std::uint64_t> by_rank;
  for (const RequestTrack& request : recording.requests)
    if (request.rank != 0) by_rank[request.rank] = events::request_number(request.cookie);
  std::vector<std::uint64_t> numbers;
  for (const auto& [rank, number] : by_rank) numbers.push_back(number);
  return numbers;
}

int noise_of(std::uint64_t request) {
  std::uint32_t state = static_cast<std::uint32_t>(request) * 2654435761u;
  state ^= state >> 15;
  return static_cast<int>(state * 2246822519u >> 24) % 60;
}

}  // namespace

TEST_CASE("a recorder's memory has a bound, however many requests come and go") {
  Story story(kSmall);
  std::size_t most = 0;
  for (std::uint64_t request = 1; request <= 20'000; ++request) {
    story.submit(request);
    story.noise(noise_of(request));
    story.reap(request);
    most = std::max(most, story.recorder.pieces_held());
  }
  CHECK(most <= kSmall.pieces);
  const Recording recording = story.recorder.take();
  CHECK(recording.requests_seen == 20'000);
  CHECK(recording.requests.size() <= 13);
  CHECK(recording.pieces_dropped == 0);
  CHECK(records_of(recording) < kSmall.pieces * kSmall.piece_events);
}

TEST_CASE("whatever happened between arrival and reap of a shown request is in the recording") {
  Story story(kSmall);
  for (std::uint64_t request = 1; request <= 3000; ++request) {
    story.noise(3);
    story.submit(request, 2ns);
    story.noise(noise_of(request));
    story.reap(request);
  }
  const Recording recording = story.recorder.take();
  REQUIRE(recording.requests.size() == 13);
  for (const RequestTrack& request : recording.requests) {
    CAPTURE(request.ordinal);
    CHECK(whole(recording, story, request.arrival, request.reap));
  }
  CHECK_FALSE(whole(recording, story, SimTime{}, story.now));
}

TEST_CASE("the first requests and exactly the slowest are kept; equals by their numbers") {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    Story story({.first = 5, .slowest = 7, .piece_events = 16, .pieces = 300});
    // Overlapping requests with few different latencies: many ties.
    std::map<SimTime, std::vector<std::uint64_t>> ends;
    std::vector<std::pair<std::int64_t, std::uint64_t>> all;
    std::uint32_t state = seed;
    for (std::uint64_t step = 1; step <= 400 || !ends.empty(); ++step) {
      story.noise(1);
      while (!ends.empty() && ends.begin()->first <= story.now) {
        for (const std::uint64_t request : ends.begin()->second) story.reap(request);
        ends.erase(ends.begin());
      }
      if (step > 400) continue;
      state = state * 1664525u + 1013904223u;
      const Duration latency = 1ns * ((state >> 16) % 40 + 1);
      const std::uint64_t number = step * 7919 % 401;
      story.submit(number);
      ends[story.now + latency].push_back(number);
      all.emplace_back(-to_ps(latency), number);
    }
    std::sort(all.begin(), all.end());
    std::vector<std::uint64_t> slowest;
    for (std::size_t i = 0; i < 7; ++i) slowest.push_back(all[i].second);
    const Recording recording = story.recorder.take();
    CHECK(ranked(recording) == slowest);
    for (std::size_t i = 0; i < 5; ++i) CHECK(recording.requests[i].ordinal == i);
  }
}

TEST_CASE("a request that lasts the whole run is shown whole, and costs no more than the bound") {
  Story story(kSmall);
  story.noise(1);
  const SimTime begin = story.now;
  for (std::uint64_t request = 1; request <= 12; ++request) {  // the first ones pass
    story.submit(request);
    story.reap(request);
  }
  story.submit(99);
  story.stage(99, Stage::network);
  for (std::uint64_t request = 100; request <= 5000; ++request) {
    story.submit(request);
    story.noise(10);
    story.reap(request);
    REQUIRE(story.recorder.pieces_held() <= kSmall.pieces);
  }
  story.reap(99);
  const Recording recording = story.recorder.take();
  CHECK(recording.pieces_dropped > 0);
  REQUIRE(ranked(recording).front() == 99);
  const RequestTrack& slowest = recording.requests[10];
  CHECK(slowest.arrival == begin);
  CHECK(slowest.reap == story.now);
  REQUIRE(slowest.stages.size() == 1);
  CHECK(slowest.stages[0].stage == Stage::network);
}

TEST_CASE("room lost to a request in flight is not taken from the slowest that have ended") {
  Story story({.first = 0, .slowest = 2, .piece_events = 32, .pieces = 24});
  story.submit(1);
  story.submit(2);
  story.noise(200);
  story.reap(2);
  const SimTime end = story.now;
  story.noise(5000);  // request 1 goes on
  const Recording recording = story.recorder.take();
  REQUIRE(recording.requests.size() == 1);
  CHECK(whole(recording, story, SimTime{}, end));
}

TEST_CASE("the first requests take at most half of the room") {
  Story story({.first = 1'000'000, .slowest = 2, .piece_events = 32, .pieces = 24});
  for (std::uint64_t request = 1; request <= 300; ++request) {
    story.submit(request);
    story.noise(20);
    story.reap(request);
  }
  story.submit(301);
  story.noise(150);
  const SimTime begin = story.now - 150ns;
  story.reap(301);
  const SimTime end = story.now;
  for (std::uint64_t request = 302; request <= 600; ++request) {
    story.submit(request);
    story.noise(20);
    story.reap(request);
  }
  const Recording recording = story.recorder.take();
  CHECK(recording.requests.size() == 600);
  CHECK(whole(recording, story, SimTime{}, SimTime{} + 200ns));
  CHECK(whole(recording, story, begin, end));
  CHECK(recording.pieces.size() < 24);
}

TEST_CASE("a request's stages tile the time from arrival to reap") {
  Story story;
  story.now = SimTime{} + 10ns;
  story.submit(1, 4ns);  // arrived at 6
  story.stage(1, Stage::kernel);
  story.stage(1, Stage::queue);  // in the same instant: kernel took no time
  story.now += 5ns;
  story.stage(1, Stage::queue);
  story.stage(1, Stage::device);
  story.now += 20ns;
  story.stage(1, Stage::reap);
  story.stage(7, Stage::device);  // nobody's
  story.now += 1ns;
  story.stage(1, Stage::submit);
  story.reap(1);
  story.stage(1, Stage::submit);  // the ledger is closed after the reap
  const Recording recording = story.recorder.take();
  REQUIRE(recording.requests.size() == 1);
  const RequestTrack& request = recording.requests[0];
  CHECK(request.latency() == 30ns);
  std::vector<std::pair<std::int64_t, Stage>> got;
  for (const StageSlice& slice : request.stages)
    got.emplace_back(to_ps(slice.begin) / 1000, slice.stage);
  const std::vector<std::pair<std::int64_t, Stage>> expected{
      {6, Stage::arrival}, {10, Stage::queue}, {15, Stage::device}, {35, Stage::reap}};
  CHECK(got == expected);
}

TEST_CASE("a request with endless stages keeps a bounded number, the last for all the rest") {
  Story story({.stages_each = 8});
  story.submit(1);
  for (int i = 0; i < 100; ++i) {
    story.now += 1ns;
    story.stage(1, i % 2 == 0 ? Stage::device : Stage::kernel);
  }
  story.reap(1);
  const Recording recording = story.recorder.take();
  CHECK(recording.requests[0].stages.size() == 8);
  CHECK(recording.requests[0].cut);
  CHECK(recording.requests[0].latency() == 100ns);
}

TEST_CASE("levels at a gap are those that the events left out have moved them to") {
  Story story({.first = 1, .slowest = 1, .piece_events = 16, .pieces = 8});
  story.submit(1);
  story.reap(1);
  for (std::uint64_t tag = 0; tag < 200; ++tag) {
    story.tell(events::BlockRqIssue{tag, 0, 0, 0});
    story.tell(events::RingPosted{});
    if (tag % 2 == 0) story.tell(events::BlockRqComplete{tag, 0, 0, 0});
    if (tag % 4 == 1) story.tell(events::BlockRqRequeue{tag, 0, 0, 0});
    if (tag % 4 != 0) story.tell(events::RingTaken{});
  }
  story.submit(2);
  story.now += 1us;
  story.reap(2);
  const Recording recording = story.recorder.take();
  const auto gap = std::find_if(recording.pieces.begin() + 1, recording.pieces.end(),
                                [](const Piece& piece) { return !piece.continues; });
  REQUIRE(gap != recording.pieces.end());
  Levels levels = gap->levels;
  for (const Record& record : gap->records) {
    if (record.info->kind == events::BlockRqIssue::info.kind) ++levels.at_device;
    if (record.info->kind == events::BlockRqComplete::info.kind) --levels.at_device;
    if (record.info->kind == events::BlockRqRequeue::info.kind) --levels.at_device;
    if (record.info->kind == events::RingPosted::info.kind) ++levels.in_rings;
    if (record.info->kind == events::RingTaken::info.kind) --levels.in_rings;
  }
  CHECK(levels.at_device == 50);
  CHECK(levels.in_rings == 50);
}
