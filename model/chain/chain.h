// SPDX-License-Identifier: Apache-2.0
// The request language: a chain of steps, done in order, each of which may use the descriptor an
// earlier step opened.
#pragma once
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <string>

namespace iodrome::chain {

enum class Op : std::uint8_t { nop, open, stat, read, send, close, write, fsync };
inline constexpr int kOps = 8;
const char* name_of(Op op);

/// What happens to the rest of the chain when a step fails.
enum class OnError : std::uint8_t {
  stop,      // the remaining steps are cancelled, but for closing what was opened
  carry_on,  // the chain goes on
};

/// One step. Which fields count depends on the operation.
struct Step {
  Op op = Op::nop;
  OnError on_error = OnError::stop;
  std::int16_t fd_from = -1;          // the open step whose descriptor is meant, or
  std::int32_t fd = -1;               // a descriptor opened before
  std::int32_t to_fd = -1;            // send: the socket
  bool keep = false;                  // open: into the process's table, where it stays
  const std::string* path = nullptr;  // open; outlives the chain
  bool data_only = false;             // fsync: as fdatasync
  std::uint64_t offset = 0;           // read, send, write: in the file, bytes
  std::uint64_t bytes = 0;            // read, send, write
};

struct Chain {
  boost::container::small_vector<Step, 4> steps;
};

}  // namespace iodrome::chain
