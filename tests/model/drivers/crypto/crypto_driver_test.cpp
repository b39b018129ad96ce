// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/crypto/crypto_driver.h"

#include "model/engine/aes.h"
#include "model/engine/crc32c.h"
#include "model/engine/sha256.h"
#include "model/explore/random_walk.h"
#include "tests/hw/round_engines.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/model/kernel/patterned_pages.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::drivers {
namespace {

using namespace kernel;
using hw::crypto::Operation;

struct CryptoRig : tests::PatternedPages {
  static constexpr std::uint32_t kRequests = 12;
  explicit CryptoRig(ChoiceOracle* oracle = nullptr, std::int64_t entries = 4)
      : rig(2), driver(rig.system, irqs, registers, {entries, 100us}, costs) {
    rig.system.scheduler.hz = 1000;
    rig.timeline.spawn(driver.attach(), "attach");
    rig.timeline.run();
    rig.timeline.choices().ask(oracle);
    lay_out(rig.memory, 64, kRequests);
  }
  ~CryptoRig() {
    rig.timeline.choices().ask(nullptr);
    rig.end();
  }
  /// Every operation in turn; ciphers write to a page of their own.
  CryptoRequest& make(std::uint32_t number) {
    CryptoRequest& request = requests[number];
    request.operation = static_cast<Operation>(1 + number % 4);
    request.bytes = kBytes;
    request.source = area + number * kBytes;
    request.destination = area + (32 + number) * kBytes;
    request.key.fill(static_cast<std::uint8_t>(number + 1));
    request.iv.fill(static_cast<std::uint8_t>(number + 101));
    request.argument = this;
    request.callback = [](Atomic& ctx, CryptoRequest& self) {
      auto& mine = *static_cast<CryptoRig*>(self.argument);
      ++mine.ended;
      mine.last_end = ctx.now().time_since_epoch();
      return Task<void>::ready();
    };
    return request;
  }
  bool right(std::uint32_t number) {
    const CryptoRequest& request = requests[number];
    if (request.operation == Operation::sha256) return request.result == sha256(bytes(number));
    if (request.operation == Operation::crc32c) {
      std::uint32_t crc = 0;
      std::memcpy(&crc, request.result.data(), sizeof crc);
      return crc == crc32c(0, bytes(number));
    }
    std::vector<std::byte> expected(bytes(number).begin(), bytes(number).end());
    Aes128::Block iv = request.iv;
    if (request.operation == Operation::aes_cbc_encrypt)
      cbc_encrypt(Aes128(request.key), iv, expected);
    else
      cbc_decrypt(Aes128(request.key), iv, expected);
    return std::ranges::equal(bytes(32 + number), expected);
  }

  Rig rig;
  CryptoCosts costs;
  IrqController irqs{rig.system};
  hw::DirectPort memory_port{rig.memory};
  hw::DirectPort interrupt_port{irqs};
  hw::Crypto device{tests::round_crypto(3, 2), rig.timeline, memory_port, interrupt_port, true};
  hw::DirectPort registers{device};
  CryptoDriver driver;
  std::array<CryptoRequest, kRequests> requests;
  int ended = 0;
  int busy = 0;
  Duration last_end{};
};

Task<void> submit_all(Sleepable& ctx, CryptoRig& rig) {
  for (std::uint32_t i = 0; i < CryptoRig::kRequests; ++i) {
    const Errno error = co_await rig.driver.submit(ctx, rig.make(i));
    if (error == Errno::ebusy) ++rig.busy;
  }
}

}  // namespace

TEST_CASE("requests go to the shortest queue, end once each, and their bytes are right") {
  CryptoRig rig(nullptr, 12);  // one queue could take them all
  rig.rig.thread(0, rig, submit_all);
  rig.rig.run();
  CHECK(rig.ended == 12);
  CHECK(rig.busy == 0);
  CHECK(rig.driver.in_flight() == 0);
  for (std::uint32_t i = 0; i < 12; ++i) {
    CHECK(rig.requests[i].status == Errno::ok);
    CHECK(rig.right(i));
  }
  // 63 us of work for two engines; one queue alone would take more than 63 us.
  CHECK(rig.last_end < 45us);
}

TEST_CASE("when every ring is full the user is told so") {
  CryptoRig rig(nullptr, 2);
  rig.rig.thread(0, rig, submit_all);
  rig.rig.run();
  CHECK(rig.busy == 6);
  CHECK(rig.ended == 6);
}

TEST_CASE("a failure is that of its own request, and a refusal is another error") {
  hw::test::ScriptedOracle oracle;
  oracle.script["crypto.request"] = {0, 1};
  CryptoRig rig(&oracle);
  rig.rig.thread(
      0, rig, +[](Sleepable& ctx, CryptoRig& self) -> Task<void> {
        co_await self.driver.submit(ctx, self.make(0));
        co_await self.driver.submit(ctx, self.make(1));
        CryptoRequest& odd = self.make(4);
        odd.bytes = 17;
        co_await self.driver.submit(ctx, odd);
      });
  rig.rig.run();
  CHECK(rig.ended == 3);
  CHECK(rig.requests[0].status == Errno::ok);
  CHECK(rig.requests[1].status == Errno::eio);
  CHECK(rig.requests[4].status == Errno::einval);
}

TEST_CASE("a lost message of a crypto queue costs the timer's time and nothing else") {
  hw::test::ScriptedOracle oracle;
  oracle.script["crypto.message"] = {1};
  CryptoRig rig(&oracle);
  rig.rig.thread(
      0, rig, +[](Sleepable& ctx, CryptoRig& self) -> Task<void> {
        co_await self.driver.submit(ctx, self.make(3));
      });
  rig.rig.run();
  CHECK(rig.ended == 1);
  CHECK(rig.right(3));
  CHECK(rig.last_end == 2ms);  // armed for a jiffy, which the wheel makes two
}

TEST_CASE("whatever the order and the faults, every crypto request ends once and rightly") {
  int failures = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    explore::RandomWalk oracle(seed);
    CryptoRig rig(&oracle);
    rig.rig.thread(0, rig, submit_all);
    CAPTURE(seed);
    rig.rig.run();
    CHECK(rig.ended == 12 - rig.busy);
    for (std::uint32_t i = 0; i < 12; ++i) {
      if (rig.requests[i].status == Errno::ok) CHECK(rig.right(i));
      failures += rig.requests[i].status == Errno::eio ? 1 : 0;
    }
    CHECK(rig.driver.in_flight() == 0);
  }
  CHECK(failures > 100);
}

}  // namespace iodrome::drivers
