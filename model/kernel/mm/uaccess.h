// SPDX-License-Identifier: Apache-2.0
// Kernel code reaches user memory.
//
// Source: Linux include/linux/uaccess.h, mm/maccess.c.
#pragma once
#include "model/kernel/mm/address_space.h"
#include "model/kernel/mm/copy.h"

namespace iodrome::kernel {

/// copy_to_user() and copy_from_user(), of the thread's own or borrowed address space. Return the
/// bytes that were not copied: 0, or what lies behind the first address that is none; callers make
/// that EFAULT. Absent pages are faulted in, so they may sleep. CPU time: as charge_copy(), and
/// page_fault_minor for each page touched first.
///
/// Errors: a thread of another address space is a bug.
Task<std::uint64_t> copy_to_user(Sleepable& ctx, AddressSpace& mm, UserAddr to,
                                 std::span<const std::byte> from, CacheState source);
Task<std::uint64_t> copy_from_user(Sleepable& ctx, AddressSpace& mm, std::span<std::byte> to,
                                   UserAddr from, CacheState source);

/// The same with page faults disabled, for interrupt handlers and whoever holds a spinlock: they
/// stop at the first absent page, for page_fault_bad. Where the CPU has another address space
/// loaded nothing is copied: nmi_uaccess_okay().
Task<std::uint64_t> copy_to_user_inatomic(Atomic& ctx, AddressSpace& mm, UserAddr to,
                                          std::span<const std::byte> from, CacheState source);
Task<std::uint64_t> copy_from_user_inatomic(Atomic& ctx, AddressSpace& mm, std::span<std::byte> to,
                                            UserAddr from, CacheState source);

}  // namespace iodrome::kernel
