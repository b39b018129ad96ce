// SPDX-License-Identifier: Apache-2.0
// A crypto engine as a provider of ciphers, digests and checksums.
#pragma once
#include "model/drivers/crypto/crypto_driver.h"
#include "model/providers/provider.h"

namespace iodrome::providers {

/// What its maker claims.
struct CryptoClaim {
  Rate cipher;
  Rate hash;
  Rate crc;
  Duration fixed;
};

/// What an engine offers that claims so much.
std::vector<Capability> published(std::uint32_t max_bytes, const CryptoClaim& claim);
/// The driver's request for a job; and what has come of it, for the job.
void fill(drivers::CryptoRequest& request, Job& job);
void take_result(Job& job, const drivers::CryptoRequest& request);

/// Jobs go straight to the device's shortest queue, and end in the driver's tasklet.
class CryptoProvider final : public Provider {
 public:
  /// The driver has been attached.
  CryptoProvider(drivers::CryptoDriver& driver, std::uint32_t queue_limit,
                 const CryptoClaim& claim);

 private:
  Task<Errno> start(kernel::Atomic& ctx, Job& job) override;
  static Task<void> callback(kernel::Atomic& ctx, drivers::CryptoRequest& request);

  drivers::CryptoDriver& driver_;
  std::vector<drivers::CryptoRequest> requests_;
  std::vector<drivers::CryptoRequest*> free_;
};

}  // namespace iodrome::providers
