// SPDX-License-Identifier: Apache-2.0
#include "model/engine/hosted/bridge.h"

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <catch2/catch.hpp>
#include <vector>

#include "hw/memory/memory.h"
#include "model/engine/hosted/pump.h"
#include "tests/model/engine/hosted/sc_thread_tag.h"
#include "tests/resident.h"

using namespace iodrome;
using namespace iodrome::hosted;

namespace {

// Written as a SystemC user would, without a thought of Iodrome: an access takes as many
// nanoseconds as its address says; odd addresses annotate the last nanosecond instead of waiting
// for it.
struct SlowDevice : sc_core::sc_module {
  tlm_utils::simple_target_socket<SlowDevice> socket;
  int inside = 0;
  int most_inside = 0;
  std::vector<std::uint64_t> arrived;
  std::vector<std::uint64_t> arrived_ps;

  explicit SlowDevice(sc_core::sc_module_name name) : sc_module(name), socket("socket") {
    socket.register_b_transport(this, &SlowDevice::b_transport);
  }
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const auto address = payload.get_address();
    arrived.push_back(address);
    arrived_ps.push_back(sc_core::sc_time_stamp().value());
    most_inside = std::max(most_inside, ++inside);
    if (address == 666) throw std::runtime_error("no such register");
    if (address % 2 == 1) delay += sc_core::sc_time(1, sc_core::SC_NS);
    const auto waits = static_cast<double>(address - address % 2);
    if (waits > 0) sc_core::wait(waits, sc_core::SC_NS);
    --inside;
    if (payload.is_read()) {
      const auto value = static_cast<std::uint32_t>(address * 10);
      std::memcpy(payload.get_data_ptr(), &value, sizeof(value));
    }
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
  }
};

// A foreign DMA engine: writes through its socket at given times.
struct ForeignWriter : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<ForeignWriter> socket;
  std::uint64_t address;
  std::vector<tlm::tlm_response_status> responses;
  SC_HAS_PROCESS(ForeignWriter);
  ForeignWriter(sc_core::sc_module_name name, std::uint64_t to)
      : sc_module(name), socket("socket"), address(to) {
    SC_THREAD(act);
  }
  void act() {
    for (std::uint32_t value = 1; value <= 3; ++value) {
      sc_core::wait(10, sc_core::SC_NS);
      write(value, address, nullptr);
    }
    write(9, 0, nullptr);
    unsigned char enable = 0xff;
    write(9, address, &enable);
  }
  void write(std::uint32_t value, std::uint64_t to, unsigned char* byte_enable) {
    tlm::tlm_generic_payload payload;
    sc_core::sc_time delay;
    payload.set_write();
    payload.set_address(to);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(&value));
    payload.set_data_length(4);
    payload.set_streaming_width(4);
    payload.set_byte_enable_ptr(byte_enable);
    payload.set_byte_enable_length(byte_enable != nullptr);
    socket->b_transport(payload, delay);
    responses.push_back(payload.get_response_status());
  }
};

struct Answer {
  std::uint64_t address;
  std::uint64_t value;
  SimTime at;
  bool operator==(const Answer&) const = default;
};

Task<void> asks(Timeline& timeline, hw::Port& port, Duration when, std::uint64_t address,
                std::vector<Answer>& answers) {
  co_await sleep_for(timeline, when);
  const std::uint64_t value = co_await port.read32(address);
  answers.push_back({address, value, timeline.now()});
}

Task<void> ticks(Timeline& timeline, int count) {
  for (int i = 0; i < count; ++i) co_await sleep_for(timeline, 1ns);
}

struct Rig {
  Timeline timeline;
  HostedDriver driver;
  SlowDevice& device;
  std::unique_ptr<hw::Port> port;
  std::vector<Answer> answers;
  explicit Rig(bool run_ahead = true)
      : driver(timeline, {.run_ahead = run_ahead, .waves = {}}),
        device(driver.host().context.make<SlowDevice>("device")),
        port(bridge_to(driver, device.socket, "bridge")) {}
};

}  // namespace

