// SPDX-License-Identifier: Apache-2.0
// A schedule on record, and the oracle that follows it.
#pragma once
#include <stdexcept>
#include <vector>

#include "model/engine/choice.h"

namespace iodrome::explore {

/// One decision of a run. `site` lives as long as the program.
struct Decision {
  Choice kind;
  std::uint32_t options;
  std::uint32_t picked;
  const char* site;
};

/// The run asked for another decision than the one on record: program or scenario have changed.
struct ReplayDiverged : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Repeats the decisions of a record, then decides by default.
///
/// Errors: throws ReplayDiverged, with the number of the decision, when kind, options or site
/// differ.
class Replay final : public ChoiceOracle {
 public:
  explicit Replay(std::vector<Decision> record) : record_(std::move(record)) {}
  std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) override;
  /// How many decisions of the record have been used.
  std::size_t position() const { return next_; }

 private:
  std::vector<Decision> record_;
  std::size_t next_ = 0;
};

}  // namespace iodrome::explore
