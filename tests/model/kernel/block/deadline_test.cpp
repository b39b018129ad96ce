// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/deadline.h"

#include <catch2/catch.hpp>
#include <deque>

using namespace iodrome;
using namespace iodrome::kernel;
using Rules = DeadlineElevator::Rules;

namespace {

using Sectors = std::vector<std::uint64_t>;

struct Scene {
  explicit Scene(Rules rules, const DeadlineParams& params = {}) : elevator(rules, params) {}
  QueuedRequest& make(bool write, std::uint64_t sector, std::uint32_t sectors) {
    QueuedRequest& request = requests.emplace_back();
    request.op = write ? BlockOp::write : BlockOp::read;
    request.sector = sector;
    request.bytes = sectors * 512;
    return request;
  }
  QueuedRequest& read(std::uint64_t sector, Duration at = {}, std::uint32_t sectors = 8) {
    QueuedRequest& request = make(false, sector, sectors);
    elevator.add(request, SimTime{at});
    return request;
  }
  QueuedRequest& write(std::uint64_t sector, Duration at = {}, std::uint32_t sectors = 8) {
    QueuedRequest& request = make(true, sector, sectors);
    elevator.add(request, SimTime{at});
    return request;
  }
  /// The sectors of the next requests; a write's plus a million.
  Sectors serve(std::size_t count, Duration at = {}) {
    Sectors served;
    for (std::size_t i = 0; i < count; ++i) {
      const QueuedRequest* const request = elevator.next(SimTime{at});
      if (request == nullptr) break;
      served.push_back(request->sector + (request->write() ? 1'000'000 : 0));
    }
    return served;
  }
  std::deque<QueuedRequest> requests;
  DeadlineElevator elevator;
};

constexpr std::uint64_t kWrite = 1'000'000;

}  // namespace

TEST_CASE("2.6 deadline goes upwards through the sectors and then back to the lowest") {
  Scene s(Rules::linux_2_6);
  for (const std::uint64_t sector : {500u, 100u, 900u, 300u, 700u}) s.read(sector);
  CHECK(s.serve(2) == Sectors{100, 300});
  s.read(200);  // behind the head: it waits for the next round
  s.read(600);  // between the head's next one and those above it
  CHECK(s.serve(9) == Sectors{500, 600, 700, 900, 200});
  CHECK(s.elevator.size() == 0);
  CHECK(s.elevator.next(SimTime{}) == nullptr);
}

TEST_CASE("2.6 deadline has chosen the next one when it serves one: what comes between is late") {
  Scene s(Rules::linux_2_6);
  s.read(100);
  s.read(500);
  CHECK(s.serve(1) == Sectors{100});
  s.read(300);
  CHECK(s.serve(2) == Sectors{500, 300});
}

TEST_CASE(
    "mq-deadline looks for the next higher sector when it serves, and starts with the oldest") {
  Scene s(Rules::mq);
  s.read(500);
  s.read(100);
  CHECK(s.serve(1) == Sectors{100});
  s.read(300);
  s.read(50);
  CHECK(s.serve(2) == Sectors{300, 500});
  s.read(20);
  CHECK(s.serve(2) == Sectors{50, 20});  // none is higher: the oldest first
}

