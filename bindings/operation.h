// SPDX-License-Identifier: Apache-2.0
// Operations as Python yields them: tuples that iodrome.operations makes.
#pragma once
#include <pybind11/pybind11.h>

#include "model/chain/chain_run.h"
#include "model/engine/time.h"

namespace iodrome::bindings {

/// What a generator yielded: a pause, or the steps of one request.
struct Operation {
  bool is_chain = false;  // its result is a list
  bool pause = false;
  Duration length{};
};

/// Paths that steps point to: interned, so that they outlive the requests.
using PathOf = const std::string* (*)(void* owner, std::string_view path);

/// Reads a yielded object into the steps of `run`; the descriptor of a send's socket is `to_fd`.
///
/// Errors: TypeError and ValueError, naming what was wrong.
Operation read_operation(pybind11::handle yielded, chain::ChainRun& run, std::int32_t to_fd,
                         PathOf path_of, void* owner);

}  // namespace iodrome::bindings