TEST_CASE("a foreign target that waits is served while the coroutine waits, at the right times",
          IODROME_SC_THREAD) {
  for (const bool run_ahead : {true, false}) {
    CAPTURE(run_ahead);
    Rig rig(run_ahead);
    rig.timeline.spawn(asks(rig.timeline, *rig.port, 100ns, 40, rig.answers), "asks");
    rig.timeline.spawn(ticks(rig.timeline, 500), "runs ahead");
    CHECK(rig.driver.run(rig.timeline) == RunState::idle);
    CHECK(rig.answers == std::vector<Answer>{{40, 400, SimTime{140ns}}});
    CHECK(rig.device.arrived_ps == std::vector<std::uint64_t>{100'000});
    CHECK(rig.timeline.now() == SimTime{500ns});
  }
}

TEST_CASE(
    "several accesses are outstanding at once, each in a thread of its own that is used again",
    IODROME_SC_THREAD) {
  Rig rig;
  rig.timeline.spawn(asks(rig.timeline, *rig.port, 10ns, 50, rig.answers), "a");
  rig.timeline.spawn(asks(rig.timeline, *rig.port, 20ns, 20, rig.answers), "b");
  rig.timeline.spawn(asks(rig.timeline, *rig.port, 20ns, 21, rig.answers), "c");
  rig.timeline.spawn(asks(rig.timeline, *rig.port, 100ns, 4, rig.answers), "d");
  rig.timeline.spawn(asks(rig.timeline, *rig.port, 110ns, 0, rig.answers), "e");
  rig.driver.run(rig.timeline);
  CHECK(rig.answers == std::vector<Answer>{{20, 200, SimTime{40ns}},
                                           {21, 210, SimTime{41ns}},
                                           {50, 500, SimTime{60ns}},
                                           {4, 40, SimTime{104ns}},
                                           {0, 0, SimTime{110ns}}});
  CHECK(rig.device.arrived == std::vector<std::uint64_t>{50, 20, 21, 4, 0});
  CHECK(rig.device.most_inside == 3);
  CHECK(threads_of(*rig.port) == 3);
}

TEST_CASE("accesses in one event enter the target in their order", IODROME_SC_THREAD) {
  Rig rig;
  struct {
    static Task<void> one_after_another(hw::Port& p, std::vector<Answer>& out, Timeline& t) {
      for (const std::uint64_t address : {6u, 0u, 2u}) {
        const std::uint64_t value = co_await p.read32(address);
        out.push_back({address, value, t.now()});
      }
    }
  } body;
  rig.timeline.spawn(body.one_after_another(*rig.port, rig.answers, rig.timeline), "asks");
  rig.driver.run(rig.timeline);
  CHECK(rig.device.arrived == std::vector<std::uint64_t>{6, 0, 2});
  CHECK(rig.answers ==
        std::vector<Answer>{{6, 60, SimTime{6ns}}, {0, 0, SimTime{6ns}}, {2, 20, SimTime{8ns}}});
  CHECK(threads_of(*rig.port) == 1);
}

TEST_CASE("an exception in a foreign target leaves the run with its type", IODROME_SC_THREAD) {
  Rig rig;
  rig.timeline.spawn(asks(rig.timeline, *rig.port, 10ns, 666, rig.answers), "asks");
  CHECK_THROWS_WITH(rig.driver.run(rig.timeline), "no such register");
}

TEST_CASE("a run may end while foreign targets still wait", IODROME_SC_THREAD) {
  Rig rig;
  struct {
    static Task<void> stops(Timeline& t) {
      co_await sleep_for(t, 30ns);
      t.stop();
    }
  } body;
  rig.timeline.spawn(asks(rig.timeline, *rig.port, 10ns, 500, rig.answers), "asks");
  rig.timeline.spawn(asks(rig.timeline, *rig.port, 20ns, 10, rig.answers), "asks");
  rig.timeline.spawn(body.stops(rig.timeline), "stops");
  CHECK(rig.driver.run(rig.timeline) == RunState::stopped);
  rig.timeline.drain();
  CHECK(rig.device.inside >= 1);
}

TEST_CASE("foreign initiators write into memory at their own times", IODROME_SC_THREAD) {
  Timeline timeline;
  HostedDriver driver(timeline);
  hw::Memory memory;
  const hw::PhysAddr page = memory.allocate_page();
  auto& writer = driver.host().context.make<ForeignWriter>("writer", page);
  writer.socket.bind(socket_into(driver, memory, "memory"));
  struct {
    static Task<void> watches(Timeline& t, hw::Memory& m, hw::PhysAddr at,
                              std::vector<std::uint32_t>& seen) {
      for (int i = 0; i < 4; ++i) {
        seen.push_back(m.at<std::uint32_t>(at));
        co_await sleep_for(t, 10ns);  // at equal times the foreign write comes first
      }
    }
  } body;
  std::vector<std::uint32_t> seen;
  timeline.spawn(body.watches(timeline, memory, page, seen), "watches");
  driver.run(timeline);
  CHECK(seen == std::vector<std::uint32_t>{0, 1, 2, 3});
  CHECK(writer.responses == std::vector{tlm::TLM_OK_RESPONSE, tlm::TLM_OK_RESPONSE,
                                        tlm::TLM_OK_RESPONSE, tlm::TLM_ADDRESS_ERROR_RESPONSE,
                                        tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE});
}

TEST_CASE("many runs with suspended bridge threads do not grow the process", IODROME_SC_THREAD) {
  const auto run_once = [] {
    Rig rig;
    for (const std::uint64_t address : {4u, 6u, 1000u})
      rig.timeline.spawn(asks(rig.timeline, *rig.port, 10ns, address, rig.answers), "asks");
    struct {
      static Task<void> stops(Timeline& t) {
        co_await sleep_for(t, 100ns);
        t.stop();
      }
    } body;
    rig.timeline.spawn(body.stops(rig.timeline), "stops");
    rig.driver.run(rig.timeline);
    rig.timeline.drain();
  };
  for (int i = 0; i < 100; ++i) run_once();
  const std::size_t before = resident_bytes();
  for (int i = 0; i < 1'000; ++i) run_once();
  const std::size_t after = resident_bytes();
  if (kResidentIsMeaningful) CHECK(after < before + 512 * 1024);
}
