// SPDX-License-Identifier: Apache-2.0
// Signals over time, as somebody below records them: see hosted/waves.h.
#pragma once
#include <cstdint>
#include <string>

namespace iodrome {

/// One signal. A value set and changed again in the same instant does not show.
class Wave {
 public:
  virtual ~Wave() = default;
  virtual void set(std::uint64_t value) = 0;
};

/// Where signals are recorded.
class WaveFile {
 public:
  virtual ~WaveFile() = default;
  /// A signal of `bits` (1 to 64) that starts at 0; dots in the name make a hierarchy. Before the
  /// run only; it lives as long as the file.
  virtual Wave& add_wave(const std::string& name, unsigned bits) = 0;
};

}  // namespace iodrome
