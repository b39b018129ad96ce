// SPDX-License-Identifier: Apache-2.0
// A process's memory: its mappings, the pages that have been touched, faults, and pins.
//
// Invariants
//  1. A page table entry lies inside a mapping, and lets nobody do what the mapping forbids.
//  2. Mappings do not overlap, and neighbours of equal rights are one.
//  3. Every pin and every borrower is given back before the address space goes.
//  4. An entry whose page another address space has too, since a fork, lets nobody write; a pinned
//     page is one address space's alone, or the zero page.
//
// Source: Linux mm/mmap.c, mm/memory.c, mm/gup.c, kernel/fork.c, kernel/kthread.c; mmap(2),
// mprotect(2), fork(2), getrlimit(2).
// Differs: anonymous private mappings alone, of 4 KiB pages, at addresses the kernel chooses; no
// swap, so every fault is minor; no TLB: another CPU's is flushed for free; an address space and
// its forks have a zero page of their own; a fault sleeps for memory and for the lock alone.
#pragma once
#include <map>
#include <span>
#include <vector>

#include "model/engine/result.h"
#include "model/kernel/mm/page.h"
#include "model/kernel/sync/rwsem.h"

namespace iodrome::kernel {

using UserAddr = std::uint64_t;

/// PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE.
enum class Prot : std::uint8_t { none, read, write };

/// What somebody wants to do with user memory.
enum class UserAccess : std::uint8_t { read, write };

class AddressSpace;

/// User pages that stay where they are until unpin(), mapped or not.
struct PinnedPages {
  std::vector<PagePtr> pages;
  AddressSpace* mm = nullptr;
  bool long_term = false;

  /// Their addresses, as block I/O and drivers take them.
  std::vector<hw::PhysAddr> addresses() const;
};

class AddressSpace {
 public:
  /// The first user address that is none: TASK_SIZE_MAX of x86-64.
  static constexpr UserAddr kTaskSize = 0x7fff'ffff'f000;
  static constexpr bool access_ok(UserAddr at, std::uint64_t bytes) {
    return at <= kTaskSize && bytes <= kTaskSize - at;
  }
  /// Mappings of one process: vm.max_map_count's default.
  static constexpr std::size_t kMaxMapCount = 65'530;

  /// The first one of a system is that of all its user threads; a thread of another one is given
  /// its id(). `memlock_bytes` is RLIMIT_MEMLOCK.
  AddressSpace(System& system, std::uint64_t memlock_bytes);
  /// Errors: pins or borrowers that are left are a bug.
  ~AddressSpace() noexcept(false);
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  /// Thread::mm of its threads.
  std::uint32_t id() const { return id_; }

  /// mmap(2), anonymous and private. Nothing is resident yet. Sleeps for mmap_lock.
  ///
  /// Errors: EINVAL (no length), ENOMEM (no room, or too many mappings).
  Task<Result<UserAddr>> mmap(Sleepable& ctx, std::uint64_t bytes, Prot prot);
  /// munmap(2): what is mapped in [start, start + bytes) goes; that nothing is, is no error. Pinned
  /// pages outlive it.
  ///
  /// Errors: EINVAL (not whole pages from a page on, no length), ENOMEM (a hole would make too many
  /// mappings).
  Task<Result<std::int64_t>> munmap(Sleepable& ctx, UserAddr start, std::uint64_t bytes);
  /// mprotect(2).
  ///
  /// Errors: EINVAL (not from a page on), ENOMEM (an address without mapping: what lies before it
  /// is changed).
  Task<Result<std::int64_t>> mprotect(Sleepable& ctx, UserAddr start, std::uint64_t bytes,
                                      Prot prot);

  /// dup_mmap() of a fork(2): `child`, which is new and empty, has the same mappings, and every
  /// page from now on until one of the two writes to it. Pages that are pinned stay this one's: the
  /// child gets a copy at once, so that I/O under way into them is seen here and not there (as
  /// since 5.12). Sleeps for mmap_lock and memory.
  ///
  /// Errors: ENOMEM; the child has a part, and this one's pages are whole.
  Task<Errno> dup_to(Sleepable& ctx, AddressSpace& child);
  /// exit_mmap(): nothing is mapped any more. Pinned pages outlive it, but not the object.
  Task<void> exit_mmap(Sleepable& ctx);
  /// RLIMIT_MEMLOCK has changed.
  void set_memlock(std::uint64_t bytes) { memlock_pages_ = bytes / kPage; }

  /// A page fault of a thread at `address`. Sleeps for mmap_lock and for memory.
  ///
  /// Errors: EFAULT (no mapping, or one that forbids it), ENOMEM.
  Task<Errno> handle_mm_fault(Sleepable& ctx, UserAddr address, UserAccess access);
  /// The page there, if it is resident and may be used so; a walk of the page table, free of cost.
  Page* follow_page(UserAddr address, UserAccess access);

