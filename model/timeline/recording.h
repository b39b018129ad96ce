// SPDX-License-Identifier: Apache-2.0
// What a timeline of one run is drawn from.
#pragma once
#include <array>
#include <map>
#include <string>
#include <vector>

#include "model/events/probe.h"

namespace iodrome::timeline {

/// One event as it was told.
struct Record {
  SimTime time{};
  const events::EventInfo* info = nullptr;
  std::uint32_t cpu = events::kNoCpu;
  std::array<std::uint64_t, 5> words{};  // info->fields names them
};

/// Levels that events move.
struct Levels {
  std::int64_t at_device = 0;  // requests that the storage driver was given and has not reported
  std::int64_t in_rings = 0;   // entries of completion rings that the application has not taken
};

/// Events in order, without a gap. A piece that does not continue the one before stands behind a
/// gap in which nothing was kept.
struct Piece {
  bool continues = false;
  SimTime begin{};
  Levels levels;  // before its first event
  std::vector<Record> records;
};

/// A stretch of a request's time with one owner; it ends where the next begins, the last at the
/// reap.
struct StageSlice {
  SimTime begin{};
  events::Stage stage = events::Stage::arrival;
};

/// One request, from its arrival until the application has finished with it.
struct RequestTrack {
  std::uint64_t cookie = 0;
  std::uint64_t ordinal = 0;  // among all requests of the run, by submission, from 0
  std::uint64_t thread = 0;
  std::uint64_t error = 0;  // a positive errno, or 0
  SimTime arrival{};
  SimTime reap{};
  std::vector<StageSlice> stages;
  bool cut = false;      // it had more stages than are kept: the last slice stands for the rest
  std::size_t rank = 0;  // 1 for the slowest of the run, and so on; 0 if it is not among those

  Duration latency() const { return reap - arrival; }
};

/// Names by number.
using Names = std::map<std::uint64_t, std::string>;

struct Recording {
  std::vector<RequestTrack> requests;  // by ordinal
  std::vector<Piece> pieces;           // by time
  std::array<Names, events::kNamed> names;
  std::uint64_t requests_seen = 0;
  /// Pieces of the windows that did not fit the limit.
  std::uint64_t pieces_dropped = 0;

  const Names& names_of(events::Named what) const { return names[static_cast<std::size_t>(what)]; }
  /// The name, or `otherwise` and the number.
  std::string name(events::Named what, std::uint64_t number, const char* otherwise) const;
};

/// What a timeline says of the run it belongs to.
struct RunFacts {
  std::string design{};
  std::string scenario{};
  std::string version{};
  std::uint64_t seed = 0;
  std::uint32_t cpus = 0;
};

}  // namespace iodrome::timeline
