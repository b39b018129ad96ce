// SPDX-License-Identifier: Apache-2.0
// Short programs, carried out by the kernel with a disk that fails and users that cancel or exit,
// against the reference model: same results, same bytes, same descriptors open at the end.
#include "tests/model/chain/reference_model.h"
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::reference::Outcome;

constexpr int kClasses = 4;   // open, read, nop, close
constexpr int kPolicies = 4;  // what a step does when it fails
constexpr int kFates = 5;     // well, short, with an error first, cancelled or exited meanwhile

/// One program and the disk that it meets.
struct World : Scene {
  explicit World(chain::Continue policy, std::span<const int> variants) : Scene(policy) {
    for (const int variant : variants) add_step(variant, variants.size());
    disk.on_issue = [this](std::uint64_t sector) {
      exits = exit_at.erase(sector) != 0;
      if (!exits && cancel_at.erase(sector) == 0) return;
      rig.at(rig.now() + 100ns, [this] { canceller.wake_from_outside(rig.system); });
    };
    ChainRun& added = run({steps.begin(), steps.end()});
    added.buffer = pages(4);
  }

  void add_step(int variant, std::size_t count) {
    const int kind = variant % kClasses;
    const int fate = variant / kClasses / kPolicies;
    chain::Step step;
    if (kind == 0) step = open_one(fate);
    if (kind == 1) step = read_one(fate);
    if (kind == 2) fates.push_back(Outcome::ok);
    if (kind == 3) step = close_one(fate);
    step.on_error = static_cast<chain::OnError>(variant / kClasses % kPolicies);
    if (step.on_error == chain::OnError::retry) step.retries = 1;
    if (step.on_error == chain::OnError::jump) step.jump_to = static_cast<std::int16_t>(count);
    steps.push_back(step);
  }

  // A cold file of its own: its inode's block may fail, or come too late for who cancels.
  chain::Step open_one(int fate) {
    const std::string& name = names.emplace_back("/open" + std::to_string(steps.size()));
    const Inode& inode = file(name, 4 * kBlock, Inode::Metadata::cold);
    if (fate == 2) disk.broken_once.insert(inode.metadata_sector);
    if (fate == 3) cancel_at.insert(inode.metadata_sector);
    if (fate == 4) exit_at.insert(inode.metadata_sector);
    static constexpr Outcome kOutcomes[] = {Outcome::ok, Outcome::ok, Outcome::error,
                                            Outcome::too_late, Outcome::exit};
    fates.push_back(kOutcomes[fate]);
    return open_step(name);
  }

  // Of the file that the first step opens, if it does and has not been closed; or a file of its
  // own.
  chain::Step read_one(int fate) {
    const bool opened = !steps.empty() && steps[0].op == chain::Op::open && fate != 1;
    const std::uint64_t at = steps.size() * kBlock;
    chain::Step step = read_step(0, at, kBlock);
    if (!opened) {
      const std::string& name = names.emplace_back("/read" + std::to_string(steps.size()));
      step.fd_from = -1;
      step.fd = *process.files.install(open(file(name, at + (fate == 1 ? kBlock / 2 : kBlock))));
    }
    step.memory = at;
    const Inode& inode = **files.lookup(opened ? *steps[0].path : names.back());
    const std::uint64_t sector = inode.first_sector + at / 512;
    if (fate == 2) disk.broken_once.insert(sector);
    if (fate == 3) cancel_at.insert(sector);
    if (fate == 4) exit_at.insert(sector);
    static constexpr Outcome kOutcomes[] = {Outcome::ok, Outcome::is_short, Outcome::error,
                                            Outcome::too_late, Outcome::exit};
    fates.push_back(kOutcomes[fate]);
    return step;
  }

  // The first step's file, or a descriptor of its own, which with an error is none.
  chain::Step close_one(int fate) {
    fates.push_back(Outcome::ok);
    if (!steps.empty() && steps[0].op == chain::Op::open) return close_step(0);
    chain::Step step{.op = chain::Op::close, .fd = 15};
    if (fate == 2)
      fates.back() = Outcome::no_file;
    else
      step.fd = *process.files.install(open(file("/close" + std::to_string(steps.size()), kBlock)));
    return step;
  }

