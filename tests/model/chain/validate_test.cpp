// SPDX-License-Identifier: Apache-2.0
#include "model/chain/validate.h"

#include <catch2/catch.hpp>

namespace iodrome::chain {
namespace {

const std::string kPath = "/file";
constexpr std::uint64_t kMemory = 65'536;

Chain good() {
  Chain chain;
  chain.steps.push_back({.op = Op::open, .path = &kPath});
  chain.steps.push_back({.op = Op::read, .fd_from = 0, .bytes = 4096});
  chain.steps.push_back({.op = Op::stat, .fd_from = 0});
  chain.steps.push_back({.op = Op::write, .fd_from = 0, .bytes = 4096});
  chain.steps.push_back({.op = Op::close, .fd_from = 0});
  return chain;
}

// The chain above with one field of one step changed.
template <class Change>
Errno with(std::size_t step, Change change) {
  Chain chain = good();
  change(chain.steps[step]);
  return validate(chain, 16, kMemory);
}

TEST_CASE("A chain is empty, too long, or looked at step by step", "[chain]") {
  CHECK(validate(good(), 5, kMemory) == Errno::ok);
  CHECK(validate(good(), 4, kMemory) == Errno::e2big);
  CHECK(validate(Chain{}, 4, kMemory) == Errno::einval);
  Chain wide{.graph = true, .steps = {}};
  for (std::size_t i = 0; i < kMaxGraphSteps; ++i) wide.steps.push_back({});
  CHECK(validate(wide, 1'000, kMemory) == Errno::ok);
  wide.steps.push_back({});
  CHECK(validate(wide, 1'000, kMemory) == Errno::e2big);
}

TEST_CASE("An operand is the result of an earlier step of the right kind", "[chain]") {
  CHECK(with(0, [](Step& s) { s.path = nullptr; }) == Errno::einval);
  CHECK(with(1, [](Step& s) { s.fd_from = 1; }) == Errno::einval);
  CHECK(with(1, [](Step& s) { s.fd_from = 4; }) == Errno::einval);
  CHECK(with(3, [](Step& s) { s.fd_from = 1; }) == Errno::einval);
  CHECK(with(3, [](Step& s) { s.bytes_from = {1, false}; }) == Errno::ok);
  CHECK(with(3, [](Step& s) { s.bytes_from = {2, false}; }) == Errno::ok);
  CHECK(with(3, [](Step& s) { s.bytes_from = {0, false}; }) == Errno::einval);
  CHECK(with(3, [](Step& s) { s.offset_from = {4, false}; }) == Errno::einval);
  CHECK(with(3, [](Step& s) { s.offset_from = {3, false}; }) == Errno::einval);
  CHECK(with(3, [](Step& s) { s.offset_from = {3, true}; }) == Errno::ok);
  CHECK(with(2, [](Step& s) { s.offset_from = {1, false}; }) == Errno::einval);
}

TEST_CASE("What a step does about failures must mean something", "[chain]") {
  CHECK(with(1, [](Step& s) { s.on_error = OnError::retry; }) == Errno::einval);
  CHECK(with(1, [](Step& s) { s.on_error = OnError::retry, s.retries = 1; }) == Errno::ok);
  CHECK(with(1, [](Step& s) { s.retries = 1; }) == Errno::einval);
  CHECK(with(1, [](Step& s) { s.on_error = OnError::jump; }) == Errno::einval);
  CHECK(with(1, [](Step& s) { s.on_error = OnError::jump, s.jump_to = 1; }) == Errno::einval);
  CHECK(with(1, [](Step& s) { s.on_error = OnError::jump, s.jump_to = 5; }) == Errno::ok);
  CHECK(with(1, [](Step& s) { s.on_error = OnError::jump, s.jump_to = 6; }) == Errno::einval);
  CHECK(with(1, [](Step& s) { s.jump_to = 2; }) == Errno::einval);
  CHECK(with(1, [](Step& s) { s.on_short = OnShort::resume; }) == Errno::ok);
  CHECK(with(2, [](Step& s) { s.on_short = OnShort::resume; }) == Errno::einval);
}

TEST_CASE("Loops go back, come to an end and do not overlap", "[chain]") {
  CHECK(with(3, [](Step& s) { s.loop = {1, 5}; }) == Errno::ok);
  CHECK(with(3, [](Step& s) { s.loop = {1, 0}; }) == Errno::einval);  // the same bytes for ever
  CHECK(with(3, [](Step& s) { s.loop = {1, 0}, s.offset_from = {3, true}; }) == Errno::ok);
  CHECK(with(1, [](Step& s) { s.loop = {2, 1}; }) == Errno::einval);
  CHECK(with(2, [](Step& s) { s.loop = {1, 0}; }) == Errno::einval);  // stat moves nothing
  CHECK(with(2, [](Step& s) { s.loop = {1, 5}; }) == Errno::ok);
  CHECK(with(2, [](Step& s) { s.loop.rounds = 5; }) == Errno::einval);
  Chain chain = good();
  chain.steps[3].loop = {1, 2};
  chain.steps[2].loop = {2, 2};
  CHECK(validate(chain, 5, kMemory) == Errno::ok);
  chain.steps[2].loop = {0, 2};
  CHECK(validate(chain, 5, kMemory) == Errno::einval);
}

TEST_CASE("In a graph, a step uses what it waits for, and only a line has loops", "[chain]") {
  CHECK(with(2, [](Step& s) { s.after = 1; }) == Errno::einval);  // a line says it by its order
  Chain chain = good();
  chain.graph = true;
  for (std::size_t i = 1; i < 5; ++i) chain.steps[i].after = 1;
  CHECK(validate(chain, 5, kMemory) == Errno::ok);
  chain.steps[3].bytes_from = {1, false};
  CHECK(validate(chain, 5, kMemory) == Errno::einval);
  chain.steps[3].after = 0b100;
  chain.steps[2].after = 0b10;  // through another step
  CHECK(validate(chain, 5, kMemory) == Errno::ok);
  chain.steps[2].after = 0b100;  // itself: a cycle
  CHECK(validate(chain, 5, kMemory) == Errno::einval);
  chain.steps[2].after = 0b1010;
  CHECK(validate(chain, 5, kMemory) == Errno::einval);
  chain.steps[2].after = 0b10;
  chain.steps[3].loop = {3, 2};
  CHECK(validate(chain, 5, kMemory) == Errno::einval);
}

TEST_CASE("An event names files alone, and nothing else names them", "[chain]") {
  const auto with_event = [](auto change, std::uint64_t memory = kMemory) {
    Chain chain;
    chain.steps.push_back({.op = Op::inotify, .fd = 3, .path = &kPath});
    chain.steps.push_back({.op = Op::open, .fd_from = 0, .path = &kPath});
    chain.steps.push_back({.op = Op::stat, .fd_from = 1});
    change(chain.steps);
    return validate(chain, 16, memory);
  };
  CHECK(with_event([](auto&) {}) == Errno::ok);
  CHECK(with_event([](auto& s) { s[1].op = Op::unlink, s[2].fd_from = -1; }) == Errno::ok);
  CHECK(with_event([](auto& s) { s[0].path = nullptr; }) == Errno::einval);
  CHECK(with_event([](auto& s) { s[1].path = nullptr; }) == Errno::einval);
  CHECK(with_event([](auto& s) { s[2].fd_from = 0; }) == Errno::einval);  // it is no descriptor
  CHECK(with_event([](auto& s) { s[0].op = Op::open; }) == Errno::einval);
  CHECK(with_event([](auto& s) { s[0].memory = 1; }) == Errno::einval);
  CHECK(with_event([](auto& s) { s[2] = {.op = Op::inotify, .fd_from = 0, .path = &kPath}; }) ==
        Errno::einval);
  // The longest event must have room, wherever it lies.
  CHECK(with_event([](auto&) {}, 272) == Errno::ok);
  CHECK(with_event([](auto&) {}, 271) == Errno::efault);
  CHECK(with_event([](auto& s) { s[0].memory = kMemory; }) == Errno::efault);
}

}  // namespace
}  // namespace iodrome::chain
