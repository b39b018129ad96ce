// SPDX-License-Identifier: Apache-2.0
// async_tx over engines: what of it needs a driver. Without an engine it is tested here as well,
// since both must give the same bytes.
#include "model/kernel/async_tx/async_tx.h"

#include "hw/dma/ioat.h"
#include "model/drivers/dma/adma_driver.h"
#include "model/drivers/dma/ioat_driver.h"
#include "model/explore/random_walk.h"
#include "tests/hw/round_engines.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/model/drivers/dma/rig.h"
#include "tests/model/kernel/patterned_pages.h"

namespace iodrome::drivers {
namespace {

using namespace kernel;

// Copies; it has no interrupt of any kind, so that only a look finds an end.
class SilentChannel final : public DmaChannel {
 public:
  SilentChannel(System& system, DmaCosts& costs) : DmaChannel(system, costs, "silent", what(), 8) {}
  Task<void> poll(Atomic& ctx) override {
    if (active().empty() || ctx.now() < ready_) co_return;
    DmaDescriptor& descriptor = active().front();
    const auto from = system_.memory.bytes(descriptor.sources[0], descriptor.bytes);
    std::ranges::copy(from, system_.memory.bytes(descriptor.destination, descriptor.bytes).begin());
    co_await finish(ctx, descriptor, Errno::ok);
  }

 private:
  static Limits what() {
    Limits limits;
    limits.capabilities = dma_capability(DmaOp::memcpy);
    limits.max_bytes = 1 << 20;
    return limits;
  }
  void load(DmaDescriptor&) override {}
  void doom(DmaDescriptor&) override {}
  Task<void> kick(Atomic& ctx) override {
    ready_ = ctx.now() + 5us;
    return Task<void>::ready();
  }
  SimTime ready_{};
};

// For each operation a channel; none: the CPU.
class Told final : public ChannelChoice {
 public:
  DmaChannel* find(DmaOp op, std::uint32_t, const DmaDescriptor*) override {
    DmaChannel* const channel = by_op[static_cast<std::size_t>(op)];
    return channel != nullptr && channel->can(op) ? channel : nullptr;
  }
  DmaChannel*& operator[](DmaOp op) { return by_op[static_cast<std::size_t>(op)]; }
  std::array<DmaChannel*, 6> by_op{};
};

struct AsyncRig : tests::PatternedPages {
  static constexpr std::uint32_t kPages = 48;
  explicit AsyncRig(std::int64_t descriptors = 8, ChoiceOracle* oracle = nullptr,
                    std::int64_t pending_level = 0)
      : adma_driver(rig.system, irqs, adma_registers, {descriptors, 0us, 100us, pending_level},
                    costs),
        ioat_driver(rig.system, irqs, ioat_registers, {descriptors, 0us, 100us, pending_level},
                    costs),
        silent(rig.system, costs) {
    rig.system.scheduler.hz = 1000;
    rig.system.costs.irq_entry.each = 500ns;
    costs.poll.each = 50ns;
    rig.timeline.spawn(adma_driver.attach(engine), "attach");
    rig.timeline.spawn(ioat_driver.attach(engine), "attach");
    rig.timeline.run();
    for (const DmaOp op : {DmaOp::memcpy, DmaOp::exclusive_or, DmaOp::zero_sum, DmaOp::memset})
      told[op] = adma();
    rig.timeline.choices().ask(oracle);
    lay_out(rig.memory, kPages, 16);
  }
  ~AsyncRig() {
    rig.timeline.choices().ask(nullptr);
    rig.end();
  }
  bool is_sum(std::uint32_t page, std::initializer_list<std::uint32_t> of) {
    for (std::uint32_t i = 0; i < kBytes; ++i) {
      std::byte sum{0};
      for (const std::uint32_t each : of) sum ^= pattern(each, i);
      if (bytes(page)[i] != sum) return false;
    }
    return true;
  }
  DmaChannel* adma() { return engine.hardware()[0]; }
  DmaChannel* ioat() { return engine.hardware()[2]; }
  std::size_t in_use() const {
    std::size_t sum = silent.in_use();
    for (const DmaChannel* channel : engine.hardware()) sum += channel->in_use();
    return sum;
  }
  static Task<void> note(Atomic& ctx, DmaDescriptor& self) {
    auto& mine = *static_cast<AsyncRig*>(self.argument);
    ++mine.called;
    mine.level = ctx.level();
    mine.error = self.error;
    mine.end = ctx.now().time_since_epoch();
    return Task<void>::ready();
  }
  static Task<void> note_middle(Atomic&, DmaDescriptor& self) {
    auto& mine = *static_cast<AsyncRig*>(self.argument);
    if (self.error != Errno::ok) mine.middle_failed = true;
    return Task<void>::ready();
  }
  AsyncSubmit middle(DmaDescriptor* depend_tx, std::uint32_t flags) {
    return {flags, depend_tx, watch_all ? &note_middle : nullptr, this};
  }
  AsyncSubmit last(DmaDescriptor* depend_tx) { return {kAsyncAck, depend_tx, &note, this}; }
  template <class Code>
  void go(Code code) {
    rig.thread(0, *this, +code);
    rig.run();
  }

