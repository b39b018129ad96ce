// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <cstdint>

namespace iodrome::kernel {

/// What of inotify the machine's one user may have, and has.
///
/// Source: Linux fs/notify/inotify/inotify_user.c: queue and instances as ever since 2.6.13;
/// watches until 5.10 (then scaled with memory).
struct InotifyLimits {
  std::uint32_t max_queued_events = 16'384;
  std::uint32_t max_user_instances = 128;
  std::uint32_t max_user_watches = 8'192;
  std::uint32_t instances = 0;
  std::uint32_t watches = 0;
};

}  // namespace iodrome::kernel
