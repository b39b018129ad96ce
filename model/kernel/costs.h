// SPDX-License-Identifier: Apache-2.0
// The costs of the kernel's shared mechanisms; a machine file gives every one of them, with its
// source.
#pragma once
#include <array>

#include "model/kernel/cost.h"

namespace iodrome::kernel {

struct KernelCosts {
  Cost syscall_entry, syscall_exit;
  Cost context_switch, mm_switch, migration, socket_migration, try_to_wake_up;
  Cost ipi_send, idle_exit, tick, load_balance;
  Cost irq_entry, irq_exit, softirq;
  Cost spin_lock, mutex_lock, futex_call;
  Cost queue_work, worker_pick, thread_create, thread_exit;
  Cost path_lookup, file_install, file_stat, file_close;
  Cost path_component, directory_search, dirent_change, inode_create, inode_evict, readdir_entry;
  Cost vfs_read, filesystem_read, filesystem_map;
  Cost vfs_write, filesystem_write, block_alloc, fsync_call;
  Cost page_lookup, page_insert, page_pin, page_write, page_writeback;
  Cost bio_submit, bio_merge, elevator_add, elevator_dispatch, driver_submit, vm_exit_doorbell,
      bio_complete, block_poll;
  Cost splice_call, splice_page;
  Cost socket_send, socket_page, segment_xmit, ack_receive;
  Cost socket_call, socket_connect, socket_accept, socket_recv, segment_receive;
  Cost copy_call, event_wait;
  Cost hrtimer_start, hrtimer_cancel, hrtimer_expire, clock_event;
  Cost timer_mod, timer_del, timer_expire;
  Cost eventfd_call, timerfd_call;
  Cost epoll_ctl, epoll_mod, epoll_wait, epoll_event, epoll_callback;
  Cost inotify_watch, inotify_event, inotify_call, inotify_copy;
  Cost signal_send, signal_queue, signal_take, signal_deliver;
  Cost page_fault_minor, page_fault_bad, vma_call, page_unmap, page_reclaim;
  Cost page_fault_cow, page_fault_reuse;
  Cost fork_call, fork_page, process_exit, wait_call, process_reap;
  Cost iommu_map, iommu_unmap, iommu_flush;

