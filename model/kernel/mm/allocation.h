// SPDX-License-Identifier: Apache-2.0
// Where memory may run out: below the machine's watermarks, if it has any, and wherever an oracle
// says so.
//
// Source: Linux mm/page_alloc.c, Documentation/core-api/memory-allocation.rst.
#pragma once
#include "model/kernel/cpu/context.h"

namespace iodrome::kernel {

/// GFP_ATOMIC: never sleeps, may use half of the reserve. GFP_KERNEL: may sleep, reclaims first.
enum class Gfp : std::uint8_t { atomic, kernel };

/// Whether `pages` more would leave less than that kind of allocation must leave.
inline bool below_watermark(const System& system, std::uint64_t pages, Gfp gfp) {
  const MemoryLimits& limits = system.memory_limits;
  if (limits.pages == 0) [[likely]]
    return false;
  const std::uint64_t reserve = gfp == Gfp::atomic ? limits.min_pages / 2 : limits.min_pages;
  return system.memory.pages_in_use() + pages + reserve > limits.pages;
}

/// Asked before an object is made that Linux may fail to allocate, in any context: GFP_ATOMIC, or
/// so small that nobody waits for it. True: it fails, and the caller passes on the errno that
/// Linux's would. `site` names the object. Never, without a limit or an oracle.
///
/// Differs: bios, requests and open files come from pools or are small enough never to fail.
inline bool allocation_fails(System& system, const char* site) {
  if (below_watermark(system, 1, Gfp::atomic)) return true;
  return system.timeline.choices().choose(Choice::allocation, 2, site) != 0;
}

/// The same of a page with GFP_KERNEL: below the watermark the caller reclaims, page by page, and
/// fails only where there is nothing left to reclaim.
///
/// Differs: the OOM killer does not come; whoever finds nothing gets ENOMEM. Reclaim takes clean
/// pages of the page cache and waits for no writeback. kswapd does not exist.
Task<bool> page_allocation_fails(Sleepable& ctx, const char* site);

}  // namespace iodrome::kernel
