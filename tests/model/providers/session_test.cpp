// SPDX-License-Identifier: Apache-2.0
// Ciphers, digests, and routes of several operations.
#include "model/engine/aes.h"
#include "model/engine/sha256.h"
#include "tests/model/providers/rig.h"

namespace iodrome::providers {
namespace {

using namespace kernel;

constexpr Session kEncrypt{{1, 2, 3}, {Operation::encrypt}, 1};
constexpr Session kDecrypt{{1, 2, 3}, {Operation::decrypt}, 1};
constexpr Session kSealed{{1, 2, 3}, {Operation::encrypt, Operation::hash, Operation::crc32c}, 3};
constexpr Session kSigned{{1, 2, 3}, {Operation::hash, Operation::encrypt}, 2};
constexpr Session kChecked{{}, {Operation::copy, Operation::crc32c}, 2};

// What the page holds enciphered by the key of these sessions, by no provider's code.
std::vector<std::byte> enciphered(ProviderRig& rig, std::uint32_t page) {
  const std::span<const std::byte> plain = rig.bytes(page);
  std::vector<std::byte> made(plain.begin(), plain.end());
  Aes128::Block iv{9, 8, 7};
  cbc_encrypt(Aes128(kEncrypt.key), iv, made);
  return made;
}

Job& with(ProviderRig& rig, std::uint32_t number, const Session& session) {
  Job& job = rig.make(number * 4);  // a copy of page 4 * number to page 32 + 4 * number
  job.session = &session;
  job.iv = {9, 8, 7};
  return job;
}

bool holds(ProviderRig& rig, std::uint32_t page, std::span<const std::byte> wanted) {
  return std::ranges::equal(rig.bytes(page), wanted);
}

void submit(ProviderRig& rig, std::uint32_t jobs) {
  rig.wanted = jobs;
  rig.rig.thread(
      0, rig, +[](Sleepable& ctx, ProviderRig& mine) -> Task<void> {
        for (std::uint32_t number = 0; number < mine.wanted; ++number) {
          const Errno error = co_await mine.registry.submit(ctx, mine.jobs[number * 4]);
          if (error != Errno::ok) mine.refused.push_back(error);
        }
      });
  rig.rig.run();
}

void add_by(ProviderRig& rig, std::string_view who) {
  if (who == "crypto") rig.registry.add(*rig.crypto);
  if (who == "caller") rig.registry.add(*rig.caller);
  if (who == "thread") rig.registry.add(*rig.thread);
}

}  // namespace

TEST_CASE("a cipher and a digest are the same by an engine, in a caller and in a thread") {
  for (const char* who : {"crypto", "caller", "thread"}) {
    CAPTURE(who);
    ProviderRig rig;
    add_by(rig, who);
    with(rig, 0, kSealed);
    with(rig, 1, kSigned);
    const std::vector<std::byte> sealed = enciphered(rig, 0);
    const std::vector<std::byte> signed_page = enciphered(rig, 4);
    submit(rig, 2);
    CHECK(rig.refused.empty());
    CHECK(rig.ends[0] == 1);
    CHECK(rig.ends[4] == 1);
    CHECK(holds(rig, 32, sealed));
    CHECK(rig.jobs[0].digest == sha256(sealed));  // of what was written
    CHECK(rig.jobs[0].crc == crc32c(0, sealed));
    CHECK(holds(rig, 36, signed_page));
    CHECK(rig.jobs[4].digest == sha256(rig.bytes(4)));  // of what was read
    CHECK(rig.registry.providers()[0]->completed() == 5);
    CHECK(rig.quiet());
  }
}

TEST_CASE("what one enciphers another deciphers") {
  ProviderRig rig;
  rig.registry.add(*rig.crypto);
  with(rig, 0, kEncrypt);
  submit(rig, 1);
  CHECK_FALSE(rig.is_pattern(32, 0));
  ProviderRig other;
  other.registry.add(*other.caller);
  std::ranges::copy(rig.bytes(32), other.bytes(0).begin());
  with(other, 0, kDecrypt);
  submit(other, 1);
  CHECK(other.is_pattern(32, 0));
}

TEST_CASE("a CPU takes its rates for each operation of a route") {
  ProviderRig rig;
  rig.registry.add(*rig.thread);
  with(rig, 0, kSealed);
  const Duration begun = rig.rig.now();
  submit(rig, 1);
  // At 100, 50 and 400 MB/s.
  CHECK(rig.last_end - begun == 40960ns + 81920ns + 10240ns);
}

TEST_CASE("an engine that fails at any step of a route is left, and the job ends once and right") {
  for (const char* other : {"caller", "thread"})
    for (std::uint32_t step = 0; step <= 8; ++step) {
      CAPTURE(other, step);
      hw::test::ScriptedOracle oracle;
      oracle.script["crypto.request"] = std::deque<std::uint32_t>(step, 0);
      oracle.script["crypto.request"].push_back(1);
      ProviderRig rig("first_fit", &oracle);
      rig.registry.add(*rig.crypto);
      add_by(rig, other);
      std::vector<std::byte> sealed[2];
      for (std::uint32_t number = 0; number < 2; ++number) {
        with(rig, number, kSealed);
        sealed[number] = enciphered(rig, number * 4);
      }
      submit(rig, 2);
      std::uint32_t moves = 0;
      for (std::uint32_t number = 0; number < 2; ++number) {
        CAPTURE(number);
        const Job& job = rig.jobs[number * 4];
        CHECK(rig.ends[number * 4] == 1);
        CHECK(job.status == Errno::ok);
        CHECK(holds(rig, 32 + number * 4, sealed[number]));
        CHECK(job.digest == sha256(sealed[number]));
        CHECK(job.crc == crc32c(0, sealed[number]));
        moves += job.moves;
      }
      CHECK(moves == rig.crypto->failed());
      CHECK(rig.crypto->moved() == rig.crypto->failed());
      CHECK((rig.crypto->failed() > 0) == (step < 6));
      CHECK(rig.quiet());
    }
}

TEST_CASE("a route goes over engines of two kinds") {
  ProviderRig rig;
  rig.registry.add(*rig.engines[0]);
  rig.registry.add(*rig.crypto);
  with(rig, 0, kChecked);
  submit(rig, 1);
  CHECK(rig.is_pattern(32, 0));
  CHECK(rig.jobs[0].crc == crc32c(0, rig.bytes(0)));
  CHECK(rig.engines[0]->completed() == 1);
  CHECK(rig.crypto->completed() == 1);
}

TEST_CASE("a route with an operation that nobody does is refused before anything is done") {
  ProviderRig rig;
  rig.registry.add(*rig.engines[0]);
  with(rig, 0, kChecked);
  submit(rig, 1);
  CHECK(rig.refused == std::vector{Errno::eopnotsupp});
  CHECK(rig.ends[0] == 0);
  CHECK_FALSE(rig.is_pattern(32, 0));
  CHECK(rig.quiet());
}

TEST_CASE("a cipher takes whole blocks, a digest any bytes") {
  ProviderRig rig;
  for (Provider* const each :
       {static_cast<Provider*>(rig.crypto.get()), static_cast<Provider*>(rig.caller.get())}) {
    Job& job = with(rig, 0, kEncrypt);
    for (const std::uint32_t bytes : {8u, 17u, 32u}) {
      job.bytes = bytes;
      job.operation = Operation::encrypt;
      CHECK((each->capability_for(job) != nullptr) == (bytes == 32));
      job.operation = Operation::hash;
      CHECK(each->capability_for(job) != nullptr);
    }
  }
}

}  // namespace iodrome::providers
