// SPDX-License-Identifier: Apache-2.0
// The end of threads and processes: kernel/exit.c.
#include <algorithm>
#include <utility>

#include "model/kernel/kthread/task_work.h"
#include "model/kernel/process/member.h"
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

// --- who begins it ------------------------------------------------------------------------------

// The first to come decides the status.
Task<void> Process::begin_group_exit(Sleepable& self, std::int32_t wait_status) {
  if (exits_) co_return;
  exits_ = true;
  status_ = wait_status;
  co_await signals_.summon(self, self.thread().signals, true);
}

Task<void> Process::group_exit(Sleepable& self, std::int32_t number) {
  const bool core = default_action(number) == DefaultAction::core;
  return begin_group_exit(self, core ? dumped_by(number) : killed_by(number));
}

void Process::begin_exit(std::int32_t number) {
  exits_ = true;
  status_ = killed_by(number);
}

void Process::exit_status(Sleepable& self, std::int32_t wait_status) {
  if (self.thread().id == leader_ && !exits_) status_ = wait_status;
}

// --- a thread's way out -------------------------------------------------------------------------

// Hooks of the first stage are for the first thread of a process that ends as a whole, since others
// may sleep until they have cancelled what those wait for; else for the last one.
Task<void> Process::do_exit(Sleepable& self, Member& member) {
  const ProcessPtr keep = shared_from_this();
  member.signals.exit();
  if (exits_) co_await run_hooks(self, ExitStage::cancel);
  co_await self.spend(self.costs().thread_exit);
  if (self.thread().task_works != nullptr) co_await self.thread().task_works->exit(self);
  if (--live_ == 0) co_return co_await end_last(self);
  --table_.threads_;
  if (stop_signal_ != 0 && !exits_ && stopped_ == live_) co_await stop_is_complete(self);
}

Task<void> Process::run_hooks(Sleepable& self, ExitStage stage) {
  // Each once, by one thread; while one sleeps, others may be forgotten.
  if (!called_.empty()) co_return;
  called_ = std::exchange(hooks_[index(stage)], {});
  while (!called_.empty()) {
    ExitHook* const hook = called_.front();
    called_.erase(called_.begin());
    co_await hook->exit(self);
  }
}

Task<void> Process::end_last(Sleepable& self) {
  exits_ = true;
  stop_told_ = report_continued_ = false;
  stop_signal_ = report_stop_ = 0;
  co_await run_hooks(self, ExitStage::cancel);
  co_await run_hooks(self, ExitStage::memory);
  mm_->check_unused();
  co_await mm_->exit_mmap(self);
  self.thread().mm = 0;
  if (files_.use_count() == 1) co_await exit_files(self, *files_);
  files_ = nullptr;
  co_await self.spend(self.costs().process_exit);
  co_await exit_notify(self);
}

// --- who is told --------------------------------------------------------------------------------

// forget_original_parent(). Zombies among them are init's at once.
void Process::orphan_children() {
  for (const ProcessPtr& child : std::exchange(children_, {})) {
    child->parent_ = nullptr;
    if (child->state_ == State::zombie) table_.reap_for_init(child);
  }
}

SigInfo Process::end_info() const {
  const std::int32_t number = status_ & 0x7f;
  if (number == 0)
    return {.number = kSigChld, .code = kCldExited, .pid = pid_, .status = status_ >> 8};
  const bool core = (status_ & 0x80) != 0;
  return {
      .number = kSigChld, .code = core ? kCldDumped : kCldKilled, .pid = pid_, .status = number};
}

Task<void> Process::exit_notify(Sleepable& self) {
  orphan_children();
  const ProcessPtr parent = parent_;
  if (parent == nullptr) co_return table_.reap_for_init(shared_from_this());
  const SigAction& told = parent->signals_.action(kSigChld);
  const bool ignored = told.ignored && !told.handler;
  if (ignored || told.no_child_wait) {
    std::erase(parent->children_, shared_from_this());
    table_.release(shared_from_this());
  } else {
    state_ = State::zombie;
  }
  if (!ignored) co_await parent->signals_.send(self, end_info());
  co_await parent->child_wait_.wake_all(self);
}

// do_notify_parent_cldstop().
Task<void> Process::tell_parent(Atomic& ctx, std::int32_t code, std::int32_t status) {
  const ProcessPtr parent = parent_;
  if (parent == nullptr) co_return;
  const SigAction& told = parent->signals_.action(kSigChld);
  if (!told.ignored && !told.no_child_stop) {
    const SigInfo info{.number = kSigChld, .code = code, .pid = pid_, .status = status};
    co_await parent->signals_.send(ctx, info);
  }
  co_await parent->child_wait_.wake_all(ctx);
}

}  // namespace iodrome::kernel
