// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/kthread/kthread.h"

#include <fmt/format.h>

#include "model/events/sched.h"
#include "model/events/workqueue.h"
#include "model/kernel/cpu/affinity.h"
#include "model/kernel/kthread/task_work.h"

namespace iodrome::kernel {

// Suspends a new thread until the scheduler first runs it.
class RunningThread::FirstRun {
 public:
  explicit FirstRun(RunningThread& self) : self_(self) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> code) {
    Thread& thread = self_.thread_;
    // Its affinity may have been set before it ever ran.
    if (!thread.may_run_on(thread.cpu->index()))
      thread.cpu = &first_allowed(self_.context_.system(), thread);
    thread.continuation = code;
    thread.cpu->enqueue(thread, nullptr);
  }
  void await_resume() const noexcept {}

 private:
  RunningThread& self_;
};

RunningThread::RunningThread(System& system, std::string name, events::CpuClass cpu_class,
                             std::uint32_t cpu, ThreadBody& body)
    : context_(system, *system.cpus[cpu], thread_) {
  thread_.id = ++system.last_thread_id;
  thread_.name = std::move(name);
  thread_.cpu_class = cpu_class;
  thread_.mm = cpu_class == events::CpuClass::user ? kFirstMm : 0;
  thread_.cpu = system.cpus[cpu].get();
  thread_.context = &context_;
  system.probe.name(events::Named::thread, thread_.id, thread_.name);
  system.probe.show(events::TaskNewtask{thread_.id, cpu}, cpu);
  system.timeline.spawn(main(body), "thread");
}

Task<void> RunningThread::main(ThreadBody& body) {
  co_await FirstRun{*this};
  co_await body.run(context_);
  if (thread_.task_works != nullptr) [[unlikely]]
    co_await thread_.task_works->exit(context_);
  thread_.cpu->exit_current();
}

struct KthreadPool::Worker final : ThreadBody {
  Worker(KthreadPool& owner, std::uint32_t number, std::uint32_t cpu, bool pinned)
      : pool(owner),
        thread(owner.system_, fmt::format("{}/{}", owner.name_, number), events::CpuClass::kthread,
               cpu, *this) {
    thread.thread().pinned = pinned;
  }

  Task<void> run(Sleepable& ctx) override {
    for (;;) {
      while (pool.items_.empty()) co_await pool.idle_.wait(ctx, "work", events::Stage::queue);
      Work& work = pool.items_.pop();
      ++pool.busy_;
      const std::uint64_t id = work.id;
      ctx.emit(events::WorkqueueExecuteStart{ctx.thread().id, id});
      co_await ctx.spend(ctx.costs().worker_pick);
      co_await work.run(ctx);
      ctx.emit(events::WorkqueueExecuteEnd{ctx.thread().id, id});
      --pool.busy_;
      co_await ctx.cond_resched();
    }
  }

  KthreadPool& pool;
  RunningThread thread;
};

void KthreadPool::add_worker(bool pinned, std::uint32_t cpu) {
  const auto number = static_cast<std::uint32_t>(workers_.size());
  workers_.push_back(std::make_unique<Worker>(*this, number, cpu, pinned));
}

KthreadPool::KthreadPool(System& system, const char* name, std::uint32_t threads,
                         std::uint32_t max_threads)
    : system_(system), name_(name), max_threads_(max_threads), idle_(name) {
  const auto cpus = static_cast<std::uint32_t>(system.cpus.size());
  for (std::uint32_t i = 0; i < threads; ++i) add_worker(false, i % cpus);
}

KthreadPool::KthreadPool(System& system, const char* name, const Cpu& pinned_to)
    : system_(system), name_(name), max_threads_(1), idle_(name) {
  add_worker(true, pinned_to.index());
}

KthreadPool::~KthreadPool() = default;

Task<void> KthreadPool::queue(Atomic& ctx, Work& work, std::uint8_t rank) {
  co_await ctx.spend(ctx.costs().queue_work);
  ctx.emit(events::WorkqueueQueueWork{ctx.cpu().index(), work.id});
  items_.push(work, rank);
  const std::size_t threads = workers_.size() + starting_;
  if (busy_ + items_.size() > threads && threads < max_threads_) {
    ++starting_;
    co_await ctx.spend(ctx.costs().thread_create);
    --starting_;
    add_worker(false, ctx.cpu().index());
    co_return;  // the new thread looks for work when it first runs
  }
  co_await idle_.wake_one(ctx);
}

Workqueue::Workqueue(System& system, const char* name) {
  for (const auto& cpu : system.cpus)
    workers_.push_back(std::make_unique<KthreadPool>(system, name, *cpu));
}

Task<void> Workqueue::queue(Atomic& ctx, Work& work) {
  co_await workers_[ctx.cpu().index()]->queue(ctx, work);
}

}  // namespace iodrome::kernel
