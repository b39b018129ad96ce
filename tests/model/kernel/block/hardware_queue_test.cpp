// SPDX-License-Identifier: Apache-2.0
// Hardware queues: whose tags a bio takes, and behind whom it waits.
#include <catch2/catch.hpp>

#include "model/kernel/block/block.h"
#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

using Place = std::pair<std::uint32_t, std::uint32_t>;  // hardware queue, tag

// Holds what it is given until the test ends it. A look at a polled queue ends all that it holds.
struct QueuedDisk final : BlockDriver {
  explicit QueuedDisk(QueueMap queues) : map(queues) {}
  Task<void> queue_request(Atomic& ctx, Request& request) override {
    places.emplace_back(request.queue, request.tag);
    held.push_back(&request);
    return then_done(ctx.spend());
  }
  Task<std::uint32_t> poll(Atomic& ctx, std::uint32_t queue) override {
    std::uint32_t ended = 0;
    for (std::size_t i = 0; i < held.size();) {
      Request* const request = held[i];
      if (request->queue != queue) {
        ++i;
        continue;
      }
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(i));
      ++ended;
      co_await device_->complete(ctx, *request, Errno::ok);
    }
    co_return ended;
  }
  Task<void> end(Atomic& ctx, Place place) {
    const auto found = std::ranges::find_if(held, [&](const Request* request) {
      return Place{request->queue, request->tag} == place;
    });
    REQUIRE(found != held.end());
    Request& request = **found;
    held.erase(found);
    return device_->complete(ctx, request, Errno::ok);
  }
  std::uint32_t queue_depth() const override { return 2; }
  QueueMap queue_map() const override { return map; }

  QueueMap map;
  std::vector<Request*> held;
  std::vector<Place> places;  // of requests, in the order of their issue
};

struct Scene {
  Scene(std::uint32_t cpus, QueueMap queues, const QueueParams& params = {})
      : rig(cpus), disk(queues), device(disk, params) {}
  ~Scene() { rig.end(); }

  /// What a thread of that CPU does at that time.
  void on(std::uint32_t cpu, Duration at, std::function<Task<void>(Sleepable&, Scene&)> what) {
    struct Turn final : ThreadBody {
      Task<void> run(Sleepable& ctx) override { return what(ctx, *scene); }
      Scene* scene = nullptr;
      std::function<Task<void>(Sleepable&, Scene&)> what;
    };
    auto turn = std::make_unique<Turn>();
    turn->scene = this;
    turn->what = std::move(what);
    Turn* const body = turn.get();
    rig.bodies.push_back(std::move(turn));
    rig.at(at, [this, cpu, body] {
      rig.threads.push_back(std::make_unique<RunningThread>(rig.system, "thread",
                                                            events::CpuClass::user, cpu, *body));
    });
  }
  Bio& bio() {
    Bio& made = bios.emplace_back();
    made.bytes = 512;
    made.sector = bios.size() * 1000;  // nothing to merge
    made.end_io = [](Atomic&, Bio&) { return Task<void>::ready(); };
    return made;
  }
  Task<void> submit(Sleepable& ctx, int count) {
    for (int i = 0; i < count; ++i) co_await device.submit(ctx, bio());
  }

  Rig rig;
  QueuedDisk disk;
  BlockDevice device;
  std::deque<Bio> bios;
};

using Places = std::vector<Place>;

}  // namespace

TEST_CASE("a CPU that has taken all tags of its hardware queue keeps nobody else's from him") {
  Scene s(2, {.interrupting = 2});
  s.on(0, 0us, [](Sleepable& ctx, Scene& scene) { return scene.submit(ctx, 5); });
  s.on(1, 1us, [](Sleepable& ctx, Scene& scene) { return scene.submit(ctx, 1); });
  s.rig.run();
  CHECK(s.disk.places == Places{{0, 0}, {0, 1}, {1, 0}});
  CHECK(s.device.in_flight() == 3);
  CHECK(s.device.waiting() == 3);
}

