// SPDX-License-Identifier: Apache-2.0
// The packets of a Perfetto trace. Field numbers are those of Perfetto's published
// protos/perfetto/trace/*.proto.
#pragma once
#include <map>
#include <protozero/pbf_writer.hpp>
#include <span>
#include <string>
#include <string_view>

#include "model/engine/time.h"

namespace iodrome::timeline {

/// A fact beside a slice.
struct Annotation {
  std::string_view name;
  std::uint64_t number = 0;
  std::string_view text = {};  // in place of the number
};

/// What is told of a slice, instant or end besides its name.
struct Details {
  std::uint64_t flow = 0;  // the arrow that goes through it, or 0
  bool last_of_flow = false;
  std::span<const Annotation> annotations = {};
};

/// A child of a track; children with equal names are drawn as lanes of one.
struct TrackInfo {
  std::uint64_t parent = 0;
  std::string_view name;
  std::int32_t rank = 0;          // order among its siblings, if not 0
  bool children_by_rank = false;  // whether its own children have ranks
  std::string_view counter = {};  // unit of a counter's track
  std::string_view about = {};
};

/// States of Perfetto's GenericKernelTaskStateEvent.
enum class TaskState : std::uint8_t {
  runnable = 2,
  running = 3,
  sleeping = 4,
  stopped = 6,  // here: not recorded
  dead = 7,
};

/// Events of Linux's tracing that Perfetto knows, with the field of FtraceEvent that holds each.
enum class Ftrace : std::uint16_t {
  softirq_entry = 24,
  softirq_exit = 25,
  softirq_raise = 26,
  irq_handler_entry = 36,
  irq_handler_exit = 37,
  workqueue_execute_end = 57,
  workqueue_execute_start = 58,
  workqueue_queue_work = 59,
};

/// Writes packets of one sequence to the end of a string. Traces may be joined end to end as long
/// as their sequences and track numbers differ.
///
/// Units: Perfetto counts nanoseconds; picoseconds are cut off, which keeps order and nesting.
/// Order: packets of one track must be written in the order of their times.
class Packets {
 public:
  Packets(std::string& out, std::uint32_t sequence) : writer_(out), sequence_(sequence) {}

  void process_track(std::uint64_t track, std::int32_t pid, const std::string& name);
  void thread_track(std::uint64_t track, std::int32_t pid, std::int32_t tid,
                    const std::string& name);
  void track(std::uint64_t track, const TrackInfo& info);

  void begin(SimTime at, std::uint64_t track, std::string_view name, const Details& details = {});
  void end(SimTime at, std::uint64_t track);
  void instant(SimTime at, std::uint64_t track, std::string_view name, const Details& details = {});
  void counter(SimTime at, std::uint64_t track, std::int64_t value);

  /// `cpu` is where the thread runs, or ran until now: by that Perfetto knows which CPU it leaves.
  void task_state(SimTime at, std::int32_t cpu, std::int64_t tid, const std::string& comm,
                  TaskState state);
  /// Threads by (tid, name), all of one process.
  void process_tree(std::int64_t pid, const std::string& name,
                    const std::map<std::int64_t, std::string>& threads);

  /// Events of one CPU in order, as one packet; made by FtraceBundle.
  void bundle(std::uint32_t cpu, const std::string& events);

 private:
  void event(SimTime at, std::uint64_t track, std::uint8_t type, std::string_view name,
             const Details& details);
  protozero::pbf_writer packet();

  protozero::pbf_writer writer_;
  const std::uint32_t sequence_;
  std::map<std::string, std::uint64_t, std::less<>> interned_;
  bool started_ = false;
};

/// Collects one CPU's events of Linux's tracing.
class FtraceBundle {
 public:
  /// `pid` is the thread that was on the CPU; `number` the irq, the softirq vector or the work.
  void add(SimTime at, std::int64_t pid, Ftrace what, std::uint64_t number,
           std::string_view name = {});
  std::string& events() { return events_; }

 private:
  std::string events_;
};

}  // namespace iodrome::timeline
