// SPDX-License-Identifier: Apache-2.0
#include "model/timeline/perfetto.h"

#include <fmt/format.h>

#include "model/events/block.h"
#include "model/events/io.h"
#include "model/events/sched.h"
#include "model/events/syscall.h"
#include "model/timeline/linux_names.h"
#include "model/timeline/perfetto_cpus.h"
#include "model/timeline/perfetto_packets.h"

namespace iodrome::timeline {

namespace {

// One run on its way into a trace.
class PerfettoRun {
 public:
  PerfettoRun(const Recording& recording, const RunFacts& run, std::uint32_t place,
              std::string& trace)
      : recording_(recording), run_(run), ids_{place}, packets_(trace, ids_.sequence()) {}

  void write() {
    write_tracks();
    write_requests();
    write_io();
    PerfettoCpus(recording_, run_, ids_, packets_).write();
  }

 private:
  void write_tracks() {
    packets_.process_track(ids_.process(), ids_.pid(), run_.design);
    const Annotation facts[] = {{"design", 0, run_.design},
                                {"scenario", 0, run_.scenario},
                                {"seed", run_.seed},
                                {"version", 0, run_.version},
                                {"requests in the run", recording_.requests_seen},
                                {"requests in this file", recording_.requests.size()},
                                {"pieces left out for want of room", recording_.pieces_dropped}};
    packets_.instant(SimTime{}, ids_.process(), "run", {.annotations = facts});
    packets_.track(
        ids_.group(kSlowest),
        {.parent = ids_.process(), .name = "slowest requests", .children_by_rank = true});
    packets_.track(ids_.group(kFirst), {.parent = ids_.process(), .name = "first requests"});
    packets_.track(ids_.group(kIo), {.parent = ids_.process(), .name = "I/O by CPU"});
    packets_.track(ids_.group(kAtDevice), {.parent = ids_.process(),
                                           .name = "requests at the storage device",
                                           .counter = "requests"});
    packets_.track(
        ids_.group(kInRings),
        {.parent = ids_.process(), .name = "entries in completion rings", .counter = "entries"});
    for (std::uint32_t cpu = 0; cpu < run_.cpus; ++cpu)
      packets_.track(ids_.io_of(cpu), {.parent = ids_.group(kIo),
                                       .name = fmt::format("CPU {}", ids_.cpu(run_, cpu)),
                                       .about = "what happened to requests, where it happened"});
  }

  void write_requests() {
    for (const RequestTrack& request : recording_.requests) {
      shown_[request.cookie] = ids_.flow(request.ordinal);
      write_request(request);
    }
  }

  void write_request(const RequestTrack& request) {
    const std::uint64_t track = ids_.request(request.ordinal);
    const std::string name = fmt::format("request {}", events::request_number(request.cookie));
    const std::string lane = request.rank == 0 ? "request" : fmt::format("{}.", request.rank);
    packets_.track(track, {.parent = ids_.group(request.rank == 0 ? kFirst : kSlowest),
                           .name = lane,
                           .rank = static_cast<std::int32_t>(request.rank)});
    const std::string thread = recording_.name(events::Named::thread, request.thread, "thread ");
    const Annotation facts[] = {
        {"latency_ps", count(request.latency())}, {"thread", 0, thread}, {"errno", request.error}};
    packets_.begin(request.arrival, track, name, {.annotations = facts});
    const auto& stages = request.stages;
    bool submitted = false;
    for (std::size_t i = 0; i < stages.size(); ++i) {
      const bool last = i + 1 == stages.size();
      const SimTime end = last ? request.reap : stages[i + 1].begin;
      const bool departs = !submitted && stages[i].stage != events::Stage::arrival && !last;
      submitted |= departs;
      const Annotation took[] = {{"ps", count(end - stages[i].begin)}};
      Details details{.last_of_flow = last, .annotations = took};
      if (submitted && (departs || last)) details.flow = ids_.flow(request.ordinal);
      packets_.begin(stages[i].begin, track,
                     last && request.cut ? "later stages" : name_of(stages[i].stage), details);
      packets_.end(end, track);
    }
    packets_.end(request.reap, track);
  }

  // What happened to requests, on the CPU where it happened, and the levels that it moves.
  void write_io() {
    for (const Piece& piece : recording_.pieces) {
      Levels levels = piece.levels;
      if (!piece.continues) {
        packets_.counter(piece.begin, ids_.group(kAtDevice), levels.at_device);
        packets_.counter(piece.begin, ids_.group(kInRings), levels.in_rings);
      }
      for (const Record& record : piece.records) write_io(record, levels);
    }
  }

  void write_io(const Record& record, Levels& levels) {
    const auto& words = record.words;
    switch (record.info->kind) {
      case events::BlockRqIssue::info.kind:
        packets_.counter(record.time, ids_.group(kAtDevice), ++levels.at_device);
        return write_instant(record, words[3]);
      case events::BlockRqComplete::info.kind:
      case events::BlockRqRequeue::info.kind:
        packets_.counter(record.time, ids_.group(kAtDevice), --levels.at_device);
        return write_instant(record, words[3]);
      case events::RingPosted::info.kind:
        return packets_.counter(record.time, ids_.group(kInRings), ++levels.in_rings);
      case events::RingTaken::info.kind:
        return packets_.counter(record.time, ids_.group(kInRings), --levels.in_rings);
      case events::BlockBioQueue::info.kind:
        return write_instant(record, words[2]);
      case events::IoAccepted::info.kind:
      case events::IoComplete::info.kind:
        return write_instant(record, words[0]);
    }
  }

  void write_instant(const Record& record, std::uint64_t cookie) {
    if (record.cpu >= run_.cpus) return;
    const auto shown = shown_.find(cookie);
    std::vector<Annotation> facts;
    std::size_t word = 0;
    for (const std::string_view field : field_names(record.info->fields)) {
      const std::uint64_t value = record.words[word++];
      const bool is_request = field == "request";
      if (is_request && value == 0) continue;
      facts.push_back({field, is_request ? events::request_number(value) : value});
    }
    Details details{.annotations = facts};
    if (shown != shown_.end()) details.flow = shown->second;
    packets_.instant(record.time, ids_.io_of(record.cpu), record.info->name, details);
  }

  static std::uint64_t count(Duration duration) {
    return static_cast<std::uint64_t>(to_ps(duration));
  }

  const Recording& recording_;
  const RunFacts& run_;
  const PerfettoIds ids_;
  Packets packets_;
  std::map<std::uint64_t, std::uint64_t> shown_;  // flows, by cookie
};

}  // namespace

void append_perfetto(const Recording& recording, const RunFacts& run, std::uint32_t place,
                     std::string& trace) {
  PerfettoRun(recording, run, place, trace).write();
}

}  // namespace iodrome::timeline
