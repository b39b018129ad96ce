// SPDX-License-Identifier: Apache-2.0
// A shipped machine, booted, with a thread that gives its providers a mix of jobs.
#pragma once
#include "model/engine/crc32c.h"
#include "model/kernel/kthread/kthread.h"
#include "model/testbed/configuration.h"
#include "model/testbed/machine.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/model/kernel/patterned_pages.h"
#include "tests/model/testbed/scripted.h"

namespace iodrome::tests {

/// A machine by name, but for `set`. What is wrong with it ends the test.
inline testbed::MachineSpec machine_with(const std::string& name, const Settings& set) {
  workloads::Diagnostics diagnostics;
  testbed::Configuration configuration(data_dir(), diagnostics);
  std::vector<workloads::ParameterOverride> overrides;
  for (const auto& [key, value] : set) overrides.push_back({key, value, {"--set", 0, 0, {}}});
  configuration.override_with(std::move(overrides));
  std::optional<testbed::MachineSpec> spec = testbed::load_machine(configuration, name);
  configuration.finish();
  INFO(diagnostics.render());
  REQUIRE(diagnostics.ok());
  return std::move(*spec);
}

struct EngineRig : PatternedPages, kernel::ThreadBody, hw::ByteCheck {
  static constexpr std::uint32_t kPages = 64;
  static constexpr std::uint32_t kJobs = 20;

  EngineRig(const std::string& name, const Settings& set, ChoiceOracle* oracle = nullptr)
      : spec(machine_with(name, set)),
        machine(
            spec, timeline, probe,
            [](hw::Target& target, const char*) {
              return std::make_unique<hw::DirectPort>(target);
            },
            1, true, *this) {
    timeline.spawn(machine.boot(), "boot");
    timeline.run();
    lay_out(machine.system().memory, kPages, 16);
    timeline.choices().ask(oracle);
    for (const providers::Provider* one : registry().providers())
      for (std::uint32_t number = 0; number < kJobs; ++number)
        if (one->capability_for(make(number)) != nullptr) possible[number] = true;
  }
  ~EngineRig() override {
    timeline.choices().ask(nullptr);
    timeline.drain();
    for (const auto& cpu : machine.system().cpus) cpu->forget_threads();
  }

  /// Submits every job that somebody can do, and runs the machine until nothing is left.
  void go() {
    thread.emplace(machine.system(), "thread", events::CpuClass::user, 0, *this);
    timeline.run();
  }
  Task<void> run(kernel::Sleepable& ctx) override {
    for (std::uint32_t number = 0; number < kJobs; ++number) {
      if (!possible[number]) continue;
      refused[number] = co_await registry().submit(ctx, make(number));
    }
  }
  bool matches(std::uint32_t, std::uint64_t, std::span<const std::byte>) override { return true; }

  /// By turns a copy, a sum of three, a check that finds zero, a fill and a checksum.
  providers::Job& make(std::uint32_t number) {
    providers::Job& job = jobs[number];
    job = {};
    job.operation = static_cast<providers::Operation>(number % 5);
    job.bytes = kBytes;
    job.destination = at(32 + number);
    for (std::uint32_t i = 0; i < 3; ++i) job.sources[i] = at((number + i) % 16);
    if (job.operation == providers::Operation::exclusive_or) job.source_count = 3;
    if (job.operation == providers::Operation::memset) job.source_count = 0;
    if (job.operation == providers::Operation::zero_sum) {
      job.sources[1] = job.sources[0];
      job.source_count = 2;
    }
    job.value = static_cast<std::uint8_t>(number + 1);
    job.argument = this;
    job.done = &EngineRig::note_done;
    return job;
  }
  /// What the job should have left, told by other code than what did it.
  bool right(std::uint32_t number) {
    const providers::Job& job = jobs[number];
    if (job.operation == providers::Operation::zero_sum) return job.sums_to_zero;
    if (job.operation == providers::Operation::crc32c)
      return job.crc == crc32c(0, bytes(number % 16));
    for (std::uint32_t i = 0; i < kBytes; ++i) {
      std::byte expected = pattern(number % 16, i);
      if (job.operation == providers::Operation::memset) expected = std::byte{job.value};
      if (job.operation == providers::Operation::exclusive_or)
        expected ^= pattern((number + 1) % 16, i) ^ pattern((number + 2) % 16, i);
      if (bytes(32 + number)[i] != expected) return false;
    }
    return true;
  }
  static Task<void> note_done(kernel::Atomic& ctx, providers::Job& self) {
    auto& mine = *static_cast<EngineRig*>(self.argument);
    ++mine.ends[static_cast<std::size_t>(&self - mine.jobs.data())];
    mine.last_end = ctx.now();
    return Task<void>::ready();
  }
  void check_all() {
    for (std::uint32_t number = 0; number < kJobs; ++number) {
      CAPTURE(number);
      CHECK(ends[number] == (possible[number] ? 1 : 0));
      if (!possible[number]) continue;
      CHECK(refused[number] == Errno::ok);
      CHECK(jobs[number].status == Errno::ok);
      CHECK(right(number));
    }
    CHECK(registry().in_flight() == 0);
  }
  providers::Registry& registry() { return machine.engines().registry(); }
  const testbed::ProviderUse* use_of(const std::string& name) {
    uses = machine.engines().uses();
    const auto found = std::ranges::find(uses, name, &testbed::ProviderUse::name);
    return found == uses.end() ? nullptr : &*found;
  }
  std::uint64_t completed(const std::string& name) {
    const testbed::ProviderUse* const use = use_of(name);
    return use == nullptr ? 0 : use->completed;
  }

  Timeline timeline;
  events::Probe probe{timeline};
  const testbed::MachineSpec spec;
  testbed::Machine machine;
  std::optional<kernel::RunningThread> thread;
  std::array<providers::Job, kJobs> jobs{};
  std::array<bool, kJobs> possible{};
  std::array<int, kJobs> ends{};
  std::array<Errno, kJobs> refused{};  // what submit said
  SimTime last_end{};
  std::vector<testbed::ProviderUse> uses;
};

}  // namespace iodrome::tests
