// SPDX-License-Identifier: Apache-2.0
#include "model/engine/sha256.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace iodrome;

namespace {

// Of the bytes 0, 1, ... 250, 0, ..., as Python's hashlib has it; lengths at which padding turns.
struct Known {
  std::size_t bytes;
  const char* digest;
};
constexpr Known kKnown[] = {
    {0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {55, "463eb28e72f82e0a96c0a4cc53690c571281131f672aa229e0d45ae59b598b59"},
    {56, "da2ae4d6b36748f2a318f23e7ab1dfdf45acdc9d049bd80e59de82a60895f562"},
    {63, "29af2686fd53374a36b0846694cc342177e428d1647515f078784d69cdb9e488"},
    {64, "fdeab9acf3710362bd2658cdc9a29e8f9c757fcf9811603a8c447cd1d9151108"},
    {119, "da18797ed7c3a777f0847f429724a2d8cd5138e6ed2895c3fa1a6d39d18f7ec6"},
    {120, "f52b23db1fbb6ded89ef42a23ce0c8922c45f25c50b568a93bf1c075420bbb7c"},
    {1000, "4e4c294b331f7a2099a379bec34b9f9fc03dc46ab465d998f4d683da53487e6d"}};

std::string text_of(const Digest& digest) {
  std::string text;
  for (const std::uint8_t byte : digest) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

TEST_CASE("a digest is that of the message, however it comes in parts") {
  for (const Known& known : kKnown) {
    std::vector<std::byte> message(known.bytes);
    for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::byte>(i % 251);
    CHECK(text_of(sha256(message)) == known.digest);
    for (std::size_t first = 0; first <= message.size(); first += 7) {
      Sha256 parts;
      parts.add(std::span{message}.first(first));
      static_cast<void>(parts.digest());  // changes nothing
      parts.add(std::span{message}.subspan(first));
      CHECK(text_of(parts.digest()) == known.digest);
    }
  }
}
