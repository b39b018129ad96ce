// SPDX-License-Identifier: Apache-2.0
// What must hold of steps on sockets before anything runs.
#include <catch2/catch.hpp>

#include "model/chain/validate.h"
#include "model/kernel/poll/pollable.h"

namespace iodrome::chain {
namespace {

const std::string kPath = "/file";
constexpr std::uint64_t kMemory = 65'536;

Chain good() {
  Chain chain;
  chain.steps.push_back({.op = Op::connect, .bytes = 80});
  chain.steps.push_back({.op = Op::open, .path = &kPath});
  chain.steps.push_back({.op = Op::receive, .fd_from = 0, .bytes = 4'096});
  chain.steps.push_back({.op = Op::send, .to_fd = 0, .to_opened = true, .bytes = 4'096});
  chain.steps.push_back({.op = Op::poll, .fd_from = 0, .bytes = kernel::kPollIn});
  chain.steps.push_back({.op = Op::accept, .fd = 3, .bytes = 80});
  return chain;
}

template <class Change>
Errno with(std::size_t step, Change change) {
  Chain chain = good();
  change(chain.steps[step]);
  return validate(chain, 16, kMemory);
}

TEST_CASE("A port has sixteen bits and is not 0, and a connect makes its own socket", "[chain]") {
  CHECK(validate(good(), 6, kMemory) == Errno::ok);
  CHECK(with(0, [](Step& s) { s.bytes = 0; }) == Errno::einval);
  CHECK(with(0, [](Step& s) { s.bytes = 65'535; }) == Errno::ok);
  CHECK(with(0, [](Step& s) { s.bytes = 65'536; }) == Errno::einval);
  CHECK(with(0, [](Step& s) { s.fd = 4; }) == Errno::einval);
  CHECK(with(5, [](Step& s) { s.bytes = 65'536; }) == Errno::einval);
}

TEST_CASE("A poll asks for something that struct pollfd can say", "[chain]") {
  CHECK(with(4, [](Step& s) { s.bytes = 0; }) == Errno::einval);
  CHECK(with(4, [](Step& s) { s.bytes = 0x10000; }) == Errno::einval);
  CHECK(with(4, [](Step& s) { s.bytes_from = {2, false}; }) == Errno::einval);
}

TEST_CASE("A send goes to what an earlier step has accepted or connected", "[chain]") {
  CHECK(with(3, [](Step& s) { s.to_fd = 1; }) == Errno::einval);  // an open
  CHECK(with(3, [](Step& s) { s.to_fd = 3; }) == Errno::einval);  // itself
  CHECK(with(3, [](Step& s) { s.to_fd = 5; }) == Errno::einval);  // a later one
  CHECK(with(3, [](Step& s) { s.to_fd = -1; }) == Errno::einval);
  CHECK(with(2, [](Step& s) { s.to_fd = 0, s.to_opened = true; }) == Errno::einval);
  CHECK(with(3, [](Step& s) { s.fd_from = 1; }) == Errno::ok);
  Chain graph = good();
  graph.graph = true;
  graph.steps[2].after = graph.steps[4].after = 1;
  CHECK(validate(graph, 6, kMemory) == Errno::einval);  // it does not wait for the connect
  graph.steps[3].after = 1;
  CHECK(validate(graph, 6, kMemory) == Errno::ok);
}

TEST_CASE("A stream has no offset, and its memory must reach", "[chain]") {
  for (const std::size_t step : {std::size_t{2}, std::size_t{3}}) {
    CHECK(with(step, [](Step& s) { s.on_short = OnShort::resume; }) == Errno::ok);
    CHECK(with(step, [=](Step& s) {
            s.offset_from = {static_cast<std::int16_t>(step), true};
          }) == Errno::einval);
    CHECK(with(step, [](Step& s) { s.memory = kMemory - 4'096; }) == Errno::ok);
    CHECK(with(step, [](Step& s) { s.memory = kMemory; }) == Errno::efault);
    CHECK(with(step, [](Step& s) { s.bytes = kMemory + 1; }) == Errno::efault);
  }
}

TEST_CASE("A loop without a bound ends with a stream, or with who passes it on", "[chain]") {
  CHECK(with(2, [](Step& s) { s.loop = {2, 0}; }) == Errno::ok);
  CHECK(with(3, [](Step& s) { s.loop = {2, 0}; }) == Errno::einval);
  const auto passes_on = [](Step& s) { s.loop = {2, 0}, s.bytes = 0, s.bytes_from = {2, false}; };
  CHECK(with(3, passes_on) == Errno::ok);
  CHECK(with(3, [=](Step& s) { passes_on(s), s.bytes = 1; }) == Errno::einval);
  CHECK(with(3, [=](Step& s) { passes_on(s), s.loop.to = 3; }) == Errno::einval);
  CHECK(with(3, [=](Step& s) { passes_on(s), s.bytes_from.total = true; }) == Errno::einval);
  CHECK(with(4, [](Step& s) { s.loop = {4, 0}; }) == Errno::einval);
}

}  // namespace
}  // namespace iodrome::chain
