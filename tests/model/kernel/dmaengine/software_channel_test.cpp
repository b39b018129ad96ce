// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/dmaengine/software_channel.h"

#include "tests/model/kernel/rig.h"

namespace iodrome::kernel {
namespace {

struct Operation {
  Rig rig{1};
  DmaCosts costs;
  SoftwareChannel channel{rig.system, costs, {{1'000'000'000}, {2'000'000'000}}, 4};
  hw::PhysAddr area = rig.memory.allocate_contiguous(65536);
  std::uint32_t bytes = 0;
  DmaOp op = DmaOp::memcpy;
  bool sums_to_zero = false;

  ~Operation() { rig.end(); }
  hw::PhysAddr at(std::uint32_t index) const { return area + 8192 * index + 1; }
  std::uint8_t& byte(std::uint32_t index, std::uint32_t i) {
    return rig.memory.at<std::uint8_t>(at(index) + i);
  }
};

Task<void> note_result(Atomic&, DmaDescriptor& self) {
  static_cast<Operation*>(self.argument)->sums_to_zero = self.sums_to_zero;
  return Task<void>::ready();
}

Task<void> carry_out(Sleepable& ctx, Operation& operation) {
  const hw::PhysAddr three[] = {operation.at(1), operation.at(2), operation.at(3)};
  DmaDescriptor* one = nullptr;
  if (operation.op == DmaOp::exclusive_or) {
    DmaDescriptor* const prepared =
        co_await operation.channel.prep_xor(ctx, operation.at(0), three, operation.bytes);
    one = prepared;
  } else if (operation.op == DmaOp::zero_sum) {
    DmaDescriptor* const prepared =
        co_await operation.channel.prep_zero_sum(ctx, three, operation.bytes);
    one = prepared;
  } else if (operation.op == DmaOp::memset) {
    DmaDescriptor* const prepared =
        co_await operation.channel.prep_memset(ctx, operation.at(0), 0x5a, operation.bytes);
    one = prepared;
  } else {
    DmaDescriptor* const prepared = co_await operation.channel.prep_memcpy(
        ctx, operation.at(0), operation.at(1), operation.bytes);
    one = prepared;
  }
  REQUIRE(one != nullptr);
  one->callback = &note_result;
  one->argument = &operation;
  const DmaCookie cookie = operation.channel.submit(*one);
  CHECK(operation.channel.tx_status(cookie) == DmaStatus::in_progress);
  co_await operation.channel.issue_pending(ctx);
  CHECK(operation.channel.tx_status(cookie) == DmaStatus::complete);
}

std::uint8_t expected(Operation& operation, std::uint32_t i) {
  if (operation.op == DmaOp::memset) return 0x5a;
  if (operation.op == DmaOp::memcpy) return operation.byte(1, i);
  return static_cast<std::uint8_t>(operation.byte(1, i) ^ operation.byte(2, i) ^
                                   operation.byte(3, i));
}

}  // namespace

TEST_CASE("a CPU's channel gives the right bytes and takes the time of its rate") {
  for (const std::uint32_t bytes : {1u, 63u, 64u, 65u, 4096u, 8000u})
    for (const DmaOp op : {DmaOp::memcpy, DmaOp::exclusive_or, DmaOp::memset}) {
      Operation operation;
      operation.op = op;
      operation.bytes = bytes;
      for (std::uint32_t index = 1; index < 4; ++index)
        for (std::uint32_t i = 0; i < bytes; ++i)
          operation.byte(index, i) = static_cast<std::uint8_t>(i * (2 * index + 1) + i / 200);
      operation.byte(0, bytes) = 0xee;
      operation.rig.thread(0, operation, carry_out);
      operation.rig.run();
      CAPTURE(bytes, static_cast<int>(op));
      bool right = operation.byte(0, bytes) == 0xee;
      for (std::uint32_t i = 0; i < bytes; ++i)
        right = right && operation.byte(0, i) == expected(operation, i);
      CHECK(right);
      const Duration each = bytes * 1ns;
      const Duration time = op == DmaOp::memset ? each / 2 : op == DmaOp::memcpy ? each : 3 * each;
      CHECK(operation.rig.now() == time);
      CHECK(operation.channel.in_use() == 0);
    }
}

TEST_CASE("a zero sum tells one wrong bit from none") {
  for (const std::uint8_t wrong : {0, 1, 0x80}) {
    Operation operation;
    operation.op = DmaOp::zero_sum;
    operation.bytes = 4096;
    for (std::uint32_t i = 0; i < 4096; ++i) {
      operation.byte(1, i) = static_cast<std::uint8_t>(i);
      operation.byte(2, i) = static_cast<std::uint8_t>(i * 7);
      operation.byte(3, i) = operation.byte(1, i) ^ operation.byte(2, i);
    }
    operation.byte(3, 4095) ^= wrong;
    operation.rig.thread(0, operation, carry_out);
    operation.rig.run();
    CHECK(operation.sums_to_zero == (wrong == 0));
  }
}

}  // namespace iodrome::kernel
