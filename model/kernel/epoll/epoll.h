// SPDX-License-Identifier: Apache-2.0
// epoll(7): a set of files, and a list of those that may be ready.
//
// Invariants
//  1. A watched file that is ready for what is asked, and was not reported since it became so, is
//  on the ready list, in transfer, or on the list of those that came meanwhile.
//  2. What is reported was asked of the file itself in that very call.
//  3. An instance never watches itself, through whatever number of others.
#pragma once
#include <list>
#include <map>

#include "model/kernel/sync/mutex.h"
#include "model/kernel/vfs/file_table.h"

namespace iodrome::kernel {

inline constexpr PollEvents kEpollExclusive = 1u << 28;
inline constexpr PollEvents kEpollOneshot = 1u << 30;
inline constexpr PollEvents kEpollEdge = 1u << 31;
inline constexpr std::int32_t kEpollCloexec = 0x80000;

/// struct epoll_event.
struct EpollEvent {
  PollEvents events = 0;
  std::uint64_t data = 0;
};

/// EPOLL_CTL_ADD, _DEL, _MOD.
enum class EpollOp : std::int32_t { add = 1, del = 2, mod = 3 };

/// An instance.
///
/// Order: the ready list is FIFO. A level-triggered item goes to its end when it is reported, so
/// with few places in the array all have their turn. What becomes ready while a call reports goes
/// behind what that call has left, and before what it puts back. Threads that wait are woken the
/// youngest first.
/// Differs from Linux: the list's lock is free, since who holds it never waits; mutexes of nested
/// instances are not validated; no limit to a user's watches, no EPOLLWAKEUP, no busy polling;
/// nesting is limited by paths (EINVAL) as up to 6.16, not by depth (ELOOP).
/// Source: Linux fs/eventpoll.c, epoll(7), epoll_ctl(2).
class Epoll final : public FileObject {
 public:
  Epoll();
  ~Epoll() override;
  /// A file over a new instance. Errors: EINVAL, flags that do not exist.
  static Result<FilePtr> make(std::int32_t flags);

  /// epoll_ctl(2) on a file with that descriptor that can be polled. `event` is of no account to a
  /// removal.
  ///
  /// Errors: EINVAL, see exclusive_allowed(), and nesting that is too deep; ELOOP, the file watches
  /// this instance; EEXIST; ENOENT; ENOMEM.
  Task<Result<std::int64_t>> ctl(Sleepable& ctx, EpollOp op, File& target, int fd,
                                 EpollEvent event);
  /// epoll_wait(2): sleeps until an event or the deadline; how many of `to` it has filled. A
  /// deadline that has passed only looks.
  ///
  /// Errors: EINTR, a signal came.
  Task<Result<std::int64_t>> wait(Sleepable& ctx, std::span<EpollEvent> to, SimTime deadline);
  /// In if one of its files is ready; those that are not leave the ready list.
  Task<PollEvents> poll(Sleepable& ctx, const File& file, PollTable* table) override;
  Task<void> release(Sleepable& ctx) override;
  void file_ended() override;

  std::size_t watched() const { return items_.size(); }
  /// For checks: how many items stand on the ready list.
  std::size_t listed() const;

 private:
  struct Item;
  struct PollWait;
  struct Queueing;
  struct Nesting;
  struct ReadyTag;
  struct LateTag;
  using ItemPtr = boost::intrusive_ptr<Item>;
  template <class Tag>
  using ListHook =
      boost::intrusive::list_base_hook<boost::intrusive::tag<Tag>,
                                       boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  template <class Tag>
  using ItemList = boost::intrusive::list<Item, boost::intrusive::base_hook<ListHook<Tag>>,
                                          boost::intrusive::constant_time_size<false>>;

  static Task<Woken> callback(Atomic& ctx, WaitEntry& self, WakeKey key);
  bool available() const;
  ItemPtr find(const File& target, int fd) const;
  Task<Result<std::int64_t>> insert(Sleepable& ctx, File& target, int fd, EpollEvent event);
  Task<void> modify(Sleepable& ctx, Item& item, EpollEvent event);
  void remove(Item& item);
  Task<void> list_if_ready(Sleepable& ctx, Item& item, PollTable* table);
  Task<void> wake_waiters(Atomic& ctx);
  void begin_scan();
  Task<void> end_scan(Atomic& ctx);
  Task<Result<std::int64_t>> send_events(Sleepable& ctx, std::span<EpollEvent> to);

  File* file_ = nullptr;  // over this instance, while that lives
  Mutex mutex_;
  // By descriptor; of one number there are several when it was closed while the file lived on.
  std::multimap<int, ItemPtr> items_;
  ItemList<ReadyTag> ready_;
  ItemList<ReadyTag> transfer_;  // while a call reports
  ItemList<LateTag> late_;       // became ready meanwhile
  bool scanning_ = false;
  WaitQueue waiters_{"epoll"};
  WaitQueue pollers_{"epoll pollers"};  // who watches this instance
};

/// Whether EPOLLEXCLUSIVE may be asked for so: when adding, of files that are no instances, with
/// EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP and EPOLLET alone.
bool exclusive_allowed(EpollOp op, const File& target, PollEvents events);

/// The instance behind a file; nullptr if there is none.
Epoll* epoll_of(const File& file);

}  // namespace iodrome::kernel
