// SPDX-License-Identifier: Apache-2.0
// Where the application's requests come from, and who hears of their end.
#pragma once
#include "model/chain/chain_run.h"
#include "model/kernel/sync/wait_queue.h"

namespace iodrome::app {

/// Requests for the application's threads. A workload implements it.
///
/// Order: requests of one connection are handed out one at a time, in order.
class ChainSource {
 public:
  virtual ~ChainSource() = default;
  /// A request that has arrived for this thread and may start, or nullptr. Its ledger is open since
  /// its arrival.
  virtual chain::ChainRun* next(std::uint32_t thread) = 0;
  /// Whether next() would return one.
  virtual bool ready(std::uint32_t thread) const = 0;
  /// Whether the thread will never get another one, once what it has is finished.
  virtual bool exhausted(std::uint32_t thread) const = 0;
  /// Whether requests arrive by themselves; if not, each end brings the next.
  virtual bool open_loop() const = 0;
  /// The request has ended, and its storage may be used again.
  virtual void finished(std::uint32_t thread, chain::ChainRun& run) = 0;
};

/// Hears of every request's end, before its storage is used again.
class RequestObserver {
 public:
  virtual ~RequestObserver() = default;
  virtual void on_request(const chain::ChainRun& run, Duration latency, std::uint32_t cpu) = 0;
  /// A thread has no more requests and ends.
  virtual void on_thread_end() = 0;
};

}  // namespace iodrome::app
