// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/irq/controller.h"

#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

Task<void> note(Atomic& ctx, Log& log) {
  log.add("cpu" + std::to_string(ctx.cpu().index()), ctx.now());
  co_return;
}

}  // namespace

TEST_CASE("a message to a vector's address runs its handler on its CPU") {
  Log log;
  Rig rig(3);
  IrqController irqs(rig.system);
  IrqAction& first = rig.action(log, note);
  IrqAction& second = rig.action(log, note);
  CHECK(irqs.request_irq(first, 2) == 0);
  CHECK(irqs.request_irq(second, 0) == 1);
  hw::DirectPort port(irqs);
  std::uint32_t word = 0;
  const auto message = std::as_writable_bytes(std::span{&word, 1});
  rig.at(10ns, [&] { CHECK(irqs.access(hw::Command::write, 4, message) == hw::Response::ok); });
  rig.at(20ns, [&] { CHECK(irqs.access(hw::Command::write, 0, message) == hw::Response::ok); });
  rig.run();
  CHECK(log.text == "cpu0@10 cpu2@20");
}

TEST_CASE("a message to a vector that nobody asked for is an address error and runs nothing") {
  Log log;
  Rig rig(1);
  IrqController irqs(rig.system);
  irqs.request_irq(rig.action(log, note), 0);
  std::uint32_t word = 0;
  const auto message = std::as_writable_bytes(std::span{&word, 1});
  for (const std::uint64_t address : {4ull, 8ull, 1ull << 40, ~0ull})
    CHECK(irqs.access(hw::Command::write, address, message) == hw::Response::address_error);
  CHECK(irqs.access(hw::Command::read, 0, message) == hw::Response::command_error);
  rig.run();
  CHECK(log.text.empty());
  CHECK(rig.probe.counters().interrupts == 0);
}

TEST_CASE("no handler is given the local timer's vector") {
  Log log;
  Rig rig(1);
  IrqController irqs(rig.system);
  for (std::uint64_t count = 0; count < 500; ++count) {
    const std::uint64_t vector = irqs.request_irq(rig.action(log, note), 0);
    CHECK(vector == IrqController::vector_of(count));
    CHECK(vector != kLocalTimerVector);
    CHECK(vector != kRescheduleVector);
  }
  std::uint32_t word = 0;
  CHECK(irqs.access(hw::Command::write, kLocalTimerVector * 4,
                    std::as_writable_bytes(std::span{&word, 1})) == hw::Response::address_error);
}
