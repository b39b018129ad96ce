// SPDX-License-Identifier: Apache-2.0
// A graph whose branches are cut off at any time: by chain_cancel, by its deadline, by its
// process's end. What it may have come to, and what must not be left of it.
#pragma once
#include "model/kernel/time/cpu_timers.h"
#include "tests/model/chain/reference_graph.h"
#include "tests/model/designs/task_chain/random_steps.h"

namespace iodrome::designs::task_chain {

/// What is done to a graph so long after its submission has begun.
struct Blow {
  Duration after;
  bool exits;
};

struct GraphWorld : World {
  GraphWorld(chain::Continue policy, chain::UserCopy copy) : World(policy, copy) {
    graph = true;
    disk.on_issue = [this](std::uint64_t sector) { issues[sector].push_back(rig.now()); };
    costs.submit_call.each = 90ns;
    costs.accept.each = 110ns;
    costs.walker.step.each = 70ns;
    costs.walker.hand_over.each = 60ns;
    costs.cancel.each = 30ns;
    costs.ring_post.each = 40ns;
  }

  /// Submits it, deals the blows, and lets the machine run until nothing is left to do.
  void play_on();
  /// What is wrong with what it has come to, or an empty string.
  std::string refused();

  std::vector<Blow> blows;        // in time's order
  std::uint32_t deadline_us = 0;  // 0: none
  std::uint32_t strikes_on = 1;   // the CPU of who deals the blows
  bool struck = false;            // a blow has met it

 private:
  static constexpr Duration kPatience = 300us;  // no chain takes so long but one that hangs
  static Task<void> submit_it(Sleepable& ctx, GraphWorld& w);
  static Task<void> strike(Sleepable& ctx, GraphWorld& w);
  Task<void> deal(Sleepable& ctx, const Blow& blow);
  bool timer_runs() const;
  void script_all();
  std::int64_t returns(std::size_t step, int attempt);
  std::string refused_effects();
  std::string refused_effect(std::size_t step);
  std::string refused_at_device(std::size_t step);
  std::vector<Duration> issues_of(std::size_t step);
  std::string refused_remains();
  bool unchanged(std::size_t step);
  bool file_closed_before(std::size_t step) const;
  std::uint32_t holders(const Inode& inode) const;
  std::int64_t sum(std::size_t step);
  std::int64_t result(std::size_t step) const { return runs[0].results[step]; }
  bool cancelled(std::size_t step) const { return result(step) == chain::reference::kEcanceled; }

  std::vector<std::vector<Outcome>> script;  // by step and attempt
  std::size_t told_ = 0;                     // blows that are to be dealt
  bool accepted = false;
  bool ended = false;    // its completion was taken
  bool expired = false;  // when that was taken
  bool late = false;     // a blow found it that came after all others should have ended it
  bool timer_left = false;
  std::optional<std::int64_t> event_error;
  std::map<std::uint64_t, std::vector<Duration>> issues;  // when, by sector
  std::optional<Duration> stopped_at;                     // by chain_cancel, at the latest
};

inline Task<void> GraphWorld::deal(Sleepable& ctx, const Blow& blow) {
  const bool first = !struck;
  if (blow.exits) {
    exits = true;
    struck = true;
    co_await queue.exit(ctx);
    timer_left = timer_left || timer_runs();
    co_return;
  }
  const bool was_expired = ctx.now() > runs[0].expires();
  const Result<std::int64_t> stopped = co_await queue.cancel(ctx, std::nullopt);
  const bool met = stopped || stopped.error() == Errno::ealready;
  struck = struck || met;
  if (met && !stopped_at) stopped_at = rig.now();
  late = late || (met && blow.after == kPatience && (!first || was_expired));
}

inline Task<void> GraphWorld::strike(Sleepable& ctx, GraphWorld& w) {
  for (const Blow& blow : w.blows) {
    const auto number = static_cast<std::size_t>(&blow - w.blows.data());
    while (w.told_ <= number && !w.over)
      co_await w.canceller.wait(ctx, "a user who cancels", events::Stage::queue);
    if (w.over || w.exits) co_return;
    co_await w.deal(ctx, blow);
  }
}

inline Task<void> GraphWorld::submit_it(Sleepable& ctx, GraphWorld& w) {
  const Never never;
  ChainRun* const run = &w.runs[0];
  co_await w.happen(ctx);
  co_await w.peers.act(ctx, run->chain, w.steps);
  for (const Blow& blow : w.blows)
    w.rig.at(w.rig.now() + blow.after, [&w] {
      ++w.told_;
      w.canceller.wake_from_outside(w.rig.system);
    });
  run->chain.deadline_us = w.deadline_us;
  run->start(ctx.now());
  w.issues.clear();
  const Result<std::int64_t> taken = co_await w.queue.submit(ctx, {&run, 1});
  w.accepted = taken.has_value();
  REQUIRE((w.accepted || (w.exits && taken.error() == Errno::eintr)));
  const Result<std::int64_t> waited = co_await w.queue.wait(ctx, never);
  const std::optional<ChainEvent> event = co_await w.queue.take(ctx);
  REQUIRE((event || w.exits));
  REQUIRE((waited || w.exits));
  w.ended = event.has_value();
  w.timer_left = event && w.timer_runs();
  w.expired = ctx.now() >= run->expires();
  if (event) w.event_error = event->error;
  const std::optional<ChainEvent> another = co_await w.queue.take(ctx);
  REQUIRE_FALSE(another);
  w.over = true;
  w.canceller.wake_from_outside(w.rig.system);
}

// Chains alone have any here.
inline bool GraphWorld::timer_runs() const {
  return std::ranges::any_of(rig.system.cpus, [](const auto& each) {
    return CpuTimers::of(*each).hrtimers.next_expiry() != kNever;
  });
}

// Of the tries that a step can have, whatever has become of the others.
inline void GraphWorld::script_all() {
  peers.forget_counts();
  script.assign(steps.size(), {});
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const int tries = steps[i].on_error == chain::OnError::retry ? steps[i].retries + 1 : 1;
    for (int attempt = 0; attempt < tries; ++attempt) {
      if (Peers::has(steps[i].op)) {
        script[i].push_back(peers.met(i, attempt, false));
      } else {
        const bool lasts = fates[i] == Outcome::no_file || fates[i] == Outcome::is_short ||
                           (fates[i] == Outcome::error && steps[i].op == chain::Op::send);
        script[i].push_back(attempt == 0 || lasts ? fates[i] : Outcome::ok);
      }
      if (script[i].back() == Outcome::ok) break;
    }
  }
}

