// SPDX-License-Identifier: Apache-2.0
// The part of a Perfetto trace that is about CPUs and threads.
#pragma once
#include "model/timeline/perfetto_packets.h"
#include "model/timeline/recording.h"

namespace iodrome::timeline {

/// Tracks of a run that exist once.
enum Group : std::uint8_t { kSlowest, kFirst, kIo, kAtDevice, kInRings };

/// Numbers of a trace; those of one run differ from those of another.
struct PerfettoIds {
  std::uint32_t place;

  std::uint32_t sequence() const { return place + 1; }
  std::int32_t pid() const { return static_cast<std::int32_t>(place + 1) * 100'000; }
  std::int32_t tid(std::uint64_t thread) const { return pid() + static_cast<std::int32_t>(thread); }
  std::uint32_t cpu(const RunFacts& run, std::uint32_t cpu) const { return place * run.cpus + cpu; }
  std::uint64_t flow(std::uint64_t ordinal) const { return id(6, ordinal); }

  std::uint64_t process() const { return id(1, 0); }
  std::uint64_t group(Group group) const { return id(2, group); }
  std::uint64_t io_of(std::uint32_t cpu) const { return id(3, cpu); }
  std::uint64_t thread(std::uint64_t thread) const { return id(4, thread); }
  std::uint64_t request(std::uint64_t ordinal) const { return id(5, ordinal); }

 private:
  std::uint64_t id(std::uint64_t kind, std::uint64_t number) const {
    return (std::uint64_t{place} + 1) << 56 | kind << 48 | number;
  }
};

/// Thread states, system calls, interrupts and work, from the recording's pieces.
class PerfettoCpus {
 public:
  PerfettoCpus(const Recording& recording, const RunFacts& run, const PerfettoIds& ids,
               Packets& packets);
  void write();

 private:
  void write(const Record& record);
  void write_switch(const Record& record);
  void write_irq(const Record& record);
  void write_work(const Record& record);
  void begin(Ftrace end, const Record& record, std::uint64_t of, std::uint64_t thread);
  bool ended(Ftrace end, std::uint64_t of);
  void add(const Record& record, Ftrace what, std::uint64_t thread, std::string_view name = {});
  void run(SimTime at, std::uint64_t thread, std::uint32_t cpu);
  void set_state(SimTime at, std::uint64_t thread, TaskState state);
  void close(SimTime at);
  void flush_bundles();
  const std::string& name_of(std::uint64_t thread);

  const Recording& recording_;
  const RunFacts& run_;
  const PerfettoIds& ids_;
  Packets& packets_;
  Names threads_;  // names, also for those that were told none
  struct State {
    TaskState is;
    std::uint32_t cpu;  // where it runs, or last ran
  };
  std::map<std::uint64_t, State> states_;        // of threads that are not stopped
  std::map<std::uint64_t, std::uint32_t> open_;  // system calls open on a thread's track
  struct Open {
    Record record;
    std::uint64_t thread;
  };
  std::map<std::pair<Ftrace, std::uint64_t>, Open> begun_;  // by what ends it, and CPU or worker
  std::vector<std::uint64_t> current_;                      // thread by CPU, 0 if idle or unknown
  std::vector<FtraceBundle> bundles_;                       // by CPU
};

}  // namespace iodrome::timeline
