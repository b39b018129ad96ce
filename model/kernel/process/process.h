// SPDX-License-Identifier: Apache-2.0
// Processes: task_struct, signal_struct and what they hold, from fork(2) to the parent's wait4(2).
//
// A process is a group of threads with one address space, one table of descriptors, signals and
// limits. It ends with exit_group(2), with a signal, or with its last thread. What others have
// begun on its behalf, such as chains in flight, is undone by hooks (ExitHook) before its memory
// goes.
//
// Invariants
//  1. A process that has ended keeps its number and status until its parent or init takes them.
//  2. No thread of it is in the kernel, and no hook has anything left, when its memory is unmapped.
//  3. Descriptors are closed once, by whoever is the last to use the table.
//
// Source: Linux kernel/fork.c, kernel/exit.c, kernel/signal.c, kernel/pid.c; fork(2), _exit(2),
// wait(2), waitid(2), signal(7), getrlimit(2).
// Differs: fork() cannot return twice here, so the child is given the code that it runs; init (pid
// 1) is no process, it takes its children's remains at once and at nobody's cost; threads have no
// numbers from the processes' space; one user, without privileges; no process groups, sessions,
// subreapers, ptrace, vfork, execve, robust futexes, core files; a dead thread's user frames
// unwind.
#pragma once
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/kernel/kthread/kthread.h"
#include "model/kernel/mm/address_space.h"
#include "model/kernel/process/rlimit.h"
#include "model/kernel/signal/signals.h"
#include "model/kernel/vfs/file_table.h"

namespace iodrome::kernel {

class Process;
class ProcessTable;
using ProcessPtr = std::shared_ptr<Process>;
using Pid = std::uint32_t;

/// What a thread runs in user mode. What it returns is the process's exit status if the thread is
/// the first one (main() returns), else nobody's.
using UserCode = std::function<Task<std::int32_t>(Sleepable&, Process&)>;

/// When what others hold for a process is given back.
enum class ExitStage : std::uint8_t {
  cancel,  // I/O in flight is cancelled or waited for; other threads may not have ended yet
  memory,  // every thread has ended, and memory is still there: exit_aio()
};

/// Somebody who works for a process and must end with it.
class ExitHook {
 public:
  /// By a thread of the process, which may sleep; nothing that works on its memory or its
  /// descriptors is left afterwards, and nothing new begins.
  virtual Task<void> exit(Sleepable& ctx) = 0;

 protected:
  ~ExitHook() = default;
};

/// Status words of wait4(2).
constexpr std::int32_t exited(std::int32_t status) {
  return (status & 0xff) << 8;
}
constexpr std::int32_t killed_by(std::int32_t number) {
  return number;
}
constexpr std::int32_t dumped_by(std::int32_t number) {
  return number | 0x80;
}
constexpr std::int32_t stopped_by(std::int32_t number) {
  return number << 8 | 0x7f;
}
inline constexpr std::int32_t kContinued = 0xffff;

class Process final : public SignalOwner, public std::enable_shared_from_this<Process> {
 public:
  enum class State : std::uint8_t { alive, zombie, dead };

  Process(ProcessTable& table, Pid pid, std::shared_ptr<FileTable> files, const Rlimits& limits);
  ~Process();

  Pid pid() const { return pid_; }
  /// getppid(2).
  Pid parent_pid() const { return parent_ != nullptr ? parent_->pid() : 1; }
  State state() const { return state_; }
  ProcessTable& table() { return table_; }
  /// Until its last thread has closed them.
  FileTable& files() { return *files_; }
  /// Until the process's last thread has unmapped it.
  AddressSpace& mm() { return *mm_; }
  ProcessSignals& signals() { return signals_; }
  const Rlimits& limits() const { return limits_; }
  /// prlimit64(2). Errors: Rlimits::set().
  Errno set_limit(Rlimit of, RlimitPair to);
  /// Threads that have not ended.
  std::uint32_t threads() const { return live_; }
  bool stopped() const { return stop_told_; }

  /// Order: hooks of a stage are called in the order in which they came.
  void on_exit(ExitStage stage, ExitHook& hook) { hooks_[index(stage)].push_back(&hook); }
  void forget(ExitHook& hook);

  /// The bodies of fork(2) and of clone(2) of a thread, by a thread of this process; the new thread
  /// is runnable. Errors: EAGAIN, RLIMIT_NPROC, threads-max or no number left; ENOMEM; EINTR, the
  /// process ends.
  Task<Result<std::int64_t>> fork(Sleepable& self, UserCode child);
  Task<Result<std::int64_t>> add_thread(Sleepable& self, UserCode code);

  /// What wait4(2) and waitid(2) look for: wait.cpp. `pid` 0 is any child. Returns the child, or 0.
  /// Errors: ECHILD, ERESTARTSYS.
  Task<Result<std::int64_t>> wait(Sleepable& self, Pid pid, std::int32_t options, SigInfo& info,
                                  std::int32_t& status);

