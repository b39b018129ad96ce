// SPDX-License-Identifier: Apache-2.0
// One request of the application: a chain, how far it has come, and whose time it took.
#pragma once
#include <vector>

#include "hw/ports.h"
#include "model/chain/chain.h"
#include "model/engine/result.h"
#include "model/events/stage.h"

namespace iodrome::chain {

struct ChainRun {
  std::uint64_t id = 0;  // its number, dense from 0 and the same for every design
  Chain chain;
  events::StageLedger ledger;
  SimTime arrival{};             // when it was meant to start; latency counts from here
  std::uint32_t connection = 0;  // whose order it keeps
  bool direct = false;           // read and written past the page cache

  std::size_t next_step = 0;
  boost::container::small_vector<std::int64_t, 4> results;  // by step: value or -errno
  std::vector<hw::PhysAddr> buffer;                         // user pages to read into, write from
  std::uint32_t slot = 0;  // in the application thread's tables: descriptor slot, pipe, buffer

  /// What the application passes as user data: it finds the request by its slot, observers by its
  /// id.
  std::uint64_t cookie() const { return id << 16 | slot; }
  static std::uint32_t slot_of(std::uint64_t cookie) { return cookie & 0xffff; }

  void start(SimTime at) {
    arrival = at;
    next_step = 0;
    results.assign(chain.steps.size(), 0);
    ledger.open(at, events::Stage::arrival);
  }
  /// The descriptor a step uses: fixed, or the result of the step that opened it.
  std::int32_t fd_of(const Step& step) const {
    if (step.fd_from < 0) return step.fd;
    return static_cast<std::int32_t>(results[static_cast<std::size_t>(step.fd_from)]);
  }
  /// Whether a step before `end` has failed, and its failure cancels what is behind it.
  bool broken_before(std::size_t end) const {
    for (std::size_t i = 0; i < end; ++i)
      if (results[i] < 0 && chain.steps[i].on_error == OnError::stop) return true;
    return false;
  }
  /// The first error of the chain, or ok. A cancelled step is the consequence of another's error.
  Errno first_error() const {
    for (const std::int64_t result : results)
      if (result < 0 && result != -static_cast<std::int64_t>(Errno::ecanceled))
        return static_cast<Errno>(-result);
    return Errno::ok;
  }
};

}  // namespace iodrome::chain
