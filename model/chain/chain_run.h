// SPDX-License-Identifier: Apache-2.0
// One request of the application: a chain, how far it has come, and whose time it took.
#pragma once
#include <span>
#include <vector>

#include "hw/memory/memory.h"
#include "model/chain/course.h"
#include "model/engine/result.h"
#include "model/events/stage.h"

namespace iodrome::chain {

struct ChainRun {
  std::uint64_t id = 0;          // its number, dense from 0 and the same for every design
  SimTime arrival{};             // when it was meant to start; latency counts from here
  std::uint32_t connection = 0;  // whose order it keeps
  std::uint32_t slot = 0;  // in the application thread's tables: descriptor slot, pipe, buffer
  bool direct = false;     // read and written past the page cache

  // Where the application carries the chain out itself.
  bool tried = false;         // its current step is under way, or to be tried again
  std::uint16_t current = 0;  // that step

  Course course;  // of whoever carries the chain out, the kernel or the application, who starts it
  boost::container::small_vector<std::int64_t, 4> results;  // by step: value or -errno
  std::vector<hw::PhysAddr> buffer;                         // user pages to read into, write from
  events::StageLedger ledger;
  Chain chain;  // last: of its room for steps mostly the beginning is used

  /// What the application passes as user data: it finds the request by its slot, observers by its
  /// id.
  std::uint64_t cookie() const { return id << 16 | slot; }
  static std::uint32_t slot_of(std::uint64_t cookie) { return cookie & 0xffff; }

  void start(SimTime at) {
    arrival = at;
    tried = false;
    results.assign(chain.steps.size(), 0);
    course.forget();
    ledger.open(at, events::Stage::arrival);
  }
  /// When its time is over.
  SimTime expires() const {
    if (chain.deadline_us == 0) return kNever;
    return later(arrival, std::chrono::microseconds(chain.deadline_us));
  }
  const Step& current_step() const { return chain.steps[current]; }
  /// The descriptor a step uses: fixed, or the result of the step that opened it.
  std::int32_t fd_of(const Step& step) const {
    if (step.fd_from < 0) return step.fd;
    return static_cast<std::int32_t>(results[static_cast<std::size_t>(step.fd_from)]);
  }
  /// The same of the socket that a send goes to.
  std::int32_t to_of(const Step& step) const {
    if (!step.to_opened) return step.to_fd;
    return static_cast<std::int32_t>(results[static_cast<std::size_t>(step.to_from())]);
  }
  /// The pages that a step's transfer begins in, or goes on in; only that of a stream goes on
  /// within a page. Errors: EFAULT.
  Result<std::span<const hw::PhysAddr>> memory_of(const Step& step,
                                                  const Course::Numbers& numbers) const {
    const std::uint64_t room = buffer.size() * hw::kPageBytes;
    if (numbers.bytes > room || step.memory > room || numbers.done > room)
      return fail(Errno::efault);
    const std::uint64_t at = step.memory + numbers.done;
    const std::uint64_t first = at / hw::kPageBytes;
    const std::uint64_t pages =
        (at % hw::kPageBytes + numbers.bytes + hw::kPageBytes - 1) / hw::kPageBytes;
    if (first + pages > buffer.size()) return fail(Errno::efault);
    return std::span<const hw::PhysAddr>(buffer).subspan(first, pages);
  }
  /// Whether a file's transfer has come to the file's end, or to that of the room: it ends inside
  /// a page.
  bool at_end(std::size_t step, std::int64_t value) const {
    const Op op = chain.steps[step].op;
    if ((op != Op::read && op != Op::write) || value <= 0) return false;
    return (course.numbers(step).done + static_cast<std::uint64_t>(value)) % hw::kPageBytes != 0;
  }
  /// What a step has returned in all rounds together; of what is no chain's, its result.
  std::int64_t moved(std::size_t step) const {
    return course.started() ? course.total(step) : std::max<std::int64_t>(results[step], 0);
  }
  /// The first error of the chain, or ok. A cancelled step is the consequence of another's error.
  Errno first_error() const {
    for (const std::int64_t result : results)
      if (result < 0 && result != -static_cast<std::int64_t>(Errno::ecanceled))
        return static_cast<Errno>(-result);
    return course.first_error();
  }
};

}  // namespace iodrome::chain
