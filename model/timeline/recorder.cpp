// SPDX-License-Identifier: Apache-2.0
#include "model/timeline/recorder.h"

#include <algorithm>
#include <limits>

#include "model/events/block.h"
#include "model/events/io.h"

namespace iodrome::timeline {

namespace {

constexpr std::uint64_t kOpen = std::numeric_limits<std::uint64_t>::max();
// Pieces kept for requests that have arrived and were not turned to yet.
constexpr std::uint64_t kHistory = 4;

SimTime from_ps(std::uint64_t time) {
  return SimTime{ps(static_cast<std::int64_t>(time))};
}

}  // namespace

std::string Recording::name(events::Named what, std::uint64_t number, const char* otherwise) const {
  const auto found = names_of(what).find(number);
  return found != names_of(what).end() ? found->second : otherwise + std::to_string(number);
}

Recorder::Recorder(RecorderLimits limits) : limits_(limits) {
  check(limits.pieces > kHistory + 1 && limits.piece_events > 0, "a recorder with too little room");
  next_piece(SimTime{});
}

void Recorder::attach(events::Probe& probe) {
  using enum events::Subsystem;
  static constexpr events::Subsystem kShown[] = {io,    syscall, sched, irq,   workqueue,
                                                 block, vfs,     net,   device};
  probe.attach(*this, kShown);
  probe.listen_to_stages(*this);
}

void Recorder::on(const events::EventInfo& info, SimTime time, std::uint32_t cpu,
                  std::span<const std::uint64_t> words) {
  if (held_.back().piece.records.size() >= limits_.piece_events) {
    release(false);
    next_piece(time);
  }
  Record& record = held_.back().piece.records.emplace_back();
  record.time = time;
  record.info = &info;
  record.cpu = cpu;
  check(words.size() <= record.words.size(), "an event with more words than a record holds");
  std::copy(words.begin(), words.end(), record.words.begin());
  follow(info, time, words);
}

void Recorder::follow(const events::EventInfo& info, SimTime time,
                      std::span<const std::uint64_t> words) {
  switch (info.kind) {
    case events::IoSubmit::info.kind:
      return begin_request(words[0], words[1], from_ps(words[2]), time);
    case events::IoReap::info.kind:
      return end_request(words[0], words[1], time);
    case events::BlockRqIssue::info.kind:
      ++levels_.at_device;
      return;
    case events::BlockRqComplete::info.kind:
    case events::BlockRqRequeue::info.kind:
      --levels_.at_device;
      return;
    case events::RingPosted::info.kind:
      ++levels_.in_rings;
      return;
    case events::RingTaken::info.kind:
      --levels_.in_rings;
      return;
  }
}

void Recorder::on_name(events::Named what, std::uint64_t number, std::string_view name) {
  names_[static_cast<std::size_t>(what)][number] = name;
}

// --- requests -----------------------------------------------------------------------------------

void Recorder::begin_request(std::uint64_t cookie, std::uint64_t thread, SimTime arrival,
                             SimTime now) {
  Kept flight;
  flight.window = {piece_of(arrival), kOpen};
  if (started_ == 0) first_window_ = flight.window;
  flight.track.cookie = cookie;
  flight.track.thread = thread;
  flight.track.ordinal = started_++;
  flight.track.arrival = arrival;
  add_stage(flight.track, events::Stage::arrival, arrival);
  add_stage(flight.track, events::Stage::submit, now);
  in_flight_[cookie] = std::move(flight);
}

void Recorder::on_stage(std::uint64_t cookie, events::Stage stage, SimTime now) {
  const auto found = in_flight_.find(cookie);
  if (found != in_flight_.end()) add_stage(found->second.track, stage, now);
}

// No slice is empty, and no two neighbours are of one stage.
void Recorder::add_stage(RequestTrack& track, events::Stage stage, SimTime now) const {
  auto& stages = track.stages;
  if (track.cut) return;
  if (!stages.empty() && stages.back().begin == now) stages.pop_back();
  if (!stages.empty() && stages.back().stage == stage) return;
  stages.push_back({now, stage});
  track.cut = stages.size() == limits_.stages_each;
}

void Recorder::end_request(std::uint64_t cookie, std::uint64_t error, SimTime now) {
  const auto found = in_flight_.find(cookie);
  check(found != in_flight_.end(), "a request ends that did not begin");
  Kept kept = std::move(found->second);
  in_flight_.erase(found);
  RequestTrack& track = kept.track;
  track.reap = now;
  track.error = error;
  if (track.stages.size() > 1 && track.stages.back().begin == now) track.stages.pop_back();
  kept.window.end = held_.back().number;
  const std::uint64_t ordinal = track.ordinal;
  const bool first = ordinal < limits_.first;
  if (first && ++first_ended_ == limits_.first && first_open_) {
    first_open_ = false;
    first_window_.end = held_.back().number;
  }
  slowest_.insert({track.latency(), cookie, ordinal});
  kept_.emplace(ordinal, std::move(kept));
  if (slowest_.size() <= limits_.slowest) return;
  const auto last = std::prev(slowest_.end());
  if (last->ordinal >= limits_.first) kept_.erase(last->ordinal);
  slowest_.erase(last);
}

// --- pieces -------------------------------------------------------------------------------------

void Recorder::next_piece(SimTime now) {
  Piece piece;
  piece.begin = now;
  piece.levels = levels_;
  piece.records.reserve(limits_.piece_events);
  held_.push_back({next_number_++, std::move(piece)});
}

// The piece in which that time lies, or the oldest one there is.
std::uint64_t Recorder::piece_of(SimTime time) const {
  const auto after =
      std::upper_bound(held_.begin(), held_.end(), time,
                       [](SimTime wanted, const Held& held) { return wanted < held.piece.begin; });
  return after == held_.begin() ? held_.front().number : std::prev(after)->number;
}

Recorder::Claim Recorder::claim_on(std::uint64_t number, std::uint64_t oldest_in_flight) const {
  if (started_ != 0 && limits_.first != 0 && first_window_.covers(number)) return Claim::first;
  for (const Slow& slow : slowest_)
    if (kept_.at(slow.ordinal).window.covers(number)) return Claim::slowest;
  if (number >= oldest_in_flight) return Claim::in_flight;
  return number + kHistory >= next_number_ ? Claim::history : Claim::none;
}

// Frees the pieces that nobody claims, and then, of those that are too many, the ones whose loss
// hurts least.
void Recorder::release(bool at_end) {
  std::uint64_t oldest = kOpen;
  for (const auto& [cookie, flight] : in_flight_) oldest = std::min(oldest, flight.window.begin);
  std::size_t of_first = 0;
  const auto claim = [&](const Held& held) { return claim_on(held.number, oldest); };
  const Claim least = at_end ? Claim::in_flight : Claim::history;
  std::erase_if(held_, [&](const Held& held) { return claim(held) < least; });
  for (const Held& held : held_) of_first += claim(held) == Claim::first ? 1 : 0;
  if (first_open_ && of_first > limits_.pieces / 2) {
    first_open_ = false;
    first_window_.end = next_number_ - 1;
  }
  while (held_.size() >= limits_.pieces && !at_end) {
    const auto oldest_of = [&](Claim wanted) {
      return std::find_if(held_.begin(), held_.end(),
                          [&](const Held& held) { return claim(held) == wanted; });
    };
    auto victim = oldest_of(Claim::history);
    dropped_ += victim == held_.end() ? 1 : 0;
    if (victim == held_.end()) victim = oldest_of(Claim::in_flight);
    if (victim == held_.end()) victim = oldest_of(Claim::slowest);
    check(victim != held_.end(), "the first requests fill the whole recording");
    held_.erase(victim);
  }
}

Recording Recorder::take() {
  in_flight_.clear();
  release(true);
  Recording recording;
  std::uint64_t expected = kOpen;
  for (Held& held : held_) {
    held.piece.continues = held.number == expected;
    expected = held.number + 1;
    recording.pieces.push_back(std::move(held.piece));
  }
  std::size_t rank = 0;
  for (const Slow& slow : slowest_) kept_.at(slow.ordinal).track.rank = ++rank;
  for (auto& [ordinal, kept] : kept_) recording.requests.push_back(std::move(kept.track));
  recording.names = std::move(names_);
  recording.requests_seen = started_;
  recording.pieces_dropped = dropped_;
  return recording;
}

}  // namespace iodrome::timeline
