// SPDX-License-Identifier: Apache-2.0
// A program, the disk that fails under it, and a user who cancels it or exits, told to the kernel
// and to the reference model alike.
#pragma once
#include "tests/model/designs/task_chain/program_peers.h"
#include "tests/model/designs/task_chain/stream_client.h"

namespace iodrome::designs::task_chain {

/// How the first try of a step goes: well, short, with an error, cancelled or exited meanwhile.
enum class Fate { well, is_short, fails, cancelled, exited };
inline constexpr int kFates = 5;

/// Steps of one program. Each has a file and a page of memory of its own, but for those that use
/// what the first step has opened.
struct World : Scene {
  static constexpr std::size_t kMost = 8;  // steps
  static constexpr std::uint64_t kFileBytes = kMost * kBlock;

  explicit World(chain::Continue policy, chain::UserCopy copy = chain::UserCopy::pinned)
      : Scene(policy) {
    copy_by(copy);
    FilePtr opened{new File};
    opened->socket = &socket;
    socket_fd = *process.files.install(opened);
    inotify_fd = *process.files.install(*Inotify::make(rig.system, 0));
    disk.on_issue = [this](std::uint64_t sector) {
      if (exit_at.erase(sector) != 0)
        exits = true;
      else if (cancel_at.erase(sector) == 0)
        return;
      rig.at(rig.now() + 100ns, [this] { canceller.wake_from_outside(rig.system); });
    };
  }

  /// The fates that a step cannot have are taken for the best.
  void add(chain::Op op, Fate fate, const chain::Step& rules) {
    chain::Step step = rules;
    step.op = op;
    step.memory = place();
    fates.push_back(Outcome::ok);
    if (Peers::has(op)) meet_peer(step, fate);
    if (op == chain::Op::open) open_one(step, fate);
    if (step.transfers() && !Peers::has(op)) transfer_one(step, fate);
    if (op == chain::Op::close) close_one(step, fate);
    if (op == chain::Op::stat || op == chain::Op::fsync) use_file(step, kFileBytes);
    if (op == chain::Op::timeout) step.bytes = 50;
    if (op == chain::Op::inotify) {
      step.fd = inotify_fd;
      step.path = &root;
    }
    if (op == chain::Op::unlink) step.path = &name_of_file(kBlock, Inode::Metadata::cached);
    if (op == chain::Op::memset) step.value = static_cast<std::uint8_t>(~pattern(steps.size()));
    if (step.ciphers()) step.value = pattern(steps.size());  // the key
    if (op == chain::Op::exclusive_or) step.sources = 2;
    if (step.on_memory() && op != chain::Op::memset && op != chain::Op::crc32c)
      step.offset = place() + kMost * kBlock;
    if (step.on_memory()) step.bytes = kBlock;
    if (!step.transfers()) step.on_short = chain::OnShort::accept;
    steps.push_back(step);
  }
  /// Submits it with nothing but what it says, and the machine until all is over.
  void play();
  chain::reference::End expected();
  bool same_bytes();
  bool same_descriptors(const chain::reference::End& expected) const;

  std::vector<chain::Step> steps;
  bool graph = false;
  bool exits = false;        // its process has ended meanwhile
  bool buffered = false;     // read and written through the page cache, where no disk fails
  bool undelivered = false;  // what was read so waits for a consumer who has gone

 protected:
  std::uint64_t place() const { return steps.size() * kBlock; }
  bool first_opens() const { return !steps.empty() && steps[0].op == chain::Op::open; }
  static std::uint8_t pattern(std::size_t step) { return static_cast<std::uint8_t>(0xa0 + step); }

