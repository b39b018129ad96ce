// SPDX-License-Identifier: Apache-2.0
#include "model/explore/random_walk.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/model/drivers/dma/rig.h"

namespace iodrome::drivers {
namespace {

using namespace kernel;

// The n-th time it is asked at that site, it picks; otherwise the default.
class PickAt final : public ChoiceOracle {
 public:
  PickAt(std::string_view site, int number, std::uint32_t pick)
      : site_(site), number_(number), pick_(pick) {}
  std::uint32_t choose(Choice, std::uint32_t, const char* site) override {
    return site_ == site && --number_ == 0 ? pick_ : 0;
  }

 private:
  std::string_view site_;
  int number_;
  std::uint32_t pick_;
};

Task<void> note_end(Atomic& ctx, DmaDescriptor& self) {
  auto& rig = *static_cast<DmaRig*>(self.argument);
  rig.log += self.error == Errno::ok ? "." : "x";
  rig.log += ctx.level() == Level::softirq ? "s" : "t";
  ++rig.ended;
  rig.last_end = ctx.now().time_since_epoch();
  if (self.error != Errno::ok) ++rig.failed;
  return Task<void>::ready();
}

// A copy of a page, submitted; nullptr if the channel has no descriptor.
Task<DmaDescriptor*> copy_page(Atomic& ctx, DmaRig& rig, DmaChannel& channel, std::uint32_t page) {
  DmaDescriptor* const copy =
      co_await channel.prep_memcpy(ctx, rig.target(page), rig.source(page), DmaRig::kBytes);
  if (copy != nullptr) {
    copy->callback = &note_end;
    copy->argument = &rig;
  }
  co_return copy;
}

Task<void> copy_one(Sleepable& ctx, DmaRig& rig) {
  DmaChannel& channel = *rig.engine.hardware()[0];
  DmaDescriptor* const copy = co_await copy_page(ctx, rig, channel, 0);
  REQUIRE(copy != nullptr);
  channel.submit(*copy);
  co_await channel.issue_pending(ctx);
}

Task<void> copy_three(Sleepable& ctx, DmaRig& rig) {
  DmaChannel& channel = *rig.engine.hardware()[0];
  for (std::uint32_t page = 0; page < 3; ++page) {
    DmaDescriptor* const copy = co_await copy_page(ctx, rig, channel, page);
    REQUIRE(copy != nullptr);
    CHECK(channel.submit(*copy) == static_cast<DmaCookie>(page + 1));
  }
  CHECK(channel.tx_status(1) == DmaStatus::in_progress);
  co_await channel.issue_pending(ctx);
}

// Three pages from `first` on, as far as descriptors reach; it looks for ends now and then.
template <std::uint32_t first>
Task<void> copy_some(Sleepable& ctx, DmaRig& rig) {
  DmaChannel& channel = *rig.engine.hardware()[0];
  for (std::uint32_t page = first; page < first + 3; ++page) {
    DmaDescriptor* const copy = co_await copy_page(ctx, rig, channel, page);
    if (copy == nullptr) continue;
    channel.submit(*copy);
    co_await channel.issue_pending(ctx);
    co_await channel.poll(ctx);
  }
}

Task<void> copy_twelve(Sleepable& ctx, DmaRig& rig) {
  DmaChannel& channel = *rig.engine.hardware()[0];
  for (std::uint32_t page = 0; page < 12; ++page) {
    DmaDescriptor* copy = co_await copy_page(ctx, rig, channel, page);
    if (copy == nullptr) {
      rig.log += "-";
      copy = co_await copy_page(ctx, rig, rig.software, page);
      REQUIRE(copy != nullptr);
    }
    copy->channel->submit(*copy);
    co_await copy->channel->issue_pending(ctx);
  }
}

// Page 0 on one channel, then page 1 on another, then page 2 by a CPU: each after the one before.
Task<void> copy_in_turn(Sleepable& ctx, DmaRig& rig) {
  DmaDescriptor* parent = nullptr;
  DmaChannel* const channels[] = {rig.engine.hardware()[0], rig.engine.hardware()[1],
                                  &rig.software};
  for (std::uint32_t page = 0; page < 3; ++page) {
    DmaDescriptor* const copy = co_await copy_page(ctx, rig, *channels[page], page);
    REQUIRE(copy != nullptr);
    copy->acked = page == 2;
    if (parent != nullptr) DmaChannel::depends_on(*copy, *parent);
    const DmaCookie cookie = copy->channel->submit(*copy);
    CHECK(cookie == (page == 0 ? 1 : kHeldCookie));
    parent = copy;
  }
  co_await channels[0]->issue_pending(ctx);
}

Task<void> copy_chained(Sleepable& ctx, DmaRig& rig) {
  DmaChannel& channel = *rig.engine.hardware()[0];
  DmaDescriptor* parent = nullptr;
  for (std::uint32_t page = 0; page < 3; ++page) {
    DmaDescriptor* const copy = co_await copy_page(ctx, rig, channel, page);
    REQUIRE(copy != nullptr);
    copy->acked = page == 2;
    if (parent != nullptr) DmaChannel::depends_on(*copy, *parent);
    CHECK(channel.submit(*copy) > 0);
    parent = copy;
  }
  co_await channel.issue_pending(ctx);
}

// The third page is made to depend on the second, which has not ended, when the first has failed.
Task<void> copy_behind_a_failure(Sleepable& ctx, DmaRig& rig) {
  DmaChannel& first = *rig.engine.hardware()[0];
  DmaChannel& second = *rig.engine.hardware()[1];
  DmaDescriptor* const parent = co_await copy_page(ctx, rig, first, 0);
  parent->acked = false;
  DmaDescriptor* const child = co_await copy_page(ctx, rig, second, 1);
  child->acked = false;
  DmaChannel::depends_on(*child, *parent);
  const DmaCookie cookie = first.submit(*parent);
  CHECK(second.submit(*child) == kHeldCookie);
  CHECK(co_await dma_sync_wait(ctx, first, cookie) == DmaStatus::error);
  DmaDescriptor* const grandchild = co_await copy_page(ctx, rig, second, 2);
  REQUIRE_FALSE(child->ended);
  DmaChannel::depends_on(*grandchild, *child);
  CHECK(second.submit(*grandchild) > 0);
  co_await second.issue_pending(ctx);
}

}  // namespace

TEST_CASE("who comes to depend on a failed one before its end fails too, and moves nothing") {
  hw::test::ScriptedOracle oracle;
  oracle.script["ioat.transfer"] = {1};
  DmaRig dma(1, 8, &oracle);
  dma.costs.poll.each = 50ns;
  dma.rig.thread(0, dma, copy_behind_a_failure);
  dma.rig.run();
  CHECK(dma.ended == 3);
  CHECK(dma.failed == 3);
  CHECK(dma.device.counters().copies == 0);
  for (std::uint32_t page = 0; page < 3; ++page) CHECK(dma.untouched(page));
  CHECK(dma.in_use() == 0);
}

TEST_CASE("copies end in order, byte by byte, with callbacks in the tasklet") {
  DmaRig dma;
  dma.rig.thread(0, dma, copy_three);
  dma.rig.run();
  CHECK(dma.log == ".s.s.s");
  for (std::uint32_t page = 0; page < 3; ++page) CHECK(dma.copied(page));
  CHECK(dma.engine.hardware()[0]->tx_status(3) == DmaStatus::complete);
  CHECK(dma.in_use() == 0);
  // 3 x prep and issue, doorbell 0.1, set-up 0.3, bus 2 for two copies, completion 0.2, message
  // 0.4, hardirq 0.5, softirq 0.2. By then the third has ended too, and is seen at once, for 0.1.
  CHECK(dma.last_end == 350ns + 100ns + 300ns + 2us + 200ns + 400ns + 500ns + 200ns + 100ns);
}

TEST_CASE("without a descriptor a user is told so, and a CPU's channel does the rest") {
  DmaRig dma;
  dma.rig.thread(0, dma, copy_twelve);
  dma.rig.run();
  CHECK(dma.ended == 12);
  CHECK(std::count(dma.log.begin(), dma.log.end(), '-') > 0);
  CHECK(dma.log.find(".t") != std::string::npos);
  for (std::uint32_t page = 0; page < 12; ++page) CHECK(dma.copied(page));
  CHECK(dma.in_use() == 0);
}

TEST_CASE("memory that runs out is a descriptor that is missing") {
  PickAt oracle("dma_descriptor", 3, 1);
  DmaRig dma(2, 16, &oracle);
  dma.rig.thread(0, dma, copy_twelve);
  dma.rig.run();
  CHECK(std::count(dma.log.begin(), dma.log.end(), '-') == 1);
  CHECK(dma.ended == 12);
  CHECK(dma.in_use() == 0);
}

TEST_CASE("an error fails its own descriptor; the channel is reset and later cookies stand") {
  PickAt oracle("ioat.transfer", 2, 1);
  DmaRig dma(2, 8, &oracle);
  dma.rig.thread(0, dma, copy_three);
  dma.rig.run();
  CHECK(dma.log == ".sxs.s");
  const DmaChannel& channel = *dma.engine.hardware()[0];
  CHECK(channel.tx_status(1) == DmaStatus::complete);
  CHECK(channel.tx_status(2) == DmaStatus::error);
  CHECK(channel.tx_status(3) == DmaStatus::complete);
  CHECK(dma.copied(0));
  CHECK(dma.untouched(1));
  CHECK(dma.copied(2));
  CHECK(dma.in_use() == 0);
}

TEST_CASE("a lost message costs the timer's time and nothing else") {
  PickAt oracle("ioat.message", 1, 1);
  DmaRig dma(2, 8, &oracle);
  dma.rig.thread(0, dma, copy_one);
  dma.rig.run();
  CHECK(dma.log == ".s");
  CHECK(dma.copied(0));
  // Armed at the doorbell for a jiffy, which the wheel makes two; then a tick, a
  // softirq and the clean-up.
  CHECK(dma.last_end == 2ms + 500ns + 200ns + 100ns);
  CHECK(dma.in_use() == 0);
}

TEST_CASE("a lost message is made good by the next one") {
  PickAt oracle("ioat.message", 1, 1);
  DmaRig dma(2, 8, &oracle);
  dma.rig.thread(0, dma, copy_three);
  dma.rig.run();
  CHECK(dma.log == ".s.s.s");
  CHECK(dma.last_end < 10us);
}

TEST_CASE("a doubled message changes nothing") {
  PickAt oracle("ioat.message", 1, 2);
  DmaRig dma(2, 8, &oracle);
  dma.rig.thread(0, dma, copy_three);
  dma.rig.run();
  CHECK(dma.log == ".s.s.s");
  CHECK(dma.device.counters().interrupts == 4);
  CHECK(dma.in_use() == 0);
}

TEST_CASE("a dependent on another channel begins when its parent has ended") {
  DmaRig dma;
  dma.rig.thread(0, dma, copy_in_turn);
  dma.rig.run();
  CHECK(dma.log == ".s.s.s");  // the CPU's part runs in the tasklet of the engine before it
  for (std::uint32_t page = 0; page < 3; ++page) CHECK(dma.copied(page));
  CHECK(dma.in_use() == 0);
}

TEST_CASE("what depends on a failed operation fails without having run") {
  PickAt oracle("ioat.transfer", 1, 2);
  for (const auto code : {&copy_in_turn, &copy_chained}) {
    oracle = PickAt("ioat.transfer", 1, 2);
    DmaRig dma(2, 8, &oracle);
    dma.rig.thread(0, dma, code);
    dma.rig.run();
    CHECK(dma.log == "xsxsxs");
    for (std::uint32_t page = 0; page < 3; ++page) CHECK(dma.untouched(page));
    CHECK(dma.in_use() == 0);
  }
}

TEST_CASE("cookies wrap to 1 and compare right on both sides") {
  DmaRig dma;
  DmaChannel& channel = *dma.engine.hardware()[0];
  constexpr DmaCookie kLargest = 0x7fff'ffff;
  channel.continue_cookies_after(kLargest - 1);
  dma.rig.thread(
      0, dma, +[](Sleepable& ctx, DmaRig& rig) -> Task<void> {
        DmaChannel& on = *rig.engine.hardware()[0];
        for (std::uint32_t page = 0; page < 3; ++page) {
          DmaDescriptor* const copy = co_await copy_page(ctx, rig, on, page);
          REQUIRE(copy != nullptr);
          on.submit(*copy);
        }
        CHECK(on.last_used() == 2);
        CHECK(on.tx_status(kLargest - 1) == DmaStatus::complete);
        CHECK(on.tx_status(kLargest) == DmaStatus::in_progress);
        CHECK(on.tx_status(1) == DmaStatus::in_progress);
        co_await on.issue_pending(ctx);
      });
  dma.rig.run();
  for (const DmaCookie cookie : {kLargest, 1, 2})
    CHECK(channel.tx_status(cookie) == DmaStatus::complete);
  CHECK(dma.in_use() == 0);
}

TEST_CASE("channels go round the CPUs, and a chain stays where it is") {
  DmaRig dma;
  DmaEngine& engine = dma.engine;
  CHECK(engine.find_channel(DmaOp::memcpy, 0) == engine.hardware()[0]);
  CHECK(engine.find_channel(DmaOp::memcpy, 1) == engine.hardware()[1]);
  CHECK(engine.find_channel(DmaOp::memcpy, 2) == engine.hardware()[0]);
  CHECK(engine.find_channel(DmaOp::exclusive_or, 0) == &dma.software);
  DmaDescriptor parent;
  parent.channel = engine.hardware()[1];
  CHECK(engine.find_channel(DmaOp::memcpy, 0, &parent) == engine.hardware()[1]);
  CHECK(engine.find_channel(DmaOp::memset, 0, &parent) == &dma.software);
}

TEST_CASE("whatever the order and the faults, every copy ends once and its bytes are right") {
  int failures = 0;
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    explore::RandomWalk oracle(seed);
    DmaRig dma(2, 4, &oracle);
    dma.rig.thread(0, dma, copy_some<0>);
    dma.rig.thread(1, dma, copy_some<8>);
    CAPTURE(seed);
    dma.rig.run();
    failures += dma.failed;
    CHECK(dma.in_use() == 0);
    int moved = 0;
    for (std::uint32_t page = 0; page < 11; ++page) moved += dma.copied(page) ? 1 : 0;
    CHECK(moved == dma.ended - dma.failed);
  }
  CHECK(failures > 100);
}

}  // namespace iodrome::drivers
