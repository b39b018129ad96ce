// SPDX-License-Identifier: Apache-2.0
#include "model/engine/hosted/device_module.h"

namespace iodrome::hosted {

WayOut::WayOut(sc_core::sc_module_name name) : sc_module(name), socket("socket"), from_("from") {
  from_.register_b_transport(this, &WayOut::forward);
}

void WayOut::forward(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  socket->b_transport(payload, delay);
}

}  // namespace iodrome::hosted
