// SPDX-License-Identifier: Apache-2.0
// What is a chain at all: checked once, at submission, before anything runs.
#pragma once
#include <cstddef>

#include "model/chain/chain.h"
#include "model/engine/result.h"

namespace iodrome::chain {

/// Errors: EINVAL (no steps; an open without path; a value, descriptor, loop or order of a step
/// that is not earlier; a jump that is not forward; retries, jumps, loops or orders where they mean
/// nothing; a loop without bound whose last step does not move on in its file; loops that overlap;
/// memory inside a page), E2BIG (more than `max_steps`, or kMaxGraphSteps in a graph), or ok. Never
/// sleeps, costs nothing: whoever submits pays.
Errno validate(const Chain& chain, std::size_t max_steps);

}  // namespace iodrome::chain
