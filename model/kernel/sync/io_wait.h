// SPDX-License-Identifier: Apache-2.0
// What a step that would block waits for. The try_* calls of files, pipes and sockets fill one
// instead of sleeping, so a blocking call, a punt to a worker and an asynchronous continuation
// share one implementation.
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/kernel/sync/wait_queue.h"

namespace iodrome::kernel {

struct IoWait;
using OfWait =
    boost::intrusive::list_base_hook<boost::intrusive::tag<class LinksOfWait>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// Links an IoWait into the list of what it waits for.
struct IoWaitLink
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>,
      OfWait,
      Pooled {
  IoWait* wait = nullptr;
};
using IoWaitList = boost::intrusive::list<IoWaitLink, boost::intrusive::constant_time_size<false>>;

/// Counts the things waited for; when the last arrives, tells whoever continues, in the context of
/// the arrival.
struct IoWait {
  /// Called in interrupt or thread context, at most once per arming. It must not sleep.
  using Ready = Task<void> (*)(Atomic& ctx, IoWait& self);

  explicit IoWait(Ready when_ready) : ready(when_ready) {}
  IoWait(const IoWait&) = delete;
  IoWait& operator=(const IoWait&) = delete;

  Ready ready;
  events::StageLedger* ledger = nullptr;  // whose time the awaited things take
  /// The context that starts the awaited things, if it may be put to sleep for room in a queue
  /// meanwhile: as long as it is set, what never sleeps may.
  Sleepable* submitter = nullptr;
  boost::intrusive::list<IoWaitLink, boost::intrusive::base_hook<OfWait>,
                         boost::intrusive::constant_time_size<false>>
      links;  // where it stands in line
  std::uint32_t pending = 0;
  events::Stage stage = events::Stage::queue;
  bool charged = false;  // a bio that may not have ended works on `ledger`, which must stay
  bool polls = false;    // it is a PolledWait; see vfs/file_ops.h

  void expect() { ++pending; }
  /// The time of a request to a device is this one's.
  template <class Request>
  void charge(Request& request) {
    request.ledger = ledger;
    charged = ledger != nullptr;
  }
  /// One of the things has arrived.
  Task<void> arrived(Atomic& ctx) {
    check(pending > 0, "more arrivals than were waited for");
    if (--pending > 0) return Task<void>::ready();
    charged = false;
    return ready(ctx, *this);
  }
};

/// Adds `wait` to a list of waiters.
void add_waiter(IoWaitList& list, IoWait& wait);
/// Takes `wait` out of every list it stands in: it no longer waits for those things, and nobody is
/// told. What else it expects, a device's work, stays pending.
void withdraw(IoWait& wait);
/// Tells everybody in the list, in order, that the thing has arrived. The list is empty afterwards.
Task<void> notify_all(Atomic& ctx, IoWaitList& list);
/// Tells the first one only.
Task<void> notify_one(Atomic& ctx, IoWaitList& list);

/// An IoWait that a sleeping thread waits on.
class BlockingWait : public IoWait {
 public:
  explicit BlockingWait(Sleepable& ctx) : IoWait(&BlockingWait::wake), sleeper_(ctx), queue_("io") {
    ledger = ctx.ledger();
    submitter = &ctx;
  }
  /// Sleeps until everything expected has arrived.
  Task<void> wait(const char* waits_for);

 private:
  static Task<void> wake(Atomic& ctx, IoWait& self);
  Sleepable& sleeper_;
  WaitQueue queue_;
};

}  // namespace iodrome::kernel
