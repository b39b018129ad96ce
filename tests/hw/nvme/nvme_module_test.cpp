// SPDX-License-Identifier: Apache-2.0
// The drive in a system of somebody else's: a CPU, a memory that takes its time and an interrupt
// controller, written as a SystemC user would.
#include <catch2/catch.hpp>

#include "hw/nvme/nvme.h"
#include "model/engine/hosted/device_module.h"
#include "tests/hw/part_file.h"
#include "tests/hw/test_medium.h"
#include "tests/model/engine/hosted/sc_thread_tag.h"

namespace iodrome::hw::test {
namespace {

using nvme::SubmissionEntry;

struct Ram : sc_core::sc_module {
  tlm_utils::simple_target_socket<Ram> socket;
  std::vector<unsigned char> bytes = std::vector<unsigned char>(1 << 20);
  explicit Ram(sc_core::sc_module_name name) : sc_module(name), socket("socket") {
    socket.register_b_transport(this, &Ram::b_transport);
  }
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    sc_core::wait(80, sc_core::SC_NS);
    unsigned char* const at = bytes.data() + payload.get_address();
    if (payload.is_write())
      std::memcpy(at, payload.get_data_ptr(), payload.get_data_length());
    else
      std::memcpy(payload.get_data_ptr(), at, payload.get_data_length());
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
  template <class T>
  T& at(std::uint64_t address) {
    return *reinterpret_cast<T*>(bytes.data() + address);
  }
};

struct Controller : sc_core::sc_module {
  tlm_utils::simple_target_socket<Controller> socket;
  sc_core::sc_event raised;
  std::vector<std::uint64_t> raised_ps;
  explicit Controller(sc_core::sc_module_name name) : sc_module(name), socket("socket") {
    socket.register_b_transport(this, &Controller::b_transport);
  }
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time&) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    if (*payload.get_data_ptr() != 1) return;  // the admin queue's vector, which nobody waits for
    raised_ps.push_back(sc_core::sc_time_stamp().value());
    raised.notify(sc_core::SC_ZERO_TIME);
  }
};

// Brings the drive up, then reads two blocks of 4 KiB, one after the other.
struct Host : sc_core::sc_module {
  static constexpr std::uint64_t kAdminSq = 0x1000, kAdminCq = 0x2000, kSq = 0x3000, kCq = 0x4000;
  static constexpr std::uint64_t kBuffer = 0x10000;
  tlm_utils::simple_initiator_socket<Host> socket;
  Ram& ram;
  Controller& controller;
  std::vector<std::uint64_t> rung_ps;
  std::vector<std::uint16_t> codes;
  bool done = false;
  SC_HAS_PROCESS(Host);
  Host(sc_core::sc_module_name name, Ram& memory, Controller& interrupts)
      : sc_module(name), socket("socket"), ram(memory), controller(interrupts) {
    SC_THREAD(act);
  }

