// SPDX-License-Identifier: Apache-2.0
// The timeline of a race as files of the kind that the name's ending asks for.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "model/testbed/preparation.h"
#include "model/testbed/run.h"
#include "model/timeline/hardware_waves.h"
#include "model/timeline/recorder.h"

namespace iodrome::testbed {

/// Errors: InputError for a name whose ending is not .pftrace, .ftrace or .vcd, and for waves
/// without SystemC.
void refuse_timeline(const TimelineRequest& request, bool hosted);

/// Records the runs of a race, one after the other. A .pftrace holds all of them; of the others
/// each design has its own file, named `x.<design>.ftrace` where the race has several.
///
/// Errors: InputError where a file cannot be written, from the constructor where that is known.
/// Nothing has the asked-for name before commit(); without it nothing is left behind.
class TimelineFile {
 public:
  /// `race` outlives it.
  TimelineFile(const TimelineRequest& request, const PreparedRace& race);
  ~TimelineFile();
  TimelineFile(const TimelineFile&) = delete;
  TimelineFile& operator=(const TimelineFile&) = delete;

  /// Makes the next run be recorded; `options` must not outlive this object.
  void begin(const std::string& design, RunOptions& options);
  /// That run is over.
  void end();
  /// All runs are over: the files get their names.
  void commit();

 private:
  struct Part {
    std::string temporary;
    std::string target;
  };
  Part& part_for(const std::string& design);
  static void append(const Part& part, const std::string& bytes);

  const std::string path_;
  const std::string suffix_;
  timeline::RunFacts facts_;
  const MachineSpec& machine_;
  const bool one_design_;
  std::uint32_t place_ = 0;
  std::vector<Part> parts_;
  std::unique_ptr<timeline::Recorder> recorder_;
  std::unique_ptr<timeline::HardwareWaves> waves_;
};

/// The machine's devices as waves show them: the vectors are those of its boot order.
std::vector<timeline::WaveDevice> wave_devices(const MachineSpec& machine);

}  // namespace iodrome::testbed
