// SPDX-License-Identifier: Apache-2.0
// Opens that truncate, beside a write that holds the file's lock while it waits for a page.
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {
namespace {

using chain::Op;

// The first chain writes into a page that has to be read first; the others cut the file off.
struct Cut : Scene {
  explicit Cut(chain::Continue policy) : Scene(policy) {
    const chain::Step open{.op = Op::open, .path = &path};
    chain::Step cut = open;
    cut.truncate = true;
    const chain::Step write{.op = Op::write, .fd_from = 0, .offset = 10, .bytes = 100};
    writer = &run({open, write});
    writer->direct = false;
    for (int i = 0; i < kCuts; ++i) run({cut, {.op = Op::stat, .fd_from = 0}});
  }
  static constexpr int kCuts = 3;  // more than there are threads
  ChainRun* writer;
};

TEST_CASE("as many truncations as there are threads do not keep a write from going on") {
  for (const chain::Continue policy : kPolicies) {
    CAPTURE(static_cast<int>(policy));
    Cut s(policy);
    play_all(s);
    CHECK(results(*s.writer) == Results{0, 100});
    // They waited for the write, and cut off what it had left.
    for (std::size_t i = 1; i < s.runs.size(); ++i) CHECK(results(s.runs[i]) == Results{0, 0});
    const Inode& inode = **s.files.lookup(s.path);
    CHECK(inode.size_bytes == 0);
    CHECK_FALSE(inode.lock.held());
  }
}

TEST_CASE("an open that truncates leaves an empty file and a new one is not cut") {
  Scene s;
  const std::string fresh = "/new";
  ChainRun& cut =
      s.run({{.op = Op::open, .truncate = true, .path = &s.path}, {.op = Op::stat, .fd_from = 0}});
  ChainRun& made = s.run({{.op = Op::open, .create = true, .truncate = true, .path = &fresh},
                          {.op = Op::stat, .fd_from = 0}});
  play_all(s);
  CHECK(results(cut) == Results{0, 0});
  CHECK(results(made) == Results{0, 0});
  CHECK((*s.files.lookup(s.path))->size_bytes == 0);
}

}  // namespace
}  // namespace iodrome::designs::task_chain
