// SPDX-License-Identifier: Apache-2.0
// What a machine's file says of its copy and crypto engines, and of who gets the work.
#pragma once
#include "hw/factory.h"
#include "model/drivers/crypto/crypto_driver.h"
#include "model/drivers/dma/adma_driver.h"
#include "model/drivers/dma/idxd_driver.h"
#include "model/drivers/dma/ioat_driver.h"
#include "model/kernel/dmaengine/cpu_operation.h"
#include "model/providers/registry.h"
#include "model/testbed/configuration.h"

namespace iodrome::testbed {

struct EngineSpec {
  // Optional: a machine without a [dma] table has no copy engine.
  std::string dma_kind;  // empty, ioat, adma or dsa
  std::string dma_part;
  drivers::DmaDriverParams dma_driver;
  kernel::DmaCosts dma_costs;
  hw::IoatParams ioat;
  hw::AdmaParams adma;
  hw::DsaParams dsa;
  std::int64_t dma_user_queues = 0;
  drivers::PortalCosts portal_costs;

  // Optional likewise: the table [crypto].
  std::string crypto_part;
  std::string crypto_queueing;  // acrypto or crypto_api
  std::int64_t crypto_queue_length = 0;
  drivers::CryptoDriverParams crypto_driver;
  drivers::CryptoCosts crypto_costs;
  hw::CryptoParams crypto;

  kernel::SoftwareDmaRates software;  // what a CPU does besides copying

  std::string policy;
  std::string copy;  // each: any, engine or cpu
  std::string exclusive_or;
  std::string memset;
  std::string crc32c;
  std::string cipher;
  std::string hash;
  std::string cpu_work;  // caller or kthread
  std::int64_t queue_limit = 0;
  providers::RegistryCosts registry_costs;
};

void describe_dma(EngineSpec& spec, ParameterList& list);
void describe_crypto(EngineSpec& spec, ParameterList& list);
void describe_providers(EngineSpec& spec, ParameterList& list);

/// Reports values that no machine can have, and an operation left to engines that this one lacks.
void examine_engines(const EngineSpec& spec, Configuration& configuration);

}  // namespace iodrome::testbed
