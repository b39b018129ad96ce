// SPDX-License-Identifier: Apache-2.0
// kevent, the kernel side: a queue of events that become ready in any context and reach user memory
// in a consumer's system call.
//
// Invariants
//  1. Whoever makes an event ready links a list node and wakes; nothing is copied there.
//  2. An event that is ready stands on the ready list once, however often its origin stirs.
//  3. The ring is never written over: what finds it full stays on the ready list.
//
// The ring's words are plain: threads that share a queue meet inside its locks, and read the ring
// behind a call of their own.
// Source: E. Polyakov, kevent takes 29 and 30 (2006-12-23, 2006-12-29).
#pragma once
#include <boost/intrusive/set.hpp>

#include "model/designs/design.h"
#include "model/kernel/sync/mutex.h"
#include "model/kernel/sync/spinlock.h"

namespace iodrome::designs::kevent {

struct KeventCosts {
  kernel::Cost sendfile_call;  // aio_sendfile's own work: descriptors, request allocated
  kernel::Cost add;            // a kevent allocated, put into the tree and its storage
  kernel::Cost look;           // per kevent of a storage that stirs: walked over or asked
  kernel::Cost ready;          // a kevent put on the ready list
  kernel::Cost wait_call;      // kevent_wait's and kevent_get_events' own work, per call
  kernel::Cost deliver;        // an event moved into user memory
  kernel::Cost commit_call;    // kevent_commit's own work, per call
  kernel::Cost user_reap;      // user: an entry of the ring read
};

/// KEVENT_REQ_*: how an event behaves.
inline constexpr std::uint32_t kOneshot = 0x1;       // gone once it was delivered
inline constexpr std::uint32_t kWakeupAll = 0x2;     // ready beside others of its storage
inline constexpr std::uint32_t kEdge = 0x4;          // forgets what it told
inline constexpr std::uint32_t kAlwaysQueue = 0x10;  // ready at once: to the list all the same
/// KEVENT_RET_*: what became of it.
inline constexpr std::uint32_t kBroken = 0x1;
inline constexpr std::uint32_t kDone = 0x2;
inline constexpr std::uint32_t kCopyFailed = 0x4;
inline constexpr std::uint32_t kTypeAio = 5;  // KEVENT_AIO
inline constexpr std::uint32_t kMaskAll = ~std::uint32_t{0};

/// struct ukevent, as the user sees an event.
struct Ukevent {
  std::uint64_t id = 0;
  std::uint32_t type = 0;
  std::uint32_t event = kMaskAll;  // what of its origin it listens for
  std::uint32_t req_flags = 0;
  std::uint32_t ret_flags = 0;
  std::uint32_t ret_data[2] = {};
  std::uint64_t user = 0;  // comes back

  std::uint64_t ret_number() const { return ret_data[0] | std::uint64_t{ret_data[1]} << 32; }
};
static_assert(sizeof(Ukevent) == 40);

/// struct kevent_ring, in memory that the application supplies.
struct KeventRing {
  explicit KeventRing(std::uint32_t entries) : event(entries) {}
  std::uint32_t ring_kidx = 0;  // where the kernel writes next
  std::uint32_t ring_over = 0;  // how often commits came round
  std::vector<Ukevent> event;
};

/// An event in the kernel.
struct Kevent;
using InTree = boost::intrusive::set_base_hook<boost::intrusive::tag<class TreeOfKevents>>;
using InStorage =
    boost::intrusive::list_base_hook<boost::intrusive::tag<class StorageOfKevents>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
using InReadyList =
    boost::intrusive::list_base_hook<boost::intrusive::tag<class ReadyKevents>,
                                     boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

struct Kevent : InTree, InStorage, InReadyList, Pooled {
  /// Asked when its origin stirs, in any context: above 0 it is ready, below 0 broken.
  using Callback = int (*)(Kevent& self);

  explicit Kevent(const Ukevent& what) : event(what) {}
  bool is_ready() const { return InReadyList::is_linked(); }

  Ukevent event;
  Callback callback = nullptr;
  void* origin = nullptr;
  events::StageLedger* ledger = nullptr;  // whose request it ends, if any
};

/// struct kevent_storage: an origin's events.
using KeventStorage = boost::intrusive::list<Kevent, boost::intrusive::base_hook<InStorage>,
                                             boost::intrusive::constant_time_size<false>>;

/// struct kevent_user, what kevent_init() makes.
class KeventQueue {
 public:
  using Value = Result<std::int64_t>;

  KeventQueue(kernel::System& system, KeventCosts& costs, kernel::WaitQueue& sleepers)
      : system_(system), costs_(costs), sleepers_(sleepers) {}
  ~KeventQueue();
  KeventQueue(const KeventQueue&) = delete;
  KeventQueue& operator=(const KeventQueue&) = delete;

