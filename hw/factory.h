// SPDX-License-Identifier: Apache-2.0
// Builds the devices' cores from their parts; needs no SystemC.
#pragma once
#include <memory>

#include "hw/crypto/crypto.h"
#include "hw/disk/disk.h"
#include "hw/dma/adma.h"
#include "hw/dma/dsa.h"
#include "hw/dma/ioat.h"
#include "hw/nic/client.h"
#include "hw/nic/nic.h"
#include "hw/nvme/nvme.h"
#include "hw/virtio_blk/virtio_blk.h"

namespace iodrome::hw {

/// A device refers to everything it is given, and to the timeline, for as long as it lives.
/// Errors: values its examine() refuses are a bug here; whoever reads them tells the user.
std::unique_ptr<Nvme> make_nvme(const NvmeParams& params, Timeline& timeline, Port& memory,
                                Port& interrupts, Medium& medium, DrawKey key);
std::unique_ptr<Disk> make_disk(const DiskParams& params, Timeline& timeline, Port& memory,
                                Port& interrupts, Medium& medium, DrawKey key);
std::unique_ptr<VirtioBlk> make_virtio_blk(const VirtioBlkParams& params, Timeline& timeline,
                                           Port& memory, Port& interrupts, Medium& medium);

/// Without `payload_checked` it keeps its times and moves no byte.
std::unique_ptr<Ioat> make_ioat(const IoatParams& params, Timeline& timeline, Port& memory,
                                Port& interrupts, bool payload_checked);

/// The same. Every sum is zero then.
std::unique_ptr<Adma> make_adma(const AdmaParams& params, Timeline& timeline, Port& memory,
                                Port& interrupts, bool payload_checked);

/// The same. No comparison finds a difference then, and every CRC is that of nothing.
std::unique_ptr<Dsa> make_dsa(const DsaParams& params, Timeline& timeline, Port& memory,
                              Port& interrupts, bool payload_checked);

/// The same. Every digest and checksum is zero then.
std::unique_ptr<Crypto> make_crypto(const CryptoParams& params, Timeline& timeline, Port& memory,
                                    Port& interrupts, bool payload_checked);

/// A card and the clients at the other end of its wire, already attached to each other.
struct Network {
  std::unique_ptr<RemoteClients> clients;
  std::unique_ptr<Nic> card;
};

/// `check` may be nullptr: then no byte is looked at.
Network make_network(const NicParams& card, const ClientParams& clients, Timeline& timeline,
                     Port& memory, Port& interrupts, ByteCheck* check);

}  // namespace iodrome::hw
