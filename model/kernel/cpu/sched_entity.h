// SPDX-License-Identifier: Apache-2.0
// What the scheduling classes know of a thread: its policy, its place in a queue, its virtual time.
#pragma once
#include <array>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>
#include <cstdint>

#include "model/engine/check.h"
#include "model/engine/time.h"

namespace iodrome::kernel {

/// sched(7): `normal` is SCHED_OTHER, `fifo` is SCHED_FIFO.
enum class SchedPolicy : std::uint8_t { normal, fifo };

inline constexpr std::int64_t kNiceZeroWeight = 1024;
inline constexpr int kMaxRtPriority = 99;

/// Weight of a nice value: about 1.25 per level, so one level is about a tenth of a CPU shared by
/// two.
///
/// Source: Linux kernel/sched/core.c, sched_prio_to_weight; the same since 2.6.23.
inline constexpr std::array<std::int64_t, 40> kNiceWeights = {
    88761, 71755, 56483, 46273, 36291, 29154, 23254, 18705, 14949, 11916, 9548, 7620, 6100, 4904,
    3906,  3121,  2501,  1991,  1586,  1277,  1024,  820,   655,   526,   423,  335,  272,  215,
    172,   137,   110,   87,    70,    56,    45,    36,    29,    23,    18,   15};

using FairHook = boost::intrusive::set_base_hook<>;
using RtHook = boost::intrusive::list_base_hook<>;

struct SchedEntity : FairHook, RtHook {
  SchedPolicy policy = SchedPolicy::normal;
  int rt_priority = 0;  // 1 to 99 under `fifo`
  std::int64_t weight = kNiceZeroWeight;
  std::int64_t vruntime = 0;  // CPU time at nice 0 in ps; comparable within one run queue
  SimTime exec_start{};       // up to here its CPU time is in vruntime
  Duration ran{};             // since it was last picked
  Duration cpu_time{};        // of a fair thread, since it was made, interrupts included
  bool placed = false;        // it has been on a run queue

  bool queued() const { return FairHook::is_linked() || RtHook::is_linked(); }

  /// sched_setscheduler(2) to SCHED_OTHER with this nice value, while it is on no run queue.
  void set_nice(int nice) {
    check(nice >= -20 && nice <= 19, "a nice value is -20 to 19");
    check(!queued(), "the policy of a queued thread changes");
    policy = SchedPolicy::normal;
    weight = kNiceWeights[static_cast<std::size_t>(nice + 20)];
  }
  /// sched_setscheduler(2) to SCHED_FIFO, while it is on no run queue.
  void set_fifo(int priority) {
    check(priority >= 1 && priority <= kMaxRtPriority, "a real-time priority is 1 to 99");
    check(!queued(), "the policy of a queued thread changes");
    policy = SchedPolicy::fifo;
    rt_priority = priority;
  }
};

}  // namespace iodrome::kernel
