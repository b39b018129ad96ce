// SPDX-License-Identifier: Apache-2.0
// Processes and threads come into being; their ends are in exit.cpp, stops in stop.cpp.
#include "model/kernel/process/process.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/kernel/calls/process_calls.h"
#include "model/kernel/mm/allocation.h"
#include "model/kernel/process/member.h"
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

// --- threads ------------------------------------------------------------------------------------

Process::Member::Member(Process& of, UserCode to_run, std::uint32_t cpu)
    : process(of),
      code(std::move(to_run)),
      thread(of.table_.system(), fmt::format("{}/{}", of.pid_, of.live_), events::CpuClass::user,
             cpu, *this),
      signals(of.signals_, thread.thread()) {
  thread.thread().mm = of.mm_->id();
}

// What the thread's code holds goes with its frames, before the kernel's part of its end.
Task<void> Process::Member::run(Sleepable& ctx) {
  try {
    co_await deliver_signals(ctx);  // ret_from_fork() leads to user mode as every other way
    const std::int32_t status = co_await code(ctx, process);
    if (ctx.thread().id == process.leader_)
      co_await sys_exit_group(ctx, status);
    else
      co_await sys_exit(ctx, status);
  } catch (const ThreadEnds&) {
  }
  ctx.stop_work();
  ctx.set_stage(events::Stage::kernel);
  ctx.turn_to(events::CpuClass::syscall);
  co_await process.do_exit(ctx, *this);
}

Process::Member& Process::add_member(UserCode code, std::uint32_t cpu, const Thread* like) {
  bury_threads();
  members_.push_back(std::make_unique<Member>(*this, std::move(code), cpu));
  Member& member = *members_.back();
  Thread& thread = member.thread.thread();
  if (live_++ == 0) leader_ = thread.id;
  ++table_.threads_;
  if (like == nullptr) return member;
  thread.policy = like->policy;
  thread.rt_priority = like->rt_priority;
  thread.weight = like->weight;
  if (like->allowed != nullptr) thread.allowed = std::make_unique<CpuMask>(*like->allowed);
  member.signals.block(like->signals->blocked());
  return member;
}

void Process::bury_threads() {
  members_.remove_if([](const auto& member) { return member->thread.ended(); });
}

// --- processes ----------------------------------------------------------------------------------

Process::Process(ProcessTable& table, Pid pid, std::shared_ptr<FileTable> files,
                 const Rlimits& limits)
    : table_(table),
      pid_(pid),
      files_(std::move(files)),
      limits_(limits),
      mm_(std::make_unique<AddressSpace>(table.system(), limits[Rlimit::memlock].current)),
      signals_(table.system(), limits[Rlimit::sigpending].current, this) {}

Process::~Process() = default;

Process& current_process(Sleepable& ctx) {
  ThreadSignals* const signals = ctx.thread().signals;
  check(signals != nullptr && signals->process().owner() != nullptr, "a thread of no process");
  return static_cast<Process&>(*signals->process().owner());
}

Errno Process::set_limit(Rlimit of, RlimitPair to) {
  const Errno error = limits_.set(of, to);
  if (error != Errno::ok) return error;
  if (of == Rlimit::nofile) files_->set_limit(static_cast<std::uint32_t>(to.current));
  if (of == Rlimit::memlock) mm_->set_memlock(to.current);
  if (of == Rlimit::sigpending) signals_.set_most_pending(to.current);
  return Errno::ok;
}

void Process::forget(ExitHook& hook) {
  for (auto& stage : hooks_) std::erase(stage, &hook);
  std::erase(called_, &hook);
}

Errno Process::may_add(Sleepable& self) const {
  if (table_.threads_ >= limits_[Rlimit::nproc].current) return Errno::eagain;
  if (table_.threads_ >= table_.threads_max_) return Errno::eagain;
  return allocation_fails(self.system(), "task") ? Errno::enomem : Errno::ok;
}

Task<Value> Process::add_thread(Sleepable& self, UserCode code) {
  co_await self.spend(self.costs().thread_create);
  const Errno refused = may_add(self);
  if (refused != Errno::ok) co_return fail(refused);
  if (exits_) co_return fail(Errno::eintr);
  Member& member = add_member(std::move(code), table_.cpu_for(self.cpu()), &self.thread());
  co_return static_cast<std::int64_t>(member.thread.thread().id);
}

