// SPDX-License-Identifier: Apache-2.0
#include "model/designs/epoll_threads/completions.h"

#include <array>
#include <bit>

namespace iodrome::designs::epoll_threads {

using namespace kernel;

Task<void> Completions::push(Sleepable& user, FileTask& task) {
  co_await mutex_.lock(user);
  const bool first = done_.empty();
  done_.push_back(task);
  co_await mutex_.unlock(user);
  if (!first && !notify_each_) co_return;
  const auto one = std::bit_cast<std::array<std::byte, 8>>(std::uint64_t{1});
  const Result<std::int64_t> written =
      co_await syscall(user, Sysno::write, eventfd_->object->write(user, *eventfd_, one));
  check(written.has_value(), "an eventfd of 1 took no 1 more");
}

Task<void> Completions::take(Sleepable& user, List& to) {
  co_await mutex_.lock(user);
  to.swap(done_);
  co_await mutex_.unlock(user);
}

Task<void> Completions::reset(Sleepable& user) {
  std::array<std::byte, 8> count{};
  co_await syscall(user, Sysno::read, eventfd_->object->read(user, *eventfd_, count));
}

}  // namespace iodrome::designs::epoll_threads
