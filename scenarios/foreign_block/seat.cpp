// SPDX-License-Identifier: Apache-2.0
#include "scenarios/foreign_block/seat.h"

#include "model/engine/hosted/bridge.h"
#include "model/engine/hosted/pump.h"

using namespace iodrome;

namespace {

std::unique_ptr<hw::Port> bind_controller(const BlockControllerConfig& config,
                                          hosted::HostedDriver& driver,
                                          const testbed::StorageSeat& seat) {
  hosted::Context& systemc = driver.host().context;
  const hosted::Context::Use use(systemc);
  auto& device = systemc.make<BlockController>("block_controller", config);
  device.host.bind(hosted::socket_into(driver, seat.memory, "host_memory"));
  device.messages.bind(hosted::socket_into(driver, seat.interrupts, "host_interrupts"));
  device.media.bind(hosted::socket_into(driver, seat.medium, "media"));
  if (driver.host().waves != nullptr) device.record(driver.host().waves->systemc());
  return hosted::bridge_to(driver, device.registers, "block_controller_bridge");
}

}  // namespace

testbed::ForeignStorage block_controller(const BlockControllerConfig& config) {
  return std::bind_front(bind_controller, config);
}
