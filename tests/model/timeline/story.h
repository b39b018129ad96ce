// SPDX-License-Identifier: Apache-2.0
// Tells a recorder of made-up requests and of what CPUs do meanwhile.
#pragma once
#include <catch2/catch.hpp>

#include "model/events/block.h"
#include "model/events/io.h"
#include "model/events/sched.h"
#include "model/events/workqueue.h"
#include "model/timeline/recorder.h"

namespace iodrome::tests {

struct Story {
  explicit Story(timeline::RecorderLimits limits = {}) : recorder(limits) {}

  template <class Event>
  void tell(const Event& event, std::uint32_t cpu = 0) {
    recorder.on(Event::info, now, cpu, event.words());
  }
  static std::uint64_t cookie(std::uint64_t request) { return request << 16 | 5; }

  void submit(std::uint64_t request, Duration waited = Duration{0}) {
    const SimTime arrival = now - waited;
    tell(events::IoSubmit{cookie(request), 1, static_cast<std::uint64_t>(to_ps(arrival))});
  }
  void reap(std::uint64_t request) { tell(events::IoReap{cookie(request), 0}); }
  void stage(std::uint64_t request, events::Stage to) {
    recorder.on_stage(cookie(request), to, now);
  }
  /// Events that are numbered, so that a missing one shows; each takes a nanosecond.
  void noise(int count) {
    for (int i = 0; i < count; ++i) {
      now += 1ns;
      when.push_back(now);
      tell(events::WorkqueueQueueWork{0, when.size() - 1});
    }
  }

  timeline::Recorder recorder;
  SimTime now{};
  std::vector<SimTime> when;  // the time of each numbered event
};

/// Whether every numbered event of a time is in the recording, once.
inline bool whole(const timeline::Recording& recording, const Story& story, SimTime from,
                  SimTime to) {
  std::map<std::uint64_t, int> seen;
  for (const timeline::Piece& piece : recording.pieces)
    for (const timeline::Record& record : piece.records)
      if (record.info->kind == events::WorkqueueQueueWork::info.kind) ++seen[record.words[1]];
  for (std::size_t i = 0; i < story.when.size(); ++i)
    if (story.when[i] >= from && story.when[i] <= to && seen[i] != 1) return false;
  return true;
}

}  // namespace iodrome::tests
