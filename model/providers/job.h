// SPDX-License-Identifier: Apache-2.0
// What providers are asked for.
#pragma once
#include <array>

#include "model/engine/result.h"
#include "model/kernel/cpu/context.h"

namespace iodrome::providers {

enum class Operation : std::uint8_t { copy, exclusive_or, zero_sum, memset, crc32c };
inline constexpr std::size_t kSources = 16;

class Provider;

/// One operation on memory. It belongs to its user, and stays where it is until `done`.
///
/// It is carried out again elsewhere if a provider fails, so its destination is none of its sources
/// and overlaps none.
struct Job {
  Operation operation = Operation::copy;
  hw::PhysAddr destination = 0;
  std::array<hw::PhysAddr, kSources> sources{};
  std::uint32_t source_count = 1;  // 0 for memset
  std::uint32_t bytes = 0;
  std::uint8_t value = 0;  // of memset

  /// Called once, in the context in which the provider ended it. The job is its user's again.
  Task<void> (*done)(kernel::Atomic& ctx, Job& self) = nullptr;
  void* argument = nullptr;

  /// Errors: ENODEV: every provider that can do it has failed. EAGAIN: after a failure, nobody else
  /// had room and nobody was at work who could have made some.
  Errno status = Errno::einprogress;
  std::uint32_t crc = 0;      // crc32c: the result
  bool sums_to_zero = false;  // zero_sum: the result

  // The registry's.
  Provider* provider = nullptr;  // that has it, or had it last
  SimTime begun{};               // when that got it
  Duration estimate{};           // what the policy thought that it would take
  std::uint32_t moves = 0;       // how often it went to another provider
};

}  // namespace iodrome::providers
