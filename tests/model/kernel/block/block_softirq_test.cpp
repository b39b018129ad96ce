// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/block_softirq.h"

#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

// A driver whose requests end when the test says so.
struct Held final : BlockDriver {
  explicit Held(std::uint64_t instance) : instance_(instance) {}
  Task<void> queue_request(Atomic& ctx, Request& request) override {
    held.push_back(&request);
    return then_done(ctx.spend());
  }
  std::uint32_t queue_depth() const override { return 4; }
  std::uint64_t number() const override { return instance_; }
  std::vector<Request*> held;

 private:
  std::uint64_t instance_;
};

struct Scene {
  struct TestBio : Bio {
    Scene* scene = nullptr;
    static Task<void> ended(Atomic& ctx, Bio& bio) {
      Scene& s = *static_cast<TestBio&>(bio).scene;
      CHECK(ctx.level() == Level::softirq);
      s.log.add("cpu" + std::to_string(ctx.cpu().index()) + ":" + std::to_string(bio.sector) +
                    (bio.status == Errno::ok ? "" : "!"),
                ctx.now());
      return Task<void>::ready();
    }
  };
  void add(BlockDevice& device, std::uint64_t sector) {
    TestBio& bio = bios.emplace_back();
    bio.sector = sector;
    bio.bytes = 512;
    bio.scene = this;
    bio.end_io = &TestBio::ended;
    submissions.emplace_back(&device, &bio);
  }
  void submit_all() {
    rig.thread<Scene>(0, *this, [](Sleepable& ctx, Scene& s) -> Task<void> {
      for (const auto& [device, bio] : s.submissions) co_await device->submit(ctx, *bio);
    });
    rig.run();
  }

  Rig rig{2};
  BlockSoftirq softirq{rig.system};
  Held drivers[2] = {Held{0}, Held{1}};
  BlockDevice devices[2] = {BlockDevice{drivers[0]}, BlockDevice{drivers[1]}};
  std::deque<TestBio> bios;
  std::vector<std::pair<BlockDevice*, Bio*>> submissions;
  Log log;
};

}  // namespace

TEST_CASE("requests of all devices end in the softirq of the CPU that saw them, in that order") {
  Scene s;
  for (std::uint64_t i = 0; i < 3; ++i) {
    s.add(s.devices[0], i);
    s.add(s.devices[1], 10 + i);
  }
  s.submit_all();
  s.rig.system.costs.bio_complete.each = 100ns;
  s.rig.irq_at(1us, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    scene.softirq.complete(ctx, *scene.drivers[1].held[0], Errno::ok);
    scene.softirq.complete(ctx, *scene.drivers[0].held[2], Errno::eio);
    scene.softirq.complete(ctx, *scene.drivers[1].held[2], Errno::ok);
    return Task<void>::ready();
  }));
  s.rig.irq_at(1us, 1, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    scene.softirq.complete(ctx, *scene.drivers[0].held[0], Errno::ok);
    return Task<void>::ready();
  }));
  // It strikes while the softirq is at work, which then takes what it has found too.
  s.rig.irq_at(1150ns, 0, s.rig.action<Scene>(s, [](Atomic& ctx, Scene& scene) -> Task<void> {
    scene.softirq.complete(ctx, *scene.drivers[0].held[1], Errno::ok);
    scene.softirq.complete(ctx, *scene.drivers[1].held[1], Errno::ok);
    return Task<void>::ready();
  }));
  s.rig.run();
  CHECK(s.log.text ==
        "cpu0:10@1100 cpu1:0@1100 cpu0:2!@1200 cpu0:12@1300 cpu0:1@1400 cpu0:11@1500");
  for (const BlockDevice& device : s.devices) CHECK(device.in_flight() == 0);
}