  void act() {
    write(nvme::kAqa, 31u << 16 | 31u, 4);
    write(nvme::kAsq, kAdminSq, 8);
    write(nvme::kAcq, kAdminCq, 8);
    write(nvme::kCc, nvme::kCcEnable, 4);
    while ((read(nvme::kCsts) & nvme::kCstsReady) == 0) sc_core::wait(1, sc_core::SC_US);
    SubmissionEntry create;
    create.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::create_io_cq);
    create.prp1 = kCq;
    create.cdw10 = 15u << 16 | 1u;
    create.cdw11 = 1u << 16 | 3u;
    admin(0, create);
    create.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::create_io_sq);
    create.prp1 = kSq;
    create.cdw11 = 1u << 16 | 1u;
    admin(1, create);
    for (std::uint32_t number = 0; number < 2; ++number) read_block(number);
    done = true;
  }
  void admin(std::uint32_t slot, const SubmissionEntry& entry) {
    ram.at<SubmissionEntry>(kAdminSq + 64ull * slot) = entry;
    write(nvme::sq_tail_doorbell(0), slot + 1, 4);
    while (!ram.at<nvme::CompletionEntry>(kAdminCq + 16ull * slot).phase())
      sc_core::wait(1, sc_core::SC_US);
  }
  void read_block(std::uint32_t number) {
    SubmissionEntry entry;
    entry.opcode = static_cast<std::uint8_t>(nvme::IoOpcode::read);
    entry.namespace_id = 1;
    entry.prp1 = kBuffer + 4096ull * number;
    entry.set_first_block(8ull * (100 + number));
    entry.cdw12 = 7;
    ram.at<SubmissionEntry>(kSq + 64ull * number) = entry;
    rung_ps.push_back(sc_core::sc_time_stamp().value());
    write(nvme::sq_tail_doorbell(1), number + 1, 4);
    sc_core::wait(controller.raised);
    codes.push_back(ram.at<nvme::CompletionEntry>(kCq + 16ull * number).code());
    write(nvme::cq_head_doorbell(1), number + 1, 4);
  }
  void write(std::uint64_t address, std::uint64_t value, unsigned bytes) {
    access(tlm::TLM_WRITE_COMMAND, address, value, bytes);
  }
  std::uint64_t read(std::uint64_t address) {
    std::uint64_t value = 0;
    access(tlm::TLM_READ_COMMAND, address, value, 4);
    return value;
  }
  void access(tlm::tlm_command command, std::uint64_t address, std::uint64_t& value,
              unsigned bytes) {
    tlm::tlm_generic_payload payload;
    sc_core::sc_time delay;
    payload.set_command(command);
    payload.set_address(address);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(&value));
    payload.set_data_length(bytes);
    payload.set_streaming_width(bytes);
    socket->b_transport(payload, delay);
    REQUIRE(payload.is_response_ok());
  }
};

// A run lasts as long as some task does.
Task<void> until_done(Timeline& timeline, const Host& host) {
  while (!host.done) co_await sleep_for(timeline, 10us);
}

}  // namespace

TEST_CASE("a drive serves a SystemC system of somebody else's by its sockets alone",
          IODROME_SC_THREAD) {
  const auto params = part<NvmeParams>("nvme", "samsung_970_pro");
  Timeline timeline;
  TestMedium medium(1 << 30, true);
  hosted::HostedDriver driver(timeline);
  hosted::DeviceModule<Nvme> ssd(driver, timeline, "ssd", params, medium, DrawKey{1, 0});
  {
    const hosted::Context::Use use(driver.host().context);
    Ram& ram = driver.host().context.make<Ram>("ram");
    Controller& controller = driver.host().context.make<Controller>("controller");
    Host& host = driver.host().context.make<Host>("host", ram, controller);
    ssd.memory().bind(ram.socket);
    ssd.interrupts().bind(controller.socket);
    host.socket.bind(ssd.registers());
    timeline.spawn(until_done(timeline, host), "until done");
    CHECK(driver.run(timeline) == RunState::idle);
    REQUIRE(host.done);
    CHECK(host.codes == std::vector<std::uint16_t>{0, 0});
    for (std::uint64_t i = 0; i < 8192; ++i)
      REQUIRE(std::byte{ram.bytes[Host::kBuffer + i]} == TestMedium::original(4096 * 100 + i));
    // The device's own time, and the memory's for command, payload and completion.
    REQUIRE(controller.raised_ps.size() == 2);
    for (std::size_t i = 0; i < 2; ++i) {
      const Duration took =
          ps(static_cast<std::int64_t>(controller.raised_ps[i] - host.rung_ps[i]));
      const Duration medium_time =
          params.channel_rate.time_for(4096) + params.link_rate.time_for(4096);
      const Duration fixed = params.doorbell_flight + params.command_fetch +
                             params.firmware_read_small + params.completion_write +
                             params.notification_delay + params.msi_flight + medium_time;
      CHECK((took == fixed + params.read_fast + 240ns || took == fixed + params.read_slow + 240ns));
    }
    CHECK(ssd.core().counters().reads == 2);
  }
}

}  // namespace iodrome::hw::test
