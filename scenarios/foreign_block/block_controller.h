// SPDX-License-Identifier: Apache-2.0
// A small virtio block controller as a hardware team would model it: plain SystemC and TLM-2.0,
// with a clock of its own that is gated while it is idle. It knows nothing of whoever simulates its
// host.
//
// Registers and rings are those of hw/virtio_blk/registers.h, its data sheet. It serves one request
// at a time: fetch, media, data, status, message.
#pragma once
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <map>
#include <systemc>
#include <tlm>
#include <vector>

/// What a customer of the controller chooses.
struct BlockControllerConfig {
  sc_core::sc_time clock_period{4, sc_core::SC_NS};
  unsigned register_cycles = 5;   // from a register access to its answer
  unsigned bus_cycles = 25;       // of any transfer to or from the host
  unsigned bytes_per_cycle = 16;  // of its data
  unsigned media_cycles = 2'000;  // before the media give or take data
};

class BlockController : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<BlockController> registers;
  tlm_utils::simple_initiator_socket<BlockController> host;      // its memory
  tlm_utils::simple_initiator_socket<BlockController> messages;  // its interrupts
  tlm_utils::simple_initiator_socket<BlockController> media;     // byte addresses of the medium

  // For a wave viewer.
  sc_core::sc_signal<bool> clk{"clk"};
  sc_core::sc_signal<bool> busy{"busy"};
  sc_core::sc_signal<bool> interrupt{"interrupt"};
  sc_core::sc_signal<sc_dt::uint64> doorbells{"doorbells"};
  sc_core::sc_signal<sc_dt::uint64> in_flight{"in_flight"};
  sc_core::sc_signal<sc_dt::uint64> sector{"sector"};

  SC_HAS_PROCESS(BlockController);
  BlockController(sc_core::sc_module_name name, const BlockControllerConfig& config);

  void record(sc_core::sc_trace_file* waves);

 private:
  struct Piece {
    std::uint64_t address = 0;
    std::uint32_t bytes = 0;
    std::uint16_t flags = 0;
    std::uint16_t next = 0;
  };
  struct Header {
    std::uint32_t type = 0;
    std::uint32_t reserved = 0;
    std::uint64_t sector = 0;
  };
  using Socket = tlm_utils::simple_initiator_socket<BlockController>;

  void b_transport(tlm::tlm_generic_payload& access, sc_core::sc_time& delay);
  bool write_register(std::uint64_t address, std::uint64_t value);
  std::uint64_t value_of(std::uint64_t address) const;

  void run_clock();
  void run();
  bool work_is_there();
  void serve(std::uint16_t head);
  std::vector<Piece> fetch_chain(std::uint16_t head);
  std::uint8_t carry_out(const Header& header, const std::vector<Piece>& chain);
  void complete(std::uint16_t head, std::uint32_t written);

  void cycles(unsigned count);
  bool transfer(Socket& socket, tlm::tlm_command command, std::uint64_t address, void* data,
                std::size_t bytes);
  template <class T>
  T fetch(std::uint64_t address) {
    T value{};
    transfer(host, tlm::TLM_READ_COMMAND, address, &value, sizeof value);
    return value;
  }
  template <class T>
  void store(Socket& socket, std::uint64_t address, T value) {
    transfer(socket, tlm::TLM_WRITE_COMMAND, address, &value, sizeof value);
  }

  const BlockControllerConfig config_;
  std::map<std::uint64_t, std::uint64_t> registers_;
  sc_core::sc_event clock_on_;
  sc_core::sc_event doorbell_;
  bool clock_enabled_ = false;
  bool rung_ = false;
  std::uint16_t taken_ = 0;   // requests of the available ring
  std::uint16_t posted_ = 0;  // entries of the used ring
};