  const std::string& name_of_file(std::uint64_t bytes, Inode::Metadata metadata) {
    const std::string& name = names.emplace_back("/" + std::to_string(steps.size()));
    file(name, bytes, metadata);
    return name;
  }
  Inode& inode_of(std::size_t step) { return **files.lookup("/" + std::to_string(step)); }
  void use_file(chain::Step& step, std::uint64_t bytes) {
    if (first_opens()) return static_cast<void>(step.fd_from = 0);
    name_of_file(bytes, Inode::Metadata::cached);
    step.fd = *process.files.install(open(inode_of(steps.size())));
  }
  void meet(std::uint64_t sector, Fate fate) {
    if (fate == Fate::fails) disk.broken_once.insert(sector);
    if (fate == Fate::cancelled) cancel_at.insert(sector);
    if (fate == Fate::exited) exit_at.insert(sector);
    static constexpr Outcome kOutcomes[] = {Outcome::ok, Outcome::ok, Outcome::error,
                                            Outcome::too_late, Outcome::exit};
    fates.back() = kOutcomes[static_cast<int>(fate)];
  }
  // Clean-up that waits for somebody would wait for ever.
  void meet_peer(chain::Step& step, Fate fate) {
    const bool waits = !step.clean_up && (fate == Fate::cancelled || fate == Fate::exited);
    if (waits) fates.back() = fate == Fate::cancelled ? Outcome::cancel : Outcome::dropped;
    if (step.op == chain::Op::connect && fate == Fate::fails) fates.back() = Outcome::refused;
    if (step.op == chain::Op::receive && fate == Fate::fails) fates.back() = Outcome::reset;
    if (step.op == chain::Op::receive && fate == Fate::is_short) fates.back() = Outcome::is_short;
    if (step.op == chain::Op::receive) step.bytes = kBlock;
    peers.add(steps.size(), step, fates.back());
  }
  // A cold file: its inode's block may fail, or come too late for who cancels.
  void open_one(chain::Step& step, Fate fate) {
    step.path = &name_of_file(kFileBytes, Inode::Metadata::cold);
    meet(inode_of(steps.size()).metadata_sector, fate);
  }
  void transfer_one(chain::Step& step, Fate fate) {
    step.offset = place();
    step.bytes = kBlock;
    const bool sends = step.op == chain::Op::send;
    if (sends) step.to_fd = socket_fd;
    if (buffered && !sends && fate != Fate::is_short) fate = Fate::well;
    const bool is_short = step.op != chain::Op::write && fate == Fate::is_short;
    // Whatever is asked for behind the file's end, nothing comes.
    if (is_short && step.on_short == chain::OnShort::resume) step.on_short = chain::OnShort::error;
    if (!is_short && step.op == chain::Op::read) use_file(step, kFileBytes);
    if (step.fd_from >= 0) return meet(inode_of(0).first_sector + place() / 512, fate);
    if (step.fd < 0) {
      name_of_file(is_short ? place() + kBlock / 2 : kFileBytes, Inode::Metadata::cached);
      step.fd = *process.files.install(open(inode_of(steps.size())));
    }
    if (is_short) return static_cast<void>(fates.back() = Outcome::is_short);
    meet(inode_of(steps.size()).first_sector + place() / 512, fate);
  }
  // The first step's file, or a descriptor of its own, which with an error is none.
  void close_one(chain::Step& step, Fate fate) {
    if (first_opens()) return static_cast<void>(step.fd_from = 0);
    step.fd = kNoFile;
    if (fate == Fate::fails)
      fates.back() = Outcome::no_file;
    else
      use_file(step, kBlock);
  }

  std::int64_t sum_of(const chain::Step& step);
  std::vector<std::byte> made_by(std::size_t step) const;

  static Task<void> end_the_wait(Sleepable& ctx, World& w);
  static Task<void> cancel_when_told(Sleepable& ctx, World& w);
  static Task<void> submit_one(Sleepable& ctx, World& w);
  Task<void> happen(Sleepable& ctx);
  static std::string event_name(int number) { return "e" + std::to_string(number); }
  std::span<std::byte> memory_at(std::uint64_t at) {
    return rig.memory.bytes(runs[0].buffer[at / kBlock], kBlock);
  }

