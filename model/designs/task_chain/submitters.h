// SPDX-License-Identifier: Apache-2.0
// The threads that submit chains, and the branches that each of them is to go on with: their task
// work.
//
// A branch goes on there on the thread's next way out of the kernel, or in chain_wait before it
// sleeps; an interruptible sleep ends for it. It never blocks the thread: what has to wait arms its
// wait, and comes back. Steps that sleep for locks go to a shared kernel thread. Source: Linux
// kernel/task_work.c; io_uring/io_uring.c, io_fallback_tw(): task work of who exits is a worker's.
#pragma once
#include "model/designs/task_chain/carriers.h"
#include "model/kernel/kthread/task_work.h"

namespace iodrome::designs::task_chain {

class Submitters {
 public:
  explicit Submitters(Carriers& carriers) : carriers_(carriers) {}
  /// A run that ends early leaves work that is never done.
  ~Submitters();
  Submitters(const Submitters&) = delete;
  Submitters& operator=(const Submitters&) = delete;

  /// The thread's number, for queue(). Kernel threads, and threads whose calls are made in the
  /// kernel, come by no way out of it: they are nobody.
  std::uint32_t number_of(kernel::Thread& thread);
  /// Runs the branch in that thread; in a shared kernel thread if it has ended, is nobody, or its
  /// process exits. Any context. True: the thread was told.
  Task<bool> queue(kernel::Atomic& ctx, chain::Branch& branch, std::uint32_t number);
  /// exit_group: no thread is waited for any more. What they have not begun with, and what comes
  /// from now on, goes to shared kernel threads.
  Task<void> retire(kernel::Atomic& ctx);
  /// For checks: no thread has anything to do.
  bool empty() const;

 private:
  class Item;
  struct Known {
    std::uint64_t thread;  // its id
    std::unique_ptr<kernel::TaskWorks> works;
  };

  Carriers& carriers_;
  std::vector<Known> known_;  // by number, which count from 1
  bool retired_ = false;
};

}  // namespace iodrome::designs::task_chain
