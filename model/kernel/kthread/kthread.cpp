// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/kthread/kthread.h"

#include <fmt/format.h>

#include "model/events/workqueue.h"

namespace iodrome::kernel {

// Suspends a new thread until the scheduler first runs it.
class RunningThread::FirstRun {
 public:
  explicit FirstRun(RunningThread& self) : self_(self) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> code) {
    self_.thread_.continuation = code;
    self_.thread_.cpu->enqueue(self_.thread_, false);
  }
  void await_resume() const noexcept {}

 private:
  RunningThread& self_;
};

RunningThread::RunningThread(System& system, std::string name, events::CpuClass cpu_class,
                             std::uint32_t cpu, ThreadBody& body)
    : system_(system), context_(system, *system.cpus[cpu], thread_) {
  thread_.id = ++system.last_thread_id;
  thread_.name = std::move(name);
  thread_.cpu_class = cpu_class;
  thread_.cpu = system.cpus[cpu].get();
  thread_.context = &context_;
  system.timeline.spawn(main(body), "thread");
}

Task<void> RunningThread::main(ThreadBody& body) {
  co_await FirstRun{*this};
  co_await body.run(context_);
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
      Work& work = *pool.items_.front();
      pool.items_.pop_front();
      const std::uint64_t id = work.id;
      ctx.emit(events::WorkqueueExecuteStart{ctx.thread().id, id});
      co_await ctx.spend(ctx.costs().worker_pick);
      co_await work.run(ctx);
      ctx.emit(events::WorkqueueExecuteEnd{ctx.thread().id, id});
    }
  }

  KthreadPool& pool;
  RunningThread thread;
};

KthreadPool::KthreadPool(System& system, const char* name, std::uint32_t threads)
    : system_(system), name_(name), idle_(name) {
  const auto cpus = static_cast<std::uint32_t>(system.cpus.size());
  for (std::uint32_t i = 0; i < threads; ++i)
    workers_.push_back(std::make_unique<Worker>(*this, i, i % cpus, false));
}

KthreadPool::KthreadPool(System& system, const char* name, const Cpu& pinned_to)
    : system_(system), name_(name), idle_(name) {
  workers_.push_back(std::make_unique<Worker>(*this, pinned_to.index(), pinned_to.index(), true));
}

KthreadPool::~KthreadPool() = default;

Task<void> KthreadPool::queue(Atomic& ctx, Work& work) {
  co_await ctx.spend(ctx.costs().queue_work);
  ctx.emit(events::WorkqueueQueueWork{ctx.cpu().index(), work.id});
  items_.push_back(&work);
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
