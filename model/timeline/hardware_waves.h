// SPDX-License-Identifier: Apache-2.0
// What devices and CPUs did, as signals.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "model/engine/wave.h"
#include "model/events/probe.h"

namespace iodrome::timeline {

/// A device of the machine: its number in doorbell events, and the interrupt vectors it has.
struct WaveDevice {
  std::uint64_t number = 0;
  std::string name{};
  std::vector<std::uint64_t> vectors{};
  bool storage = false;  // the block layer counts its requests
};

/// Drives signals by events:
/// - `<device>.doorbells` counts its doorbell writes, `<device>.doorbell_value` is the last one's
///   tail;
/// - `<device>.irq<vector>` is up from the message until its handler has ended with no message
///   behind it, `<device>.irq<vector>_messages` counts the messages;
/// - `<device>.in_flight` is the requests at a storage device;
/// - `cpu<n>.hardirq`, `.softirq` and `.thread` are what the CPU does; thread 0 is idle.
///
/// Counters and not pulses, because a pulse without a length would not show.
class HardwareWaves final : public events::Observer {
 public:
  /// Before the run; `file` outlives it.
  HardwareWaves(WaveFile& file, std::uint32_t cpus, const std::vector<WaveDevice>& devices);
  void attach(events::Probe& probe);

  void on(const events::EventInfo& info, SimTime time, std::uint32_t cpu,
          std::span<const std::uint64_t> words) override;

 private:
  struct Counter {
    Wave* wave;
    std::uint64_t value = 0;
    void add(std::uint64_t amount) { wave->set(value += amount); }
  };
  struct Device {
    Counter doorbells;
    Wave* doorbell_value;
    Counter in_flight{nullptr};  // of a storage device
  };
  struct Vector {
    Wave* line;
    Counter messages;
    bool pending = false;
  };
  struct Processor {
    Wave* hardirq;
    Wave* softirq;
    Wave* thread;
  };

  void on_request(std::uint64_t device, std::uint64_t change);
  void on_irq(const events::EventInfo& info, std::span<const std::uint64_t> words);

  std::map<std::uint64_t, Device> devices_;
  std::map<std::uint64_t, Vector> vectors_;
  std::vector<Processor> cpus_;
};

}  // namespace iodrome::timeline
