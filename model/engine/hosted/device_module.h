// SPDX-License-Identifier: Apache-2.0
// The shell of any device: its core behind three sockets, as a part of somebody else's SystemC
// system.
#pragma once
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <memory>
#include <string>
#include <utility>

#include "model/engine/hosted/bridge.h"
#include "model/engine/hosted/pump.h"

namespace iodrome::hosted {

/// A device's way out: an initiator socket for the system to bind. Its target may wait.
class WayOut final : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<WayOut> socket;

  explicit WayOut(sc_core::sc_module_name name);
  /// Where the device's accesses come in.
  tlm::tlm_base_target_socket_b<>& from_device() { return from_; }

 private:
  void forward(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  tlm_utils::simple_target_socket<WayOut> from_;
};

/// Made before the first run; the system binds its sockets. It must outlive the last run.
///
/// Order: the device's accesses enter their targets in the order it makes them, at its own times,
/// each in an SC_THREAD of its own; register accesses are served when they come and take no time.
/// A run ends when no task of the timeline is left and it is idle: whoever drives the device from
/// outside spawns one that ends when he is done.
template <class Core>
class DeviceModule {
 public:
  /// `params` and `rest` are what the core's constructor takes beside timeline and ports; what it
  /// refers to outlives the last run.
  template <class Params, class... Rest>
  DeviceModule(HostedDriver& driver, Timeline& timeline, const std::string& name,
               const Params& params, Rest&&... rest)
      : memory_(way(driver, name + "_memory")),
        interrupts_(way(driver, name + "_interrupts")),
        memory_port_(bridge_to(driver, memory_.from_device(), (name + "_dma").c_str())),
        interrupt_port_(bridge_to(driver, interrupts_.from_device(), (name + "_msi").c_str())),
        core_(std::make_unique<Core>(params, timeline, *memory_port_, *interrupt_port_,
                                     std::forward<Rest>(rest)...)),
        registers_(socket_into(driver, *core_, (name + "_registers").c_str())) {}
  DeviceModule(const DeviceModule&) = delete;
  DeviceModule& operator=(const DeviceModule&) = delete;

  /// Targets: for initiators of the system.
  tlm::tlm_base_target_socket_b<>& registers() { return registers_; }
  /// Initiators, to be bound: DMA, and message-signalled interrupts, which are 32-bit writes.
  tlm_utils::simple_initiator_socket<WayOut>& memory() { return memory_.socket; }
  tlm_utils::simple_initiator_socket<WayOut>& interrupts() { return interrupts_.socket; }
  Core& core() { return *core_; }

 private:
  static WayOut& way(HostedDriver& driver, const std::string& name) {
    return driver.host().context.make<WayOut>(name.c_str());
  }
  WayOut& memory_;
  WayOut& interrupts_;
  std::unique_ptr<hw::Port> memory_port_;
  std::unique_ptr<hw::Port> interrupt_port_;
  std::unique_ptr<Core> core_;
  tlm::tlm_base_target_socket_b<>& registers_;
};

}  // namespace iodrome::hosted
