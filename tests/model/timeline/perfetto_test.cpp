// SPDX-License-Identifier: Apache-2.0
// What the Python tests cannot reach: gaps, threads and calls cut by them, runs in one trace.
#include "model/timeline/perfetto.h"

#include <protozero/pbf_reader.hpp>
#include <set>

#include "model/events/irq.h"
#include "model/events/syscall.h"
#include "tests/model/timeline/story.h"

using namespace iodrome;
using namespace iodrome::timeline;
using protozero::pbf_reader;
using tests::Story;

namespace {

constexpr std::uint32_t kFtrace = 1;
constexpr std::uint32_t kTrackEvent = 11;
constexpr std::uint32_t kDescriptor = 60;
constexpr std::uint32_t kTaskState = 117;

std::string trace_of(Story& story, std::uint32_t place = 0) {
  std::string trace;
  append_perfetto(story.recorder.take(), {"sync", "a.log", "1.2", 3, 2}, place, trace);
  return trace;
}

// The messages of one kind, with the time of their packets in ns.
std::vector<std::pair<std::uint64_t, pbf_reader>> messages(const std::string& trace,
                                                           std::uint32_t kind) {
  std::vector<std::pair<std::uint64_t, pbf_reader>> found;
  pbf_reader all(trace);
  while (all.next(1)) {
    pbf_reader packet = all.get_message();
    std::uint64_t time = 0;
    while (packet.next()) {
      if (packet.tag() == 8)
        time = packet.get_uint64();
      else if (packet.tag() == kind)
        found.emplace_back(time, packet.get_message());
      else
        packet.skip();
    }
  }
  return found;
}

std::uint64_t number_in(pbf_reader message, std::uint32_t field) {
  return message.next(field) ? message.get_uint64() : 0;
}

// A request, a long stretch that nobody wants, another request.
Story story_with_gap() {
  Story story({.first = 1, .slowest = 1, .piece_events = 16, .pieces = 8});
  story.submit(1);
  story.tell(events::SchedSwitch{0, 0, 4, 0});
  story.tell(events::SysEnter{4, 17});
  story.tell(events::WorkqueueExecuteStart{4, 1});
  story.tell(events::IrqHandlerEntry{0, 1});
  story.reap(1);
  story.noise(300);
  story.submit(2);
  story.tell(events::IrqHandlerExit{0, 1});
  story.tell(events::WorkqueueExecuteEnd{4, 1});
  story.tell(events::SysExit{4, 17, 0});
  story.noise(1);
  story.tell(events::SchedSwitch{0, 0, 4, 0});
  story.noise(10);
  story.reap(2);
  return story;
}

}  // namespace

TEST_CASE("at a gap every call is closed and nobody runs any more") {
  Story story = story_with_gap();
  const std::string trace = trace_of(story);
  std::vector<std::uint64_t> states;
  for (const auto& [time, message] : messages(trace, kTaskState))
    states.push_back(number_in(message, 4));
  constexpr std::uint64_t kRunning = 3;
  constexpr std::uint64_t kStopped = 6;
  CHECK(states == std::vector<std::uint64_t>{kRunning, kStopped, kRunning, kStopped});
  std::map<std::uint64_t, int> open;
  for (const auto& [time, message] : messages(trace, kTrackEvent)) {
    const std::uint64_t type = number_in(message, 9);
    int& depth = open[number_in(message, 11)];
    if (type == 1) ++depth;
    if (type == 2) --depth;
    CHECK(depth >= 0);
  }
  for (const auto& [track, depth] : open) CHECK(depth == 0);
}

TEST_CASE("interrupts and work that a gap cuts end there, once") {
  Story story = story_with_gap();
  const std::string trace = trace_of(story);
  std::map<std::uint32_t, int> seen;  // by field of FtraceEvent
  for (const auto& [time, bundle] : messages(trace, kFtrace)) {
    pbf_reader events = bundle;
    while (events.next(2)) {
      pbf_reader event = events.get_message();
      while (event.next()) {
        ++seen[event.tag()];
        event.skip();
      }
    }
  }
  constexpr std::uint32_t kIrqEntry = 36;
  constexpr std::uint32_t kIrqExit = 37;
  constexpr std::uint32_t kWorkEnd = 57;
  constexpr std::uint32_t kWorkStart = 58;
  CHECK(seen[kIrqEntry] == 1);
  CHECK(seen[kIrqExit] == 1);
  CHECK(seen[kWorkStart] == 1);
  CHECK(seen[kWorkEnd] == 1);
}

TEST_CASE("runs in one trace share no track") {
  Story one = story_with_gap();
  Story two = story_with_gap();
  const std::string trace = trace_of(one, 0) + trace_of(two, 1);
  std::set<std::uint64_t> tracks;
  std::size_t described = 0;
  for (const auto& [time, message] : messages(trace, kDescriptor)) {
    tracks.insert(number_in(message, 1));
    ++described;
  }
  CHECK(described > 10);
  CHECK(tracks.size() == described);
}

TEST_CASE("picoseconds that are cut off turn no slice around") {
  Story story;
  story.now = SimTime{} + ps(1'999);
  story.submit(1);
  story.now += ps(2);
  story.stage(1, events::Stage::device);
  story.now += ps(998);
  story.stage(1, events::Stage::reap);
  story.now += ps(1);
  story.reap(1);
  std::uint64_t last = 0;
  int slices = 0;
  const std::string trace = trace_of(story);
  for (const auto& [time, message] : messages(trace, kTrackEvent)) {
    const std::uint64_t type = number_in(message, 9);
    if (type != 1 && type != 2) continue;
    CHECK(time >= last);
    last = time;
    slices += type == 1 ? 1 : 0;
  }
  CHECK(last == 3);
  CHECK(slices == 4);
}
