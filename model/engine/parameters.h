// SPDX-License-Identifier: Apache-2.0
// Parameter tables: the one schema of configuration. A component describes its parameters; the loader fills them from
// files and flags, and an unknown, unread or missing one is an error there.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/engine/time.h"

namespace iodrome {

/// Bytes per second.
struct Rate {
  std::int64_t bytes_per_s = 0;

  /// Time to move `bytes`, rounded up to the picosecond. The rate must be positive.
  Duration time_for(std::uint64_t bytes) const {
    __extension__ using Wide = unsigned __int128;
    const auto rate = static_cast<Wide>(bytes_per_s);
    return ps(static_cast<std::int64_t>((Wide{bytes} * 1'000'000'000'000u + rate - 1) / rate));
  }
};

/// A share or ratio in millionths, so that no result depends on floating point.
struct Fraction {
  std::int64_t parts_per_million = 0;
};

/// Where a parameter's value goes; the type says how its text is read.
using ParameterSlot =
    std::variant<Duration*, std::int64_t*, Rate*, bool*, std::string*, Fraction*>;

struct Parameter {
  std::string name;        // dotted below the component, e.g. "geometry.channels"
  std::string_view unit;   // of a plain number: "", "bytes", "pages" …
  std::string_view help;
  ParameterSlot slot;
};

class ParameterList {
 public:
  void add(std::string name, std::string_view unit, std::string_view help, ParameterSlot slot) {
    all_.push_back({std::move(name), unit, help, slot});
  }
  const std::vector<Parameter>& all() const { return all_; }

 private:
  std::vector<Parameter> all_;
};

}  // namespace iodrome
