// SPDX-License-Identifier: Apache-2.0
// Waiting for children: do_wait().
#include <algorithm>

#include "model/kernel/calls/process_calls.h"
#include "model/kernel/process/process.h"

namespace iodrome::kernel {

// Whether the child has something to tell; what is told is taken, unless WNOWAIT says to leave it.
bool Process::report(Process& child, std::int32_t options, SigInfo& info, std::int32_t& status) {
  const bool takes = (options & kWNowait) == 0;
  if (child.state_ == State::zombie && (options & kWExited) != 0) {
    info = child.end_info();
    status = child.status_;
    if (takes) child.state_ = State::dead;
    return true;
  }
  if (child.report_stop_ != 0 && (options & kWStopped) != 0) {
    const std::int32_t number = child.report_stop_;
    info = {.number = kSigChld, .code = kCldStopped, .pid = child.pid_, .status = number};
    status = stopped_by(number);
    if (takes) child.report_stop_ = 0;
    return true;
  }
  if (child.report_continued_ && (options & kWContinued) != 0) {
    info = {.number = kSigChld, .code = kCldContinued, .pid = child.pid_, .status = kSigCont};
    status = kContinued;
    if (takes) child.report_continued_ = false;
    return true;
  }
  return false;
}

Task<void> Process::reap(Sleepable& self, ProcessPtr child) {
  std::erase(children_, child);
  table_.release(child);
  co_await self.spend(self.costs().process_reap);
}

Task<Result<std::int64_t>> Process::wait(Sleepable& self, Pid pid, std::int32_t options,
                                         SigInfo& info, std::int32_t& status) {
  co_await self.spend(self.costs().wait_call);
  WaitOutcome ended = WaitOutcome::woken;
  for (;;) {
    bool any = false;
    for (std::size_t i = 0; i < children_.size(); ++i) {
      const ProcessPtr child = children_[i];
      if (pid != 0 && child->pid_ != pid) continue;
      // A zombie has nothing more to tell to who does not ask for ends.
      any = any || child->state_ != State::zombie || (options & kWExited) != 0;
      const bool told = report(*child, options, info, status);
      if (!told) continue;
      if (child->state_ == State::dead) co_await reap(self, child);
      co_return child->pid_;
    }
    if (!any) co_return fail(Errno::echild);
    if ((options & kWNohang) != 0) co_return 0;
    // Only now: the signal may have been SIGCHLD of a child that has been found.
    if (ended == WaitOutcome::interrupted) co_return fail(errno_of(ended));
    ended = co_await child_wait_.wait_for(self, "wait4", events::Stage::queue,
                                          {.exclusive = false, .interruptible = true});
  }
}

}  // namespace iodrome::kernel
