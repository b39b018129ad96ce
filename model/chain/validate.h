// SPDX-License-Identifier: Apache-2.0
// What is a chain at all: checked once, at submission, before anything runs.
#pragma once
#include <cstddef>

#include "model/chain/chain.h"
#include "model/engine/result.h"

namespace iodrome::chain {

/// `memory_bytes`: of the chain's memory.
/// Errors: EINVAL (no steps; an open or unlink without path; a value, descriptor, loop or order of
/// a step that is not earlier; a jump that is not forward; retries, jumps, loops or orders where
/// they mean nothing; a loop without bound whose last step does not move on in its file; loops that
/// overlap; memory inside a page; no sources or more than kMaxSources), E2BIG (more than
/// `max_steps`, or kMaxGraphSteps in a graph), EFAULT (beyond the memory, by what is known before
/// it runs), or ok. Never sleeps, costs nothing: whoever submits pays.
Errno validate(const Chain& chain, std::size_t max_steps, std::uint64_t memory_bytes);
/// How far into its memory a chain may reach, bytes; `all` where a step's length is not known yet.
std::uint64_t reach_of(const Chain& chain, std::uint64_t all);

}  // namespace iodrome::chain