  /// exit_group(2) up to where the thread itself ends: the others are told.
  Task<void> begin_group_exit(Sleepable& self, std::int32_t wait_status);
  /// _exit(2) of a thread alone; of the first one the status is the process's.
  void exit_status(Sleepable& self, std::int32_t wait_status);

  // SignalOwner
  Task<void> group_exit(Sleepable& self, std::int32_t number) override;
  Task<void> group_stop(Sleepable& self, std::int32_t number) override;
  Task<void> stay_stopped(Sleepable& self) override;
  Task<void> go_on(Atomic& sender) override;
  void begin_exit(std::int32_t number) override;
  bool exits() const override { return exits_; }

 private:
  friend class ProcessTable;
  class Member;
  static std::size_t index(ExitStage stage) { return static_cast<std::size_t>(stage); }

  Member& add_member(UserCode code, std::uint32_t cpu, const Thread* like);
  void bury_threads();
  Errno may_add(Sleepable& self) const;
  Task<Errno> copy_mm(Sleepable& self, Process& child);
  Task<void> do_exit(Sleepable& self, Member& member);
  Task<void> end_last(Sleepable& self);
  Task<void> run_hooks(Sleepable& self, ExitStage stage);
  Task<void> exit_notify(Sleepable& self);
  void orphan_children();
  Task<void> tell_parent(Atomic& ctx, std::int32_t code, std::int32_t status);
  Task<void> stop_is_complete(Sleepable& self);
  SigInfo end_info() const;
  bool report(Process& child, std::int32_t options, SigInfo& info, std::int32_t& status);
  Task<void> reap(Sleepable& self, ProcessPtr child);

  ProcessTable& table_;
  const Pid pid_;
  ProcessPtr parent_;                 // none: init
  std::vector<ProcessPtr> children_;  // the oldest first, zombies too
  std::shared_ptr<FileTable> files_;
  Rlimits limits_;
  std::unique_ptr<AddressSpace> mm_;
  ProcessSignals signals_;
  std::array<std::vector<ExitHook*>, 2> hooks_;
  std::vector<ExitHook*> called_;  // what is left of those that a thread calls now
  State state_ = State::alive;
  std::uint32_t live_ = 0;
  std::uint64_t leader_ = 0;  // the first thread's id
  bool exits_ = false;
  std::int32_t status_ = 0;

  // Job control.
  std::int32_t stop_signal_ = 0;  // 0: it runs, or goes on
  std::uint32_t stopped_ = 0;     // threads that stay
  bool stop_told_ = false;        // all of them do, and the parent knows
  bool tell_continued_ = false;
  std::int32_t report_stop_ = 0;  // for wait4 with WUNTRACED, until it is taken
  bool report_continued_ = false;
  WaitQueue stop_queue_{"stop"};
  WaitQueue child_wait_{"wait4"};

  std::list<std::unique_ptr<Member>> members_;
};

/// All processes of a machine, and init behind them.
class ProcessTable {
 public:
  /// PID_MAX_DEFAULT, and RESERVED_PIDS, below which numbers are not given out again.
  static constexpr Pid kPidMax = 32'768;
  static constexpr Pid kReservedPids = 300;

  explicit ProcessTable(System& system, std::uint64_t threads_max = kPidMax, Pid pid_max = kPidMax)
      : system_(system), threads_max_(threads_max), pid_max_(pid_max) {}
  ~ProcessTable();
  ProcessTable(const ProcessTable&) = delete;
  ProcessTable& operator=(const ProcessTable&) = delete;

  /// A child of init, from outside: its first thread is runnable on that CPU. The table of
  /// descriptors may be somebody's who lives longer.
  Process& start(std::uint32_t cpu, std::shared_ptr<FileTable> files, const Rlimits& limits,
                 UserCode code);
  /// nullptr: there is none, not even a zombie.
  Process* find(Pid pid) const;
  std::size_t size() const { return all_.size(); }
  /// Threads of the one user, of which a process that has ended counts until it is reaped.
  std::uint64_t threads() const { return threads_; }
  System& system() { return system_; }
  /// Hears what init reaps: a process and its wait status.
  std::function<void(Pid, std::int32_t)> init_reaps;

 private:
  friend class Process;
  Result<Pid> alloc_pid();
  void release(const ProcessPtr& process);
  void reap_for_init(const ProcessPtr& process);
  void bury();
  std::uint32_t cpu_for(const Cpu& maker) const;

  System& system_;
  const std::uint64_t threads_max_;
  const Pid pid_max_;
  Pid last_pid_ = 1;
  std::uint64_t threads_ = 0;
  std::map<Pid, ProcessPtr> all_;
  std::vector<ProcessPtr> released_;  // whose last thread may still be on its way off its CPU
};

/// The process of a thread. Errors: a thread of none is a bug.
Process& current_process(Sleepable& ctx);

}  // namespace iodrome::kernel