  static constexpr std::array<CostRow<KernelCosts>, 101> table();
};

namespace detail {

using K = KernelCosts;
inline constexpr std::array<CostRow<K>, 101> kKernelCosts = {{
    {"syscall_entry", &K::syscall_entry, "user to kernel, up to the call's own code"},
    {"syscall_exit", &K::syscall_exit, "back to user mode"},
    {"context_switch", &K::context_switch, "from one thread (or idle) to another"},
    {"mm_switch", &K::mm_switch, "a switch's change of address space, TLB refill included"},
    {"migration", &K::migration, "a thread's refill of the caches of another CPU of its socket"},
    {"socket_migration", &K::socket_migration, "the same of another socket"},
    {"try_to_wake_up", &K::try_to_wake_up, "the waker's work to make a thread runnable"},
    {"ipi_send", &K::ipi_send, "the waker's interrupt to another CPU"},
    {"idle_exit", &K::idle_exit, "out of the idle loop: its tick and clock brought back"},
    {"tick", &K::tick, "the timer tick's handler: accounting and the scheduler's check"},
    {"load_balance", &K::load_balance,
     "run queues of a socket or the machine looked at, to move threads"},
    {"irq_entry", &K::irq_entry, "interrupt taken, up to the handler's own code"},
    {"irq_exit", &K::irq_exit, "from the handler's end to the interrupted code"},
    {"softirq", &K::softirq, "one softirq vector: entry, dispatch, exit"},
    {"spin_lock", &K::spin_lock, "an uncontended lock and unlock"},
    {"mutex_lock", &K::mutex_lock, "an uncontended lock and unlock of a mutex or rwsem"},
    {"futex_call", &K::futex_call, "a futex call's own work: key, bucket, comparison"},
    {"queue_work", &K::queue_work, "put an item on a workqueue"},
    {"worker_pick", &K::worker_pick, "a worker takes the next item"},
    {"thread_create", &K::thread_create, "a kernel thread made for waiting work"},
    {"thread_exit", &K::thread_exit, "a kernel thread's end, up to its last switch"},
    {"path_lookup", &K::path_lookup, "path walk with every dentry cached, file allocated"},
    {"file_install", &K::file_install, "descriptor allocated and installed"},
    {"file_stat", &K::file_stat, "fstat's own work"},
    {"file_close", &K::file_close, "descriptor removed, file released"},
    {"path_component", &K::path_component, "a name of a path found in the dentry cache"},
    {"directory_search", &K::directory_search, "a directory's block searched for a name"},
    {"dirent_change", &K::dirent_change, "a name put into a directory, changed or taken out"},
    {"inode_create", &K::inode_create, "an inode allocated and initialised"},
    {"inode_evict", &K::inode_evict, "an inode without a name given back with its blocks"},
    {"readdir_entry", &K::readdir_entry, "a directory's entry told to the caller"},
    {"vfs_read", &K::vfs_read, "the read call above the file system"},
    {"filesystem_read", &K::filesystem_read, "the file system's direct-read path, per call"},
    {"filesystem_map", &K::filesystem_map, "block mapping of one extent of a buffered read"},
    {"vfs_write", &K::vfs_write, "the write call above the file system"},
    {"filesystem_write", &K::filesystem_write, "the file system's direct-write path, per call"},
    {"block_alloc", &K::block_alloc, "a block found and given to a file"},
    {"fsync_call", &K::fsync_call, "fsync's own work, per call"},
    {"page_lookup", &K::page_lookup, "page-cache look-up, per page"},
    {"page_insert", &K::page_insert, "page allocated and added to the page cache"},
    {"page_pin", &K::page_pin, "one user page pinned for direct I/O and released"},
    {"page_write", &K::page_write, "a page prepared for a buffered write and marked dirty"},
    {"page_writeback", &K::page_writeback, "a dirty page taken up and put into a bio"},
    {"bio_submit", &K::bio_submit, "a bio built and carried through the block layer"},
    {"bio_merge", &K::bio_merge, "a bio put into a request that waits in the elevator"},
    {"elevator_add", &K::elevator_add, "a request taken and sorted into the elevator"},
    {"elevator_dispatch", &K::elevator_dispatch, "the elevator chooses the next request"},
    {"driver_submit", &K::driver_submit, "command built and doorbell written by the driver"},
    {"vm_exit_doorbell", &K::vm_exit_doorbell,
     "a doorbell of a paravirtual device: exit to the host and back"},
    {"bio_complete", &K::bio_complete, "a request ended and its bio completed"},
    {"block_poll", &K::block_poll, "a polled queue looked at for completions, without their ends"},
    {"splice_call", &K::splice_call, "splice's or sendfile's own work, per call"},
    {"splice_page", &K::splice_page, "a page reference moved into or out of a pipe"},
    {"socket_send", &K::socket_send, "a send's own work: lock, header, accounting"},
    {"socket_page", &K::socket_page, "a page reference attached to a segment"},
    {"segment_xmit", &K::segment_xmit, "a segment built and given to the network card"},
    {"copy_call", &K::copy_call, "a copy's fixed part; the rest follows the copy rates"},
    {"event_wait", &K::event_wait, "a wait call's own work: look for events, queue, dequeue"},
    {"ack_receive", &K::ack_receive, "a frame without payload through the receive path"},
    {"socket_call", &K::socket_call, "socket's, bind's, listen's or shutdown's own work"},
    {"socket_connect", &K::socket_connect, "connect's own work: port, route, connection"},
    {"socket_accept", &K::socket_accept, "accept's own work, without the descriptor"},
    {"socket_recv", &K::socket_recv, "a receive's own work: lock, queue, accounting"},
    {"segment_receive", &K::segment_receive,
     "a segment with payload through the receive path, into its socket's queue"},
    {"hrtimer_start", &K::hrtimer_start, "a high-resolution timer queued"},
    {"hrtimer_cancel", &K::hrtimer_cancel, "a high-resolution timer taken back"},
    {"hrtimer_expire", &K::hrtimer_expire, "an expired one taken up, without what it does"},
    {"clock_event", &K::clock_event, "the CPU's clock event device programmed"},
    {"timer_mod", &K::timer_mod, "a timer put into the wheel or moved in it"},
    {"timer_del", &K::timer_del, "a timer taken out of the wheel"},
    {"timer_expire", &K::timer_expire, "an expired one taken up, without what it does"},
    {"eventfd_call", &K::eventfd_call, "a read or write of an eventfd, its own work"},
    {"timerfd_call", &K::timerfd_call, "a call on a timerfd, its own work without the timer's"},
    {"epoll_ctl", &K::epoll_ctl, "an item added to an epoll instance or removed"},
    {"epoll_mod", &K::epoll_mod, "an item of an epoll instance changed"},
    {"epoll_wait", &K::epoll_wait, "epoll_wait's own work, per call"},
    {"epoll_event", &K::epoll_event, "a ready item polled and told to the caller"},
    {"epoll_callback", &K::epoll_callback, "a wake-up that makes an item ready"},
    {"inotify_watch", &K::inotify_watch, "an inode's watch added, changed or removed"},
    {"inotify_event", &K::inotify_event, "an event made for a watch, and queued or merged"},
    {"inotify_call", &K::inotify_call, "a read of an inotify instance, its own work"},
    {"inotify_copy", &K::inotify_copy, "an event told to the reader"},
    {"signal_send", &K::signal_send, "a signal's target found and looked at, per signal"},
    {"signal_queue", &K::signal_queue, "an entry with what it carries: allocated, queued, freed"},
    {"signal_take", &K::signal_take, "sigtimedwait's own work, or a look at a signalfd"},
    {"signal_deliver", &K::signal_deliver, "a handler's frame set up, and rt_sigreturn"},
    {"page_fault_minor", &K::page_fault_minor,
     "a first touch of user memory: fault, page taken, zeroed and mapped"},
    {"page_fault_bad", &K::page_fault_bad, "a fault that finds nothing to map: up to the fix-up"},
    {"page_fault_cow", &K::page_fault_cow,
     "a write to a page shared since a fork: fault, page taken, copied and mapped"},
    {"page_fault_reuse", &K::page_fault_reuse,
     "the same where nobody shares it any more: fault, entry made writable"},
    {"vma_call", &K::vma_call, "mmap's, munmap's or mprotect's own work, per call"},
    {"page_unmap", &K::page_unmap, "a resident page taken out of the page table and let go"},
    {"page_reclaim", &K::page_reclaim, "a clean page found and taken from the page cache"},
    {"fork_call", &K::fork_call, "fork's own work, without the pages of the caller"},
    {"fork_page", &K::fork_page, "a page table entry copied and made read-only by a fork"},
    {"process_exit", &K::process_exit, "a process's end, without its pages, files and threads"},
    {"wait_call", &K::wait_call, "wait4's own work: children looked at, per call"},
    {"process_reap", &K::process_reap, "a zombie's status told and the rest of it freed"},
    {"iommu_map", &K::iommu_map, "a page mapped for a device: address found, entry written"},
    {"iommu_unmap", &K::iommu_unmap, "a page unmapped from a device, without the invalidation"},
    {"iommu_flush", &K::iommu_flush, "an IOTLB invalidation queued, and waited for"},
}};

}  // namespace detail

constexpr std::array<CostRow<KernelCosts>, 101> KernelCosts::table() {
  return detail::kKernelCosts;
}

}  // namespace iodrome::kernel