  static constexpr int kNoFile = 15;
  static constexpr int kEvents = 3000;
  static constexpr std::int64_t kEventBytes = 32;  // with a name of up to 15 bytes
  StreamClient client{rig};
  SocketParams socket_params{1 << 30, 65'536, 65'536};
  Socket socket{rig.system, client, socket_params, 0};
  int socket_fd = 0;
  int inotify_fd = 0;
  const std::string root = "/";
  std::vector<Outcome> fates;
  std::vector<std::pair<std::size_t, std::int64_t>> stream;  // what each try should have sent
  std::map<std::size_t, int> events;  // by step, the number of the last event that it took
  std::size_t syncs = 0;              // tries of fsync
  std::deque<std::string> names;
  std::set<std::uint64_t> cancel_at;
  std::set<std::uint64_t> exit_at;
  WaitQueue canceller{"canceller"};
  Peers peers{*this};
  bool over = false;
};

// Cancels whatever is under way, each time it is told to, or ends the process.
inline Task<void> World::cancel_when_told(Sleepable& ctx, World& w) {
  while (!w.over) {
    co_await w.canceller.wait(ctx, "a user who cancels", events::Stage::queue);
    if (w.over) break;
    if (w.exits) co_return co_await w.queue.exit(ctx);
    co_await w.queue.cancel(ctx, std::nullopt);
  }
}

// No step takes so long, unless it waits for somebody who never comes.
inline Task<void> World::end_the_wait(Sleepable& ctx, World& w) {
  for (;;) {
    co_await schedule_hrtimeout(ctx, ctx.now() + 100ms, "a user", events::Stage::queue);
    if (w.over || w.exits) co_return;
    w.exits = w.peers.exits();
    if (w.exits) co_return co_await w.queue.exit(ctx);
    co_await w.queue.cancel(ctx, std::nullopt);
  }
}

// More events than the steps of any program take.
inline Task<void> World::happen(Sleepable& ctx) {
  const auto takes = [](const chain::Step& step) { return step.op == chain::Op::inotify; };
  if (std::ranges::none_of(steps, takes)) co_return;
  const FilePtr instance = *process.files.get(inotify_fd);
  co_await inotify_of(*instance)->add_watch(ctx, files.root(), kInMovedTo);
  for (int number = 0; number < kEvents; ++number) {
    const std::string name = event_name(number);
    co_await fsnotify_self(ctx, files.root(), {kInMovedTo, 0, name});
  }
}

inline Task<void> World::submit_one(Sleepable& ctx, World& w) {
  const Never never;
  ChainRun* const run = &w.runs[0];
  co_await w.happen(ctx);
  co_await w.peers.act(ctx, run->chain, w.steps);
  const Result<std::int64_t> accepted = co_await w.queue.submit(ctx, {&run, 1});
  REQUIRE(accepted == 1);
  const Result<std::int64_t> waited = co_await w.queue.wait(ctx, never);
  const std::optional<ChainEvent> event = co_await w.queue.take(ctx);
  REQUIRE((w.exits ? waited.error() == Errno::eintr && !event : event.has_value()));
  w.over = true;
  w.canceller.wake_from_outside(w.rig.system);
}

inline void World::play() {
  ChainRun& added = run(steps);
  added.chain.graph = graph;
  added.buffer = pages(2 * kMost + 1);
  for (std::size_t page = 0; page < added.buffer.size(); ++page)
    std::ranges::fill(memory_at(page * kBlock), static_cast<std::byte>(pattern(page)));
  if (peers.any()) {
    expected();  // how often they are needed
    rig.thread(1, *this, end_the_wait);
  }
  rig.thread(1, *this, cancel_when_told);
  rig.thread(0, *this, submit_one);
  rig.run();
}

inline chain::reference::End World::expected() {
  bool open_still = false;
  int taken = 0;
  stream.clear();
  syncs = 0;
  bool gone = false;  // the process
  peers.forget_counts();
  const auto script = [&](std::size_t index, int attempt) {
    const chain::Step& step = steps[index];
    if (step.fd_from >= 0 && !open_still) return Outcome::no_file;
    if (step.op == chain::Op::unlink && attempt > 0) return Outcome::no_entry;
    if (Peers::has(step.op)) return peers.met(index, attempt, gone);
    // A page that could not be read stays so in the page cache, which only sends use.
    const bool lasts = fates[index] == Outcome::no_file || fates[index] == Outcome::is_short ||
                       (fates[index] == Outcome::error && step.op == chain::Op::send);
    const Outcome outcome = attempt == 0 || lasts ? fates[index] : Outcome::ok;
    if (index == 0 && step.op == chain::Op::open) open_still = outcome != Outcome::error;
    if (step.op == chain::Op::fsync) ++syncs;
    if (step.op == chain::Op::inotify) events[index] = taken++;
    if (step.op == chain::Op::send)
      stream.push_back({index, std::max<std::int64_t>(0, value_of(outcome, step.op, kBlock))});
    if (step.op != chain::Op::close) return outcome;
    if (step.fd_from >= 0) open_still = false;
    return step.fd_from < 0 && attempt > 0 ? Outcome::no_file : outcome;
  };
  const auto told = [&](std::size_t index, int attempt) {
    const Outcome outcome = script(index, attempt);
    gone = gone || outcome == Outcome::exit || outcome == Outcome::dropped;
    return outcome;
  };
  const auto yields = [&](std::size_t index) -> std::int64_t {
    if (steps[index].op == chain::Op::inotify) return kEventBytes;
    if (steps[index].op == chain::Op::poll) return kPollIn;
    return steps[index].op == chain::Op::stat ? kFileBytes : sum_of(steps[index]);
  };
  return chain::reference::Line(runs[0].chain, told, yields).run();
}

inline bool World::same_descriptors(const chain::reference::End& expected) const {
  if (expected.exited) return process.files.open_count() == 0;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (steps[i].fd < 0 || steps[i].fd == kNoFile) continue;
    const bool tried = std::ranges::any_of(
        expected.tries, [i](const chain::reference::Try& each) { return each.step == i; });
    const bool closed = steps[i].op == chain::Op::close && tried;
    if (process.files.get(steps[i].fd).has_value() == closed) return false;
  }
  return true;
}

}  // namespace iodrome::designs::task_chain
