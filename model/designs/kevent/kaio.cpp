// SPDX-License-Identifier: Apache-2.0
#include "model/designs/kevent/kaio.h"

#include <fmt/format.h>

namespace iodrome::designs::kevent {

using namespace kernel;

Errno KaioRequest::append(Callback callback) {
  const std::uint32_t next = (add_ + 1) % kCalls;
  if (next == read_) return Errno::eoverflow;
  calls_[add_] = callback;
  add_ = next;
  get();
  return Errno::ok;
}

// Calls what is to be called, until a callback says otherwise. False: that was the last of it.
Task<bool> KaioRequest::call(Sleepable& ctx) {
  while (has_calls()) {
    const int answer = co_await calls_[read_](ctx, *this);
    read_ = (read_ + 1) % kCalls;
    put_call();
    if (answer < 0) drop_calls();
    if (answer != 0) break;
  }
  co_return has_calls();
}

void KaioRequest::drop_calls() {
  for (; has_calls(); read_ = (read_ + 1) % kCalls) put_call();
}

struct KaioThreads::Worker final : ThreadBody {
  Worker(System& system, std::uint32_t number)
      : thread(system, fmt::format("kaio/{}", number), events::CpuClass::kthread,
               number % static_cast<std::uint32_t>(system.cpus.size()), *this) {}
  ~Worker() override { list.clear(); }

  Task<void> run(Sleepable& ctx) override {
    for (;;) {
      while (list.empty()) co_await wait.wait(ctx, "kaio", events::Stage::queue);
      KaioRequest* const taken = co_await take(ctx);
      KaioRequest& request = *taken;
      co_await ctx.spend(ctx.costs().worker_pick);
      const bool more = co_await request.call(ctx);
      if (more && !request.pending_) co_await put_on_list(ctx, request);
      request.put();  // the list's
      co_await ctx.cond_resched();
    }
  }
  // The youngest; nobody else takes from this list.
  Task<KaioRequest*> take(Sleepable& ctx) {
    const Spinlock::Guard guard = co_await lock.lock(ctx);
    KaioRequest& request = list.back();
    list.pop_back();
    request.pending_ = false;
    co_return &request;
  }
  Task<void> put_on_list(Atomic& ctx, KaioRequest& request) {
    request.pending_ = true;
    request.get();
    const Spinlock::Guard guard = co_await lock.lock(ctx);
    list.push_back(request);
  }

  boost::intrusive::list<KaioRequest> list;
  Spinlock lock{"kaio.req_lock"};
  WaitQueue wait{"kaio"};
  RunningThread thread;
};

KaioThreads::KaioThreads(System& system, std::uint32_t threads) : next_(system.cpus.size()) {
  for (std::uint32_t i = 0; i < threads; ++i)
    workers_.push_back(std::make_unique<Worker>(system, i));
}

KaioThreads::~KaioThreads() = default;

Task<void> KaioThreads::schedule(Atomic& ctx, KaioRequest& request) {
  co_await ctx.spend(ctx.costs().queue_work);
  if (request.thread_ < 0) {
    std::uint32_t& turn = next_[ctx.cpu().index()];
    request.thread_ = static_cast<std::int32_t>(turn);
    turn = (turn + 1) % static_cast<std::uint32_t>(workers_.size());
  }
  Worker& worker = *workers_[static_cast<std::size_t>(request.thread_)];
  if (!request.pending_) co_await worker.put_on_list(ctx, request);
  co_await worker.wait.wake_one(ctx);
}

}  // namespace iodrome::designs::kevent