inline bool GraphWorld::file_closed_before(std::size_t step) const {
  for (std::size_t k = 0; k < step; ++k)
    if (steps[k].op == chain::Op::close && steps[k].fd_from == steps[step].fd_from &&
        result(k) == 0)
      return true;
  return false;
}

inline std::int64_t GraphWorld::sum(std::size_t step) {
  const std::size_t page = steps[step].memory / kBlock;
  // Its page was to be set, and was not.
  if (page < steps.size() && steps[page].op == chain::Op::memset && result(page) <= 0)
    return sum_of_page(pattern(page));
  return sum_of(steps[step]);
}

inline std::int64_t GraphWorld::returns(std::size_t step, int attempt) {
  const chain::Step& of = steps[step];
  if (of.fd_from >= 0 && file_closed_before(step)) return chain::reference::kEbadf;
  const auto& outcomes = script[step];
  const auto number = static_cast<std::size_t>(attempt);
  const Outcome outcome = number < outcomes.size() ? outcomes[number] : outcomes.back();
  const std::int64_t value = value_of(outcome, of.op, of.bytes);
  if (value != 0) return value;
  if (of.op == chain::Op::inotify) return kEventBytes;
  if (of.op == chain::Op::poll) return kPollIn;
  if (of.op == chain::Op::stat) return kFileBytes;
  return of.op == chain::Op::crc32c ? sum(step) : 0;
}

inline void GraphWorld::play_on() {
  blows.push_back({kPatience, false});
  script_all();
  ChainRun& added = run(steps);
  added.chain.graph = true;
  added.direct = !buffered;
  added.buffer = pages(2 * kMost + 1);
  for (std::size_t page = 0; page < added.buffer.size(); ++page)
    std::ranges::fill(memory_at(page * kBlock), static_cast<std::byte>(pattern(page)));
  rig.thread(strikes_on, *this, strike);
  rig.thread(0, *this, submit_it);
  rig.run();
}

inline std::string GraphWorld::refused() {
  if (!over) return "it has not ended";
  if (late) return "it went on when it had been stopped long ago";
  const std::string remains = refused_remains();
  if (!remains.empty() || !accepted) return remains;
  chain::reference::Stopped stopped{struck || expired, exits, buffered};
  if (expired) stopped.why = error(Errno::etime);
  // Of two that stop it the first is told of.
  if (expired && struck && event_error == chain::reference::kEcanceled) stopped.why = *event_error;
  chain::reference::Graph allowed(runs[0].chain, results(runs[0]), stopped);
  const std::string wrong =
      allowed.refused([this](std::size_t step, int attempt) { return returns(step, attempt); });
  if (!wrong.empty()) return wrong;
  if (event_error && *event_error != allowed.error()) return "its completion tells another error";
  return refused_effects();
}

