// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/request_pool.h"

#include "tests/model/kernel/rig.h"

using namespace iodrome;
using namespace iodrome::kernel;
using Rules = DeadlineElevator::Rules;

namespace {

// Takes for a thread until it must wait. Returns how many it got.
std::size_t take_all(RequestPool& pool, bool write, std::uint64_t thread, Duration now,
                     std::vector<QueuedRequest*>& taken) {
  std::size_t count = 0;
  for (;; ++count) {
    QueuedRequest* const request = pool.take(write, thread, SimTime{now});
    if (request == nullptr) return count;
    request->op = write ? BlockOp::write : BlockOp::read;
    taken.push_back(request);
  }
}

void give_back(RequestPool& pool, std::vector<QueuedRequest*>& taken, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    pool.give_back(*taken.back());
    taken.pop_back();
  }
}

}  // namespace

TEST_CASE("2.6 gives 128 requests of a direction, and 31 more to the thread that took the last") {
  RequestPool pool(Rules::linux_2_6, 128);
  std::vector<QueuedRequest*> taken;
  std::vector<QueuedRequest*> others;
  for (int i = 0; i < 127; ++i) taken.push_back(pool.take(false, 7, SimTime{}));
  CHECK(take_all(pool, false, 7, 0ns, taken) == 1 + 31);
  CHECK(take_all(pool, false, 8, 0ns, taken) == 0);
  CHECK(take_all(pool, false, 0, 0ns, taken) == 0);
  CHECK(take_all(pool, true, 0, 0ns, others) == 128);  // the other direction has its own
  CHECK(pool.taken(false) == 159);
  CHECK(pool.taken(true) == 128);
}

TEST_CASE("whoever is nobody's thread gets no more than the limit, again after one came back") {
  RequestPool pool(Rules::linux_2_6, 128);
  std::vector<QueuedRequest*> taken;
  CHECK(take_all(pool, false, 0, 0ns, taken) == 128);
  give_back(pool, taken, 1);
  CHECK(take_all(pool, false, 0, 0ns, taken) == 1);
  give_back(pool, taken, 128);
  CHECK(pool.taken(false) == 0);
}

TEST_CASE("the allowance of a batch lasts 20 ms once it is begun") {
  for (const Duration later : {Duration{20ms - ps(1)}, Duration{20ms}}) {
    RequestPool pool(Rules::linux_2_6, 128);
    std::vector<QueuedRequest*> taken;
    for (int i = 0; i < 128; ++i) taken.push_back(pool.take(false, 7, SimTime{}));
    CHECK(take_all(pool, false, 7, later, taken) == (later < 20ms ? 31 : 0));
  }
}

TEST_CASE("a direction is congested from 113 requests on until there are fewer than 103") {
  RequestPool pool(Rules::linux_2_6, 128);
  std::vector<QueuedRequest*> taken;
  const auto take = [&] {
    taken.push_back(pool.take(true, 1, SimTime{}));
    taken.back()->op = BlockOp::write;
  };
  for (int i = 0; i < 112; ++i) take();
  CHECK_FALSE(pool.congested(true));
  take();
  CHECK(pool.congested(true));
  CHECK_FALSE(pool.congested(false));
  give_back(pool, taken, 10);
  CHECK(pool.taken(true) == 103);
  CHECK(pool.congested(true));
  give_back(pool, taken, 1);
  CHECK_FALSE(pool.congested(true));
}

TEST_CASE("a pool of 2.6 with few requests has its limit too") {
  for (const std::uint32_t most : {4u, 7u, 8u, 9u}) {
    RequestPool pool(Rules::linux_2_6, most);
    std::vector<QueuedRequest*> taken;
    CAPTURE(most);
    CHECK(take_all(pool, false, 0, 0ns, taken) == most);
    CHECK(pool.congested(false));
    give_back(pool, taken, most);
    CHECK_FALSE(pool.congested(false));
  }
}

TEST_CASE("mq shares one number among directions, of which writes have three quarters") {
  RequestPool pool(Rules::mq, 64);
  std::vector<QueuedRequest*> writes;
  std::vector<QueuedRequest*> reads;
  CHECK(take_all(pool, true, 1, 0ns, writes) == 48);
  CHECK(take_all(pool, false, 1, 0ns, reads) == 16);
  CHECK(take_all(pool, false, 2, 0ns, reads) == 0);
  give_back(pool, writes, 1);
  CHECK(take_all(pool, false, 2, 0ns, reads) == 1);
  give_back(pool, reads, 17);
  CHECK(take_all(pool, true, 1, 0ns, writes) == 1);
}
