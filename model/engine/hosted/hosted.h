// SPDX-License-Identifier: Apache-2.0
// The hosted driver: SystemC is the outer kernel, the timeline runs inside one SC_METHOD. This
// header knows nothing of SystemC; code that brings its own SystemC modules includes pump.h and
// bridge.h too.
#pragma once
#include <memory>
#include <stdexcept>
#include <string>

#include "hw/ports.h"
#include "model/engine/driver.h"
#include "model/engine/wave.h"

namespace iodrome::hosted {

struct HostedOptions {
  /// Whether the timeline may run ahead of SystemC's clock. Without it every instant is one
  /// activation, so sockets are used in the very order of the direct ports, and waves show the true
  /// times.
  bool run_ahead = true;
  /// Where to record waves: a VCD file, whose name ends in ".vcd"; empty: nowhere. Turns run-ahead
  /// off.
  std::string waves;
};

/// An error that SystemC or a foreign SystemC module reported.
struct SystemCError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Pump;

/// One SystemC simulation, made from nothing and freed with everything in it.
///
/// Order: the timeline's events run as under the free driver; at equal times SystemC settles first.
/// Ends when the timeline is idle and SystemC has nothing to do or no task is left to see it.
/// Errors: SystemCError for SystemC's own errors; modelled code's exceptions keep their type. After
/// a SystemCError the driver cannot run again.
class HostedDriver final : public Driver {
 public:
  /// The timeline must outlive the last run(), and need not outlive the driver.
  explicit HostedDriver(Timeline& timeline, HostedOptions options = {});
  ~HostedDriver() override;
  HostedDriver(const HostedDriver&) = delete;
  HostedDriver& operator=(const HostedDriver&) = delete;

  /// `timeline` is the one that the driver was made for.
  RunState run(Timeline& timeline) override;

  /// A port that reaches `target` through TLM-2.0 sockets, one payload per access, never by a
  /// direct memory pointer. It and `target` must outlive the last run(). Before the first run()
  /// only.
  ///
  /// Order: without run-ahead, exactly that of a DirectPort. With it an access ahead of SystemC's
  /// clock suspends its coroutine; a second one in the same event is an error, because it would be
  /// reordered.
  std::unique_ptr<hw::Port> through_sockets(hw::Target& target, const char* name);

  /// Where to add signals before the first run(); nullptr if no waves are recorded. The file is
  /// whole when the driver is gone.
  WaveFile* waves();

  struct Host;  // context and pump
  Host& host() { return *host_; }
  Pump& pump();

 private:
  std::unique_ptr<Host> host_;
};

}  // namespace iodrome::hosted
