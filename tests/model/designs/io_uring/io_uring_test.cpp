// SPDX-License-Identifier: Apache-2.0
// The application's side of io_uring: what of a request's steps it has to see to itself.
#include <cstring>

#include "model/designs/io_uring/linked_steps.h"
#include "model/kernel/inotify/inotify_take.h"
#include "model/kernel/socket/loopback.h"
#include "model/kernel/socket/napi.h"
#include "model/providers/registry.h"
#include "tests/model/kernel/disk.h"

namespace iodrome::designs::io_uring {

extern const Descriptor descriptor;

namespace {

using namespace kernel;
using chain::Op;
using chain::Step;

struct Never final : WakeCondition {
  bool holds() const override { return false; }
  bool possible() const override { return false; }
};

/// One thread's side over a ring of two entries.
struct Scene : DiskRig {
  explicit Scene(std::uint32_t descriptors, bool network = true)
      : DiskRig(2), process(descriptors), registry(*chooser, choosing) {
    if (network) os.loopback = &net;
    ParameterList list;
    design->describe(list);
    *std::get<std::int64_t*>(list.find("sq_entries")->slot) = 2;
    *std::get<std::int64_t*>(list.find("direct_slots")->slot) = 8;
    *std::get<std::int64_t*>(list.find("workers_max")->slot) = 1;
    design->start({os, process, registry});
    side = design->make_app_side(sleepers, 0);
  }
  ~Scene() {
    rig.end();
    process.files = FileTable(0);
  }
  chain::ChainRun& run(std::vector<Step> steps) {
    chain::ChainRun& added = runs.emplace_back();
    added.slot = static_cast<std::uint32_t>(runs.size() - 1);
    added.chain.steps.assign(steps.begin(), steps.end());
    added.buffer = pages(4);
    added.start(rig.timeline.now());
    added.course.start(added.chain, added.results.data());
    added.current = static_cast<std::uint16_t>(*added.course.next());
    return added;
  }
  std::uint64_t uses(std::string_view cost) {
    for (const auto& [name, of] : design->costs())
      if (name == cost) return of->count;
    return 0;
  }

  const SocketParams sizes{1 << 20, 60'000, 1 << 20};
  NetRx rx{rig.system};
  Loopback net{rig.system, rx, sizes};
  Process process;
  std::unique_ptr<providers::Policy> chooser = providers::make_policy("first_fit");
  providers::RegistryCosts choosing;
  providers::Registry registry;
  WaitQueue sleepers{"uring"};
  std::deque<chain::ChainRun> runs;
  std::unique_ptr<Design> design = descriptor.make();
  std::unique_ptr<AppSide> side;
};

Task<void> do_first(Sleepable& ctx, Scene& s) {
  const Never never;
  const bool queued = co_await s.side->queue(ctx, s.runs[0]);
  CHECK(queued);
  co_await s.side->submit(ctx);
  co_await s.side->wait(ctx, never);
  const Finished finished = co_await s.side->reap(ctx);
  CHECK(finished.run == &s.runs[0]);
}

std::int64_t error(Errno number) {
  return -static_cast<std::int64_t>(number);
}

}  // namespace

TEST_CASE("a connect for which there is no socket ends with the error of socket(2)") {
  for (const bool network : {false, true}) {
    Scene s(0, network);
    const chain::ChainRun& run = s.run({{.op = Op::connect, .bytes = 80}});
    play_in<Scene>(s, do_first);
    CHECK(run.results[0] == error(network ? Errno::emfile : Errno::enetunreach));
  }
}

TEST_CASE("a connect that finds the submission queue full makes no socket before it can go there") {
  Scene s(4);
  s.run({{.op = Op::nop}});
  s.run({{.op = Op::nop}});
  s.run({{.op = Op::connect, .bytes = 80}});
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    for (int i = 0; i < 2; ++i) {
      const bool queued = co_await scene.side->queue(ctx, scene.runs[static_cast<std::size_t>(i)]);
      CHECK(queued);
    }
    const std::uint64_t calls = scene.rig.probe.counters().syscalls;
    for (int i = 0; i < 2; ++i) {
      const bool queued = co_await scene.side->queue(ctx, scene.runs[2]);
      CHECK_FALSE(queued);
    }
    CHECK(scene.process.files.open_count() == 0);
    CHECK(scene.rig.probe.counters().syscalls == calls);
    co_await scene.side->submit(ctx);
    const bool queued = co_await scene.side->queue(ctx, scene.runs[2]);
    CHECK(queued);
    CHECK(scene.process.files.open_count() == 1);
  });
}

TEST_CASE("a name in an event that is none is the error that getname would have told") {
  const std::string root = "/";
  const std::string whole(300, 'x');
  for (const auto& [name, expected] : {std::pair<std::string, Errno>{"a/b", Errno::einval},
                                       {whole, Errno::enametoolong},
                                       {"", Errno::enoent},
                                       {"missing", Errno::enoent}}) {
    CAPTURE(name);
    Scene s(4);
    chain::ChainRun& run = s.run({{.op = Op::inotify, .fd = 0, .path = &root},
                                  {.op = Op::unlink, .fd_from = 0, .path = &root}});
    const auto event = s.rig.memory.bytes(run.buffer[0], kInotifyLongest);
    std::memset(event.data(), 0, event.size());
    const std::uint32_t length = 16;
    std::memcpy(event.data() + 12, &length, sizeof length);
    const std::size_t copied = std::min(name.size(), event.size() - kInotifyHeader);
    std::memcpy(event.data() + kInotifyHeader, name.data(), copied);
    run.results[0] = 32;
    run.course.ended(0, 32);
    run.current = static_cast<std::uint16_t>(*run.course.next());
    play_in<Scene>(s, do_first);
    CHECK(run.results[1] == error(expected));
  }
}

TEST_CASE("reading an event is prepared for as any other read is") {
  Scene s(4);
  const std::string root = "/";
  const FilePtr instance = *Inotify::make(s.rig.system, 0);
  const int fd = *s.process.files.install(instance);
  s.run({{.op = Op::inotify, .fd = fd, .path = &root}});
  play_in<Scene>(s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    // There is one to read, so that none waits when the scene ends.
    const FilePtr file = *scene.process.files.get(scene.runs[0].chain.steps[0].fd);
    co_await inotify_of(*file)->add_watch(ctx, scene.files.root(), kInMovedTo);
    co_await fsnotify_self(ctx, scene.files.root(), {kInMovedTo, 0, "a"});
    co_await scene.side->queue(ctx, scene.runs[0]);
    co_await scene.side->submit(ctx);
    CHECK(scene.uses("rw_prepare") == 1);
  });
}

}  // namespace iodrome::designs::io_uring
