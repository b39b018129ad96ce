// SPDX-License-Identifier: Apache-2.0
#include "hw/crypto/crypto.h"

#include <catch2/catch.hpp>

#include "hw/memory/memory.h"
#include "model/engine/aes.h"
#include "model/engine/crc32c.h"
#include "model/engine/sha256.h"
#include "tests/hw/round_engines.h"
#include "tests/hw/scripted_oracle.h"
#include "tests/hw/test_medium.h"

namespace iodrome::hw::test {
namespace {

using crypto::Operation;
using crypto::Status;

template <std::size_t size>
std::array<std::uint8_t, size> hex(const char* text) {
  std::array<std::uint8_t, size> bytes{};
  REQUIRE(std::string_view(text).size() == 2 * size);
  for (std::size_t i = 0; i < size; ++i)
    bytes[i] = static_cast<std::uint8_t>(std::stoi(std::string(text + 2 * i, 2), nullptr, 16));
  return bytes;
}

// SP 800-38A, F.2.1: AES-128 in CBC mode.
constexpr const char* kKey = "2b7e151628aed2a6abf7158809cf4f3c";
constexpr const char* kIv = "000102030405060708090a0b0c0d0e0f";
constexpr const char* kPlain =
    "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51"
    "30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";
constexpr const char* kCipher =
    "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b2"
    "73bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7";

std::string text_of(const Digest& digest) {
  std::string text;
  for (const std::uint8_t byte : digest) {
    const char* const digits = "0123456789abcdef";
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

Digest sha256_of(std::string_view text) {
  return sha256(std::as_bytes(std::span{text.data(), text.size()}));
}

struct CryptoHost {
  static constexpr std::uint32_t kEntries = 8;

  explicit CryptoHost(const CryptoParams& params = tests::round_crypto(4, 2))
      : device(params, timeline, memory_port, message_port, true) {
    area = memory.allocate_contiguous(64 * 4096);
    for (std::uint32_t queue = 0; queue < 4; ++queue) {
      rings[queue] = memory.allocate_contiguous(128 * kEntries);
      write(queue, crypto::kRing, rings[queue], 8);
      write(queue, crypto::kEntries, kEntries, 4);
      write(queue, crypto::kMessageData, queue, 4);
      write(queue, crypto::kControl, 1, 4);
    }
  }
  Response try_write(std::uint32_t queue, std::uint64_t offset, std::uint64_t value,
                     std::size_t size) {
    return device.access(Command::write, crypto::queue_base(queue) + offset,
                         std::as_writable_bytes(std::span{&value, 1}).first(size));
  }
  void write(std::uint32_t queue, std::uint64_t offset, std::uint64_t value, std::size_t size) {
    REQUIRE(try_write(queue, offset, value, size) == Response::ok);
  }
  crypto::Descriptor& entry(std::uint32_t queue, std::uint32_t number) {
    return memory.at<crypto::Descriptor>(rings[queue] + 128ull * (number % kEntries));
  }
  crypto::Descriptor& add(Operation operation, std::uint32_t bytes, std::uint32_t queue = 0) {
    crypto::Descriptor& d = entry(queue, tails[queue]++);
    d = {};
    d.operation = operation;
    d.bytes = bytes;
    d.source = area;
    d.destination = area + 32 * 4096;
    d.interrupt = 1;
    return d;
  }
  void ring(std::uint32_t queue = 0) { write(queue, crypto::kTail, tails[queue], 4); }
  Duration now() const { return timeline.now().time_since_epoch(); }

  Timeline timeline;
  Memory memory;
  DirectPort memory_port{memory};
  MessageLog messages{timeline};
  DirectPort message_port{messages};
  Crypto device;
  PhysAddr area = 0;
  PhysAddr rings[4] = {};
  std::uint32_t tails[4] = {};
};

}  // namespace

TEST_CASE("AES-128 is that of FIPS 197 and SP 800-38A") {
  const Aes128 cipher(hex<16>("000102030405060708090a0b0c0d0e0f"));
  const auto plain = hex<16>("00112233445566778899aabbccddeeff");
  const auto secret = hex<16>("69c4e0d86a7b0430d8cdb78070b4c55a");
  CHECK(cipher.encrypt(plain) == secret);
  CHECK(cipher.decrypt(secret) == plain);
  auto bytes = hex<64>(kPlain);
  Aes128::Block iv = hex<16>(kIv);
  const Aes128 chained(hex<16>(kKey));
  cbc_encrypt(chained, iv, std::as_writable_bytes(std::span{bytes}));
  CHECK(bytes == hex<64>(kCipher));
  iv = hex<16>(kIv);
  cbc_decrypt(chained, iv, std::as_writable_bytes(std::span{bytes}));
  CHECK(bytes == hex<64>(kPlain));
}

TEST_CASE("SHA-256 is that of FIPS 180-4") {
  CHECK(text_of(sha256_of("")) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(text_of(sha256_of("abc")) ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(text_of(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")) ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(text_of(sha256_of(std::string(1'000'000, 'a'))) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("the engine's bytes are those of the published vectors, and deciphering undoes it") {
  CryptoHost host;
  const auto plain = hex<64>(kPlain);
  std::memcpy(host.memory.bytes(host.area, 64).data(), plain.data(), plain.size());
  crypto::Descriptor& d = host.add(Operation::aes_cbc_encrypt, 64);
  std::ranges::copy(hex<16>(kKey), d.key);
  std::ranges::copy(hex<16>(kIv), d.iv);
  crypto::Descriptor& back = host.add(Operation::aes_cbc_decrypt, 64);
  std::ranges::copy(hex<16>(kKey), back.key);
  std::ranges::copy(hex<16>(kIv), back.iv);
  back.source = host.area + 32 * 4096;
  back.destination = host.area + 33 * 4096;
  host.add(Operation::sha256, 64);
  host.add(Operation::crc32c, 64);
  host.ring();
  host.timeline.run();
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(host.entry(0, i).status == Status::done);
  const auto at = [&](std::uint32_t page) {
    std::array<std::uint8_t, 64> bytes{};
    std::memcpy(bytes.data(), host.memory.bytes(host.area + page * 4096, 64).data(), 64);
    return bytes;
  };
  CHECK(at(32) == hex<64>(kCipher));
  CHECK(at(33) == plain);
  const Digest digest = sha256(std::as_bytes(std::span{plain}));
  CHECK(std::equal(digest.begin(), digest.end(), host.entry(0, 2).result));
  std::uint32_t crc = 0;
  std::memcpy(&crc, host.entry(0, 3).result, sizeof crc);
  CHECK(crc == crc32c(0, std::as_bytes(std::span{plain})));
}

TEST_CASE("an unloaded request takes exactly the sum of its parameters") {
  const auto takes = [](Operation operation) {
    CryptoHost host;
    host.add(operation, 4096);
    host.ring();
    host.timeline.run();
    CHECK(host.messages.messages.size() == 1);
    return host.now();
  };
  const Duration rest = 100ns + 300ns + 500ns + 200ns + 400ns;
  CHECK(takes(Operation::aes_cbc_encrypt) == rest + 8us);
  CHECK(takes(Operation::aes_cbc_decrypt) == rest + 8us);
  CHECK(takes(Operation::sha256) == rest + 4us);
  CHECK(takes(Operation::crc32c) == rest + 1us);
}

TEST_CASE("a queue does one after the other; queues run beside one another, on so many engines") {
  const auto ends = [](std::uint32_t queues) {
    CryptoHost host;
    for (std::uint32_t i = 0; i < 8; ++i) host.add(Operation::aes_cbc_encrypt, 4096, i % queues);
    for (std::uint32_t queue = 0; queue < queues; ++queue) host.ring(queue);
    host.timeline.run();
    CHECK(host.device.counters().requests == 8);
    return host.now();
  };
  CHECK(ends(1) == 100ns + 8 * (300ns + 8500ns + 200ns) + 400ns);
  CHECK(ends(2) == 100ns + 4 * (300ns + 8500ns + 200ns) + 400ns);
  // Four queues for two engines: these never rest but for the first fetch.
  CHECK(ends(4) == 100ns + 300ns + 4 * 8500ns + 200ns + 400ns);
}

TEST_CASE("the ring goes round, and may be given more while it is at work") {
  CryptoHost host;
  for (std::uint32_t round = 0; round < 5; ++round) {
    for (std::uint32_t i = 0; i < 4; ++i) host.add(Operation::crc32c, 512);
    host.ring();
    for (std::uint32_t i = 0; i < 3; ++i) host.add(Operation::crc32c, 512);
    host.ring();
    host.timeline.run();
  }
  CHECK(host.device.counters().requests == 35);
  CHECK(host.messages.messages.size() == 35);
}

TEST_CASE("what cannot be is refused, what fails is told, and the queue goes on") {
  CryptoHost host;
  ScriptedOracle oracle;
  oracle.script["crypto.request"] = {0, 1};
  host.timeline.choices().ask(&oracle);
  host.add(Operation::aes_cbc_encrypt, 15);
  host.add(static_cast<Operation>(9), 16);
  host.add(Operation::sha256, 65'537);
  host.add(Operation::aes_cbc_encrypt, 0);
  host.add(Operation::sha256, 16).source = 8;
  host.add(Operation::crc32c, 16);
  host.add(Operation::crc32c, 16);
  host.ring();
  host.timeline.run();
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(host.entry(0, i).status == Status::refused);
  CHECK(host.entry(0, 4).status == Status::failed);
  CHECK(host.entry(0, 5).status == Status::failed);
  CHECK(host.entry(0, 6).status == Status::done);
  CHECK(host.device.counters().errors == 6);
  host.timeline.choices().ask(nullptr);
}

TEST_CASE("a queue that is disabled drops what it has, and writes nothing afterwards") {
  for (int delay = 0; delay < 20'000; delay += 500) {
    CryptoHost host;
    host.add(Operation::aes_cbc_encrypt, 4096);
    host.add(Operation::aes_cbc_encrypt, 4096);
    host.ring();
    host.timeline.run(SimTime{} + std::chrono::nanoseconds(delay));
    const std::uint64_t before = host.device.counters().requests;
    const Status first = host.entry(0, 0).status;
    host.write(0, crypto::kControl, 0, 4);
    host.timeline.run();
    CHECK(host.device.counters().requests == before);
    CHECK(host.entry(0, 0).status == first);
    CHECK(host.try_write(0, crypto::kTail, 1, 4) == Response::generic_error);
    host.tails[0] = 0;
    host.write(0, crypto::kControl, 1, 4);
    host.add(Operation::crc32c, 16);
    host.ring();
    host.timeline.run();
    CHECK(host.entry(0, 0).status == Status::done);
  }
}

}  // namespace iodrome::hw::test
