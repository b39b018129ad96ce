// SPDX-License-Identifier: Apache-2.0
// The SC_METHOD that turns the timeline. The rules, and what they were learnt from, are in
// README.md.
#pragma once
#include <exception>
#include <systemc>

#include "model/engine/hosted/context.h"
#include "model/engine/hosted/hosted.h"
#include "model/engine/hosted/waves.h"
#include "model/engine/timeline.h"

namespace iodrome::hosted {

/// Runs the timeline's events in order, each when SystemC's clock allows it.
///
/// The only place that reads SystemC's clock.
class Pump final : public sc_core::sc_module {
 public:
  Pump(sc_core::sc_module_name name, Timeline& timeline, bool run_ahead);

  Timeline& timeline() { return timeline_; }

  /// Whether local time is SystemC's time and the timeline is what runs: SystemC may be touched at
  /// once, after which touched() must be called.
  bool in_step() const { return turning_ && timeline_.now() == outside(); }
  /// SystemC was notified, or a socket was called: if that shortened the time without other
  /// activity, the timeline stops after the current event and SystemC gets its turn.
  void touched();

  /// Brings local time up to SystemC's, for a foreign process that will now schedule or change
  /// something; whatever it schedules is run once SystemC has settled. Does nothing inside the
  /// timeline's own turn.
  Timeline& arrive();

  /// Ends the run with an exception that surfaced in a SystemC process.
  void fail(std::exception_ptr error);
  /// The run is over: nothing of the timeline may be touched any more.
  bool closing() const { return closing_; }

  RunState take_turn();
  void close();

 private:
  void activate();
  void turn();
  void wait_for(RunState state);
  static SimTime outside();
  SimTime horizon() const;

  Timeline& timeline_;
  SimTime horizon_{};
  bool run_ahead_;
  bool turning_ = false;
  bool closing_ = false;
  bool started_ = false;
  bool settling_ = false;
  RunState state_ = RunState::idle;
  std::exception_ptr error_;
  SyncRequest settle_;
  sc_core::sc_event wake_;
};

/// What a HostedDriver owns.
struct HostedDriver::Host {
  Context context;
  std::unique_ptr<VcdFile> waves;
  Pump* pump = nullptr;
  bool broken = false;
};

}  // namespace iodrome::hosted
