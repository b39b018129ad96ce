// SPDX-License-Identifier: Apache-2.0
#include "hw/factory.h"

namespace iodrome::hw {

std::unique_ptr<Nvme> make_nvme(const NvmeParams& params, Timeline& timeline, Port& memory,
                                Port& interrupts, Medium& medium, DrawKey key) {
  return std::make_unique<Nvme>(params, timeline, memory, interrupts, medium, key);
}

std::unique_ptr<Disk> make_disk(const DiskParams& params, Timeline& timeline, Port& memory,
                                Port& interrupts, Medium& medium, DrawKey key) {
  return std::make_unique<Disk>(params, timeline, memory, interrupts, medium, key);
}

std::unique_ptr<VirtioBlk> make_virtio_blk(const VirtioBlkParams& params, Timeline& timeline,
                                           Port& memory, Port& interrupts, Medium& medium) {
  return std::make_unique<VirtioBlk>(params, timeline, memory, interrupts, medium);
}

std::unique_ptr<Ioat> make_ioat(const IoatParams& params, Timeline& timeline, Port& memory,
                                Port& interrupts, bool payload_checked) {
  return std::make_unique<Ioat>(params, timeline, memory, interrupts, payload_checked);
}

std::unique_ptr<Adma> make_adma(const AdmaParams& params, Timeline& timeline, Port& memory,
                                Port& interrupts, bool payload_checked) {
  return std::make_unique<Adma>(params, timeline, memory, interrupts, payload_checked);
}

std::unique_ptr<Dsa> make_dsa(const DsaParams& params, Timeline& timeline, Port& memory,
                              Port& interrupts, bool payload_checked) {
  return std::make_unique<Dsa>(params, timeline, memory, interrupts, payload_checked);
}

std::unique_ptr<Crypto> make_crypto(const CryptoParams& params, Timeline& timeline, Port& memory,
                                    Port& interrupts, bool payload_checked) {
  return std::make_unique<Crypto>(params, timeline, memory, interrupts, payload_checked);
}

Network make_network(const NicParams& card, const ClientParams& clients, Timeline& timeline,
                     Port& memory, Port& interrupts, ByteCheck* check) {
  Network network;
  network.clients = std::make_unique<RemoteClients>(clients, timeline, check);
  network.card = std::make_unique<Nic>(card, timeline, memory, interrupts, *network.clients);
  network.clients->attach(*network.card);
  return network;
}

}  // namespace iodrome::hw
