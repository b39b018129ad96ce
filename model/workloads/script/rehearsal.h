// SPDX-License-Identifier: Apache-2.0
// What a chain does where nothing fails and no transfer is short but at a file's end: by the rules
// of chains, without a kernel and without time. A stream that a loop follows to its end is as long
// as one round.
#pragma once
#include <functional>
#include <map>
#include <vector>

#include "model/chain/chain.h"

namespace iodrome::workloads {

struct Rehearsal {
  struct Sent {
    std::size_t step = 0;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  std::vector<Sent> sent;          // of files to the client's own connection, in order
  std::uint64_t memory_bytes = 0;  // how far into its memory the chain reaches
  bool too_long = false;           // more than kMostTries: the rest is not there
};

inline constexpr std::size_t kMostTries = 10'000'000;

/// The chain is valid. `sizes`: of the files it opens, by path, bytes; others are empty.
Rehearsal rehearse(const chain::Chain& chain, std::map<std::string, std::uint64_t> sizes);

}  // namespace iodrome::workloads