  Rig rig{1};
  DmaCosts costs;
  IrqController irqs{rig.system};
  hw::DirectPort memory_port{rig.memory};
  hw::DirectPort interrupt_port{irqs};
  hw::Adma adma_device{tests::round_adma(4), rig.timeline, memory_port, interrupt_port, true};
  hw::Ioat ioat_device{DmaRig::params(), rig.timeline, memory_port, interrupt_port, true};
  hw::DirectPort adma_registers{adma_device};
  hw::DirectPort ioat_registers{ioat_device};
  DmaEngine engine;
  AdmaDriver adma_driver;
  IoatDriver ioat_driver;
  SilentChannel silent;
  Told told;
  AsyncTx tx{engine, told, {{1'000'000'000}, {2'000'000'000}, {500'000'000}}};

  int called = 0;
  bool watch_all = false;  // callbacks of every step, since a CPU's step tells nobody else
  bool middle_failed = false;
  bool early = false;  // the callback had run when the last call returned
  Level level = Level::thread;
  Errno error = Errno::ok;
  Duration end{};
  std::uint32_t result = 7;
};

// 20 = 0 ^ 1 ^ 2; 21 = 20; 22 = 21 ^ 3.
Task<void> sum_copy_sum(Sleepable& ctx, AsyncRig& rig) {
  const hw::PhysAddr first[] = {rig.at(0), rig.at(1), rig.at(2)};
  DmaDescriptor* tx = co_await rig.tx.exclusive_or(ctx, rig.at(20), first, AsyncRig::kBytes,
                                                   rig.middle(nullptr, kXorZeroDst));
  tx = co_await rig.tx.memcpy(ctx, rig.at(21), rig.at(20), AsyncRig::kBytes, rig.middle(tx, 0));
  const hw::PhysAddr second[] = {rig.at(21), rig.at(3)};
  AsyncSubmit last = rig.last(tx);
  last.flags |= kXorZeroDst;
  tx = co_await rig.tx.exclusive_or(ctx, rig.at(22), second, AsyncRig::kBytes, last);
  rig.early = rig.called > 0;
  co_await rig.tx.issue_pending_all(ctx);
}

void check_sums(AsyncRig& rig) {
  CHECK(rig.called == 1);
  CHECK(rig.error == Errno::ok);
  CHECK(rig.is_sum(20, {0, 1, 2}));
  CHECK(rig.is_sum(21, {0, 1, 2}));
  CHECK(rig.is_sum(22, {0, 1, 2, 3}));
  CHECK(rig.in_use() == 0);
}

std::uint8_t times(std::uint8_t a, std::uint8_t b) {
  unsigned product = 0;
  for (unsigned bit = 0; bit < 8; ++bit)
    if ((b >> bit & 1) != 0) product ^= static_cast<unsigned>(a) << bit;
  for (unsigned bit = 15; bit-- > 8;)
    if ((product >> bit & 1) != 0) product ^= 0x11du << (bit - 8);
  return static_cast<std::uint8_t>(product);
}

}  // namespace

TEST_CASE("the parent's engine is asked first, and none for what is kept from engines") {
  AsyncRig s;
  EngineChoice any(s.engine);
  EngineChoice kept(s.engine, ~dma_capability(DmaOp::memcpy));
  CHECK(kept.find(DmaOp::memcpy, 0, nullptr) == nullptr);
  CHECK(kept.find(DmaOp::memset, 0, nullptr) != nullptr);
  for (DmaChannel* const channel : s.engine.hardware()) {
    DmaDescriptor parent;
    parent.channel = channel;
    CHECK(any.find(DmaOp::memcpy, 0, &parent) == channel);
  }
}

TEST_CASE("a chain on one engine needs no CPU in between and one callback in a softirq") {
  AsyncRig rig;
  rig.go(sum_copy_sum);
  check_sums(rig);
  CHECK(rig.level == Level::softirq);
  CHECK_FALSE(rig.early);
  CHECK(rig.tx.counters().offloaded == 3);
  CHECK(rig.tx.counters().switches == 0);
  // 4 + 2 + 3 pages over the bus, three descriptors, one doorbell, the message and its hardirq.
  CHECK(rig.end == 9us + 3 * 450ns + 100ns + 400ns + 500ns);
}

TEST_CASE("between two engines an interrupt descriptor tells each end, and its tasklet goes on") {
  AsyncRig rig;
  rig.told[DmaOp::memcpy] = rig.ioat();
  rig.go(sum_copy_sum);
  check_sums(rig);
  CHECK(rig.level == Level::softirq);
  CHECK(rig.tx.counters().offloaded == 3);
  CHECK(rig.tx.counters().switches == 2);
  CHECK(rig.tx.counters().spins == 0);
  CHECK(rig.end > 9us);
  CHECK(rig.end < 20us);  // no timer had to find an end
}

TEST_CASE("without an engine the caller does it all, and the callback has run when it returns") {
  AsyncRig rig;
  rig.told.by_op = {};
  rig.go(sum_copy_sum);
  check_sums(rig);
  CHECK(rig.level == Level::thread);
  CHECK(rig.early);
  CHECK(rig.tx.counters().synchronous == 3);
  // Two destinations cleared, three and two sources summed, one page copied.
  CHECK(rig.end == 2 * 2048ns + 5 * 4096ns + 4096ns);
}

TEST_CASE("behind an engine without interrupts the CPU burns until the parent has ended") {
  AsyncRig rig;
  rig.told[DmaOp::memcpy] = &rig.silent;
  rig.go(sum_copy_sum);
  check_sums(rig);
  CHECK(rig.tx.counters().switches == 1);  // from the first sum to the copy
  CHECK(rig.tx.counters().spins == 1);
  CHECK(rig.rig.spent(0, events::CpuClass::spin) >= 9us);
}

TEST_CASE("more sources than the engine takes become a chain of sums") {
  for (const bool engine : {true, false}) {
    AsyncRig rig;
    if (!engine) rig.told.by_op = {};
    rig.go([](Sleepable& ctx, AsyncRig& mine) -> Task<void> {
      std::vector<hw::PhysAddr> sources;
      for (std::uint32_t page = 0; page < 10; ++page) sources.push_back(mine.at(page));
      AsyncSubmit last = mine.last(nullptr);
      last.flags |= kXorZeroDst;
      co_await mine.tx.exclusive_or(ctx, mine.at(20), sources, AsyncRig::kBytes, last);
      co_await mine.tx.issue_pending_all(ctx);
    });
    CHECK(rig.is_sum(20, {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
    CHECK(rig.called == 1);
    CHECK(rig.tx.counters().offloaded == (engine ? 3 : 0));  // 4, then 3 and 3 with the sum so far
    CHECK(rig.in_use() == 0);
  }
}

TEST_CASE("a destination that is its own first source keeps what it had") {
  for (const bool engine : {true, false}) {
    AsyncRig rig;
    if (!engine) rig.told.by_op = {};
    rig.go([](Sleepable& ctx, AsyncRig& mine) -> Task<void> {
      const hw::PhysAddr sources[] = {mine.at(5), mine.at(6), mine.at(7)};
      AsyncSubmit last = mine.last(nullptr);
      last.flags |= kXorDropDst;
      co_await mine.tx.exclusive_or(ctx, mine.at(5), sources, AsyncRig::kBytes, last);
      co_await mine.tx.issue_pending_all(ctx);
    });
    CHECK(rig.is_sum(5, {5, 6, 7}));
  }
}

TEST_CASE("descriptors never acknowledged leak, and the CPU takes over behind its parent") {
  AsyncRig rig(2);
  rig.go(sum_copy_sum);
  check_sums(rig);
  CHECK(rig.tx.counters().offloaded == 2);
  CHECK(rig.tx.counters().synchronous == 1);
  CHECK(rig.tx.counters().spins == 1);
  CHECK(rig.level == Level::thread);
}

TEST_CASE("a check finds one wrong bit, on the engine as on the CPU") {
  for (const bool engine : {true, false})
    for (const std::uint8_t wrong : {0, 0x10}) {
      AsyncRig rig;
      if (!engine) rig.told.by_op = {};
      for (std::uint32_t i = 0; i < AsyncRig::kBytes; ++i)
        rig.bytes(20)[i] = AsyncRig::pattern(0, i) ^ AsyncRig::pattern(1, i);
      rig.bytes(20)[4000] ^= std::byte{wrong};
      rig.go([](Sleepable& ctx, AsyncRig& mine) -> Task<void> {
        const hw::PhysAddr sources[] = {mine.at(0), mine.at(1), mine.at(20)};
        co_await mine.tx.xor_val(ctx, sources, AsyncRig::kBytes, &mine.result, mine.last(nullptr));
        co_await mine.tx.issue_pending_all(ctx);
      });
      CHECK(rig.called == 1);
      CHECK(rig.result == (wrong != 0 ? kSumCheckP : 0));
    }
}

TEST_CASE("P is the sum and Q the sum weighted by powers of two of the field") {
  CHECK(times(0x80, 2) == 0x1d);
  AsyncRig rig;
  rig.go([](Sleepable& ctx, AsyncRig& mine) -> Task<void> {
    const hw::PhysAddr sources[] = {mine.at(0), mine.at(1), mine.at(2), mine.at(3), mine.at(4)};
    co_await mine.tx.pq(ctx, mine.at(20), mine.at(21), sources, AsyncRig::kBytes,
                        mine.last(nullptr));
    co_await mine.tx.pq(ctx, 0, mine.at(22), sources, AsyncRig::kBytes, {kAsyncAck});
  });
  CHECK(rig.called == 1);
  CHECK(rig.is_sum(20, {0, 1, 2, 3, 4}));
  bool right = true;
  for (std::uint32_t i = 0; i < AsyncRig::kBytes; ++i) {
    std::uint8_t q = 0;
    std::uint8_t weight = 1;
    for (std::uint32_t page = 0; page < 5; ++page, weight = times(weight, 2))
      q ^= times(weight, static_cast<std::uint8_t>(AsyncRig::pattern(page, i)));
    right = right && rig.bytes(21)[i] == std::byte{q} && rig.bytes(22)[i] == std::byte{q};
  }
  CHECK(right);
  // Five sources at 0.5 B/ns.
  CHECK(rig.end == 5 * 8192ns);
}

TEST_CASE("a failed parent fails what depends on it, wherever that would have run") {
  for (const int where : {0, 1, 2}) {
    hw::test::ScriptedOracle oracle;
    oracle.script["adma.transfer"] = {1};
    AsyncRig rig(8, &oracle);
    if (where == 1) rig.told[DmaOp::memcpy] = rig.ioat();
    if (where == 2) rig.told[DmaOp::memcpy] = &rig.silent;
    rig.go(sum_copy_sum);
    CAPTURE(where);
    CHECK(rig.called == 1);
    CHECK(rig.error == Errno::eio);
    for (const std::byte one : rig.bytes(20)) REQUIRE(one == std::byte{0});
    for (const std::byte one : rig.bytes(22)) REQUIRE(one == std::byte{0});
    CHECK(rig.in_use() == 0);
  }
}

TEST_CASE("a call that the CPU does behind a failed parent does nothing, and tells its callback") {
  hw::test::ScriptedOracle oracle;
  oracle.script["adma.transfer"] = {1};
  AsyncRig rig(8, &oracle);
  rig.told[DmaOp::memcpy] = nullptr;
  rig.go([](Sleepable& ctx, AsyncRig& mine) -> Task<void> {
    const hw::PhysAddr sources[] = {mine.at(0), mine.at(1)};
    DmaDescriptor* const sum =
        co_await mine.tx.exclusive_or(ctx, mine.at(20), sources, AsyncRig::kBytes, {kXorZeroDst});
    co_await mine.tx.memcpy(ctx, mine.at(21), mine.at(0), AsyncRig::kBytes, mine.last(sum));
  });
  CHECK(rig.called == 1);
  CHECK(rig.error == Errno::eio);
  for (const std::byte one : rig.bytes(21)) REQUIRE(one == std::byte{0});
  CHECK(rig.in_use() == 0);
}

TEST_CASE("a callback alone comes when its parent has ended, at once without one") {
  AsyncRig rig;
  rig.go([](Sleepable& ctx, AsyncRig& mine) -> Task<void> {
    DmaDescriptor* const copy =
        co_await mine.tx.memcpy(ctx, mine.at(20), mine.at(0), AsyncRig::kBytes, {});
    co_await mine.tx.trigger_callback(ctx, mine.last(copy));
    CHECK(mine.called == 0);
    co_await mine.tx.issue_pending_all(ctx);
  });
  CHECK(rig.called == 1);
  CHECK(rig.is_sum(20, {0}));
  CHECK(rig.end > 2us);
  rig.go([](Sleepable& ctx, AsyncRig& mine) -> Task<void> {
    co_await mine.tx.trigger_callback(ctx, mine.last(nullptr));
    CHECK(mine.called == 2);
  });
  CHECK(rig.in_use() == 0);
}

TEST_CASE("a driver issues by itself when enough has gathered") {
  AsyncRig rig(8, nullptr, 3);
  rig.go([](Sleepable& ctx, AsyncRig& mine) -> Task<void> {
    for (std::uint32_t page = 0; page < 5; ++page)
      co_await mine.tx.memcpy(ctx, mine.at(20 + page), mine.at(page), AsyncRig::kBytes,
                              mine.last(nullptr));
  });
  CHECK(rig.called == 3);
  CHECK(rig.adma()->pending() == 2);
  CHECK(rig.is_sum(22, {2}));
  CHECK_FALSE(rig.is_sum(23, {3}));
  rig.go([](Sleepable& ctx, AsyncRig& mine) -> Task<void> {
    co_await mine.tx.issue_pending_all(ctx);
  });
  CHECK(rig.called == 5);
  CHECK(rig.is_sum(24, {4}));
}

TEST_CASE("who looks needs no interrupt, and is told of a failure") {
  for (const std::uint32_t fails : {0u, 1u}) {
    hw::test::ScriptedOracle oracle;
    oracle.script["adma.transfer"] = {fails};
    AsyncRig rig(8, &oracle);
    rig.go([](Sleepable& ctx, AsyncRig& mine) -> Task<void> {
      DmaDescriptor* const copy =
          co_await mine.adma()->prep_memcpy(ctx, mine.at(20), mine.at(0), AsyncRig::kBytes);
      copy->interrupt = false;
      const DmaCookie cookie = mine.adma()->submit(*copy);
      const DmaStatus status = co_await dma_sync_wait(ctx, *mine.adma(), cookie);
      mine.result = static_cast<std::uint32_t>(status);
      mine.end = ctx.now().time_since_epoch();
    });
    CHECK(rig.result == static_cast<std::uint32_t>(fails ? DmaStatus::error : DmaStatus::complete));
    CHECK(rig.is_sum(20, {0}) == (fails == 0));
    // Two pages of bus, its overheads, and less than two looks.
    if (fails == 0) CHECK((rig.end >= 2550ns && rig.end < 2750ns));
    CHECK(rig.rig.spent(0, events::CpuClass::spin) >= 2us);
    CHECK(rig.in_use() == 0);
  }
}

TEST_CASE(
    "whatever the order, the fault and the channels, a chain has one end, and right bytes if that "
    "is well") {
  int failures = 0;
  int well = 0;
  for (std::uint64_t seed = 1; seed <= 600; ++seed) {
    explore::RandomWalk oracle(seed);
    AsyncRig rig(2 + seed / 5 % 4, &oracle);
    rig.watch_all = true;
    DmaChannel* const where[] = {rig.adma(), rig.ioat(), &rig.silent, rig.engine.hardware()[1],
                                 nullptr};
    rig.told[DmaOp::memcpy] = where[seed % std::size(where)];
    rig.go(sum_copy_sum);
    CAPTURE(seed);
    CHECK(rig.called == 1);
    CHECK(rig.in_use() == 0);
    const bool failed = rig.error != Errno::ok || rig.middle_failed;
    (failed ? failures : well) += 1;
    if (!failed) CHECK(rig.is_sum(22, {0, 1, 2, 3}));
  }
  CHECK(failures > 100);
  CHECK(well > 100);
}

}  // namespace iodrome::drivers
