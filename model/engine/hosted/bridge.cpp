// SPDX-License-Identifier: Apache-2.0
#include "model/engine/hosted/bridge.h"

#include <vector>

#include "model/engine/hosted/tlm_port.h"

namespace iodrome::hosted {

namespace {

// Resumes a coroutine from the timeline, once.
struct Resumption final : OwnedEvent {
  std::coroutine_handle<> handle;
  Resumption(Timeline& timeline, std::coroutine_handle<> waiter)
      : OwnedEvent(timeline), handle(waiter) {}
  void happen() override { handle.resume(); }
};

// The SystemC side: the socket, and the threads that carry accesses through it.
class BridgeModule final : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<BridgeModule> socket;

  BridgeModule(sc_core::sc_module_name name, Pump& pump)
      : sc_module(name), socket("socket"), pump_(pump) {}

  void begin(hw::Access& access) {
    if (idle_.empty()) {
      add_carrier(access);
    } else {
      Carrier& carrier = *idle_.back();
      idle_.pop_back();
      carrier.access = &access;
      carrier.go.notify(sc_core::SC_ZERO_TIME);
    }
  }
  std::size_t threads() const { return carriers_.size(); }

 private:
  struct Carrier {
    hw::Access* access = nullptr;
    sc_core::sc_event go;
  };

  void add_carrier(hw::Access& access) {
    carriers_.push_back(std::make_unique<Carrier>());
    Carrier& carrier = *carriers_.back();
    carrier.access = &access;
    sc_core::sc_spawn([this, &carrier] { carry(carrier); },
                      sc_core::sc_gen_unique_name("bridge_thread"));
  }

  void carry(Carrier& carrier) {
    for (;;) {
      try {
        transport(*carrier.access);
      } catch (const sc_core::sc_unwind_exception&) {
        throw;
      } catch (...) {
        return pump_.fail(std::current_exception());
      }
      // The run may have ended, and the access with it, while the target was waiting.
      if (pump_.closing()) return;
      Timeline& timeline = pump_.arrive();
      timeline.post(*new Resumption(timeline, carrier.access->waiter()));
      idle_.push_back(&carrier);
      sc_core::wait(carrier.go);
    }
  }

  void transport(hw::Access& access) {
    tlm::tlm_generic_payload payload;
    sc_core::sc_time delay;
    describe(access, payload);
    socket->b_transport(payload, delay);
    if (delay != sc_core::SC_ZERO_TIME) sc_core::wait(delay);
    if (!pump_.closing()) access.set_response(response_of(payload));
  }

  Pump& pump_;
  std::vector<std::unique_ptr<Carrier>> carriers_;
  std::vector<Carrier*> idle_;
};

class BridgePort final : public hw::Port {
 public:
  BridgePort(Pump& pump, BridgeModule& module) : pump_(pump), module_(module) {}

  bool serve_now(hw::Access&) override { return false; }
  void start(hw::Access& access) override {
    if (pump_.in_step() && !pump_.timeline().sync_requested()) {
      module_.begin(access);
      return pump_.touched();
    }
    access.perform = [](SyncRequest* request) {
      auto& asked = static_cast<hw::Access&>(*request);
      static_cast<BridgePort&>(asked.port()).module_.begin(asked);
    };
    pump_.timeline().request_sync(access);
  }
  const BridgeModule& module() const { return module_; }

 private:
  Pump& pump_;
  BridgeModule& module_;
};

}  // namespace

std::unique_ptr<hw::Port> bridge_to(HostedDriver& driver, tlm::tlm_base_target_socket_b<>& target,
                                    const char* name) {
  const Context::Use use(driver.host().context);
  auto& module = driver.host().context.make<BridgeModule>(name, driver.pump());
  module.socket.bind(target);
  return std::make_unique<BridgePort>(driver.pump(), module);
}

tlm::tlm_base_target_socket_b<>& socket_into(HostedDriver& driver, hw::Target& target,
                                             const char* name) {
  const Context::Use use(driver.host().context);
  auto& module = driver.host().context.make<TargetModule>(name, driver.pump(), target);
  if (driver.host().waves != nullptr) module.record(driver.host().waves->systemc());
  return module.socket;
}

std::size_t threads_of(const hw::Port& bridge) {
  return dynamic_cast<const BridgePort&>(bridge).module().threads();
}

}  // namespace iodrome::hosted
