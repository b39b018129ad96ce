// SPDX-License-Identifier: Apache-2.0
// inotify(7): an instance that watches inodes, and a queue of what has happened to them.
//
// Invariants
//  1. Events are read in the order in which they happened.
//  2. The last event of a watch is IN_IGNORED, and of its descriptor there is no other.
//  3. What the queue had no room for is followed by one IN_Q_OVERFLOW.
#pragma once
#include <deque>
#include <map>
#include <string>

#include "model/kernel/vfs/file_table.h"
#include "model/kernel/vfs/fsnotify.h"

namespace iodrome::kernel {

inline constexpr std::uint32_t kInQOverflow = 0x4000;
inline constexpr std::uint32_t kInIgnored = 0x8000;
inline constexpr std::uint32_t kInOnlydir = 0x01000000;
inline constexpr std::uint32_t kInDontFollow = 0x02000000;
inline constexpr std::uint32_t kInExclUnlink = 0x04000000;
inline constexpr std::uint32_t kInMaskCreate = 0x10000000;
inline constexpr std::uint32_t kInMaskAdd = 0x20000000;
inline constexpr std::uint32_t kInOneshot = 0x80000000;
inline constexpr std::uint32_t kInAllEvents = 0xfff;

inline constexpr std::int32_t kInNonblock = 0x800;
inline constexpr std::int32_t kInCloexec = 0x80000;

/// struct inotify_event.
struct InotifyEvent {
  std::int32_t wd = 0;
  std::uint32_t mask = 0;
  std::uint32_t cookie = 0;
  std::string name;
};
/// Takes the first event off what read(2) has given.
InotifyEvent take_inotify_event(std::span<const std::byte>& from);

class InotifyTake;
/// Takes stand in line.
using InotifyTakeHook =
    boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

/// An instance.
///
/// Order: FIFO; an event that equals the youngest one of the queue in all but the cookie is dropped
/// (IN_IGNORED never). What finds the queue full is dropped, behind one IN_Q_OVERFLOW.
/// Differs from Linux: its locks are free, since who holds them never waits; there are no symbolic
/// links or mounts, so IN_DONT_FOLLOW means nothing and IN_UNMOUNT does not come; every watch
/// behaves as with IN_EXCL_UNLINK.
/// Source: Linux fs/notify/inotify/, inotify(7).
class Inotify final : public FileObject {
 public:
  explicit Inotify(System& system);
  ~Inotify() override;
  /// A file over a new instance. Errors: EINVAL, flags that do not exist; EMFILE, too many.
  static Result<FilePtr> make(System& system, std::int32_t flags);

  /// inotify_add_watch(2) past the look-up: the watch's descriptor, which for an inode that is
  /// watched already is the same again.
  ///
  /// Errors: EEXIST, IN_MASK_CREATE; ENOSPC, too many watches.
  Task<Result<std::int64_t>> add_watch(Sleepable& ctx, Inode& inode, std::uint32_t mask);
  /// The same of a process whose time has not begun: nobody pays.
  Result<std::int64_t> watch(Inode& inode, std::uint32_t mask);
  /// inotify_rm_watch(2). Errors: EINVAL, no watch has that descriptor.
  Task<Result<std::int64_t>> remove_watch(Sleepable& ctx, std::int32_t wd);

  /// As many events as fit, at least one. Sleeps while there is none.
  ///
  /// Errors: EINVAL, the first one does not fit; EAGAIN; ERESTARTSYS.
  Task<Result<std::int64_t>> read(Sleepable& ctx, const File& file,
                                  std::span<std::byte> to) override;
  Task<PollEvents> poll(Sleepable& ctx, const File& file, PollTable* table) override;
  Task<void> release(Sleepable& ctx) override;
  void file_ended() override;

  std::size_t watched() const { return watches_.size(); }
  /// For checks: what a watch waits for and how; 0 if there is none.
  std::uint32_t mask_of(std::int32_t wd) const;

 private:
  friend class InotifyTake;
  struct Watch;
  using WatchPtr = boost::intrusive_ptr<Watch>;
  using Takers = boost::intrusive::list<InotifyTake, boost::intrusive::base_hook<InotifyTakeHook>,
                                        boost::intrusive::constant_time_size<false>>;

  static std::size_t bytes_of(const InotifyEvent& event);
  static std::size_t put(const InotifyEvent& event, std::span<std::byte> to);
  bool queue(InotifyEvent event);
  InotifyEvent pop();
  Task<void> serve(Atomic& ctx);
  Task<void> tell(Atomic& ctx, InotifyEvent event);
  void forget(Watch& watch);
  Task<void> end(Atomic& ctx, Watch& watch);

  System& system_;
  std::map<std::int32_t, WatchPtr> watches_;
  std::int32_t last_wd_ = 0;
  std::deque<InotifyEvent> queue_;
  bool overflowed_ = false;  // IN_Q_OVERFLOW is in the queue
  WaitQueue waiters_{"inotify"};
  Takers takers_;
};

/// The instance behind a file; nullptr if there is none.
Inotify* inotify_of(const File& file);

}  // namespace iodrome::kernel
