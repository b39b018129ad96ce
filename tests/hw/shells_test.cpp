// SPDX-License-Identifier: Apache-2.0
// Every device as a module of a SystemC system: its registers answer, and nobody asks it for more.
#include <catch2/catch.hpp>

#include "hw/crypto/crypto_shell.h"
#include "hw/disk/disk_shell.h"
#include "hw/dma/adma_shell.h"
#include "hw/dma/dsa_shell.h"
#include "hw/dma/ioat_shell.h"
#include "hw/nic/client.h"
#include "hw/nic/nic_shell.h"
#include "hw/virtio_blk/virtio_blk_shell.h"
#include "tests/hw/part_file.h"
#include "tests/hw/test_medium.h"
#include "tests/model/engine/hosted/sc_thread_tag.h"

namespace iodrome::hw::test {
namespace {

// Answers whatever comes.
struct Sink : sc_core::sc_module {
  tlm_utils::simple_target_socket<Sink> socket;
  explicit Sink(sc_core::sc_module_name name) : sc_module(name), socket("socket") {
    socket.register_b_transport(this, &Sink::b_transport);
  }
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
};

// Reads one register.
struct Reader : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<Reader> socket;
  std::uint64_t address;
  unsigned size;
  bool ok = false;
  SC_HAS_PROCESS(Reader);
  Reader(sc_core::sc_module_name name, std::uint64_t of, unsigned bytes)
      : sc_module(name), socket("socket"), address(of), size(bytes) {
    SC_THREAD(act);
  }
  void act() {
    std::uint32_t value = 0;
    tlm::tlm_generic_payload payload;
    sc_core::sc_time delay;
    payload.set_read();
    payload.set_address(address);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(&value));
    payload.set_data_length(size);
    payload.set_streaming_width(size);
    socket->b_transport(payload, delay);
    ok = payload.is_response_ok();
  }
};

Task<void> a_while(Timeline& timeline) {
  co_await sleep_for(timeline, 1us);
}

template <class Make>
bool answers(std::uint64_t address, unsigned size, Make make) {
  Timeline timeline;
  hosted::HostedDriver driver(timeline);
  const auto shell = make(driver, timeline);
  const hosted::Context::Use use(driver.host().context);
  hosted::Context& systemc = driver.host().context;
  shell->memory().bind(systemc.make<Sink>("memory").socket);
  shell->interrupts().bind(systemc.make<Sink>("interrupts").socket);
  Reader& reader = systemc.make<Reader>("reader", address, size);
  reader.socket.bind(shell->registers());
  timeline.spawn(a_while(timeline), "a while");
  driver.run(timeline);
  return reader.ok;
}

}  // namespace

TEST_CASE("every device can be a module of a SystemC system", IODROME_SC_THREAD) {
  using hosted::HostedDriver;
  TestMedium medium(1 << 30, true);
  CHECK(answers(disk::kGhc, 4, [&](HostedDriver& driver, Timeline& timeline) {
    return make_disk_shell(driver, timeline, "sda", part<DiskParams>("disk", "sata_7200_2007"),
                           medium, DrawKey{1, 0});
  }));
  CHECK(answers(virtio_blk::kMagic, 4, [&](HostedDriver& driver, Timeline& timeline) {
    const auto params = part<VirtioBlkParams>("virtio_blk", "host_virtio_blk_2026");
    return make_virtio_blk_shell(driver, timeline, "vda", params, medium);
  }));
  std::unique_ptr<RemoteClients> clients;
  CHECK(answers(nic::kMss, 4, [&](HostedDriver& driver, Timeline& timeline) {
    clients = std::make_unique<RemoteClients>(part<ClientParams>("nic", "clients_lan", "clients"),
                                              timeline, nullptr);
    return make_nic_shell(driver, timeline, "eth0", part<NicParams>("nic", "gbe_10"), *clients);
  }));
  CHECK(answers(ioat::kVer, 1, [](HostedDriver& driver, Timeline& timeline) {
    return make_ioat_shell(driver, timeline, "ioat", part<IoatParams>("dma", "ioat_2007", "ioat"));
  }));
  CHECK(answers(adma::kChannels, 4, [](HostedDriver& driver, Timeline& timeline) {
    const auto params = part<AdmaParams>("dma", "iop13xx_2007", "adma");
    return make_adma_shell(driver, timeline, "adma", params);
  }));
  CHECK(answers(dsa::kEngines, 4, [](HostedDriver& driver, Timeline& timeline) {
    return make_dsa_shell(driver, timeline, "dsa", part<DsaParams>("dma", "dsa_2023", "dsa"));
  }));
  CHECK(answers(crypto::kQueues, 4, [](HostedDriver& driver, Timeline& timeline) {
    const auto params = part<CryptoParams>("crypto", "crypto_pci_2007");
    return make_crypto_shell(driver, timeline, "crypto", params);
  }));
}

}  // namespace iodrome::hw::test
