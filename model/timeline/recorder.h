// SPDX-License-Identifier: Apache-2.0
// Keeps of a run what its timeline shows: the first requests, the slowest ones, and what the CPUs
// did meanwhile. Memory is bounded however long the run is, and the run happens once.
//
// Events go into pieces, in order. A piece is kept while it lies in the window of a request that is
// shown, or is in flight and may yet be. A window goes from the arrival, if the piece of that time
// is still there, to the reap.
#pragma once
#include <deque>
#include <map>
#include <set>

#include "model/timeline/recording.h"

namespace iodrome::timeline {

struct RecorderLimits {
  std::uint64_t first = 1000;       // requests from the beginning
  std::size_t slowest = 20;         // requests by latency; of equals those with lower numbers
  std::size_t piece_events = 4096;  // events per piece
  std::size_t pieces = 256;         // at most; when more are wanted, the oldest of the requests in
                                    // flight go, then the oldest of the slowest
  std::size_t stages_each = 1 << 14;  // slices per request
};

class Recorder final : public events::Observer, public events::StageListener {
 public:
  explicit Recorder(RecorderLimits limits = {});

  /// Before anything happens. It must outlive the run.
  void attach(events::Probe& probe);

  void on(const events::EventInfo& info, SimTime time, std::uint32_t cpu,
          std::span<const std::uint64_t> words) override;
  void on_name(events::Named what, std::uint64_t number, std::string_view name) override;
  void on_stage(std::uint64_t cookie, events::Stage stage, SimTime now) override;

  /// What was recorded, once the run is over. Requests that have not ended are left out.
  Recording take();

  /// Pieces in memory now.
  std::size_t pieces_held() const { return held_.size(); }

 private:
  struct Held {
    std::uint64_t number;
    Piece piece;
  };
  struct Window {
    std::uint64_t begin = 0;  // numbers of pieces, both included
    std::uint64_t end = 0;
    bool covers(std::uint64_t number) const { return begin <= number && number <= end; }
  };
  struct Kept {
    RequestTrack track;
    Window window;
  };
  // Slower ones first, of equals those with lower numbers.
  struct Slow {
    Duration latency;
    std::uint64_t cookie;
    std::uint64_t ordinal;
    bool operator<(const Slow& other) const {
      return latency != other.latency ? latency > other.latency : cookie < other.cookie;
    }
  };
  enum class Claim : std::uint8_t { none, history, in_flight, slowest, first };

  void follow(const events::EventInfo& info, SimTime time, std::span<const std::uint64_t> words);
  void begin_request(std::uint64_t cookie, std::uint64_t thread, SimTime arrival, SimTime now);
  void end_request(std::uint64_t cookie, std::uint64_t error, SimTime now);
  void add_stage(RequestTrack& track, events::Stage stage, SimTime now) const;
  void next_piece(SimTime now);
  std::uint64_t piece_of(SimTime time) const;
  Claim claim_on(std::uint64_t number, std::uint64_t oldest_in_flight) const;
  void release(bool at_end);

  const RecorderLimits limits_;
  Levels levels_;
  std::deque<Held> held_;  // the last one is being filled
  std::uint64_t next_number_ = 0;
  std::uint64_t started_ = 0;
  std::uint64_t first_ended_ = 0;
  Window first_window_;
  bool first_open_ = true;
  std::map<std::uint64_t, Kept> in_flight_;  // by cookie
  std::map<std::uint64_t, Kept> kept_;       // by ordinal
  std::set<Slow> slowest_;
  std::array<Names, events::kNamed> names_;
  std::uint64_t dropped_ = 0;
};

}  // namespace iodrome::timeline
