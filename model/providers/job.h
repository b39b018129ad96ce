// SPDX-License-Identifier: Apache-2.0
// What providers are asked for.
#pragma once
#include <array>

#include "model/engine/result.h"
#include "model/engine/sha256.h"
#include "model/kernel/cpu/context.h"

namespace iodrome::providers {

enum class Operation : std::uint8_t {
  copy,
  exclusive_or,
  zero_sum,
  memset,
  crc32c,
  encrypt,  // AES-128, CBC
  decrypt,
  hash,  // SHA-256
};
inline constexpr std::size_t kSources = 16;
inline constexpr std::size_t kHops = 3;

class Provider;

/// What jobs may have in common: a key, and a route of operations, each done by whoever is chosen
/// for it. One operation of a route at most writes; those after it read what it wrote.
///
/// Source: sessions and their routes in acrypto. Differs: a session is bound to no device and has
/// no priority.
struct Session {
  std::array<std::uint8_t, 16> key{};
  std::array<Operation, kHops> route{};
  std::uint32_t hops = 1;
};

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
  /// Needed for a cipher. With it the job has one source, and `operation` is the registry's.
  const Session* session = nullptr;
  std::array<std::uint8_t, 16> iv{};  // of a cipher
  /// hash: the message that the job's bytes go on with, or nullptr: they are all of it. Its jobs
  /// run one after another, at whoever takes messages in parts.
  Sha256* message = nullptr;

  /// Called once, in the context in which the provider ended it. The job is its user's again.
  Task<void> (*done)(kernel::Atomic& ctx, Job& self) = nullptr;
  void* argument = nullptr;

  /// Where an operation of one source reads.
  hw::PhysAddr source() const { return written ? destination : sources[0]; }

  /// Errors: ENODEV: every provider that can do it has failed. EAGAIN: after a failure, nobody else
  /// had room and nobody was at work who could have made some.
  Errno status = Errno::einprogress;
  std::uint32_t crc = 0;      // crc32c: the result
  bool sums_to_zero = false;  // zero_sum: the result
  Digest digest{};            // hash: the result

  // The registry's.
  Provider* provider = nullptr;   // that has it, or had it last
  SimTime begun{};                // when that got it
  Duration estimate{};            // what the policy thought that it would take
  std::uint32_t moves = 0;        // how often it went on to another provider
  Provider* failed_at = nullptr;  // who failed it, until it is given to somebody again
  std::uint32_t hop = 0;          // of the session's route
  bool written = false;           // an operation of the route wrote the destination
};

}  // namespace iodrome::providers
