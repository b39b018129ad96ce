// SPDX-License-Identifier: Apache-2.0
// What of the task-chain design can be set: parameters and costs, their table and their limits.
#pragma once
#include <limits>
#include <string>

#include "model/chain/walker.h"
#include "model/designs/design.h"

namespace iodrome::designs::task_chain {

struct ChainCosts {
  kernel::Cost user_build;      // user: a chain's descriptor filled in, per step
  kernel::Cost submit_call;     // chain_submit's own work, per call
  kernel::Cost accept;          // per chain: copied in, allocated, slot reserved
  kernel::Cost validate;        // per step: checked before anything runs
  kernel::Cost cancel;          // chain_cancel's own work, per chain looked at
  kernel::Cost ring_post;       // the result written and the entry posted
  kernel::Cost user_reap;       // user: an entry read
  kernel::Cost ready_list;      // hold: an ended chain put on the kernel's list
  kernel::Cost overflow_entry;  // spill: an entry allocated and linked
  kernel::Cost status;          // chain_status, per chain asked for
  kernel::Cost user_poll;       // user: one look of who polls
  chain::WalkerCosts walker;
};

/// What happens to a completion that finds no room in the ring.
enum class RingFull : std::uint8_t {
  reserve,  // none does: a chain is accepted only with a slot of its own
  hold,     // all wait on a list of the kernel's, and chain_wait moves them
  spill,    // it goes to an allocated entry, and those behind it follow
  drop,     // it is lost, and counted
};

/// The kernel threads that may carry a chain.
enum class Carrier : std::uint8_t {
  shared,     // the pool that all chains share
  own,        // a thread of the chain's own, made by kthreadd
  workqueue,  // a worker bound to the CPU where the branch was handed over
  unbound,    // a worker that runs anywhere
  highpri,    // as workqueue, of nice -20
};
/// The kernel threads that go on with chains where no interrupt, or not the submitter, may.
Carrier carrier_of(chain::Continue policy);

/// How a consumer that sleeps learns of completions.
enum class WakeBy : std::uint8_t { syscall, eventfd, futex, signal, busy_poll };

struct ChainParams {
  static constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
  std::int64_t ring_entries = 0;
  std::int64_t max_steps = 0;
  std::int64_t threads = 0;  // kernel threads that any chain may use
  std::string continue_in;   // cheapest | hardirq | softirq | submitter | a kind of thread
  std::string start_in;      // submitter | a kind of thread
  chain::Continue policy = chain::Continue::cheapest;
  bool start_in_submitter = true;
  std::string ring_full{};         // reserve | hold | spill | drop
  std::int64_t max_chains = 0;     // in the kernel per queue, but with `reserve`
  std::int64_t max_nr = kNoLimit;  // in the kernel, of all queues of the machine
  std::string wake_by{};           // syscall | eventfd | futex | busy_poll
  std::int64_t batch_count = 1;    // completions that wake a consumer
  std::int64_t batch_ns = 0;       // age of the oldest that does
  std::string user_copy{};         // pinned | thread | provider | consumer
  std::int64_t held_pages = 0;     // that may wait for consumers to copy them
  RingFull full = RingFull::reserve;
  WakeBy wake = WakeBy::syscall;
  chain::UserCopy copy_way = chain::UserCopy::pinned;
  Carrier start_by = Carrier::shared;  // of chains that their submitter does not begin

  bool batches() const { return batch_count > 1; }
  Duration batch_time() const { return std::chrono::nanoseconds(batch_ns); }
};

/// The design's rows.
void describe(ChainParams& params, ChainCosts& costs, ParameterList& list);
/// Takes the names among the values for what they mean. The complaint, or an empty string.
std::string take_up(ChainParams& params);
/// Every cost with its name below `costs.`.
std::vector<std::pair<std::string, const kernel::Cost*>> named(const ChainCosts& costs);

}  // namespace iodrome::designs::task_chain
