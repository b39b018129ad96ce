// SPDX-License-Identifier: Apache-2.0
// The crypto API's queue before an engine: in order, one request at a time, with a backlog.
#include "model/providers/crypto_engine.h"

#include "model/engine/sha256.h"
#include "tests/model/providers/rig.h"

namespace iodrome::providers {
namespace {

using namespace kernel;

constexpr std::uint32_t kJobs = 8;

struct Scene : ProviderRig {
  explicit Scene(std::uint32_t queue_length)
      : engine(rig.system, crypto_driver, queue_length,
               CryptoClaim{tests::round_crypto(1, 1).cipher_rate, {}, {}, 1500ns}) {
    registry.add(engine);
    wanted = kJobs;
  }
  void digest() {
    for (std::uint32_t number = 0; number < kJobs; ++number) {
      make(number).operation = Operation::hash;
      jobs[number].source_count = 1;
      jobs[number].done = &Scene::note_order;
    }
    rig.thread(
        0, *this, +[](Sleepable& ctx, Scene& mine) -> Task<void> {
          mine.begun = ctx.now().time_since_epoch();
          for (std::uint32_t number = 0; number < kJobs; ++number) {
            const Errno error = co_await mine.registry.submit(ctx, mine.jobs[number]);
            CHECK(error == Errno::ok);
          }
        });
    rig.run();
  }
  static Task<void> note_order(Atomic& ctx, Job& self) {
    auto& mine = static_cast<Scene&>(*static_cast<ProviderRig*>(self.argument));
    mine.order.push_back(static_cast<std::size_t>(&self - mine.jobs.data()));
    return note_done(ctx, self);
  }
  CryptoEngine engine;
  std::vector<std::size_t> order;
  Duration begun{};
};

const std::vector<std::size_t> kAll = {0, 1, 2, 3, 4, 5, 6, 7};

}  // namespace

TEST_CASE("an engine may end with requests in its queue, as where a run is stopped") {
  Scene s(2);
  for (std::uint32_t number = 0; number < kJobs; ++number) {
    s.make(number).operation = Operation::hash;
    s.jobs[number].source_count = 1;
  }
  s.rig.thread(
      0, s, +[](Sleepable& ctx, Scene& mine) -> Task<void> {
        for (std::uint32_t number = 0; number < kJobs; ++number)
          co_await mine.registry.submit(ctx, mine.jobs[number]);
        mine.rig.timeline.stop();
      });
  while (s.registry.in_flight() < kJobs) s.rig.timeline.run();
  CHECK(s.engine.backlogged() != 0);
}

TEST_CASE("requests behind the crypto API's queue end in their order") {
  Scene s(16);
  s.digest();
  CHECK(s.order == kAll);
  CHECK(s.engine.backlogged() == 0);
  for (std::uint32_t number = 0; number < kJobs; ++number)
    CHECK(s.jobs[number].digest == sha256(s.bytes(number % 16)));
  CHECK(s.quiet());
}

TEST_CASE("whoever finds the crypto API's queue full stands in its backlog and is told once") {
  Scene s(2);
  s.digest();
  CHECK(s.order == kAll);
  // The thread comes to the first one behind all of them.
  CHECK(s.engine.backlogged() == kJobs - 2);
  CHECK(s.engine.told() == s.engine.backlogged());
  CHECK(s.quiet());
}

TEST_CASE("an engine behind the crypto API's queue is as quick as its service times together") {
  Scene s(2);
  s.digest();
  const hw::CryptoParams part = tests::round_crypto(1, 1);
  const Duration service = part.setup + part.hash_rate.time_for(ProviderRig::kBytes);
  const Duration way =
      part.doorbell_flight + part.descriptor_fetch + part.completion_write + part.msi_flight;
  CHECK(s.last_end - s.begun == kJobs * (service + way));
}

}  // namespace iodrome::providers
