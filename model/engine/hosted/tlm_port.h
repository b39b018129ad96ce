// SPDX-License-Identifier: Apache-2.0
// Accesses through TLM-2.0 sockets: a target module around any hw::Target, and a port whose
// accesses travel as generic payloads through a pair of sockets.
#pragma once
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>
#include <systemc>
#include <tlm>

#include "hw/ports.h"
#include "model/engine/hosted/pump.h"

namespace iodrome::hosted {

/// Serves generic payloads by a hw::Target. Initiators may be ours or foreign.
///
/// Errors: byte enables and streaming are refused with the response TLM-2.0 has for it.
/// Differs: takes no time and leaves the initiator's delay as it is; grants no direct memory
/// pointer.
class TargetModule final : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<TargetModule> socket;

  TargetModule(sc_core::sc_module_name name, Pump& pump, hw::Target& target);
  /// Shows address, data and a count of the accesses in the waves.
  void record(sc_core::sc_trace_file* waves);

 private:
  void b_transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void show(const tlm::tlm_generic_payload& payload);

  Pump& pump_;
  hw::Target& target_;
  bool traced_ = false;
  sc_core::sc_signal<sc_dt::uint64> address_;
  sc_core::sc_signal<sc_dt::uint64> data_;
  sc_core::sc_signal<bool> write_;
  sc_core::sc_signal<sc_dt::uint64> accesses_;
};

/// An initiator socket in a module of its own.
struct InitiatorModule final : sc_core::sc_module {
  tlm_utils::simple_initiator_socket<InitiatorModule> socket;
  explicit InitiatorModule(sc_core::sc_module_name name) : sc_module(name), socket("socket") {}
};

/// Fills a payload from an access; the data stay where they are.
void describe(hw::Access& access, tlm::tlm_generic_payload& payload);
hw::Response response_of(const tlm::tlm_generic_payload& payload);

std::unique_ptr<hw::Port> make_tlm_port(HostedDriver::Host& host, hw::Target& target,
                                        const char* name);

}  // namespace iodrome::hosted
