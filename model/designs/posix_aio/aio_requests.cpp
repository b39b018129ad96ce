// SPDX-License-Identifier: Apache-2.0
#include "model/designs/posix_aio/aio_requests.h"

#include <iterator>

namespace iodrome::designs::posix_aio {

using namespace kernel;
using events::Stage;

namespace {

constexpr auto kInProgress = static_cast<std::uint32_t>(Errno::einprogress);

}  // namespace

AioRequests::Request& AioRequests::new_request(Aiocb& block) {
  if (free_.empty()) free_.push_back(&storage_.emplace_back());
  Request& request = *free_.back();
  free_.pop_back();
  request = {.block = &block, .fd = block.fd};
  return request;
}

// __aio_enqueue_request(). The lists are walked to their ends, as all have one priority.
Task<void> AioRequests::enqueue(Sleepable& user, Aiocb& block) {
  co_await mutex_.lock(user);
  const auto at = by_descriptor_.lower_bound(block.fd);
  const bool worked_on = at != by_descriptor_.end() && at->first == block.fd;
  auto walked = static_cast<std::uint64_t>(std::distance(by_descriptor_.begin(), at));
  if (worked_on) walked += at->second.size();
  co_await user.spend(user.charge(costs_.enqueue) + user.charge(costs_.list_entry, walked));
  Request& request = new_request(block);
  by_descriptor_[block.fd].push_back(&request);
  co_await block.error.store_release(user, kInProgress);
  user.set_stage(Stage::queue);
  user.stop_work();
  ++counts_.requests;
  if (worked_on) {
    ++counts_.queued_behind;
  } else {
    co_await find_thread(user, request);
  }
  co_await mutex_.unlock(user);
}

Task<void> AioRequests::find_thread(Sleepable& user, Request& request) {
  if (threads_ < params_.threads && idle_ == 0) co_return co_await start_helper(user, &request);
  co_await add_to_run_list(user, request);
  if (idle_ > 0) co_await news_.signal(user);
}

Task<void> AioRequests::add_to_run_list(Sleepable& user, Request& request) {
  co_await user.spend(costs_.list_entry, run_list_.size());
  run_list_.push_back(&request);
}

// --- aio_suspend --------------------------------------------------------------------------------

// __aio_find_req().
AioRequests::Request* AioRequests::find(const Aiocb& block, std::uint64_t& walked) {
  const auto at = by_descriptor_.find(block.fd);
  check(at != by_descriptor_.end(), "a request in progress has no entry");
  walked += static_cast<std::uint64_t>(std::distance(by_descriptor_.begin(), at));
  for (Request* const request : at->second) {
    ++walked;
    if (request->block == &block) return request;
  }
  check(false, "a request in progress has no entry");
  return nullptr;
}

Task<void> AioRequests::suspend(Sleepable& user, std::span<Aiocb* const> list, Suspension& self,
                                const WakeCondition& woken) {
  co_await mutex_.lock(user);
  co_await self.counter_.value.store_release(user, 1);
  std::vector<Request*> found;
  for (Aiocb* const block : list) {
    const std::uint32_t error = co_await block->error.load_acquire(user);
    if (error != kInProgress) break;
    std::uint64_t walked = 0;
    Request* const request = find(*block, walked);
    co_await user.spend(costs_.list_entry, walked);
    request->waiting = &self;
    found.push_back(request);
  }
  if (!found.empty() && found.size() == list.size()) co_await sleep(user, self, woken);
  // What has ended meanwhile has no entry any more.
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::uint32_t error = co_await list[i]->error.load_acquire(user);
    if (error != kInProgress) continue;
    co_await user.spend(costs_.list_entry);
    found[i]->waiting = nullptr;
  }
  co_await mutex_.unlock(user);
}

// AIO_MISC_WAIT.
Task<void> AioRequests::sleep(Sleepable& user, Suspension& self, const WakeCondition& woken) {
  co_await mutex_.unlock(user);
  self.sleeper_ = &user.thread();
  while (!woken.holds()) {
    const std::uint32_t counter = co_await self.counter_.value.load_acquire(user);
    if (counter == 0) break;
    co_await syscall(user, Sysno::futex, sync_.futexes.wait(user, self.counter_, counter));
    // Taken, before it looks: somebody else may have been faster with what the signal was for.
    user.thread().signal_pending = false;
  }
  // A signal that comes once it is awake finds it on its way.
  self.sleeper_ = nullptr;
  user.thread().signal_pending = false;
  co_await mutex_.lock(user);
}

}  // namespace iodrome::designs::posix_aio
