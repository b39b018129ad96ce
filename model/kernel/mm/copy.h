// SPDX-License-Identifier: Apache-2.0
// Copies by a CPU. They cost time at the machine's copy rates; the bytes really move when somebody
// will check them.
#pragma once
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

enum class CacheState : std::uint8_t { hot, cold };

/// How long a CPU's pass over memory takes that would last `alone` with memory to itself: `bytes`
/// are read or written, each time they cross. To be spent now.
Duration beside_others(Atomic& ctx, Duration alone, std::int64_t bytes);

/// Charges the time to copy `bytes` and counts them; the request's stage is `copy` meanwhile.
///
/// A cold copy crosses to memory three times: the source, the destination's lines before they are
/// written, and they again. A hot one does not.
/// Source: J. McCalpin, STREAM, on write allocation. Differs: it never faults, as the memory is the
/// kernel's or resident (uaccess.h copies where it need not be); caches are two rates, not a model.
Task<void> charge_copy(Atomic& ctx, std::uint64_t bytes, CacheState source);

/// Copies between two places of physical memory, charging the time. Each range lies in one page or
/// allocation.
Task<void> copy_bytes(Atomic& ctx, hw::PhysAddr to, hw::PhysAddr from, std::uint32_t bytes,
                      CacheState source);

}  // namespace iodrome::kernel
