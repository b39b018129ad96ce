// SPDX-License-Identifier: Apache-2.0
// The rules of chains, carried out in the kernel.
#include "model/chain/validate.h"
#include "model/engine/crc32c.h"
#include "model/engine/sha256.h"
#include "tests/model/designs/task_chain/scene.h"

namespace iodrome::designs::task_chain {
namespace {

chain::Step read_into(std::uint64_t memory, std::uint64_t offset, std::uint64_t bytes) {
  chain::Step step = read_step(0, offset, bytes);
  step.memory = memory;
  return step;
}

TEST_CASE("three blocks are read at once and what comes behind them runs once, after all") {
  for (const chain::Continue policy : kPolicies) {
    Scene s(policy);
    ChainRun& run = s.run({open_step(s.path), read_into(0, 8192, 4096), read_into(4096, 0, 4096),
                           read_into(8192, 65'536, 4096), stat_step(0), close_step(0)});
    run.chain.graph = true;
    for (std::size_t i = 1; i <= 3; ++i) run.chain.steps[i].after = 0b1;
    run.chain.steps[4].after = 0b1110;
    run.chain.steps[5].after = 0b10000;
    play_all(s);
    CHECK(results(run) == Results{0, 4096, 4096, 4096, 100'000, 0});
    CHECK(s.disk.in_flight_most == 3);
    const Inode& inode = **s.files.lookup(s.path);
    for (const auto& [page, offset] : {std::pair{0, 8192}, std::pair{1, 0}, std::pair{2, 65'536}})
      CHECK(s.holds(std::span(run.buffer).subspan(static_cast<std::size_t>(page)), inode,
                    static_cast<std::uint64_t>(offset), 4096));
    CHECK(run.ledger.close(s.rig.timeline.now()) >= s.disk.latency);
  }
}

TEST_CASE("a branch that fails lets the others end and the file be closed") {
  for (const chain::Continue policy : kPolicies) {
    Scene s(policy);
    ChainRun& run = s.run({open_step(s.path), read_into(0, 0, 512), read_into(4096, 512, 512),
                           stat_step(0), close_step(0)});
    run.chain.graph = true;
    run.chain.steps[1].after = run.chain.steps[2].after = 0b1;
    run.chain.steps[3].after = 0b110;
    run.chain.steps[4].after = 0b1000;
    s.disk.broken = {(*s.files.lookup(s.path))->first_sector};
    play_all(s);
    CHECK(results(run) == Results{0, error(Errno::eio), 512, error(Errno::ecanceled), 0});
  }
}

TEST_CASE("the time of a graph is that of the branch that ends last") {
  Scene s;
  ChainRun& run = s.run({open_step(s.path), read_into(0, 0, 512), read_into(4096, 512, 512),
                         read_into(8192, 1024, 512), close_step(0)});
  run.chain.graph = true;
  run.chain.steps[1].after = run.chain.steps[2].after = 0b1;
  run.chain.steps[3].after = 0b100;  // so the second branch has two reads, one after the other
  run.chain.steps[4].after = 0b1010;
  play_all(s);
  const auto device = static_cast<std::size_t>(events::Stage::device);
  CHECK(run.ledger.totals()[device] == 2 * s.disk.latency);
  run.ledger.close(s.rig.timeline.now());
}

TEST_CASE("a loop reads a file whose length nobody knows, piece by piece") {
  Scene s;
  ChainRun& run = s.run({open_step(s.path), read_step(0, 0, 16'384), close_step(0)});
  run.direct = false;
  run.chain.steps[1].offset_from = {1, true};
  run.chain.steps[1].loop = {1, 0};
  play_all(s);
  CHECK(results(run) == Results{0, 0, 0});  // the last piece is the end of the file
  const Inode& inode = **s.files.lookup(s.path);
  // The last piece that brought bytes is still in memory.
  CHECK(s.holds(run.buffer, inode, 98'304, 100'000 - 98'304));
}

TEST_CASE("a read that fails is tried again as often as asked, and may come to succeed") {
  for (const bool heals : {false, true}) {
    Scene s;
    ChainRun& run = s.run({open_step(s.path), read_step(0, 0, 512), close_step(0)});
    run.chain.steps[1].on_error = chain::OnError::retry;
    run.chain.steps[1].retries = 2;
    s.disk.broken = {(*s.files.lookup(s.path))->first_sector};
    if (heals) s.rig.at(1500ns, [&s] { s.disk.broken.clear(); });
    play_all(s);
    CHECK(results(run) == Results{0, heals ? 512 : error(Errno::eio), 0});
    CHECK(s.disk.issued.size() == (heals ? 2U : 3U));
  }
}

TEST_CASE("a failed read jumps over what needs its bytes") {
  Scene s;
  ChainRun& run =
      s.run({open_step(s.path), read_step(0, 0, 512), stat_step(0), stat_step(0), close_step(0)});
  run.chain.steps[1].on_error = chain::OnError::jump;
  run.chain.steps[1].jump_to = 3;
  s.disk.broken = {(*s.files.lookup(s.path))->first_sector};
  play_all(s);
  CHECK(results(run) == Results{0, error(Errno::eio), error(Errno::ecanceled), 100'000, 0});
}

TEST_CASE("a transfer is as long as an earlier step has said") {
  Scene s;
  const std::string small = "/small";
  s.file(small, 5'000);
  ChainRun& run = s.run({open_step(small), stat_step(0), read_step(0, 0, 0), close_step(0)});
  run.direct = false;
  run.chain.steps[2].bytes_from = {1, false};
  play_all(s);
  CHECK(results(run) == Results{0, 5'000, 5'000, 0});
}

TEST_CASE("memory beyond the chain's own is EFAULT before anything runs, if that can be known") {
  Scene s;
  s.run({open_step(s.path), read_into(28'672, 0, 8192), close_step(0)});
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    ChainRun* const one = &scene.runs[0];
    const Result<std::int64_t> refused = co_await scene.queue.submit(ctx, {&one, 1});
    CHECK(refused == fail(Errno::efault));
  });
  s.rig.run();
  CHECK(s.disk.issued.empty());
}

TEST_CASE("memory beyond the chain's own is EFAULT in the step whose length was not known") {
  Scene s;
  ChainRun& run = s.run({open_step(s.path), stat_step(0), read_into(4096, 0, 0),
                         read_step(0, 0, 512), close_step(0)});
  run.chain.steps[2].bytes_from = {1, false};  // 100,000 bytes where there is room for 28,672
  play_all(s);
  CHECK(results(run) == Results{0, 100'000, error(Errno::efault), error(Errno::ecanceled), 0});
}

TEST_CASE("memory is filled, copied, summed and summed up by a provider, and the bytes are right") {
  Scene s;
  chain::Step fill{.op = chain::Op::memset, .value = 0x5a, .bytes = 4096};
  chain::Step read = read_into(4096, 0, 4096);
  chain::Step sum{
      .op = chain::Op::exclusive_or, .sources = 2, .offset = 0, .bytes = 4096, .memory = 8192};
  chain::Step copy{.op = chain::Op::copy, .offset = 8192, .bytes = 4096, .memory = 12'288};
  chain::Step crc{.op = chain::Op::crc32c, .bytes = 4096, .memory = 12'288};
  ChainRun& run = s.run({open_step(s.path), read, fill, sum, copy, crc, close_step(0)});
  play_all(s);
  const auto page = [&](std::size_t i) { return s.rig.memory.bytes(run.buffer[i], 4096); };
  std::vector<std::byte> expected(4096);
  for (std::size_t i = 0; i < 4096; ++i) expected[i] = page(1)[i] ^ std::byte{0x5a};
  CHECK(std::ranges::equal(page(0), std::vector(4096, std::byte{0x5a})));
  CHECK(std::ranges::equal(page(2), expected));
  CHECK(std::ranges::equal(page(3), expected));
  CHECK(results(run) ==
        Results{0, 4096, 4096, 4096, 4096, static_cast<std::int64_t>(crc32c(0, expected)), 0});
  CHECK(s.registry.in_flight() == 0);
}

TEST_CASE("a chain enciphers what FIPS 197 does, with the key of number 0") {
  Scene s;
  ChainRun& run = s.run({{.op = chain::Op::encrypt, .bytes = 16, .memory = 4096},
                         {.op = chain::Op::decrypt, .offset = 4096, .bytes = 16, .memory = 8192}});
  for (std::uint32_t i = 0; i < 16; ++i)
    s.rig.memory.at<std::uint8_t>(run.buffer[0] + i) = static_cast<std::uint8_t>(0x11 * i);
  play_all(s);
  constexpr std::uint8_t kExpected[] = {0x69, 0xc4, 0xe0, 0xd8, 0x6a, 0x7b, 0x04, 0x30,
                                        0xd8, 0xcd, 0xb7, 0x80, 0x70, 0xb4, 0xc5, 0x5a};
  CHECK(std::ranges::equal(s.rig.memory.bytes(run.buffer[1], 16),
                           std::as_bytes(std::span{kExpected})));
  CHECK(std::ranges::equal(s.rig.memory.bytes(run.buffer[2], 16),
                           s.rig.memory.bytes(run.buffer[0], 16)));
  CHECK(results(run) == Results{16, 16});
}

TEST_CASE("digests and ciphers do not depend on where a chain's pages lie") {
  for (const providers::CpuQueue where :
       {providers::CpuQueue::caller, providers::CpuQueue::kthread}) {
    std::vector<std::byte> seen[2];
    for (const bool torn : {false, true}) {
      Scene s(chain::Continue::cheapest, where);
      chain::Step cipher{.op = chain::Op::encrypt, .value = 3, .bytes = 12'272, .memory = 12'288};
      ChainRun& run =
          s.run({open_step(s.path),
                 read_into(0, 0, 12'288),
                 cipher,
                 {.op = chain::Op::hash, .offset = 12'288, .bytes = 12'272, .memory = 24'576},
                 {.op = chain::Op::hash, .bytes = 0, .memory = 28'672},
                 close_step(0)});
      if (torn) std::swap(run.buffer[4], run.buffer[6]);
      play_all(s);
      CHECK(results(run) == Results{0, 12'288, 12'272, 12'272, 0, 0});
      std::vector<std::byte>& all = seen[torn ? 1 : 0];
      for (std::size_t page = 3; page < 6; ++page)
        std::ranges::copy(s.rig.memory.bytes(run.buffer[page], 4096), std::back_inserter(all));
      all.resize(12'272);
      const Digest whole = sha256(all);
      CHECK(std::ranges::equal(s.rig.memory.bytes(run.buffer[6], 32),
                               std::as_bytes(std::span{whole})));
      const Digest nothing = sha256({});
      CHECK(std::ranges::equal(s.rig.memory.bytes(run.buffer[7], 32),
                               std::as_bytes(std::span{nothing})));
      CHECK(s.registry.in_flight() == 0);
    }
    CHECK(seen[0] == seen[1]);
  }
}

TEST_CASE("parts of a message wait for each other, whatever providers are free") {
  Scene s(chain::Continue::cheapest, providers::CpuQueue::kthread, 1);
  const SoftwareDmaRates rates{{1}, {1}, {1}, {1}, {1}, {1}, {50'000'000}};
  providers::CpuProvider other(s.rig.system, rates, providers::CpuQueue::kthread, 1);
  s.registry.add(other);
  ChainRun& run = s.run({open_step(s.path),
                         read_into(0, 0, 16'384),
                         {.op = chain::Op::hash, .bytes = 16'000, .memory = 20'480},
                         close_step(0)});
  std::swap(run.buffer[3], run.buffer[6]);  // a long part, then a short one
  play_all(s);
  std::vector<std::byte> all;
  for (std::size_t page = 0; page < 4; ++page)
    std::ranges::copy(s.rig.memory.bytes(run.buffer[page], 4096), std::back_inserter(all));
  all.resize(16'000);
  const Digest whole = sha256(all);
  CHECK(std::ranges::equal(s.rig.memory.bytes(run.buffer[5], 32), std::as_bytes(std::span{whole})));
}

TEST_CASE("a cipher of blocks that are not whole is EINVAL, at once or in the step") {
  Scene s;
  ChainRun& run = s.run({open_step(s.path),
                         stat_step(0),
                         {.op = chain::Op::encrypt, .bytes = 0, .memory = 16'384},
                         close_step(0)});
  run.chain.steps[2].bytes_from = {1, false};
  const std::string small = "/odd";
  s.file(small, 1'000);
  run.chain.steps[0].path = &small;
  play_all(s);
  CHECK(results(run) == Results{0, 1'000, error(Errno::einval), 0});
  CHECK(chain::validate({.steps = {{.op = chain::Op::decrypt, .bytes = 24, .memory = 4096}}}, 4,
                        8192) == Errno::einval);
  CHECK(chain::validate({.steps = {{.op = chain::Op::decrypt, .bytes = 32, .memory = 4096}}}, 4,
                        8192) == Errno::ok);
}

TEST_CASE("chains wait for room at a provider, and all of them get it") {
  for (const chain::Continue policy : kPolicies) {
    Scene s(policy, providers::CpuQueue::kthread, 1);
    const chain::Step fill{.op = chain::Op::memset, .value = 7, .bytes = 8192};
    chain::Step copy{.op = chain::Op::copy, .offset = 0, .bytes = 4096, .memory = 16'384};
    for (int i = 0; i < 4; ++i) {
      ChainRun& run = s.run({fill, copy});
      std::swap(run.buffer[1], run.buffer[7]);  // two jobs, which do not follow each other
    }
    play_all(s);
    for (const ChainRun& run : s.runs) {
      CHECK(results(run) == Results{8192, 4096});
      CHECK(std::ranges::equal(s.rig.memory.bytes(run.buffer[4], 4096),
                               std::vector(4096, std::byte{7})));
    }
    CHECK(s.registry.in_flight() == 0);
  }
}

TEST_CASE("a file is made, written and unlinked by a chain, in a thread that may sleep") {
  Scene s;
  const std::string fresh = "/fresh";
  chain::Step make = open_step(fresh);
  make.create = true;
  chain::Step gone{.op = chain::Op::unlink, .path = &fresh};
  chain::Step put{.op = chain::Op::write, .fd_from = 0, .bytes = 4096};
  ChainRun& run = s.run({make, put, stat_step(0), close_step(0), gone, open_step(fresh)});
  run.direct = false;
  play_all(s);
  CHECK(results(run) == Results{0, 4096, 4096, 0, 0, error(Errno::enoent)});
  CHECK(s.rig.system.costs.queue_work.count >= 1);
}

TEST_CASE("a chain of more steps than allowed is E2BIG before anything has run") {
  Scene s;
  s.run(std::vector<chain::Step>(65));
  s.rig.thread<Scene>(0, s, [](Sleepable& ctx, Scene& scene) -> Task<void> {
    ChainRun* const one = &scene.runs[0];
    const Result<std::int64_t> refused = co_await scene.queue.submit(ctx, {&one, 1});
    CHECK(refused == fail(Errno::e2big));
  });
  s.rig.run();
}

// --- cancellation --------------------------------------------------------------------------------

struct Cancelling : Scene {
  using Scene::Scene;
  std::vector<Result<std::int64_t>> said;
  std::optional<std::uint64_t> whom;
  Cost thinks;                                 // before it cancels
  std::map<std::uint32_t, std::int64_t> told;  // by the entries: each chain's error
};

// Submits all, cancels at once, and takes every entry.
Task<void> submit_and_cancel(Sleepable& ctx, Cancelling& s) {
  const Never never;
  std::vector<ChainRun*> all;
  for (ChainRun& run : s.runs) all.push_back(&run);
  co_await s.queue.submit(ctx, all);
  co_await ctx.spend(s.thinks);
  for (int twice = 0; twice < 2; ++twice) {
    const Result<std::int64_t> said = co_await s.queue.cancel(ctx, s.whom);
    s.said.push_back(said);
    for (std::size_t left = twice == 0 ? all.size() : 0; left > 0; --left) {
      co_await s.queue.wait(ctx, never);
      const std::optional<ChainEvent> event = co_await s.queue.take(ctx);
      REQUIRE(event);
      s.told[ChainRun::slot_of(event->user_data)] = event->error;
    }
  }
}

void play_cancelling(Cancelling& s) {
  Thread& thread = s.rig.thread(0, s, submit_and_cancel);
  s.rig.run();
  REQUIRE(thread.state == Thread::State::dead);
  CHECK(s.queue.slots_free() == 4);
  CHECK(s.carriers_rest());
}

TEST_CASE("a cancelled chain ends its step at the device, no other, and closes its file") {
  for (const chain::Continue policy : kPolicies) {
    Cancelling s(policy);
    ChainRun& run =
        s.run({open_step(s.path), read_step(0, 0, 512), read_step(0, 512, 512), close_step(0)});
    play_cancelling(s);
    CHECK(s.said == std::vector<Result<std::int64_t>>{fail(Errno::ealready), fail(Errno::enoent)});
    CHECK(results(run) == Results{0, 512, error(Errno::ecanceled), 0});
    CHECK(s.told[0] == error(Errno::ecanceled));  // no step has failed, but neither are all done
  }
}

TEST_CASE("a chain that waits for another's page is cancelled there and then; the other goes on") {
  for (const chain::UserCopy way : kUserCopies) {
    Cancelling s;
    s.copy_by(way);
    for (int i = 0; i < 2; ++i)
      s.run({open_step(s.path), read_step(0, 0, 4096), stat_step(0), close_step(0)}).direct = false;
    s.whom = s.runs[1].cookie();
    play_cancelling(s);
    CHECK(s.said == std::vector<Result<std::int64_t>>{1, fail(Errno::enoent)});
    CHECK(results(s.runs[0]) == Results{0, 4096, 100'000, 0});
    const auto cancelled = error(Errno::ecanceled);
    CHECK(results(s.runs[1]) == Results{0, cancelled, cancelled, 0});
  }
}

TEST_CASE("a chain that is at work on another CPU is cancelled where it would wait next") {
  Cancelling s(chain::Continue::kthread);
  s.params.start_in_submitter = false;
  s.costs.walker.step.each = 5us;
  s.disk.latency = 100us;
  s.thinks.each = 17us;  // the second chain's second step is being taken up
  for (int i = 0; i < 2; ++i)
    s.run({open_step(s.path), read_step(0, 0, 4096), stat_step(0), close_step(0)}).direct = false;
  s.whom = s.runs[1].cookie();
  play_cancelling(s);
  CHECK(s.said.front() == fail(Errno::ealready));
  const auto cancelled = error(Errno::ecanceled);
  CHECK(results(s.runs[0]) == Results{0, 4096, 100'000, 0});
  CHECK(results(s.runs[1]) == Results{0, cancelled, cancelled, 0});
}

TEST_CASE("clean-up waits for what it needs, also of a cancelled chain") {
  Cancelling s;
  s.run({open_step(s.path), read_step(0, 0, 4096), close_step(0)}).direct = false;
  ChainRun& run =
      s.run({open_step(s.path), read_step(0, 0, 4096), read_step(0, 65'536, 4096), close_step(0)});
  run.direct = false;
  run.chain.steps[2].clean_up = true;
  s.whom = run.cookie();
  play_cancelling(s);
  CHECK(results(run) == Results{0, error(Errno::ecanceled), 4096, 0});
}

TEST_CASE("branches that wait are cancelled together, also when nothing is left behind them") {
  Cancelling s;
  s.run({open_step(s.path), read_step(0, 0, 12'288), close_step(0)}).direct = false;
  ChainRun& run = s.run({open_step(s.path), read_step(0, 0, 4096), read_into(4096, 4096, 4096),
                         read_into(8192, 8192, 4096)});
  run.direct = false;
  run.chain.graph = true;
  for (std::size_t i = 1; i <= 3; ++i) run.chain.steps[i].after = 0b1;
  s.whom = run.cookie();
  s.costs.walker.step.each = 100ns;
  play_cancelling(s);
  CHECK(s.said == std::vector<Result<std::int64_t>>{1, fail(Errno::enoent)});
  const auto cancelled = error(Errno::ecanceled);
  CHECK(results(run) == Results{0, cancelled, cancelled, cancelled});
}

TEST_CASE("all chains are cancelled by one call, and each still posts its entry") {
  Cancelling s;
  for (int i = 0; i < 3; ++i)
    s.run({open_step(s.path), read_step(0, 0, 4096), close_step(0)}).direct = false;
  play_cancelling(s);
  // The first has the device read for all, and the bio works on its time.
  CHECK(s.said == std::vector<Result<std::int64_t>>{2, fail(Errno::enoent)});
  CHECK(results(s.runs[0]) == Results{0, 4096, 0});
  for (const std::size_t i : {1U, 2U}) CHECK(s.runs[i].results[1] == error(Errno::ecanceled));
}

}  // namespace
}  // namespace iodrome::designs::task_chain