// What nobody has begun with has left no trace.
inline bool GraphWorld::unchanged(std::size_t step) {
  const std::span<const std::byte> page = memory_at(steps[step].memory);
  const auto byte = static_cast<std::byte>(pattern(step));
  return std::ranges::all_of(page, [byte](std::byte b) { return b == byte; });
}

inline std::string GraphWorld::refused_effect(std::size_t i) {
  const chain::Step& step = steps[i];
  using chain::Op;
  const bool fills = step.op == Op::read || step.op == Op::receive || step.op == Op::inotify ||
                     (step.on_memory() && step.op != Op::crc32c);
  if (fills && cancelled(i) && !unchanged(i)) return "was cancelled and has left bytes";
  if (step.op == Op::unlink) {
    const bool gone = !files.lookup(*step.path).has_value();
    if (gone != (result(i) == 0)) return "has a name or none, against its result";
  }
  return refused_at_device(i);
}

// When the step's requests went to the device.
inline std::vector<Duration> GraphWorld::issues_of(std::size_t i) {
  using chain::Op;
  const chain::Step& step = steps[i];
  const bool opens = step.op == Op::open;
  if (!opens && (buffered || (step.op != Op::write && step.op != Op::read))) return {};
  const Inode& inode = inode_of(step.fd_from >= 0 ? 0 : i);
  const auto found =
      issues.find(opens ? inode.metadata_sector : inode.first_sector + step.offset / 512);
  return found == issues.end() ? std::vector<Duration>{} : found->second;
}

// What the device has cannot be stopped; what it gives back after a stop is not followed by
// anything but clean-up, nor tried again.
inline std::string GraphWorld::refused_at_device(std::size_t i) {
  const std::vector<Duration> tried = issues_of(i);
  if (!tried.empty() && cancelled(i)) return "was cancelled after it had gone to the device";
  if (!stopped_at) return "";
  for (std::size_t k = 1; k < tried.size(); ++k)
    if (tried[k - 1] + disk.latency > *stopped_at) return "was tried again after a stop";
  if (steps[i].clean_up || steps[i].op == chain::Op::close || cancelled(i)) return "";
  for (std::size_t k = 0; k < i; ++k) {
    const std::vector<Duration> before = issues_of(k);
    const bool waited_for = (steps[i].after >> k & 1) != 0;
    if (waited_for && !before.empty() && before.back() + disk.latency > *stopped_at)
      return "began behind a step that had not ended before the stop";
  }
  return "";
}

inline std::string GraphWorld::refused_effects() {
  stream.clear();
  syncs = 0;
  undelivered = !ended && buffered && params.copy_way == chain::UserCopy::consumer;
  int taken = 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].op == chain::Op::send) stream.push_back({i, std::max<std::int64_t>(0, result(i))});
    if (steps[i].op == chain::Op::fsync && result(i) == 0) ++syncs;
    if (steps[i].op == chain::Op::inotify && result(i) > 0) events[i] = taken++;
    const std::string wrong = refused_effect(i);
    if (!wrong.empty()) return "step " + std::to_string(i) + " " + wrong;
  }
  return same_bytes() ? "" : "the bytes are others";
}

// By the process's descriptors.
inline std::uint32_t GraphWorld::holders(const Inode& inode) const {
  std::uint32_t count = 0;
  for (int fd = 0; fd < kNoFile; ++fd) {
    const Result<FilePtr> file = process.files.get(fd);
    if (file && (*file)->inode == &inode) ++count;
  }
  return count;
}

inline std::string GraphWorld::refused_remains() {
  if (queue.slots_free() != 4 || queue.in_kernel() != 0) return "a slot is kept";
  if (!ended && queue.ring().posted() != 0) return "a completion was posted to a process's end";
  if (!carriers_rest() || engine.carriers.shared().backlog() != 0) return "work is kept";
  if (device.in_flight() != 0) return "a tag is kept";
  if (timer_left) return "a timer runs behind the end";
  if (exits && process.files.open_count() != 0) return "a descriptor is open after exit";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const bool own = steps[i].fd >= 0 && steps[i].fd != kNoFile && !exits;
    const bool closed = steps[i].op == chain::Op::close && result(i) == 0;
    if (own && process.files.get(steps[i].fd).has_value() == closed)
      return "a descriptor is open or closed against its result";
    const Result<Inode*> found = files.lookup("/" + std::to_string(i));
    if (!found) continue;
    const Inode& inode = **found;
    if (inode.references != holders(inode)) return "a file is held";
    if (inode.lock.held()) return "a file is locked";
    if (!inode.metadata_waiters.empty()) return "a file is waited for";
    const bool sent = steps[i].op == chain::Op::send && result(i) > 0;  // until it is acknowledged
    for (const PagePtr& page : inode.pages)
      if (!sent && page != nullptr && page->references != 1) return "a page is held";
  }
  return "";
}

}  // namespace iodrome::designs::task_chain
