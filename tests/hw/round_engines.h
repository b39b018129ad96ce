// SPDX-License-Identifier: Apache-2.0
// Engines of round figures: 4096 B take 1 us of the ADMA's bus and of a CRC, 8 us of a cipher, 4 us
// of a hash.
#pragma once
#include "hw/crypto/crypto.h"
#include "hw/dma/adma.h"

namespace iodrome::tests {

inline hw::AdmaParams round_adma(std::int64_t max_sources) {
  hw::AdmaParams p;
  p.channels = 2;
  p.max_transfer = 1 << 20;
  p.max_sources = max_sources;
  p.doorbell_flight = std::chrono::nanoseconds(100);
  p.descriptor_fetch = std::chrono::nanoseconds(250);
  p.rate = {4'096'000'000};
  p.completion_write = std::chrono::nanoseconds(200);
  p.msi_flight = std::chrono::nanoseconds(400);
  return p;
}

inline hw::CryptoParams round_crypto(std::int64_t queues, std::int64_t engines) {
  hw::CryptoParams p;
  p.queues = queues;
  p.engines = engines;
  p.max_bytes = 65'536;
  p.doorbell_flight = std::chrono::nanoseconds(100);
  p.descriptor_fetch = std::chrono::nanoseconds(300);
  p.setup = std::chrono::nanoseconds(500);
  p.cipher_rate = {512'000'000};
  p.hash_rate = {1'024'000'000};
  p.crc_rate = {4'096'000'000};
  p.completion_write = std::chrono::nanoseconds(200);
  p.msi_flight = std::chrono::nanoseconds(400);
  return p;
}

}  // namespace iodrome::tests