Task<Errno> Process::copy_mm(Sleepable& self, Process& child) {
  if (allocation_fails(self.system(), "mm")) co_return Errno::enomem;
  co_return co_await mm_->dup_to(self, *child.mm_);
}

Task<Value> Process::fork(Sleepable& self, UserCode code) {
  table_.bury();
  co_await self.spend(self.costs().fork_call);
  const Errno refused = may_add(self);
  if (refused != Errno::ok) co_return fail(refused);
  const Result<Pid> pid = table_.alloc_pid();
  if (!pid) co_return fail(pid.error());
  const auto child =
      std::make_shared<Process>(table_, *pid, std::make_shared<FileTable>(*files_), limits_);
  table_.all_.emplace(*pid, child);  // the number is taken, though nobody is there yet
  child->state_ = State::dead;
  ++table_.threads_;  // others may fork meanwhile
  child->signals_.copy_actions(signals_);
  const Errno error = co_await copy_mm(self, *child);
  if (error != Errno::ok || exits_) {
    table_.all_.erase(*pid);
    --table_.threads_;
    co_await child->mm_->exit_mmap(self);
    co_await exit_files(self, *child->files_);
    co_return fail(error != Errno::ok ? error : Errno::eintr);
  }
  child->state_ = State::alive;
  child->parent_ = shared_from_this();
  children_.push_back(child);
  --table_.threads_;  // its thread counts from here on
  child->add_member(std::move(code), table_.cpu_for(self.cpu()), &self.thread());
  co_return *pid;
}

// --- the table ----------------------------------------------------------------------------------

// Processes hold each other, as parent and child.
ProcessTable::~ProcessTable() {
  for (const auto& [pid, process] : all_) {
    process->parent_ = nullptr;
    process->children_.clear();
  }
}

Process& ProcessTable::start(std::uint32_t cpu, std::shared_ptr<FileTable> files,
                             const Rlimits& limits, UserCode code) {
  const Result<Pid> pid = alloc_pid();
  check(pid.has_value(), "no number is left for a process");
  const std::uint64_t descriptors = limits[Rlimit::nofile].current;
  if (descriptors != kRlimInfinity) files->set_limit(static_cast<std::uint32_t>(descriptors));
  auto process = std::make_shared<Process>(*this, *pid, std::move(files), limits);
  all_.emplace(*pid, process);
  process->add_member(std::move(code), cpu, nullptr);
  return *process;
}

Process* ProcessTable::find(Pid pid) const {
  const auto found = all_.find(pid);
  const bool there = found != all_.end() && found->second->state_ != Process::State::dead;
  return there ? found->second.get() : nullptr;
}

// alloc_pid(): cyclic, past those that a boot has used.
Result<Pid> ProcessTable::alloc_pid() {
  const Pid lowest = last_pid_ > kReservedPids ? kReservedPids : 2;
  for (Pid tried = 0; tried < pid_max_; ++tried) {
    last_pid_ = last_pid_ + 1 < pid_max_ ? last_pid_ + 1 : lowest;
    if (!all_.contains(last_pid_)) return last_pid_;
  }
  return fail(Errno::eagain);
}

// As for any new thread: an idle CPU, if there is one.
std::uint32_t ProcessTable::cpu_for(const Cpu& maker) const {
  const auto count = static_cast<std::uint32_t>(system_.cpus.size());
  for (std::uint32_t i = 0; i < count; ++i)
    if (system_.cpus[(maker.index() + i) % count]->idle()) return (maker.index() + i) % count;
  return maker.index();
}

// release_task(): the number is free again.
void ProcessTable::release(const ProcessPtr& process) {
  process->state_ = Process::State::dead;
  process->parent_ = nullptr;
  --threads_;
  released_.push_back(process);
  all_.erase(process->pid_);
}

void ProcessTable::reap_for_init(const ProcessPtr& process) {
  release(process);
  if (init_reaps) init_reaps(process->pid_, process->status_);
}

// finish_task_switch(): what is left of processes whose threads are off their CPUs.
void ProcessTable::bury() {
  std::erase_if(released_, [](const ProcessPtr& process) {
    process->bury_threads();
    return process->members_.empty() && process.use_count() == 1;
  });
}

}  // namespace iodrome::kernel
