// SPDX-License-Identifier: Apache-2.0
// Spinning for something that another CPU is about to finish.
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/kernel/sync/burn.h"

namespace iodrome::kernel {

/// Those who burn their CPUs until something has ended.
class Spinners {
 public:
  /// Spins until the next release(); the CPU's class is `spin`, the request's stage `lock`.
  Task<void> spin(Atomic& ctx) {
    Burning burning(ctx);
    Spinner spinner{*this};
    co_await spinner;
    co_await Thawed{ctx};
    burning.stop();
  }
  /// Lets all of them go on.
  void release(Timeline& timeline) {
    while (!waiting_.empty()) {
      Spinner& first = waiting_.front();
      waiting_.pop_front();
      timeline.post(first);
    }
  }

 private:
  // The hook lets go by itself: a run that ends early destroys frames in which somebody spins.
  using Hook =
      boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;
  struct Spinner : ResumeEvent, Hook {
    explicit Spinner(Spinners& of) : owner(of) {}
    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> waiter) {
      handle = waiter;
      owner.waiting_.push_back(*this);
    }
    void await_resume() const noexcept {}
    Spinners& owner;
  };
  boost::intrusive::list<Spinner, boost::intrusive::constant_time_size<false>> waiting_;
};

}  // namespace iodrome::kernel
