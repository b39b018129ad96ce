// SPDX-License-Identifier: Apache-2.0
// A machine with two channels of an ADMA engine, a crypto engine, a CPU in its caller's context and
// a CPU's thread, any of which a test may register as a provider.
#pragma once
#include <cstring>

#include "model/drivers/dma/adma_driver.h"
#include "model/engine/crc32c.h"
#include "model/providers/cpu_provider.h"
#include "model/providers/crypto_provider.h"
#include "model/providers/dma_provider.h"
#include "model/providers/registry.h"
#include "tests/hw/round_engines.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/model/kernel/patterned_pages.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::providers {

struct ProviderRig : tests::PatternedPages {
  static constexpr std::uint32_t kPages = 64;
  explicit ProviderRig(const char* policy_name = "first_fit", ChoiceOracle* oracle = nullptr,
                       std::int64_t descriptors = 16)
      : policy(make_policy(policy_name)),
        adma_driver(rig.system, irqs, adma_registers, {descriptors, 0us, 100us}, dma_costs),
        crypto_driver(rig.system, irqs, crypto_registers, {4, 100us}, crypto_costs),
        registry(*policy, costs) {
    rig.system.scheduler.hz = 1000;
    rig.timeline.spawn(adma_driver.attach(dma), "attach");
    rig.timeline.spawn(crypto_driver.attach(), "attach");
    rig.timeline.run();
    for (kernel::DmaChannel* const channel : dma.hardware())
      engines.push_back(
          std::make_unique<DmaProvider>(*channel, "adma", tests::round_adma(8).rate, 950ns));
    const hw::CryptoParams part = tests::round_crypto(1, 1);
    crypto = std::make_unique<CryptoProvider>(
        crypto_driver, 4, CryptoClaim{part.cipher_rate, part.hash_rate, part.crc_rate, 1500ns});
    const kernel::SoftwareDmaRates rates{{500'000'000}, {1'000'000'000}, {300'000'000},
                                         {400'000'000}, {100'000'000},   {200'000'000},
                                         {50'000'000}};
    caller = std::make_unique<CpuProvider>(rig.system, rates, CpuQueue::caller, 2);
    thread = std::make_unique<CpuProvider>(rig.system, rates, CpuQueue::kthread, 4);
    rig.run();
    rig.timeline.choices().ask(oracle);
    lay_out(rig.memory, kPages, 16);
  }
  ~ProviderRig() {
    rig.timeline.choices().ask(nullptr);
    rig.end();
  }

  /// The `number`th job of a mix: copies, sums of three, fills, checks that find zero; each with a
  /// destination of its own.
  Job& make(std::uint32_t number) {
    Job& job = jobs[number];
    job.operation = static_cast<Operation>(number % 4);
    job.bytes = kBytes;
    job.destination = at(32 + number);
    for (std::uint32_t i = 0; i < 3; ++i) job.sources[i] = at((number + i) % 16);
    job.source_count = job.operation == Operation::copy     ? 1
                       : job.operation == Operation::memset ? 0
                                                            : 3;
    if (job.operation == Operation::zero_sum) {
      job.sources[1] = job.sources[0];
      job.source_count = 2;
    }
    job.value = static_cast<std::uint8_t>(number + 1);
    job.argument = this;
    job.done = &ProviderRig::note_done;
    return job;
  }
  /// What the job should have left, told by other code than what did it.
  bool right(std::uint32_t number) {
    const Job& job = jobs[number];
    if (job.operation == Operation::zero_sum) return job.sums_to_zero;
    for (std::uint32_t i = 0; i < kBytes; ++i) {
      std::byte expected = pattern(number % 16, i);
      if (job.operation == Operation::memset) expected = std::byte{job.value};
      if (job.operation == Operation::exclusive_or)
        expected ^= pattern((number + 1) % 16, i) ^ pattern((number + 2) % 16, i);
      if (bytes(32 + number)[i] != expected) return false;
    }
    return true;
  }
  static Task<void> note_done(kernel::Atomic& ctx, Job& self) {
    auto& mine = *static_cast<ProviderRig*>(self.argument);
    ++mine.ends[static_cast<std::size_t>(&self - mine.jobs.data())];
    mine.last_level = ctx.level();
    mine.last_end = ctx.now().time_since_epoch();
    return Task<void>::ready();
  }
  bool quiet() {
    bool all = registry.in_flight() == 0;
    for (const kernel::DmaChannel* channel : dma.hardware()) all = all && channel->in_use() == 0;
    for (const Provider* provider : registry.providers())
      all = all && provider->queue_length() == 0 && provider->backlog() == Duration{0};
    return all && crypto_driver.in_flight() == 0;
  }

  kernel::Rig rig{2};
  RegistryCosts costs;
  std::unique_ptr<Policy> policy;
  kernel::DmaCosts dma_costs;
  drivers::CryptoCosts crypto_costs;
  kernel::IrqController irqs{rig.system};
  hw::DirectPort memory_port{rig.memory};
  hw::DirectPort interrupt_port{irqs};
  hw::Adma adma{tests::round_adma(8), rig.timeline, memory_port, interrupt_port, true};
  hw::Crypto crypto_device{tests::round_crypto(1, 1), rig.timeline, memory_port, interrupt_port,
                           true};
  hw::DirectPort adma_registers{adma};
  hw::DirectPort crypto_registers{crypto_device};
  kernel::DmaEngine dma;
  drivers::AdmaDriver adma_driver;
  drivers::CryptoDriver crypto_driver;
  std::vector<std::unique_ptr<DmaProvider>> engines;
  std::unique_ptr<CryptoProvider> crypto;
  std::unique_ptr<CpuProvider> caller;
  std::unique_ptr<CpuProvider> thread;
  Registry registry;

  std::array<Job, 24> jobs{};
  std::array<int, 24> ends{};
  std::uint32_t wanted = 8;           // jobs that the test's thread submits
  std::vector<Errno> refused;         // what submit answered when it was not ok
  std::vector<const Provider*> went;  // where each went first
  kernel::Level last_level = kernel::Level::thread;
  Duration last_end{};
};

inline Task<void> submit_all(kernel::Sleepable& ctx, ProviderRig& rig) {
  for (std::uint32_t number = 0; number < rig.wanted; ++number) {
    const Errno error = co_await rig.registry.submit(ctx, rig.make(number));
    rig.went.push_back(rig.jobs[number].provider);
    if (error != Errno::ok) rig.refused.push_back(error);
  }
}

}  // namespace iodrome::providers
