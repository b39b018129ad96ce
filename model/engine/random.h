// SPDX-License-Identifier: Apache-2.0
// Addressed randomness: a draw is a function of (seed, purpose, identity), never of how many came
// before it. So every design meets the same workload and the same device, whatever order it issues
// in.
#pragma once
#include <cstdint>

#include "model/engine/time.h"

namespace iodrome {

/// What a draw is for. Part of the key: the same identity under two purposes draws independently.
enum class Purpose : std::uint64_t {
  arrival_spread = 1,  // place of a whole-second stamp inside its second; identity: line
  file_content,        // bytes of a file; identity: inode, word
  access_offset,       // offset of a random access; identity: job, request
  media_read,          // service of a media read; identity: device, LBA, occurrence
  media_write,
  interarrival,  // identity: source, number
  service,       // service time of a queueing station; identity: station, customer
  client,        // behaviour of a remote client; identity: connection, request
  exploration,
};

/// 64 random bits for one identity. Philox4x64-10; equals NumPy's Philox with the same key and
/// counter.
std::uint64_t draw(std::uint64_t seed, Purpose purpose, std::uint64_t a, std::uint64_t b = 0,
                   std::uint64_t c = 0);

__extension__ using Wide = unsigned __int128;

/// Maps 64 random bits to 0 … n-1; the bias is below n / 2^64.
constexpr std::uint64_t below(std::uint64_t bits, std::uint64_t n) {
  return static_cast<std::uint64_t>((static_cast<Wide>(bits) * n) >> 64);
}

/// -log2((bits + 1/2) / 2^64) in units of 2^-40, by integer arithmetic alone; truncation error <
/// 2^-38.
std::int64_t negative_log2(std::uint64_t bits);

/// An exponential duration of the given mean, exact to the picosecond on every machine.
Duration exponential(std::uint64_t bits, Duration mean);

}  // namespace iodrome
