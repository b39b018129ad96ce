// SPDX-License-Identifier: Apache-2.0
#include "hw/crypto/params.h"

namespace iodrome::hw {

void CryptoParams::describe(ParameterList& list) {
  list.add("queues", "", "queues, each with its ring of descriptors", &queues);
  list.add("engines", "", "engines that the queues share", &engines);
  list.add("max_bytes", "B", "most bytes of one descriptor", &max_bytes);
  list.add("doorbell_flight", "s", "register write to the device's notice", &doorbell_flight);
  list.add("descriptor_fetch", "s", "reading a descriptor from host memory", &descriptor_fetch);
  list.add("setup", "s", "an engine's work on a request apart from its bytes", &setup);
  list.add("cipher_rate", "B/s", "AES of one engine", &cipher_rate);
  list.add("hash_rate", "B/s", "SHA-256 of one engine", &hash_rate);
  list.add("crc_rate", "B/s", "CRC-32C of one engine", &crc_rate);
  list.add("completion_write", "s", "writing a descriptor back", &completion_write);
  list.add("msi_flight", "s", "interrupt message to the interrupt controller", &msi_flight);
}

void CryptoParams::examine(ParameterProblems& problems) const {
  problems.require(queues >= 1 && queues <= 16, "queues", "must be 1 to 16");
  problems.require(engines >= 1 && engines <= 16, "engines", "must be 1 to 16");
  problems.require(max_bytes >= 16 && max_bytes <= (1 << 22), "max_bytes", "must be 16 B to 4 MiB");
  CryptoParams copy = *this;
  ParameterList list;
  copy.describe(list);
  for (const Parameter& parameter : list.all()) {
    if (const auto* time = std::get_if<Duration*>(&parameter.slot))
      problems.require(**time >= ps(0), parameter.name, "a time is not negative");
    if (const auto* rate = std::get_if<Rate*>(&parameter.slot))
      problems.require((*rate)->bytes_per_s > 0, parameter.name, "a rate is positive");
  }
}

}  // namespace iodrome::hw
