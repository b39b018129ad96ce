// SPDX-License-Identifier: Apache-2.0
#include "model/metrics/request_log.h"

#include <catch2/catch.hpp>

using namespace iodrome;
using events::Stage;
using events::StageLedger;
using metrics::RequestLog;

namespace {

SimTime at(Duration time) {
  return SimTime{time};
}

}  // namespace

TEST_CASE("a row tells when a request passed from hand to hand") {
  StageLedger ledger;
  ledger.open(at(100ns), Stage::arrival);
  ledger.enter(Stage::submit, at(110ns));
  ledger.enter(Stage::kernel, at(120ns));
  ledger.enter(Stage::device, at(130ns));
  ledger.enter(Stage::reap, at(150ns));    // the first step's result
  ledger.enter(Stage::submit, at(155ns));  // the second step
  ledger.enter(Stage::kernel, at(160ns));
  ledger.enter(Stage::device, at(170ns));
  ledger.enter(Stage::hardirq, at(190ns));
  ledger.enter(Stage::reap, at(200ns));
  RequestLog log;
  log.add({.number = 3, .op = 2, .bytes = 4096, .error = Errno::eio, .cpu = 1}, ledger,
          ledger.close(at(210ns)), at(50ns));
  REQUIRE(log.request.size() == 1);
  CHECK(log.request[0] == 3);
  CHECK(log.op[0] == 2);
  CHECK(log.bytes[0] == 4096);
  CHECK(log.error[0] == static_cast<int>(Errno::eio));
  CHECK(log.cpu[0] == 1);
  CHECK(log.arrival[0] == 50'000);
  CHECK(log.submit[0] == 60'000);
  CHECK(log.issue[0] == 70'000);
  CHECK(log.dispatch[0] == 80'000);
  CHECK(log.complete[0] == 150'000);
  CHECK(log.reap[0] == 160'000);
}

TEST_CASE("a request that needed no device has no time of dispatch") {
  StageLedger ledger;
  ledger.open(at(0ns), Stage::arrival);
  ledger.enter(Stage::submit, at(1ns));
  ledger.enter(Stage::kernel, at(2ns));
  ledger.enter(Stage::reap, at(3ns));
  RequestLog log;
  log.add({}, ledger, ledger.close(at(4ns)), at(0ns));
  CHECK(log.dispatch[0] == RequestLog::kNotReached);
  CHECK(log.complete[0] == 3000);
}
