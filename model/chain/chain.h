// SPDX-License-Identifier: Apache-2.0
// The request language: a chain of steps that may use what earlier steps have returned.
//
// A chain is a FIFO: each step begins when the one before it has ended. A step says what becomes of
// the chain when it fails or moves less than it was asked to, and may close a loop. A chain may
// instead be a graph: each step then names the earlier ones it waits for, and the others run beside
// it; a graph has neither loops nor jumps. `course.h` decides what runs next, `validate.h` what is
// a chain at all. Source: the entity proposed on linux-kernel on 2006-12-28 and 2007-01-03; what it
// left open (data dependence, branches, failures, short transfers) is decided here.
#pragma once
#include <boost/container/small_vector.hpp>
#include <cstdint>
#include <string>

namespace iodrome::chain {

enum class Op : std::uint8_t {
  nop,
  open,
  stat,
  read,
  send,
  close,
  write,
  fsync,
  unlink,
  timeout,
  // On the chain's memory, carried out by whoever offers it: an engine or a CPU.
  copy,
  exclusive_or,
  memset,
  crc32c,
  encrypt,  // AES-128, CBC: every 4 KiB a message by itself
  decrypt,
  hash,  // SHA-256
  // On sockets and what else tells of its readiness.
  accept,
  connect,
  receive,
  poll,
  inotify,  // takes one event of a watched directory into the chain's memory
};
inline constexpr int kOps = 22;
const char* name_of(Op op);

/// What happens to the rest of the chain when a step fails.
enum class OnError : std::uint8_t {
  stop,      // the remaining steps are cancelled, but for the clean-up
  carry_on,  // the chain goes on
  retry,     // the step begins again, `retries` times; then as stop
  jump,      // the steps before `jump_to` are cancelled, but for the clean-up
};

/// What it means that a transfer moved fewer bytes than asked for.
enum class OnShort : std::uint8_t {
  accept,  // a result like any other
  resume,  // the rest is asked for, until nothing comes
  error,   // the step fails with ENODATA
};

/// A result that is added to a number of a step.
struct From {
  std::int16_t step : 15 = -1;  // an earlier step, or none
  bool total : 1 = false;       // the sum of its results in all rounds of a loop, not the last one

  bool used() const { return step >= 0; }
};

/// After this step the chain goes back to step `to`, unless the step failed or transferred nothing.
struct Loop {
  std::int16_t to = -1;      // this step or an earlier one, or none
  std::uint32_t rounds = 0;  // at most; 0: until a transfer fails or comes to the end

  bool used() const { return to >= 0; }
};

/// One step. Which fields count depends on the operation.
struct Step {
  Op op = Op::nop;
  OnError on_error = OnError::stop;
  OnShort on_short = OnShort::accept;
  bool clean_up : 1 = false;   // runs whatever happened before; closes of opened files do too
  bool keep : 1 = false;       // open, accept, connect: into the process's table, where it stays
  bool data_only : 1 = false;  // fsync: as fdatasync
  bool create : 1 = false;     // open: makes the file if there is none
  bool truncate : 1 = false;   // open: of what it held, nothing stays
  std::uint8_t retries = 0;    // on_error == retry
  std::uint8_t sources = 1;    // exclusive_or: blocks of `bytes`, one behind the other
  std::uint8_t value = 0;      // memset: what every byte becomes; ciphers: their key's number
  std::int16_t jump_to = -1;   // on_error == jump: a later step, or the end
  std::int16_t fd_from = -1;   // the step whose descriptor is meant (open, accept or connect), or
  std::int32_t fd = -1;        // a descriptor opened before; open, unlink: `fd_from` is an inotify
                               // step, whose event names the file in the directory `path`
  // send: the socket, or with `to_opened` the step that accepted or connected it.
  std::int32_t to_fd : 31 = -1;
  bool to_opened : 1 = false;
  From offset_from{};  // read, send of a file, write: added to `offset`
  From bytes_from{};   // of these, and on memory: added to `bytes`
  Loop loop{};
  std::uint64_t offset = 0;  // in the file, bytes; on memory: of the (first) source, in the chain's
                             // memory, in whole pages
  std::uint64_t bytes = 0;   // to move; timeout: how long, ns; accept, connect: the port;
                             // poll, inotify: the events
  std::uint64_t memory = 0;  // where in the chain's memory, in whole pages: of read, receive,
                             // inotify and memory steps the destination, of write, crc32c and a
                             // send without a file the source
  const std::string* path = nullptr;  // open, unlink, inotify; outlives the chain
  std::uint64_t after = 0;            // in a graph: the steps it waits for, a bit each

  bool transfers() const {
    return op == Op::read || op == Op::send || op == Op::write || op == Op::receive;
  }
  bool sends_memory() const { return op == Op::send && fd_from < 0 && fd < 0; }
  /// Whether it moves bytes between the chain's memory and something else.
  bool fills_or_drains() const {
    return op == Op::read || op == Op::write || op == Op::receive || sends_memory();
  }
  bool gives_descriptor() const { return op == Op::open || op == Op::accept || op == Op::connect; }
  std::int16_t to_from() const { return static_cast<std::int16_t>(to_opened ? to_fd : -1); }
  bool on_memory() const { return op >= Op::copy && op <= Op::hash; }
  bool ciphers() const { return op == Op::encrypt || op == Op::decrypt; }
  bool uses_path() const { return op == Op::open || op == Op::unlink || op == Op::inotify; }
};

static_assert(sizeof(Step) == 72);  // a million chains may be in flight

/// A chain's priority, as ioprio_set(2) has it: IOPRIO_CLASS_RT, _BE and _IDLE, the first two with
/// levels from 0, the highest, to 7.
enum class PriorityClass : std::uint8_t { rt, best_effort, idle };
inline constexpr std::uint8_t kPriorityLevels = 8;
struct Priority {
  PriorityClass of = PriorityClass::best_effort;
  std::uint8_t level = 4;  // IOPRIO_NORM; idle has none

  bool operator==(const Priority&) const = default;
  /// Lower ones first.
  std::uint8_t rank() const {
    const int first = static_cast<int>(of) * kPriorityLevels;
    return static_cast<std::uint8_t>(of == PriorityClass::idle ? first : first + level);
  }
};

struct Chain {
  bool graph = false;
  /// Begins when every chain has ended that was submitted to its queue before it; those behind it
  /// wait for its end, as IOSQE_IO_DRAIN has it.
  bool drain = false;
  Priority priority{};  // who is taken up first, where chains wait for a thread
  /// After the request's arrival, us; 0: none. The chain is then cancelled, and its error is ETIME
  /// if that kept a step from its end.
  std::uint32_t deadline_us = 0;
  boost::container::small_vector<Step, 4> steps;
};

/// Of steps that a chain names by number.
inline constexpr std::size_t kMaxSteps = 16'383;
/// Steps of a graph: one bit each in `Step::after`.
inline constexpr std::size_t kMaxGraphSteps = 64;
/// Of a timeout, ns: eleven days.
inline constexpr std::uint64_t kLongestTimeout = 1'000'000'000'000'000;
/// Sources of an exclusive or.
inline constexpr std::size_t kMaxSources = 16;
/// Ciphers work on whole blocks, bytes.
inline constexpr std::uint64_t kCipherBlock = 16;
/// What a hash writes, bytes.
inline constexpr std::uint64_t kDigestBytes = 32;

}  // namespace iodrome::chain
