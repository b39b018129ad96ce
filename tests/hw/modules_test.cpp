// SPDX-License-Identifier: Apache-2.0
// Every device as a module of a SystemC system: its registers answer, and nobody asks it for more.
#include <catch2/catch.hpp>

#include "hw/factory.h"
#include "model/engine/hosted/device_module.h"
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

template <class Core, class... Arguments>
bool answers(std::uint64_t address, unsigned size, Arguments&&... arguments) {
  Timeline timeline;
  hosted::HostedDriver driver(timeline);
  hosted::DeviceModule<Core> device(driver, timeline, "device",
                                    std::forward<Arguments>(arguments)...);
  const hosted::Context::Use use(driver.host().context);
  hosted::Context& systemc = driver.host().context;
  device.memory().bind(systemc.make<Sink>("memory").socket);
  device.interrupts().bind(systemc.make<Sink>("interrupts").socket);
  Reader& reader = systemc.make<Reader>("reader", address, size);
  reader.socket.bind(device.registers());
  timeline.spawn(a_while(timeline), "a while");
  driver.run(timeline);
  return reader.ok;
}

}  // namespace

TEST_CASE("every device can be a module of a SystemC system", IODROME_SC_THREAD) {
  constexpr bool kChecked = true;
  TestMedium medium(1 << 30, kChecked);
  Timeline wire;
  RemoteClients clients(part<ClientParams>("nic", "clients_lan", "clients"), wire, nullptr);
  CHECK(answers<Disk>(disk::kGhc, 4, part<DiskParams>("disk", "sata_7200_2007"), medium,
                      DrawKey{1, 0}));
  CHECK(answers<VirtioBlk>(virtio_blk::kMagic, 4,
                           part<VirtioBlkParams>("virtio_blk", "host_virtio_blk_2026"), medium));
  CHECK(answers<Nic>(nic::kMss, 4, part<NicParams>("nic", "gbe_10"), clients));
  CHECK(answers<Ioat>(ioat::kVer, 1, part<IoatParams>("dma", "ioat_2007", "ioat"), kChecked));
  CHECK(
      answers<Adma>(adma::kChannels, 4, part<AdmaParams>("dma", "iop13xx_2007", "adma"), kChecked));
  CHECK(answers<Dsa>(dsa::kEngines, 4, part<DsaParams>("dma", "dsa_2023", "dsa"), kChecked));
  CHECK(answers<Crypto>(crypto::kQueues, 4, part<CryptoParams>("crypto", "crypto_pci_2007"),
                        kChecked));
}

}  // namespace iodrome::hw::test
