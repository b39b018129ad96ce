// SPDX-License-Identifier: Apache-2.0
// The threads that carry requests out: handle_fildes_io().
#include <fmt/format.h>

#include "model/designs/posix_aio/aio_requests.h"
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/write_calls.h"

namespace iodrome::designs::posix_aio {

using namespace kernel;
using events::Stage;
using Value = Result<std::int64_t>;

// A thread of a descriptor at first, then of whatever waits; ends when nothing has come for a
// while.
struct AioRequests::Helper final : ThreadBody {
  Helper(AioRequests& owner, Request* with, std::uint32_t cpu)
      : library(owner),
        first(with),
        thread(owner.os_.system, fmt::format("aio/{}", owner.counts_.threads_started - 1),
               events::CpuClass::user, cpu, *this) {}

  Task<void> run(Sleepable& user) override {
    Request* now = first;
    do {
      if (now == nullptr) {
        co_await library.mutex_.lock(user);
      } else {
        co_await library.carry_out(user, *now);
      }
      now = co_await library.next(user);
      co_await library.mutex_.unlock(user);
    } while (now != nullptr);
    user.turn_to(events::CpuClass::syscall);
    co_await user.spend(user.costs().thread_exit);
  }

  AioRequests& library;
  Request* const first;
  RunningThread thread;
};

AioRequests::AioRequests(Os& os, Process& process, const AioParams& params, AioCosts& costs)
    : os_(os),
      process_(process),
      params_(params),
      costs_(costs),
      sync_(os.system),
      mutex_(sync_),
      news_(sync_) {}

AioRequests::~AioRequests() = default;

Task<void> AioRequests::start_helper(Sleepable& user, Request* first) {
  ++threads_;
  ++counts_.threads_started;
  counts_.most_threads = std::max(counts_.most_threads, static_cast<std::uint64_t>(threads_));
  const auto clone = [](Sleepable& ctx, AioRequests& self, Request* with) -> Task<Value> {
    co_await ctx.spend(ctx.costs().thread_create);
    // Spread over the CPUs, as a new thread goes to the idlest.
    const std::uint64_t number = self.counts_.threads_started - 1;
    const auto cpu = static_cast<std::uint32_t>(number % self.os_.system.cpus.size());
    std::erase_if(self.helpers_, [](const auto& each) { return each->thread.ended(); });
    self.helpers_.push_back(std::make_unique<Helper>(self, with, cpu));
    co_return 0;
  };
  co_await syscall(user, Sysno::clone, clone(user, *this, first));
}

// Ends with the mutex held.
Task<void> AioRequests::carry_out(Sleepable& helper, Request& request) {
  Aiocb& block = *request.block;
  Errno error = Errno::ok;
  {
    const WorkOn work(helper, block.ledger, Stage::submit);
    const Value value = co_await call(helper, block);
    if (!value) error = value.error();
    block.value = as_return_value(value);
    co_await mutex_.lock(helper);
    co_await helper.spend(costs_.finish);
    helper.set_stage(Stage::reap);
  }
  co_await block.error.store_release(helper, static_cast<std::uint32_t>(error));
  co_await end(helper, request);
}

Task<Value> AioRequests::call(Sleepable& helper, const Aiocb& block) {
  FileTable& files = process_.files;
  switch (block.op) {
    case AioOp::read:
      return sys_pread(helper, os_, files, block.fd, block.direct, block.offset, block.bytes,
                       block.pages);
    case AioOp::write:
      return sys_pwrite(helper, os_, files, block.fd, block.direct, block.offset, block.bytes,
                        block.pages);
    case AioOp::sync:
      return sys_fsync(helper, os_, files, block.fd);
    case AioOp::data_sync:
      break;
  }
  return sys_fdatasync(helper, os_, files, block.fd);
}

// __aio_notify(), __aio_remove_request(). From here on the block is the application's.
Task<void> AioRequests::end(Sleepable& helper, Request& request) {
  if (request.waiting != nullptr) {
    FutexWord& counter = request.waiting->counter_;
    const std::uint32_t left = co_await counter.value.load_acquire(helper);
    if (left > 0) {
      co_await counter.value.store_release(helper, left - 1);
      co_await syscall(helper, Sysno::futex, sync_.futexes.wake(helper, counter, 1));
    }
  }
  const auto at = by_descriptor_.find(request.fd);
  std::deque<Request*>& line = at->second;
  line.pop_front();
  free_.push_back(&request);
  if (line.empty()) {
    by_descriptor_.erase(at);
    co_return;
  }
  co_await add_to_run_list(helper, *line.front());
}

// What to do next; nothing: the thread ends.
Task<AioRequests::Request*> AioRequests::next(Sleepable& helper) {
  if (run_list_.empty()) {
    ++idle_;
    co_await news_.wait(helper, mutex_, later(helper.now(), params_.idle_time));
    --idle_;
  }
  // As there, one wait and no more: who was woken for what another has taken ends.
  if (run_list_.empty()) {
    --threads_;
    co_return nullptr;
  }
  Request* const request = run_list_.front();
  run_list_.pop_front();
  if (!run_list_.empty()) {
    if (idle_ > 0) {
      co_await news_.signal(helper);
    } else if (threads_ < params_.threads) {
      co_await start_helper(helper, nullptr);
    }
  }
  co_return request;
}

}  // namespace iodrome::designs::posix_aio
