// SPDX-License-Identifier: Apache-2.0
// Recordings of real runs: what a bounded one shows is exactly what a full one shows there.
#include <algorithm>
#include <tuple>

#include "model/timeline/recorder.h"
#include "tests/model/testbed/races.h"

using namespace iodrome;
using namespace iodrome::tests;
using timeline::Recorder;
using timeline::RecorderLimits;
using timeline::Recording;
using timeline::RequestTrack;

namespace {

constexpr RecorderLimits kEverything{
    .first = 1'000'000, .slowest = 6, .piece_events = 1 << 20, .pieces = 1000};
constexpr RecorderLimits kLittle{.first = 5, .slowest = 6, .piece_events = 64, .pieces = 4000};

struct Recorded {
  Recording recording;
  testbed::RunRecord run;
};

Recorded record(const Input& input, const std::string& design, const RecorderLimits& limits) {
  Recorder recorder(limits);
  testbed::RunOptions options;
  options.observe = [&](events::Probe& probe) { recorder.attach(probe); };
  testbed::RunRecord run = run_one(tests::request_for(input), design, options);
  return {recorder.take(), std::move(run)};
}

using Entry = std::tuple<SimTime, std::uint32_t, std::uint32_t, std::array<std::uint64_t, 5>>;

std::vector<Entry> entries(const Recording& recording, SimTime from, SimTime to) {
  std::vector<Entry> found;
  for (const timeline::Piece& piece : recording.pieces)
    for (const timeline::Record& record : piece.records)
      if (record.time >= from && record.time <= to)
        found.emplace_back(record.time, record.info->kind, record.cpu, record.words);
  return found;
}

bool same_stages(const RequestTrack& one, const RequestTrack& other) {
  return std::equal(one.stages.begin(), one.stages.end(), other.stages.begin(), other.stages.end(),
                    [](const timeline::StageSlice& a, const timeline::StageSlice& b) {
                      return a.begin == b.begin && a.stage == b.stage;
                    });
}

}  // namespace

TEST_CASE("a bounded recording shows the slowest of the run, and what it shows is complete") {
  std::size_t left_out = 0;
  for (const Input& input : {log_input(400), fio_input()}) {
    for (const std::string& design : design_names()) {
      CAPTURE(input.path, design);
      const Recorded full = record(input, design, kEverything);
      const Recorded little = record(input, design, kLittle);
      std::vector<const RequestTrack*> slowest;
      for (const RequestTrack& request : full.recording.requests) slowest.push_back(&request);
      std::sort(slowest.begin(), slowest.end(), [](const RequestTrack* a, const RequestTrack* b) {
        return std::tuple(-a->latency(), a->cookie) < std::tuple(-b->latency(), b->cookie);
      });
      std::size_t ranked = 0;
      for (const RequestTrack& request : little.recording.requests) {
        const RequestTrack& same = full.recording.requests.at(request.ordinal);
        CHECK(same.cookie == request.cookie);
        CHECK(same_stages(same, request));
        if (request.rank == 0) continue;
        ++ranked;
        CHECK(slowest.at(request.rank - 1)->cookie == request.cookie);
        const SimTime begin = little.recording.pieces.front().begin;
        const SimTime from = std::max(begin, same.stages.size() > 1 ? same.stages[1].begin : begin);
        // What comes at the instant of the reap, after it, may be in the next piece.
        const SimTime to = request.reap - ps(1);
        const bool complete =
            entries(full.recording, from, to) == entries(little.recording, from, to);
        CHECK(complete);
      }
      CHECK(ranked == 6);
      CHECK(little.recording.pieces_dropped == 0);
      left_out += entries(full.recording, SimTime{}, kNever).size() -
                  entries(little.recording, SimTime{}, kNever).size();
    }
  }
  CHECK(left_out > 1000);
}

TEST_CASE("a recording has every picosecond of the run's requests, and changes none of it") {
  const Input input = log_input(200);
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const Recorded recorded = record(input, design, kEverything);
    const testbed::RunRecord alone = run_one(tests::request_for(input), design);
    CHECK(recorded.run.fingerprint == alone.fingerprint);
    std::array<Duration, events::kStages> stages{};
    for (const RequestTrack& request : recorded.recording.requests)
      for (std::size_t i = 0; i < request.stages.size(); ++i) {
        const bool last = i + 1 == request.stages.size();
        const SimTime end = last ? request.reap : request.stages[i + 1].begin;
        stages[static_cast<std::size_t>(request.stages[i].stage)] += end - request.stages[i].begin;
      }
    CHECK(stages == alone.requests.stages);
  }
}
