// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/engines.h"

#include <fmt/format.h>

#include "model/providers/crypto_engine.h"

namespace iodrome::testbed {

using providers::Operation;

namespace {

// The operations of async_tx that engines may do. P and Q go with the sums that they are.
std::uint32_t left_to_engines(const EngineSpec& spec) {
  using kernel::DmaOp;
  std::uint32_t ops = kernel::dma_capability(DmaOp::interrupt);
  const auto leave = [&ops](const std::string& who, std::uint32_t some) {
    if (who != "cpu") ops |= some;
  };
  leave(spec.copy, kernel::dma_capability(DmaOp::memcpy));
  leave(spec.exclusive_or,
        kernel::dma_capabilities({DmaOp::exclusive_or, DmaOp::zero_sum, DmaOp::pq}));
  leave(spec.memset, kernel::dma_capability(DmaOp::memset));
  return ops;
}

// Takes off what `who` leaves to the others.
void withhold_from(providers::Provider& provider, const EngineSpec& spec, std::string_view who) {
  const auto consider = [&](const std::string& right, std::initializer_list<Operation> some) {
    if (right == "any" || right == who) return;
    for (const Operation operation : some) provider.withhold(operation);
  };
  consider(spec.copy, {Operation::copy});
  consider(spec.exclusive_or, {Operation::exclusive_or, Operation::zero_sum});
  consider(spec.memset, {Operation::memset});
  consider(spec.crc32c, {Operation::crc32c});
  consider(spec.cipher, {Operation::encrypt, Operation::decrypt});
  consider(spec.hash, {Operation::hash});
}

struct Claim {
  Rate rate;
  Duration fixed;
};

Claim claim_of(const EngineSpec& spec) {
  if (spec.dma_kind == "adma") {
    const hw::AdmaParams& part = spec.adma;
    return {part.rate,
            part.doorbell_flight + part.descriptor_fetch + part.completion_write + part.msi_flight};
  }
  if (spec.dma_kind == "dsa") {
    const hw::DsaParams& part = spec.dsa;
    return {part.rate, part.portal_flight + part.descriptor_interval + part.descriptor_latency +
                           part.completion_write + part.msi_flight};
  }
  const hw::IoatParams& part = spec.ioat;
  return {part.rate,
          part.doorbell_flight + part.descriptor_setup + part.completion_write + part.msi_flight};
}

providers::CryptoClaim crypto_claim(const hw::CryptoParams& part) {
  return {part.cipher_rate, part.hash_rate, part.crc_rate,
          part.doorbell_flight + part.descriptor_fetch + part.setup + part.completion_write +
              part.msi_flight};
}

}  // namespace

Engines::Engines(const EngineSpec& spec, kernel::System& system, kernel::IrqController& irqs,
                 const PortMaker& ports)
    : spec_(spec),
      system_(system),
      irqs_(irqs),
      dma_costs_(spec.dma_costs),
      portal_costs_(spec.portal_costs),
      crypto_costs_(spec.crypto_costs),
      choice_(dma_, left_to_engines(spec)),
      async_tx_(dma_, choice_, spec.software),
      policy_(providers::make_policy(spec.policy)),
      registry_costs_(spec.registry_costs),
      registry_(*policy_, registry_costs_) {
  if (!spec.dma_kind.empty()) make_dma(ports);
  if (!spec.crypto_part.empty()) make_crypto(ports);
}

void Engines::make_dma(const PortMaker& ports) {
  dma_memory_port_ = ports(system_.memory, "dma_memory");
  dma_memory_port_->share(system_.memory_bus);
  dma_interrupt_port_ = ports(irqs_, "dma_msi");
  const auto make_device = [&](auto make, const auto& part, const char* registers) {
    dma_device_ = make(part, system_.timeline, *dma_memory_port_, *dma_interrupt_port_,
                       system_.payload_checked);
    dma_port_ = ports(*dma_device_, registers);
  };
  const drivers::DmaDriverParams& params = spec_.dma_driver;
  if (spec_.dma_kind == "adma") {
    make_device(&hw::make_adma, spec_.adma, "adma_registers");
    adma_driver_ =
        std::make_unique<drivers::AdmaDriver>(system_, irqs_, *dma_port_, params, dma_costs_);
  } else if (spec_.dma_kind == "dsa") {
    make_device(&hw::make_dsa, spec_.dsa, "dsa_registers");
    const auto shared = static_cast<std::uint32_t>(spec_.dma_user_queues);
    idxd_driver_ = std::make_unique<drivers::IdxdDriver>(system_, irqs_, *dma_port_, params, shared,
                                                         dma_costs_, portal_costs_);
  } else {
    make_device(&hw::make_ioat, spec_.ioat, "ioat_registers");
    ioat_driver_ =
        std::make_unique<drivers::IoatDriver>(system_, irqs_, *dma_port_, params, dma_costs_);
  }
  for (std::size_t cpu = 0; cpu < system_.cpus.size(); ++cpu) {
    software_dma_.push_back(std::make_unique<kernel::SoftwareChannel>(
        system_, dma_costs_, spec_.software, static_cast<std::uint32_t>(params.descriptors)));
    dma_.add(*software_dma_.back(), true);
  }
}

void Engines::make_crypto(const PortMaker& ports) {
  crypto_memory_port_ = ports(system_.memory, "crypto_memory");
  crypto_memory_port_->share(system_.memory_bus);
  crypto_interrupt_port_ = ports(irqs_, "crypto_msi");
  crypto_ = hw::make_crypto(spec_.crypto, system_.timeline, *crypto_memory_port_,
                            *crypto_interrupt_port_, system_.payload_checked);
  crypto_port_ = ports(*crypto_, "crypto_registers");
  crypto_driver_ = std::make_unique<drivers::CryptoDriver>(system_, irqs_, *crypto_port_,
                                                           spec_.crypto_driver, crypto_costs_);
}

Task<void> Engines::boot() {
  if (ioat_driver_) co_await ioat_driver_->attach(dma_);
  if (adma_driver_) co_await adma_driver_->attach(dma_);
  if (idxd_driver_) co_await idxd_driver_->attach(dma_);
  if (crypto_driver_) co_await crypto_driver_->attach();
  add_engines();
  add_cpu();
  for (const auto& provider : providers_) registry_.add(*provider);
}

void Engines::add_engines() {
  for (kernel::DmaChannel* const channel : dma_.hardware()) {
    const Claim claim = claim_of(spec_);
    providers_.push_back(std::make_unique<providers::DmaProvider>(
        *channel, fmt::format("{}{}", channel->name(), providers_.size()), claim.rate,
        claim.fixed));
  }
  if (crypto_driver_) {
    const auto limit =
        static_cast<std::uint32_t>(spec_.crypto_driver.entries * spec_.crypto.queues);
    const providers::CryptoClaim claim = crypto_claim(spec_.crypto);
    if (spec_.crypto_queueing == "crypto_api")
      providers_.push_back(std::make_unique<providers::CryptoEngine>(
          system_, *crypto_driver_, static_cast<std::uint32_t>(spec_.crypto_queue_length), claim));
    else
      providers_.push_back(
          std::make_unique<providers::CryptoProvider>(*crypto_driver_, limit, claim));
  }
  for (const auto& engine : providers_) withhold_from(*engine, spec_, "engine");
}

void Engines::add_cpu() {
  const auto where =
      spec_.cpu_work == "kthread" ? providers::CpuQueue::kthread : providers::CpuQueue::caller;
  auto cpu = std::make_unique<providers::CpuProvider>(
      system_, spec_.software, where, static_cast<std::uint32_t>(spec_.queue_limit));
  withhold_from(*cpu, spec_, "cpu");
  providers_.push_back(std::move(cpu));
}

std::vector<ProviderUse> Engines::uses() const {
  std::vector<ProviderUse> all;
  for (const auto& one : providers_)
    if (one->completed() + one->failed() > 0)
      all.push_back({one->name(), one->completed(), one->failed(), one->moved(), one->bytes(),
                     one->busy(system_.timeline.now())});
  return all;
}

std::vector<std::pair<std::string, const kernel::Cost*>> Engines::costs() const {
  return {{"dma.prep", &dma_costs_.prep},
          {"dma.issue", &dma_costs_.issue},
          {"dma.complete", &dma_costs_.complete},
          {"dma.poll", &dma_costs_.poll},
          {"dma.movdir64b", &portal_costs_.movdir64b},
          {"dma.enqcmd", &portal_costs_.enqcmd},
          {"crypto.submit", &crypto_costs_.submit},
          {"crypto.complete", &crypto_costs_.complete},
          {"providers.choose", &registry_costs_.choose}};
}

}  // namespace iodrome::testbed
