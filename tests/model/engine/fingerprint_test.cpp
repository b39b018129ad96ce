// SPDX-License-Identifier: Apache-2.0
#include "model/engine/fingerprint.h"

#include <xxhash.h>

#include <fmt/format.h>
#include <catch2/catch.hpp>
#include <numeric>
#include <vector>

using namespace iodrome;

namespace {

std::string of(const std::vector<std::uint64_t>& words) {
  Fingerprint fingerprint;
  for (const std::uint64_t word : words) fingerprint.mix(word);
  return fingerprint.text();
}

}  // namespace

TEST_CASE("a fingerprint is XXH3 over the words, whatever their number") {
  for (const std::size_t count : {0u, 1u, 1023u, 1024u, 1025u, 5000u}) {
    std::vector<std::uint64_t> words(count);
    std::iota(words.begin(), words.end(), 77u);
    CAPTURE(count);
    CHECK(of(words) == fmt::format("{:016x}", XXH3_64bits(words.data(), words.size() * 8)));
  }
}

TEST_CASE("a fingerprint depends on every word and on their order") {
  CHECK(of({1, 2, 3}) == of({1, 2, 3}));
  CHECK(of({1, 2, 3}) != of({1, 3, 2}));
  CHECK(of({1, 2, 3}) != of({1, 2}));
  CHECK(of({1, 2, 3}) != of({1, 2, 4}));
}

TEST_CASE("looking at a fingerprint does not change what follows") {
  Fingerprint looked;
  looked.mix(1);
  const std::string early = looked.text();
  CHECK(looked.text() == early);
  looked.mix(2);
  CHECK(looked.text() == of({1, 2}));
}
