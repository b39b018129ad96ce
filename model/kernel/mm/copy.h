// SPDX-License-Identifier: Apache-2.0
// Copies by a CPU. They cost time at the machine's copy rates; the bytes really move when somebody
// will check them.
#pragma once
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

enum class CacheState : std::uint8_t { hot, cold };

/// Charges the time to copy `bytes` and counts them; the request's stage is `copy` meanwhile.
///
/// Differs: it never faults, as the memory is the kernel's or resident (uaccess.h copies where it
/// need not be); caches are two rates, not a model.
Task<void> charge_copy(Atomic& ctx, std::uint64_t bytes, CacheState source);

/// Copies between two places of physical memory, charging the time. Each range lies in one page or
/// allocation.
Task<void> copy_bytes(Atomic& ctx, hw::PhysAddr to, hw::PhysAddr from, std::uint32_t bytes,
                      CacheState source);

}  // namespace iodrome::kernel
