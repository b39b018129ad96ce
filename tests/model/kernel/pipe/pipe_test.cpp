// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/pipe/pipe.h"

#include <catch2/catch.hpp>

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

PagePart part(hw::Memory& memory, std::uint32_t offset, std::uint32_t bytes) {
  return {PagePtr{new Page(memory)}, offset, bytes};
}

}  // namespace

TEST_CASE("a pipe holds as many parts as it has slots, whatever their size") {
  hw::Memory memory;
  Pipe pipe(3);
  CHECK(pipe.empty());
  for (int i = 0; i < 3; ++i) pipe.push(part(memory, 0, 10));
  CHECK(pipe.full());
  CHECK(pipe.free_slots() == 0);
  CHECK(pipe.bytes() == 30);
  CHECK_THROWS_AS(pipe.push(part(memory, 0, 10)), InternalError);
}

TEST_CASE("what is taken leaves the front, and a part taken in half stays with its rest") {
  hw::Memory memory;
  Pipe pipe(4);
  pipe.push(part(memory, 100, 50));
  pipe.push(part(memory, 0, 4096));
  pipe.consume(20);
  CHECK(pipe.parts()[0].offset == 120);
  CHECK(pipe.parts()[0].bytes == 30);
  CHECK(memory.pages_in_use() == 2);
  pipe.consume(130);
  CHECK(memory.pages_in_use() == 1);
  CHECK(pipe.parts().size() == 1);
  CHECK(pipe.parts()[0].offset == 100);
  CHECK(pipe.bytes() == 3996);
  CHECK_THROWS_AS(pipe.consume(3997), InternalError);
  pipe.consume(3996);
  CHECK(pipe.empty());
  CHECK(memory.pages_in_use() == 0);
}