  chain::reference::End expected() {
    bool open_still = true;
    return chain::reference::Line(runs[0].chain,
                                  [&](std::size_t index, int attempt) {
                                    const chain::Step& step = steps[index];
                                    if (step.fd_from >= 0 && !open_still) return Outcome::no_file;
                                    if (step.op == chain::Op::close && step.fd_from >= 0)
                                      open_still = false;
                                    const bool lasts = fates[index] == Outcome::no_file;
                                    return attempt == 0 || lasts ? fates[index] : Outcome::ok;
                                  })
        .run();
  }

  bool same_bytes() {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const std::int64_t moved = runs[0].results[i];
      if (steps[i].op != chain::Op::read || moved <= 0) continue;
      const std::string name = steps[i].fd_from >= 0 ? *steps[0].path : "/read" + std::to_string(i);
      const auto into = std::span(runs[0].buffer).subspan(i);
      if (!holds(into, **files.lookup(name), i * kBlock, static_cast<std::uint64_t>(moved)))
        return false;
    }
    return true;
  }
  bool same_descriptors(bool exited) {
    if (exited) return process.files.open_count() == 0;
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].op != chain::Op::close || steps[i].fd_from >= 0 || steps[i].fd == 15) continue;
      const bool closed = runs[0].results[i] == 0;
      if (process.files.get(steps[i].fd).has_value() == closed) return false;
    }
    return true;
  }

  std::vector<chain::Step> steps;
  std::vector<Outcome> fates;
  std::deque<std::string> names;
  std::set<std::uint64_t> cancel_at;
  std::set<std::uint64_t> exit_at;
  bool exits = false;
  WaitQueue canceller{"canceller"};
  bool over = false;
};

// Cancels whatever is under way, each time it is told to, or ends the process.
Task<void> cancel_when_told(Sleepable& ctx, World& w) {
  while (!w.over) {
    co_await w.canceller.wait(ctx, "a user who cancels", events::Stage::queue);
    if (w.over) break;
    if (w.exits) co_return co_await w.queue.exit(ctx);
    co_await w.queue.cancel(ctx, std::nullopt);
  }
}
Task<void> submit_one(Sleepable& ctx, World& w) {
  const Never never;
  ChainRun* const run = &w.runs[0];
  const Result<std::int64_t> accepted = co_await w.queue.submit(ctx, {&run, 1});
  REQUIRE(accepted == 1);
  const Result<std::int64_t> waited = co_await w.queue.wait(ctx, never);
  const std::optional<ChainEvent> event = co_await w.queue.take(ctx);
  REQUIRE((w.exits ? waited.error() == Errno::eintr && !event : event.has_value()));
  w.over = true;
  w.canceller.wake_from_outside(w.rig.system);
}

void all_programs(std::size_t steps, chain::Continue policy) {
  constexpr int kVariants = kClasses * kPolicies * kFates;
  int all = 1;
  for (std::size_t i = 0; i < steps; ++i) all *= kVariants;
  for (int number = 0; number < all; ++number) {
    std::vector<int> variants;
    for (int rest = number; variants.size() < steps; rest /= kVariants)
      variants.push_back(rest % kVariants);
    World world(policy, variants);
    world.rig.thread(1, world, cancel_when_told);
    world.rig.thread(0, world, submit_one);
    world.rig.run();
    const Results found = results(world.runs[0]);
    const chain::reference::End expected = world.expected();
    const bool same = found == expected.results && world.same_bytes() &&
                      world.same_descriptors(expected.exited) && world.queue.slots_free() == 4;
    if (same) continue;
    CAPTURE(number, steps, variants, found, expected.results);
    FAIL("the kernel and the reference model differ");
  }
}

TEST_CASE("all programs of one and two steps end as the reference model says") {
  for (const auto policy : {chain::Continue::cheapest, chain::Continue::kthread}) {
    all_programs(1, policy);
    all_programs(2, policy);
  }
}

TEST_CASE("all programs of three steps end as the reference model says", "[.][slow]") {
  all_programs(3, chain::Continue::cheapest);
}

}  // namespace
}  // namespace iodrome::designs::task_chain