TEST_CASE("a tag given back goes to who waits first for one of its queue, and to nobody else") {
  Scene s(2, {.interrupting = 2});
  s.on(0, 0us, [](Sleepable& ctx, Scene& scene) { return scene.submit(ctx, 4); });
  s.on(1, 1us, [](Sleepable& ctx, Scene& scene) { return scene.submit(ctx, 3); });
  // Whoever ends a request of another CPU's queue serves those that wait there.
  s.on(1, 2us, [](Sleepable& ctx, Scene& scene) { return scene.disk.end(ctx, {0, 1}); });
  s.on(0, 3us, [](Sleepable& ctx, Scene& scene) { return scene.disk.end(ctx, {1, 0}); });
  s.on(0, 4us, [](Sleepable& ctx, Scene& scene) { return scene.disk.end(ctx, {1, 0}); });
  s.rig.run();
  CHECK(s.disk.places == Places{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {0, 1}, {1, 0}});
  std::vector<std::uint64_t> held;
  for (const Request* request : s.disk.held) held.push_back(request->sector);
  CHECK(held == std::vector<std::uint64_t>{1000, 6000, 3000});
  CHECK(s.device.waiting() == 1);
}

TEST_CASE("of fewer hardware queues than CPUs, CPUs share one by their number") {
  Scene s(4, {.interrupting = 2});
  for (std::uint32_t cpu = 0; cpu < 4; ++cpu)
    s.on(cpu, cpu * 1us, [](Sleepable& ctx, Scene& scene) { return scene.submit(ctx, 1); });
  s.rig.run();
  CHECK(s.disk.places == Places{{0, 0}, {1, 0}, {0, 1}, {1, 1}});
}

TEST_CASE("the only hardware queue of a device is everybody's") {
  Scene s(4, {});
  for (std::uint32_t cpu = 0; cpu < 4; ++cpu)
    s.on(cpu, cpu * 1us, [](Sleepable& ctx, Scene& scene) { return scene.submit(ctx, 1); });
  s.rig.run();
  CHECK(s.disk.places == Places{{0, 0}, {0, 1}});
  CHECK(s.device.waiting() == 2);
}

TEST_CASE("with an elevator a request goes to the queue of the CPU that has a tag for it") {
  QueueParams params;
  params.scheduler = "mq-deadline";
  Scene s(2, {.interrupting = 2}, params);
  s.on(0, 0us, [](Sleepable& ctx, Scene& scene) { return scene.submit(ctx, 3); });
  s.on(1, 1us, [](Sleepable& ctx, Scene& scene) { return scene.submit(ctx, 1); });
  s.rig.run();
  // CPU 1 brings on what CPU 0 had no tag for, then its own.
  CHECK(s.disk.places == Places{{0, 0}, {0, 1}, {1, 0}, {1, 1}});
  CHECK(s.device.waiting() == 0);
}

TEST_CASE("polled bios have queues of their own, one for a transfer however its thread moves") {
  Scene s(3, {.interrupting = 3, .polled = 2});
  PollQueue of_two;
  PollQueue of_one;
  const auto submit = [](Sleepable& ctx, Scene& scene, PollQueue& place) {
    Bio& bio = scene.bio();
    scene.device.make_polled(ctx, bio, place);
    return scene.device.submit(ctx, bio);
  };
  s.on(2, 0us, [&](Sleepable& ctx, Scene& scene) { return submit(ctx, scene, of_two); });
  s.on(1, 1us, [&](Sleepable& ctx, Scene& scene) { return submit(ctx, scene, of_one); });
  s.on(1, 2us, [&](Sleepable& ctx, Scene& scene) { return submit(ctx, scene, of_two); });
  s.on(1, 3us, [](Sleepable& ctx, Scene& scene) { return scene.submit(ctx, 1); });
  s.on(0, 4us, [&](Sleepable& ctx, Scene& scene) -> Task<void> {
    const std::uint32_t found = co_await scene.device.poll(ctx, of_two);
    CHECK(found == 2);
    const std::uint32_t again = co_await scene.device.poll(ctx, of_two);
    CHECK(again == 0);
  });
  s.rig.run();
  CHECK(s.disk.places == Places{{3, 0}, {4, 0}, {3, 1}, {1, 0}});
  CHECK(of_two.device == &s.device);
  CHECK(s.device.in_flight() == 2);
}

TEST_CASE(
    "a device without queues to poll, or with an elevator, ends a polled bio like any other") {
  QueueParams elevator;
  elevator.scheduler = "mq-deadline";
  for (const QueueParams& params : {QueueParams{}, elevator}) {
    Scene s(1, {.interrupting = 1, .polled = params.scheduler == "none" ? 0u : 1u}, params);
    PollQueue place;
    s.on(0, 0us, [&](Sleepable& ctx, Scene& scene) {
      Bio& bio = scene.bio();
      scene.device.make_polled(ctx, bio, place);
      CHECK_FALSE(bio.polled);
      return scene.device.submit(ctx, bio);
    });
    s.rig.run();
    CHECK(place.device == nullptr);
    CHECK(s.disk.places == Places{{0, 0}});
  }
}
