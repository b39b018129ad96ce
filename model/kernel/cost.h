// SPDX-License-Identifier: Apache-2.0
// Named costs. No number stands in code: each comes from the machine's table, or from the table of
// a design's folder.
#pragma once
#include <string_view>

#include "model/engine/time.h"

namespace iodrome::kernel {

/// CPU time of one operation. It counts its own use, so a run can say what every entry contributed.
struct Cost {
  Duration each{};
  std::uint64_t count = 0;
  Duration total{};
};

/// One row of a cost table.
template <class Table>
struct CostRow {
  std::string_view name;
  Cost Table::*cost;
  std::string_view help;
};

}  // namespace iodrome::kernel
