// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "model/workloads/input/quantity.h"

namespace iodrome::workloads {

/// A size or count of a job file: `parse_fio_size`, or arithmetic in parentheses with
/// `+ - * / % ^` and suffixed numbers, e.g. `(8*4k)`.
/// Units: bytes. A fractional result is cut. Errors: a negative one, a division by zero.
[[nodiscard]] Parsed parse_fio_number(std::string_view text, int kb_base);

/// A time of a job file; inside parentheses a number without a unit counts microseconds.
/// Units: picoseconds.
[[nodiscard]] Parsed parse_fio_period_ps(std::string_view text, std::int64_t default_unit_ps);

}  // namespace iodrome::workloads
