// SPDX-License-Identifier: Apache-2.0
// The copy and crypto engines of a machine with their drivers, its CPUs beside them, and who hands
// them work.
#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/kernel/async_tx/async_tx.h"
#include "model/kernel/dmaengine/software_channel.h"
#include "model/providers/cpu_provider.h"
#include "model/providers/crypto_provider.h"
#include "model/providers/dma_provider.h"
#include "model/testbed/engine_spec.h"
#include "model/testbed/port_maker.h"

namespace iodrome::testbed {

/// What one provider did in a run.
struct ProviderUse {
  std::string name;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  std::uint64_t moved = 0;  // of the failed: given to somebody again
  std::uint64_t bytes = 0;  // of the completed
  Duration busy{};          // time in which it had a job
};

/// Every machine has them, if only its CPU. An engine publishes its part's rate and its part's own
/// latency of one operation, without what its driver costs a CPU.
class Engines {
 public:
  Engines(const EngineSpec& spec, kernel::System& system, kernel::IrqController& irqs,
          const PortMaker& ports);

  /// Attaches the drivers, then registers the providers: engines, by channel, before the CPU.
  Task<void> boot();

  providers::Registry& registry() { return registry_; }
  kernel::AsyncTx& async_tx() { return async_tx_; }
  /// Of the providers that got a job, what they have done until now.
  std::vector<ProviderUse> uses() const;
  /// What engines cost the CPUs, by name.
  std::vector<std::pair<std::string, const kernel::Cost*>> costs() const;

 private:
  void make_dma(const PortMaker& ports);
  void make_crypto(const PortMaker& ports);
  void add_engines();
  void add_cpu();

  const EngineSpec& spec_;
  kernel::System& system_;
  kernel::IrqController& irqs_;

  kernel::DmaCosts dma_costs_;
  kernel::DmaEngine dma_;
  std::unique_ptr<hw::Port> dma_memory_port_;
  std::unique_ptr<hw::Port> dma_interrupt_port_;
  std::unique_ptr<hw::Target> dma_device_;
  std::unique_ptr<hw::Port> dma_port_;
  std::unique_ptr<drivers::IoatDriver> ioat_driver_;
  std::unique_ptr<drivers::AdmaDriver> adma_driver_;
  drivers::PortalCosts portal_costs_;
  std::unique_ptr<drivers::IdxdDriver> idxd_driver_;
  std::vector<std::unique_ptr<kernel::SoftwareChannel>> software_dma_;  // by CPU

  std::unique_ptr<hw::Port> crypto_memory_port_;
  std::unique_ptr<hw::Port> crypto_interrupt_port_;
  std::unique_ptr<hw::Crypto> crypto_;
  std::unique_ptr<hw::Port> crypto_port_;
  drivers::CryptoCosts crypto_costs_;
  std::unique_ptr<drivers::CryptoDriver> crypto_driver_;

  kernel::EngineChoice choice_;
  kernel::AsyncTx async_tx_;
  std::unique_ptr<providers::Policy> policy_;
  providers::RegistryCosts registry_costs_;
  providers::Registry registry_;
  std::vector<std::unique_ptr<providers::Provider>> providers_;
};

}  // namespace iodrome::testbed
