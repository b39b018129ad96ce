// SPDX-License-Identifier: Apache-2.0
#include "model/engine/hosted/hosted.h"

#include "model/engine/hosted/pump.h"
#include "model/engine/hosted/tlm_port.h"

namespace iodrome::hosted {

namespace {

// SystemC throws its reports; callers of this driver need not know that type.
template <class Body>
auto translating(Body body) {
  try {
    return body();
  } catch (const sc_core::sc_report& report) {
    throw SystemCError(std::string("SystemC: ") + report.get_msg_type() + ": " + report.get_msg());
  }
}

}  // namespace

HostedDriver::HostedDriver(Timeline& timeline, HostedOptions options)
    : host_(std::make_unique<Host>()) {
  translating([&] {
    const Context::Use use(host_->context);
    const bool run_ahead = options.run_ahead && options.waves.empty();
    host_->pump = &host_->context.make<Pump>("pump", timeline, run_ahead);
    if (options.waves.empty()) return;
    host_->waves = std::make_unique<VcdFile>(host_->context, options.waves);
  });
}

HostedDriver::~HostedDriver() {
  const Context::Use use(host_->context);
  host_->waves.reset();
  // SystemC 3.0 crashes when it deletes a simulation with suspended threads.
  if (host_->broken || !host_->context.has_threads()) return;
  try {
    host_->pump->close();
  } catch (const sc_core::sc_report&) {
    // A thread that fails while it is ended has nobody left to tell.
  }
}

RunState HostedDriver::run(Timeline& timeline) {
  Pump& turned = pump();
  check(&timeline == &turned.timeline(), "a hosted driver runs the timeline it was made for");
  const Context::Use use(host_->context);
  return translating([&] {
    check(!host_->broken, "SystemC cannot go on after an error");
    host_->broken = true;  // unless it comes back without a report
    try {
      const RunState state = turned.take_turn();
      host_->broken = false;
      return state;
    } catch (const sc_core::sc_report&) {
      throw;
    } catch (...) {
      host_->broken = false;
      throw;
    }
  });
}

std::unique_ptr<hw::Port> HostedDriver::through_sockets(hw::Target& target, const char* name) {
  return translating([&] { return make_tlm_port(*host_, target, name); });
}

WaveFile* HostedDriver::waves() {
  return host_->waves.get();
}

Pump& HostedDriver::pump() {
  return *host_->pump;
}

}  // namespace iodrome::hosted
