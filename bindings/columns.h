// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <pybind11/pybind11.h>

#include "model/metrics/request_log.h"

namespace iodrome::bindings {

/// The columns by name, each a read-only one-dimensional array over the log's own memory.
///
/// Units: times are int64 picoseconds since the workload's start, -1 where never reached.
pybind11::dict columns_of(metrics::RequestLog&& log);

}  // namespace iodrome::bindings
