// SPDX-License-Identifier: Apache-2.0
// All providers of a machine, and the scheduler over them.
#pragma once
#include <deque>

#include "model/kernel/sync/io_wait.h"
#include "model/providers/policy.h"

namespace iodrome::providers {

struct RegistryCosts {
  kernel::Cost choose;  // a provider chosen for a job
};

/// Hands jobs to providers. One that fails is left out from then on; what it did not end goes to
/// another one, from a tasklet, and its user sees one end. A job that met a missing page goes to
/// another one too, or, if nobody else has room, to the same once more.
///
/// Order: none between jobs, beyond that of each provider.
class Registry final : private Ends {
 public:
  Registry(Policy& policy, RegistryCosts& costs) : policy_(policy), costs_(costs) {}

  /// At boot. The order is that in which `first_fit` prefers.
  void add(Provider& provider);
  /// Starts a job. Legal in any context; with a CPU that works in its caller's context, it is done
  /// when this returns; of a route its first operation is, and a tasklet goes on.
  ///
  /// Errors: `done` is not called then. EOPNOTSUPP: nobody here does such a thing, or a later one
  /// of its route. ENODEV: who does has failed. EAGAIN: nobody who does has room.
  Task<Errno> submit(kernel::Atomic& ctx, Job& job);
  /// `wait` then expects that some provider has ended something. After EAGAIN of submit(), in the
  /// same moment.
  void wait_for_room(kernel::IoWait& wait) { add_waiter(room_waiters_, wait); }

  const std::vector<Provider*>& providers() const { return providers_; }
  /// Accepted and not done: 0 when all is quiet.
  std::size_t in_flight() const { return in_flight_; }

 private:
  struct Retry final : kernel::IrqAction {
    explicit Retry(Registry& registry) : owner(registry) {}
    Task<void> handle(kernel::Atomic& ctx) override { return owner.retry(ctx); }
    Registry& owner;
  };
  bool route_leads_on(const Job& job) const;
  Task<Errno> place(kernel::Atomic& ctx, Job& job, Provider* failed_at);
  Task<void> ended(kernel::Atomic& ctx, Job& job, Errno error) override;
  Task<void> retry(kernel::Atomic& ctx);
  bool anybody_works() const;
  Task<void> finish(kernel::Atomic& ctx, Job& job, Errno status);

  Policy& policy_;
  RegistryCosts& costs_;
  std::vector<Provider*> providers_;
  Retry retry_{*this};
  std::deque<Job*> homeless_;  // accepted; their provider has failed, or done its part
  kernel::IoWaitList room_waiters_;
  std::size_t in_flight_ = 0;
};

}  // namespace iodrome::providers
