// SPDX-License-Identifier: Apache-2.0
// A crypto engine as a provider of checksums.
#pragma once
#include "model/drivers/crypto/crypto_driver.h"
#include "model/providers/provider.h"

namespace iodrome::providers {

/// Jobs end in the driver's tasklet.
///
/// Differs: it offers CRC-32C alone; ciphers and digests have keys and results that no other
/// provider takes.
class CryptoProvider final : public Provider {
 public:
  /// `rate` and `fixed` are what its maker claims. The driver has been attached.
  CryptoProvider(drivers::CryptoDriver& driver, std::uint32_t queue_limit, Rate rate,
                 Duration fixed);

 private:
  Task<Errno> start(kernel::Atomic& ctx, Job& job) override;
  static Task<void> callback(kernel::Atomic& ctx, drivers::CryptoRequest& request);

  drivers::CryptoDriver& driver_;
  std::vector<drivers::CryptoRequest> requests_;
  std::vector<drivers::CryptoRequest*> free_;
};

}  // namespace iodrome::providers
