// SPDX-License-Identifier: Apache-2.0
// The one schema of configuration: a component describes its parameters as plain data. Whoever
// reads text (TOML, --set) fills the slots; whoever writes documents (schema, README, labels) reads
// the same table.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/engine/time.h"

namespace iodrome {

/// How fast bytes move.
///
/// Units: bytes per second; 0 means that moving takes no time.
struct Rate {
  std::int64_t bytes_per_s = 0;

  /// Exact time for `bytes`, rounded up to the picosecond. Errors: negative bytes or rate; past 106
  /// days.
  Duration time_for(std::int64_t bytes) const;
  friend bool operator==(Rate, Rate) = default;
};

/// A share, exact on every machine.
///
/// Units: parts per million.
struct Fraction {
  std::int64_t parts_per_million = 0;

  /// The share of the 2^64 values of a draw: `bits < threshold()` holds with this probability.
  /// Errors: a share outside 0 … 1; the share 1 saturates 2^-64 below it.
  std::uint64_t threshold() const;
  friend bool operator==(Fraction, Fraction) = default;
};

/// Where a parameter's value is kept; its type says what kind of quantity may be written there.
using ParameterSlot = std::variant<Duration*, std::int64_t*, Rate*, bool*, std::string*, Fraction*>;

/// One row of a component's parameter table. Names, units and helps are literals.
struct Parameter {
  std::string_view name;
  std::string_view unit;  // "s", "B", "B/s", "1/min", "" for counts, switches and names
  std::string_view help;
  ParameterSlot slot;
};

/// A component's table. No defaults: every value comes from a part or machine file.
class ParameterList {
 public:
  /// Errors: a second parameter of the same name is a bug.
  void add(std::string_view name, std::string_view unit, std::string_view help, ParameterSlot slot);

  std::span<const Parameter> all() const { return parameters_; }
  /// The row of that name, or nullptr.
  const Parameter* find(std::string_view name) const;

 private:
  std::vector<Parameter> parameters_;
};

/// Collects what is wrong with a set of values, so that everything is told at once.
class ParameterProblems {
 public:
  /// Notes `name` with its reason unless the condition holds.
  void require(bool condition, std::string_view name, std::string_view reason);
  bool empty() const { return lines_.empty(); }
  /// Lines "name: reason".
  std::span<const std::string> lines() const { return lines_; }

 private:
  std::vector<std::string> lines_;
};

}  // namespace iodrome
