// SPDX-License-Identifier: Apache-2.0
// Between modelled code and foreign SystemC modules, written with no knowledge of Iodrome.
#pragma once
#include <memory>
#include <systemc>
#include <tlm>

#include "hw/ports.h"
#include "model/engine/hosted/hosted.h"

namespace iodrome::hosted {

/// A port to a foreign target socket whose b_transport may wait. Each access is carried by an
/// SC_THREAD of its own while its coroutine waits; threads are made on demand and used again.
/// Before the first run() only.
///
/// Order: accesses enter the target in the order they were made, at exactly their time; they end as
/// the target ends them. A delay that the target leaves annotated is waited for.
std::unique_ptr<hw::Port> bridge_to(HostedDriver& driver, tlm::tlm_base_target_socket_b<>& target,
                                    const char* name);

/// A target socket through which foreign initiators reach `target`: their DMA into memory, their
/// message- signalled interrupts. Lives as long as the driver. Before the first run() only.
tlm::tlm_base_target_socket_b<>& socket_into(HostedDriver& driver, hw::Target& target,
                                             const char* name);

/// How many bridge threads a bridge_to() port has made so far.
std::size_t threads_of(const hw::Port& bridge);

}  // namespace iodrome::hosted