TEST_CASE("mq-deadline serves a request out of order at its deadline and not before") {
  for (const Duration at : {Duration{501ms - ps(1)}, Duration{501ms}}) {
    Scene s(Rules::mq, {.read_expire = 500ms, .write_expire = 5s, .fifo_batch = 1});
    s.read(1000);
    CHECK(s.serve(1) == Sectors{1000});  // the head is there
    s.read(10, 1ms);
    for (std::uint64_t sector = 2000; sector < 2004; ++sector) s.read(sector * 10, 2ms);
    CHECK(s.serve(1, at) == Sectors{at < 501ms ? 20'000u : 10u});
  }
}

TEST_CASE("2.6 deadline looks at deadlines before every request that does not adjoin the last") {
  for (const Duration at : {Duration{501ms - ps(1)}, Duration{501ms}}) {
    Scene s(Rules::linux_2_6);
    s.read(500);
    s.read(1000);
    CHECK(s.serve(1) == Sectors{500});
    s.read(10, 1ms);
    s.read(2000, 2ms);
    CHECK(s.serve(1, 3ms) == Sectors{1000});
    CHECK(s.serve(1, at) == Sectors{at < 501ms ? 2000u : 10u});
  }
}

TEST_CASE(
    "a batch of 2.6 deadline is a run of adjoining requests, and at most fifo_batch of them") {
  for (const std::int64_t most : {4, 16}) {
    Scene s(Rules::linux_2_6, {.read_expire = 1ms, .write_expire = 5s, .fifo_batch = most});
    s.read(5000);
    for (std::uint64_t i = 0; i < 8; ++i) s.read(1000 + i * 8);
    CHECK(s.serve(4) == Sectors{1000, 1008, 1016, 1024});
    // The first of the FIFO is late, but a batch is not interrupted.
    CHECK(s.serve(1, 2ms) == Sectors{most == 4 ? 5000u : 1032u});
  }
}

TEST_CASE("reads go first, but writes are starved only so often") {
  Scene old(Rules::linux_2_6);
  for (std::uint64_t i = 1; i <= 4; ++i) {
    old.read(i * 100);
    old.write(i * 100);
  }
  CHECK(old.serve(8) ==
        Sectors{100, 200, kWrite + 100, 300, 400, kWrite + 200, kWrite + 300, kWrite + 400});
  Scene mq(Rules::mq, {.read_expire = 1s, .write_expire = 5s, .fifo_batch = 2});
  for (std::uint64_t i = 1; i <= 8; ++i) {
    mq.read(i * 100);
    mq.write(i * 100);
  }
  // The first batch goes on from where nothing was served: it is no choice of a direction.
  CHECK(mq.serve(12) == Sectors{100, 200, 300, 400, 500, 600, kWrite + 100, kWrite + 200, 700, 800,
                                kWrite + 300, kWrite + 400});
}

TEST_CASE("2.6 deadline begins at the lowest sector when it comes back to a direction") {
  Scene s(Rules::linux_2_6);
  for (const std::uint64_t sector : {100u, 200u, 300u}) s.read(sector);
  s.write(700);
  CHECK(s.serve(3) == Sectors{100, 200, kWrite + 700});
  s.read(50);
  CHECK(s.serve(2) == Sectors{50, 300});
}

TEST_CASE("neighbours are found by where they end and begin, in their own direction") {
  Scene s(Rules::mq);
  QueuedRequest& read = s.read(100);
  QueuedRequest& write = s.write(108);
  CHECK(s.elevator.ending_at(false, 108) == &read);
  CHECK(s.elevator.ending_at(true, 108) == nullptr);
  CHECK(s.elevator.beginning_at(true, 108) == &write);
  CHECK(s.elevator.beginning_at(false, 108) == nullptr);
  CHECK(s.elevator.ending_at(false, 107) == nullptr);
  CHECK(s.elevator.ending_at(false, 100) == nullptr);
  read.sector = 92;
  read.bytes += 8 * 512;
  s.elevator.grown_at_front(read);
  CHECK(s.elevator.beginning_at(false, 92) == &read);
  CHECK(s.elevator.ending_at(false, 108) == &read);
}

TEST_CASE("of two requests that become one the earlier deadline stays, and none is lost") {
  Scene s(Rules::mq, {.read_expire = 10ms, .write_expire = 5s, .fifo_batch = 1});
  QueuedRequest& back = s.read(108, 0ms);
  s.read(500, 1ms);
  QueuedRequest& front = s.read(100, 2ms);
  front.bytes += back.bytes;
  s.elevator.merged(front, back);
  CHECK(front.expires == SimTime{} + 10ms);
  CHECK(s.elevator.size() == 2);
  s.read(2000, 3ms);
  CHECK(s.serve(1, 3ms) == Sectors{100});
  CHECK(s.serve(2, 3ms) == Sectors{500, 2000});
  CHECK(s.elevator.size() == 0);
}

TEST_CASE("the request that was to be next may leave by a merge: the one behind it is next then") {
  Scene s(Rules::linux_2_6);
  s.read(100);
  QueuedRequest& next = s.read(292);
  s.read(300);
  CHECK(s.serve(1) == Sectors{100});
  QueuedRequest& front = s.read(284);
  front.bytes += next.bytes;
  s.elevator.merged(front, next);
  CHECK(s.serve(3) == Sectors{300, 284});
}
