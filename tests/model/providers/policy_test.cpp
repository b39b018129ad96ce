// SPDX-License-Identifier: Apache-2.0
#include "model/providers/policy.h"

#include "tests/model/providers/rig.h"

namespace iodrome::providers {
namespace {

using namespace kernel;

// Copies of the page, one after the other, each when the one before has ended.
Task<void> copy_alone(Sleepable& ctx, ProviderRig& rig) {
  Job& job = rig.make(0);
  const Errno error = co_await rig.registry.submit(ctx, job);
  CHECK(error == Errno::ok);
  rig.went.push_back(job.provider);
}

const Provider* next_copy(ProviderRig& rig) {
  rig.rig.thread(0, rig, copy_alone);
  rig.rig.run();
  return rig.went.back();
}

}  // namespace

TEST_CASE("first_fit takes the first, round_robin each in turn") {
  ProviderRig first;
  ProviderRig turns("round_robin");
  for (ProviderRig* rig : {&first, &turns}) {
    rig->registry.add(*rig->engines[1]);
    rig->registry.add(*rig->engines[0]);
    rig->registry.add(*rig->caller);
  }
  for (int i = 0; i < 3; ++i) CHECK(next_copy(first) == first.engines[1].get());
  for (int i = 0; i < 2; ++i) {
    CHECK(next_copy(turns) == turns.engines[1].get());
    CHECK(next_copy(turns) == turns.engines[0].get());
    CHECK(next_copy(turns) == turns.caller.get());
  }
}

TEST_CASE("least_loaded fills queues evenly") {
  ProviderRig rig("least_loaded");
  for (auto& engine : rig.engines) rig.registry.add(*engine);
  rig.wanted = 6;
  rig.rig.thread(0, rig, submit_all);
  rig.rig.run();
  for (std::size_t i = 0; i < 6; ++i) CHECK(rig.went[i] == rig.engines[i % 2].get());
}

TEST_CASE("the cost model sends small jobs to the CPU and large ones to the engine") {
  // The CPU copies 1 B/ns from the start; the engine takes 950 ns and then 4.096 B/ns: even at
  // 1257 B.
  for (const auto& [bytes, to_engine] : {std::pair{1200u, false}, std::pair{1300u, true}}) {
    ProviderRig rig("cost_model");
    rig.registry.add(*rig.engines[0]);
    rig.registry.add(*rig.caller);
    Job& job = rig.make(0);
    job.bytes = bytes;
    CHECK(rig.policy->estimate(job, *rig.caller) == bytes * 1ns);
    Provider* both[] = {rig.caller.get(), rig.engines[0].get()};
    CHECK(&rig.policy->choose(job, both) == both[to_engine ? 1 : 0]);
  }
}

TEST_CASE("the cost model counts what stands in front of a job") {
  // A page: 1.95 us on an engine, 4.096 us on the CPU. With two in front the engine is the later.
  ProviderRig rig("cost_model");
  rig.registry.add(*rig.engines[0]);
  rig.registry.add(*rig.thread);
  rig.rig.thread(
      0, rig, +[](Sleepable& ctx, ProviderRig& mine) -> Task<void> {
        for (std::uint32_t number = 0; number < 20; number += 4) {
          const Errno error = co_await mine.registry.submit(ctx, mine.make(number));
          CHECK(error == Errno::ok);
          mine.went.push_back(mine.jobs[number].provider);
        }
      });
  rig.rig.run();
  const Provider* engine = rig.engines[0].get();
  const Provider* cpu = rig.thread.get();
  CHECK(rig.went == std::vector{engine, engine, cpu, engine, engine});
  CHECK(rig.quiet());
}

TEST_CASE("learned finds out who is quicker than published, and comes back when that changes") {
  ProviderRig rig("learned");
  // It claims a hundred times its speed.
  DmaProvider boaster(*rig.dma.hardware()[0], "boaster", {400'000'000'000}, 1ns);
  rig.registry.add(boaster);
  rig.registry.add(*rig.caller);
  CHECK(next_copy(rig) == &boaster);
  CHECK(next_copy(rig) == rig.caller.get());
  // 4096 B: 4.096 us on the CPU; on the engine, read and written, about 2.95 us.
  for (int i = 0; i < 3; ++i) CHECK(next_copy(rig) == &boaster);
  rig.rig.system.copy_rates.cold_bytes_per_s = 2'000'000'000;
  // Nobody tells it: it goes on with what it knows.
  CHECK(next_copy(rig) == &boaster);
  // Somebody else's long jobs make the engine's mean rise by an eighth of the difference each.
  const Job& job = rig.make(0);
  const Duration before = rig.policy->estimate(job, boaster);
  rig.policy->ended(job, boaster, before + 8us);
  CHECK(rig.policy->estimate(job, boaster) == before + 1us);
  rig.policy->ended(job, boaster, before + 9us);
  CHECK(next_copy(rig) == rig.caller.get());
}

TEST_CASE("a policy's name is one of five") {
  for (const char* name : {"first_fit", "round_robin", "least_loaded", "cost_model", "learned"})
    CHECK(make_policy(name) != nullptr);
  CHECK(make_policy("fastest") == nullptr);
}

}  // namespace iodrome::providers
