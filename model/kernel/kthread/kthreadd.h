// SPDX-License-Identifier: Apache-2.0
// kthreadd: the thread that makes the others, one after another, for whoever asks.
#pragma once
#include <boost/intrusive/list.hpp>

#include "model/kernel/kthread/kthread.h"

namespace iodrome::kernel {

/// Makes a kernel thread for each request, which ends with it.
///
/// Order: FIFO. Costs: `thread_create` of kthreadd's time each, and `thread_exit` of the thread's;
/// who asks pays for a lock and the wake-up.
/// Source: Linux kernel/kthread.c, kthreadd(), kthread_create_on_node().
///
/// Differs from Linux: who asks goes on at once, where kthread_create() sleeps until the thread is
/// there; so asking is legal in any context, and the new thread need not stop first.
class Kthreadd {
 public:
  /// What a thread is wanted for. It must live until one of the two is called, which may end its
  /// life.
  class Request : public boost::intrusive::list_base_hook<> {
   public:
    virtual ~Request() = default;
    /// In the new thread, which ends afterwards.
    virtual Task<void> run(Sleepable& ctx) = 0;
    /// There is none: no memory, or too many threads. In kthreadd.
    virtual Task<void> refused(Sleepable& kthreadd) = 0;
  };

  /// Threads at once, of this one's alone. Source: Linux include/linux/threads.h, PID_MAX_DEFAULT.
  static constexpr std::size_t kPidMax = 32'768;

  /// New threads are called `name`/0, `name`/1, ...
  Kthreadd(System& system, const char* name, std::size_t most = kPidMax);
  ~Kthreadd();
  Kthreadd(const Kthreadd&) = delete;
  Kthreadd& operator=(const Kthreadd&) = delete;

  /// Legal in any context.
  Task<void> create(Atomic& ctx, Request& request);
  std::size_t backlog() const { return requests_.size(); }
  /// Threads that have not come to their end.
  std::size_t threads() const;
  std::uint64_t made() const { return made_; }

 private:
  struct Made;
  struct Daemon;
  std::uint32_t cpu_for(const Cpu& maker) const;
  Task<void> make(Sleepable& kthreadd, Request& request);

  System& system_;
  const char* name_;
  const std::size_t most_;
  std::uint64_t made_ = 0;
  WaitQueue idle_{"kthreadd"};
  boost::intrusive::list<Request> requests_;
  std::unique_ptr<Daemon> daemon_;
};

}  // namespace iodrome::kernel