  /// kevent_init(2): with a ring of `entries`, or without one. Errors: EINVAL, one of the two
  /// alone, or a ring of one entry.
  Errno init(KeventRing* ring, std::uint32_t entries);

  /// What stands behind KEVENT_CTL_ADD. True: it is in the queue. False: it was ready at once, and
  /// `what` tells so; with ALWAYS_QUEUE it goes to the ready list instead.
  /// Errors: EEXIST, the id is there; ENOMEM.
  Task<Result<bool>> add(kernel::Atomic& ctx, Ukevent& what, KeventStorage& storage,
                         Kevent::Callback callback, void* origin,
                         events::StageLedger* ledger = nullptr);
  /// KEVENT_CTL_REMOVE: what is ready and not delivered will not be. Errors: ENOENT.
  Task<Errno> remove(kernel::Atomic& ctx, std::uint64_t id);
  /// kevent_storage_ready(): the origin has stirred. Legal in any context. Only the first event
  /// that turns ready is queued, and those with WAKEUP_ALL.
  Task<void> storage_ready(kernel::Atomic& ctx, KeventStorage& storage, std::uint32_t mask);

  /// kevent_get_events(2): up to `to.size()` events, into `to` and the ring. It sleeps until an
  /// event is ready and the ring has room, or `until`; then an event that finds the ring full is
  /// told with COPY_FAILED. Returns how many.
  Task<Value> get_events(kernel::Sleepable& user, SimTime until, std::span<Ukevent> to);

  /// kevent_wait(2): moves up to `num` events into the ring, oldest first, as long as there is
  /// room. It sleeps until that is possible, somebody has committed since `old_uidx`, `woken`
  /// holds, or `until`. Returns how many. Errors: EINVAL, no ring or more than it holds.
  Task<Value> wait(kernel::Sleepable& user, std::uint32_t num, std::uint32_t old_uidx,
                   SimTime until, const WakeCondition* woken = nullptr);

  /// kevent_commit(2): entries before `new_uidx` may be written over. Returns how many that frees.
  /// Errors: EINVAL, no such index or one that was not written; EOVERFLOW, `over` is no longer the
  /// ring's.
  ///
  /// Order: as posted, an index below the last one is taken for a turn of the ring, and one that
  /// equals it frees nothing, also of a full ring.
  Task<Value> commit(kernel::Sleepable& user, std::uint32_t new_uidx, std::uint32_t over);

  std::size_t ready_count() const { return ready_.size(); }
  std::size_t kevents() const { return tree_.size(); }
  std::uint32_t uidx() const { return uidx_; }
  bool full() const { return full_; }
  std::uint32_t space() const;
  /// KEVENT_AIO events have the queue itself for an origin.
  KeventStorage& storage() { return storage_; }

 private:
  struct IdOf {
    using type = std::uint64_t;
    type operator()(const Kevent& kevent) const { return kevent.event.id; }
  };
  using Tree = boost::intrusive::set<Kevent, boost::intrusive::base_hook<InTree>,
                                     boost::intrusive::key_of_value<IdOf>>;
  using ReadyList = boost::intrusive::list<Kevent, boost::intrusive::base_hook<InReadyList>,
                                           boost::intrusive::constant_time_size<false>>;

  bool ask(Kevent& kevent, std::uint32_t mask);
  void make_ready(kernel::Atomic& ctx, Kevent& kevent);
  void release(Kevent& kevent);
  bool deliverable() const { return !ready_.empty() && (ring_ == nullptr || space() > 0); }
  Task<bool> deliver(kernel::Sleepable& ctx, Ukevent* to);
  bool put_in_ring(kernel::Atomic& ctx, const Ukevent& event);
  void delivered(Kevent& kevent);
  Task<Value> get_events_body(kernel::Sleepable& ctx, SimTime until, std::span<Ukevent> to);
  Task<Value> wait_body(kernel::Sleepable& ctx, std::uint32_t num, std::uint32_t old_uidx,
                        SimTime until, const WakeCondition* woken);
  Task<bool> sleep(kernel::Sleepable& ctx, const char* call, SimTime until);
  Task<Value> commit_body(kernel::Sleepable& ctx, std::uint32_t new_uidx, std::uint32_t over);
  Value move_uidx(std::uint32_t new_uidx, std::uint32_t over);

  kernel::System& system_;
  KeventCosts& costs_;
  kernel::WaitQueue& sleepers_;
  Tree tree_;
  KeventStorage storage_;
  ReadyList ready_;
  kernel::Spinlock ready_lock_{"kevent.ready_lock"};
  kernel::Mutex ring_lock_{"kevent.ring_lock"};
  KeventRing* ring_ = nullptr;
  std::uint32_t ring_size_ = 0;
  std::uint32_t kidx_ = 0;
  std::uint32_t uidx_ = 0;
  std::uint32_t over_ = 0;
  bool full_ = false;
};

}  // namespace iodrome::designs::kevent
