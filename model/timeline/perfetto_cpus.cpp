// SPDX-License-Identifier: Apache-2.0
#include "model/timeline/perfetto_cpus.h"

#include "model/events/irq.h"
#include "model/events/sched.h"
#include "model/events/syscall.h"
#include "model/events/workqueue.h"

namespace iodrome::timeline {

using events::Named;

PerfettoCpus::PerfettoCpus(const Recording& recording, const RunFacts& run, const PerfettoIds& ids,
                           Packets& packets)
    : recording_(recording),
      run_(run),
      ids_(ids),
      packets_(packets),
      threads_(recording.names_of(Named::thread)),
      current_(run.cpus, 0),
      bundles_(run.cpus) {}

void PerfettoCpus::write() {
  std::map<std::int64_t, std::string> tids;
  for (const auto& [thread, name] : threads_) {
    packets_.thread_track(ids_.thread(thread), ids_.pid(), ids_.tid(thread), name);
    tids[ids_.tid(thread)] = name;
  }
  packets_.process_tree(ids_.pid(), run_.design, tids);
  SimTime last{};
  for (const Piece& piece : recording_.pieces) {
    if (!piece.continues) close(last);
    for (const Record& record : piece.records) write(record);
    if (!piece.records.empty()) last = piece.records.back().time;
    flush_bundles();
  }
  close(last);
  flush_bundles();
}

void PerfettoCpus::write(const Record& record) {
  const auto& words = record.words;
  switch (record.info->kind) {
    case events::SchedSwitch::info.kind:
      return write_switch(record);
    case events::SchedWaking::info.kind:
      return set_state(record.time, words[0], TaskState::runnable);
    case events::TaskNewtask::info.kind:
      // Perfetto's "created" is for threads it has not heard of, and it knows ours by name already.
      return set_state(record.time, words[0], TaskState::runnable);
    case events::SysEnter::info.kind:
      ++open_[words[0]];
      return packets_.begin(record.time, ids_.thread(words[0]),
                            recording_.name(Named::syscall, words[1], "syscall "));
    case events::SysExit::info.kind:
      if (open_[words[0]] == 0) return;  // it began in a gap
      --open_[words[0]];
      return packets_.end(record.time, ids_.thread(words[0]));
  }
  if (record.cpu >= run_.cpus) return;
  if (record.info->subsystem == events::Subsystem::irq) write_irq(record);
  if (record.info->subsystem == events::Subsystem::workqueue) write_work(record);
}

void PerfettoCpus::write_irq(const Record& record) {
  const std::uint64_t thread = current_[record.cpu];
  switch (record.info->kind) {
    case events::IrqHandlerEntry::info.kind:
      begin(Ftrace::irq_handler_exit, record, record.cpu, thread);
      return add(record, Ftrace::irq_handler_entry, thread,
                 recording_.name(Named::vector, record.words[1], "irq "));
    case events::IrqHandlerExit::info.kind:
      if (ended(Ftrace::irq_handler_exit, record.cpu))
        add(record, Ftrace::irq_handler_exit, thread);
      return;
    case events::SoftirqRaise::info.kind:
      return add(record, Ftrace::softirq_raise, thread);
    case events::SoftirqEntry::info.kind:
      begin(Ftrace::softirq_exit, record, record.cpu, thread);
      return add(record, Ftrace::softirq_entry, thread);
    case events::SoftirqExit::info.kind:
      if (ended(Ftrace::softirq_exit, record.cpu)) add(record, Ftrace::softirq_exit, thread);
      return;
  }
}

void PerfettoCpus::write_work(const Record& record) {
  const std::uint64_t worker = record.words[0];
  switch (record.info->kind) {
    case events::WorkqueueQueueWork::info.kind:
      return add(record, Ftrace::workqueue_queue_work, current_[record.cpu]);
    case events::WorkqueueExecuteStart::info.kind:
      begin(Ftrace::workqueue_execute_end, record, worker, worker);
      return add(record, Ftrace::workqueue_execute_start, worker);
    case events::WorkqueueExecuteEnd::info.kind:
      if (ended(Ftrace::workqueue_execute_end, worker))
        add(record, Ftrace::workqueue_execute_end, worker);
      return;
  }
}

void PerfettoCpus::begin(Ftrace end, const Record& record, std::uint64_t of, std::uint64_t thread) {
  begun_[{end, of}] = {record, thread};
}

// Whether its beginning was written: what began in a gap has no end.
bool PerfettoCpus::ended(Ftrace end, std::uint64_t of) {
  return begun_.erase({end, of}) != 0;
}

void PerfettoCpus::add(const Record& record, Ftrace what, std::uint64_t thread,
                       std::string_view name) {
  bundles_[record.cpu].add(record.time, thread == 0 ? 0 : ids_.tid(thread), what, record.words[1],
                           name);
}

void PerfettoCpus::write_switch(const Record& record) {
  const std::uint64_t cpu = record.words[0];
  const std::uint64_t previous = record.words[1];
  const std::uint64_t next = record.words[2];
  if (previous != 0) {
    static constexpr TaskState kStates[] = {TaskState::runnable, TaskState::sleeping,
                                            TaskState::dead};
    set_state(record.time, previous, kStates[record.words[3]]);
  }
  if (next != 0) run(record.time, next, static_cast<std::uint32_t>(cpu));
  current_[cpu] = next;
}

void PerfettoCpus::run(SimTime at, std::uint64_t thread, std::uint32_t cpu) {
  states_[thread].cpu = cpu;
  set_state(at, thread, TaskState::running);
}

void PerfettoCpus::set_state(SimTime at, std::uint64_t thread, TaskState state) {
  State& known = states_[thread];
  known.is = state;
  packets_.task_state(at, static_cast<std::int32_t>(ids_.cpu(run_, known.cpu)), ids_.tid(thread),
                      name_of(thread), state);
}

// The recording stops here: nothing is open, and nobody is known to run.
void PerfettoCpus::close(SimTime at) {
  for (auto& [end, open] : begun_) {
    open.record.time = at;
    add(open.record, end.first, open.thread);
  }
  begun_.clear();
  for (auto& [thread, calls] : open_)
    for (; calls != 0; --calls) packets_.end(at, ids_.thread(thread));
  for (const auto& [thread, state] : std::map(states_))
    if (state.is != TaskState::dead) set_state(at, thread, TaskState::stopped);
  states_.clear();
  current_.assign(current_.size(), 0);
}

void PerfettoCpus::flush_bundles() {
  for (std::uint32_t cpu = 0; cpu < bundles_.size(); ++cpu) {
    packets_.bundle(ids_.cpu(run_, cpu), bundles_[cpu].events());
    bundles_[cpu].events().clear();
  }
}

const std::string& PerfettoCpus::name_of(std::uint64_t thread) {
  const auto [known, added] = threads_.try_emplace(thread);
  if (added) known->second = "thread " + std::to_string(thread);
  return known->second;
}

}  // namespace iodrome::timeline