  /// pin_user_pages_fast(): pins up to `count` pages from that of `start` on. Resident pages take
  /// no lock; others are faulted in, and what a fork shares is copied first, whatever for it is
  /// pinned (FAULT_FLAG_UNSHARE, since 5.19). Returns how many, which are fewer where one behind
  /// the first cannot be had. With `long_term` (FOLL_LONGTERM) they count against RLIMIT_MEMLOCK.
  ///
  /// Errors: EFAULT, ENOMEM (memory, or the limit); then none is pinned.
  /// Differs: Linux leaves the limit's account to the caller (account_locked_vm()).
  Task<Result<std::int64_t>> pin_user_pages_fast(Sleepable& ctx, UserAddr start,
                                                 std::uint64_t count, UserAccess access,
                                                 bool long_term, PinnedPages& to);
  /// The same of resident pages alone, for who may not sleep: get_user_pages_fast_only(). Returns
  /// how many, perhaps none.
  Task<std::int64_t> pin_user_pages_fast_only(Atomic& ctx, UserAddr start, std::uint64_t count,
                                              UserAccess access, PinnedPages& to);
  /// unpin_user_pages(): legal anywhere. Its cost is part of page_pin.
  static void unpin(PinnedPages& pins);

  /// access_remote_vm(): another thread's CPU moves bytes through pinned pages, without loading
  /// this address space. Returns the bytes done, fewer where a page cannot be had.
  Task<std::uint64_t> read_remote(Sleepable& ctx, UserAddr from, std::span<std::byte> to);
  Task<std::uint64_t> write_remote(Sleepable& ctx, UserAddr to, std::span<const std::byte> from);

  std::uint64_t resident_pages() const { return page_table_.size(); }
  std::uint64_t pinned_pages() const { return pins_; }
  std::uint64_t locked_pages() const { return locked_; }
  std::size_t map_count() const { return vmas_.size(); }

  /// mmget() and mmput(): somebody borrows it, and is done.
  /// Nobody has pages of it pinned or works on it: what must hold when its process ends.
  void check_unused();
  void mmget() { ++users_; }
  void mmput() { --users_; }

 private:
  struct Vma {
    UserAddr end;
    Prot prot;
  };
  struct Entry {
    PagePtr page;
    Prot allows;
    bool cow = false;  // shared since a fork, or once was
  };
  using Vmas = std::map<UserAddr, Vma>;  // by start

  Vmas::iterator find_vma(UserAddr address);
  void split_at(UserAddr address);
  void join(UserAddr from, UserAddr to);
  std::uint64_t drop_entries(UserAddr start, UserAddr end);
  void protect_entries(UserAddr start, UserAddr end, Prot prot);
  Errno change_prot(UserAddr start, UserAddr end, Prot prot);
  UserAddr unmapped_area(std::uint64_t bytes) const;
  Task<Errno> fault_locked(Sleepable& ctx, UserAddr address, UserAccess access,
                           bool unshare = false);
  Task<Errno> map_new_page(Sleepable& ctx, UserAddr address);
  Entry* cow_entry(UserAddr address);
  Task<Errno> wp_page(Sleepable& ctx, UserAddr address, Prot prot);
  Task<Errno> copy_pinned(Sleepable& ctx, AddressSpace& child, std::uint64_t number);
  Page* page_to_pin(UserAddr address, UserAccess access);
  PagePtr zeroed_page();
  PagePtr copy_of(const Page& page);
  Task<std::int64_t> pin_resident(Atomic& ctx, UserAddr& at, std::uint64_t count, UserAccess access,
                                  PinnedPages& to);
  Task<Errno> pin_absent(Sleepable& ctx, UserAddr& at, std::uint64_t count, UserAccess access,
                         PinnedPages& to);
  template <class Bytes>
  Task<std::uint64_t> access_remote(Sleepable& ctx, UserAddr at, Bytes bytes);

  System& system_;
  const std::uint32_t id_;
  std::uint64_t memlock_pages_;
  Rwsem mmap_lock_{"mmap_lock"};
  Vmas vmas_;
  std::map<std::uint64_t, Entry> page_table_;  // by page number
  PagePtr zero_page_;
  bool checked_ = false;  // that it is not used; once is enough
  std::uint64_t pins_ = 0;
  std::uint64_t locked_ = 0;  // of them, what RLIMIT_MEMLOCK counts
  std::int64_t users_ = 0;    // kernel threads that borrow it
};

/// kthread_use_mm(): a kernel thread works on a process's memory. What is to be awaited is the
/// change of address space, if the CPU has another one.
///
/// Errors: a user thread, or one that has borrowed already, is a bug.
Spend kthread_use_mm(Sleepable& ctx, AddressSpace& mm);
/// The same of the first process (kFirstMm), for code that reaches its memory by pages that are
/// there.
Spend kthread_use_first_mm(Sleepable& ctx);
void kthread_unuse_first_mm(Sleepable& ctx);
/// kthread_unuse_mm(). The CPU keeps the address space loaded until somebody needs another.
void kthread_unuse_mm(Sleepable& ctx, AddressSpace& mm);

}  // namespace iodrome::kernel
