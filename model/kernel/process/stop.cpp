// SPDX-License-Identifier: Apache-2.0
// Job control: a process that stops as a whole, and goes on.
//
// Differs: a stop that SIGCONT takes back before all threads have come is told to nobody.
#include "model/kernel/process/process.h"

namespace iodrome::kernel {

Task<void> Process::group_stop(Sleepable& self, std::int32_t number) {
  if (exits_ || stop_signal_ != 0) co_return;
  stop_signal_ = number;
  report_continued_ = false;
  co_await signals_.summon(self, self.thread().signals, false);
}

Task<void> Process::stop_is_complete(Sleepable& self) {
  if (stop_told_) co_return;
  stop_told_ = true;
  report_stop_ = stop_signal_;
  co_await tell_parent(self, kCldStopped, stop_signal_);
}

Task<void> Process::stay_stopped(Sleepable& self) {
  self.thread().signals->attend(false);
  if (stop_signal_ == 0 && !tell_continued_) co_return;
  self.turn_to(events::CpuClass::syscall);
  while (stop_signal_ != 0 && !exits_) {
    if (++stopped_ == live_) co_await stop_is_complete(self);
    self.thread().signals->stop(true);
    if (stop_signal_ != 0 && !exits_)
      co_await stop_queue_.wait_for(self, "stop", events::Stage::queue,
                                    {.exclusive = false, .killable = true});
    self.thread().signals->stop(false);
    --stopped_;
  }
  if (std::exchange(tell_continued_, false)) co_await tell_parent(self, kCldContinued, kSigCont);
  self.turn_to(events::CpuClass::user);
}

Task<void> Process::go_on(Atomic& sender) {
  if (stop_signal_ == 0) co_return;
  stop_signal_ = report_stop_ = 0;
  report_continued_ = tell_continued_ = std::exchange(stop_told_, false);
  co_await stop_queue_.wake_all(sender);
}

}  // namespace iodrome::kernel
