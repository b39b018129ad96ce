// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/dmaengine/software_channel.h"

#include "tests/model/kernel/rig.h"

namespace iodrome::kernel {
namespace {

struct Work {
  Rig rig{1};
  DmaCosts costs;
  SoftwareChannel channel{rig.system, costs, {{1'000'000'000}, {2'000'000'000}}, 4};
  hw::PhysAddr area = rig.memory.allocate_contiguous(65536);
  std::uint32_t bytes = 0;
  DmaOp op = DmaOp::memcpy;
  bool sums_to_zero = false;

  ~Work() { rig.end(); }
  hw::PhysAddr at(std::uint32_t index) const { return area + 8192 * index + 1; }
  std::uint8_t& byte(std::uint32_t index, std::uint32_t i) {
    return rig.memory.at<std::uint8_t>(at(index) + i);
  }
};

Task<void> note_result(Atomic&, DmaDescriptor& self) {
  static_cast<Work*>(self.argument)->sums_to_zero = self.sums_to_zero;
  return Task<void>::ready();
}

Task<void> carry_out(Sleepable& ctx, Work& work) {
  const hw::PhysAddr three[] = {work.at(1), work.at(2), work.at(3)};
  DmaDescriptor* one = nullptr;
  if (work.op == DmaOp::exclusive_or) {
    DmaDescriptor* const prepared =
        co_await work.channel.prep_xor(ctx, work.at(0), three, work.bytes);
    one = prepared;
  } else if (work.op == DmaOp::zero_sum) {
    DmaDescriptor* const prepared = co_await work.channel.prep_zero_sum(ctx, three, work.bytes);
    one = prepared;
  } else if (work.op == DmaOp::memset) {
    DmaDescriptor* const prepared =
        co_await work.channel.prep_memset(ctx, work.at(0), 0x5a, work.bytes);
    one = prepared;
  } else {
    DmaDescriptor* const prepared =
        co_await work.channel.prep_memcpy(ctx, work.at(0), work.at(1), work.bytes);
    one = prepared;
  }
  REQUIRE(one != nullptr);
  one->callback = &note_result;
  one->argument = &work;
  const DmaCookie cookie = work.channel.submit(*one);
  CHECK(work.channel.tx_status(cookie) == DmaStatus::in_progress);
  co_await work.channel.issue_pending(ctx);
  CHECK(work.channel.tx_status(cookie) == DmaStatus::complete);
}

std::uint8_t expected(Work& work, std::uint32_t i) {
  if (work.op == DmaOp::memset) return 0x5a;
  if (work.op == DmaOp::memcpy) return work.byte(1, i);
  return static_cast<std::uint8_t>(work.byte(1, i) ^ work.byte(2, i) ^ work.byte(3, i));
}

}  // namespace

TEST_CASE("a CPU's channel gives the right bytes and takes the time of its rate") {
  for (const std::uint32_t bytes : {1u, 63u, 64u, 65u, 4096u, 8000u})
    for (const DmaOp op : {DmaOp::memcpy, DmaOp::exclusive_or, DmaOp::memset}) {
      Work work;
      work.op = op;
      work.bytes = bytes;
      for (std::uint32_t index = 1; index < 4; ++index)
        for (std::uint32_t i = 0; i < bytes; ++i)
          work.byte(index, i) = static_cast<std::uint8_t>(i * (2 * index + 1) + i / 200);
      work.byte(0, bytes) = 0xee;
      work.rig.thread(0, work, carry_out);
      work.rig.run();
      CAPTURE(bytes, static_cast<int>(op));
      bool right = work.byte(0, bytes) == 0xee;
      for (std::uint32_t i = 0; i < bytes; ++i)
        right = right && work.byte(0, i) == expected(work, i);
      CHECK(right);
      const Duration each = bytes * 1ns;
      const Duration time = op == DmaOp::memset ? each / 2 : op == DmaOp::memcpy ? each : 3 * each;
      CHECK(work.rig.now() == time);
      CHECK(work.channel.in_use() == 0);
    }
}

TEST_CASE("a zero sum tells one wrong bit from none") {
  for (const std::uint8_t wrong : {0, 1, 0x80}) {
    Work work;
    work.op = DmaOp::zero_sum;
    work.bytes = 4096;
    for (std::uint32_t i = 0; i < 4096; ++i) {
      work.byte(1, i) = static_cast<std::uint8_t>(i);
      work.byte(2, i) = static_cast<std::uint8_t>(i * 7);
      work.byte(3, i) = work.byte(1, i) ^ work.byte(2, i);
    }
    work.byte(3, 4095) ^= wrong;
    work.rig.thread(0, work, carry_out);
    work.rig.run();
    CHECK(work.sums_to_zero == (wrong == 0));
  }
}

}  // namespace iodrome::kernel
