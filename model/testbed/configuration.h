// SPDX-License-Identifier: Apache-2.0
// Fills parameter tables from TOML files and overrides. Every value keeps its source; what is
// unknown, unread or missing is an error with its place.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "model/engine/parameters.h"
#include "model/workloads/input/diagnostics.h"
#include "model/workloads/scenario/scenario_file.h"
#include "model/workloads/scenario/toml_document.h"

namespace iodrome::testbed {

/// The source of a value that a flag, a scenario or a job file gave.
inline constexpr const char* kFromUser = "given by the user";

/// Where one value came from.
struct ValueSource {
  std::string key;
  std::string value;
  std::string unit;  // of a bare number; other values carry theirs
  std::string source;
  std::string date;
  bool guess = false;   // nobody measured it
  bool fitted = false;  // chosen so that a published table comes out
};

/// A parameter that overrides may name, as its component describes it.
struct KnownParameter {
  std::string key;
  std::string_view unit;
  std::string_view help;
  std::string_view type;  // see type_name()
};

class Configuration {
 public:
  Configuration(std::string data_dir, workloads::Diagnostics& diagnostics)
      : data_dir_(std::move(data_dir)), diagnostics_(diagnostics) {}

  /// Overrides, strongest last. Their keys are checked in finish(), when all parameters are known.
  void override_with(std::vector<workloads::ParameterOverride> overrides);

  const std::string& data_dir() const { return data_dir_; }
  workloads::Diagnostics& diagnostics() { return diagnostics_; }
  bool ok() const { return diagnostics_.ok(); }

  /// Fills `parameters` from the table; dots in a name are sub-tables. Keys are `prefix.name` to
  /// users.
  void fill(workloads::TomlTable& table, const std::string& prefix,
            const ParameterList& parameters);
  /// The same for a table of a file of the data directory, which then holds nothing else.
  void fill_from_file(const std::string& file, const std::string& table,
                      const ParameterList& parameters);
  /// Fills parameters that have no file: what is not overridden keeps its value.
  void fill_from_overrides(const std::string& prefix, const ParameterList& parameters);
  /// Reports overrides that named no parameter, with the nearest name.
  void finish();

  const std::vector<ValueSource>& sources() const { return sources_; }
  /// Every parameter that was asked for, in the order of the tables.
  const std::vector<KnownParameter>& known() const { return known_; }

 private:
  struct Level;
  void fill_one(workloads::TomlTable& table, const std::string& key, const std::string& full_name,
                const Parameter& parameter);
  const workloads::ParameterOverride* override_of(const std::string& key,
                                                  const Parameter& parameter);

  std::string data_dir_;
  workloads::Diagnostics& diagnostics_;
  std::vector<workloads::ParameterOverride> overrides_;
  std::vector<KnownParameter> known_;
  std::vector<ValueSource> sources_;
};

/// What may be written for a parameter: duration, count, bytes, rate, flag, text or share.
std::string_view type_name(const Parameter& parameter);

/// Reads `text` into a parameter's slot. Returns the complaint, or an empty string.
std::string read_value(const Parameter& parameter, const std::string& text);

}  // namespace iodrome::testbed
