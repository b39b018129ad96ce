// SPDX-License-Identifier: Apache-2.0
// Steps on sockets with every design, on a machine as it ships: real bytes, both ways.
#include "tests/model/testbed/scripted.h"

namespace iodrome::tests {
namespace {

using chain::OnShort;
using chain::Op;
using chain::Step;

constexpr const char* kWait[] = {"sync", "io_uring", "syslets", "task_chain"};
constexpr std::uint64_t kPage = hw::kPageBytes;

Step accept_step() {
  return {.op = Op::accept, .fd = 0, .bytes = 80};
}
Step connect_step(std::uint64_t port = 80) {
  return {.op = Op::connect, .bytes = port};
}
Step receive_step(std::uint64_t bytes, std::uint64_t page) {
  return {.op = Op::receive,
          .on_short = OnShort::resume,
          .fd_from = 0,
          .bytes = bytes,
          .memory = page * kPage};
}
Step send_memory_step(std::uint64_t bytes, std::uint64_t page) {
  return {.op = Op::send, .to_fd = 0, .to_opened = true, .bytes = bytes, .memory = page * kPage};
}
Step poll_step(kernel::PollEvents events) {
  return {.op = Op::poll, .fd_from = 0, .bytes = events};
}
std::int64_t error(Errno number) {
  return -static_cast<std::int64_t>(number);
}
using Results = std::vector<std::int64_t>;

TEST_CASE("what a client sends over the loopback comes back to it with every design") {
  // More than both buffers hold, in pieces that end anywhere in a page.
  constexpr std::uint64_t kBytes = 100'001;
  const Script script{
      .ports = {80},
      .clients = {
          {{accept_step(), receive_step(kBytes, 0), send_memory_step(kBytes, 0), close_step(0)}},
          {{connect_step(), poll_step(kernel::kPollOut), send_memory_step(kBytes, 0),
            receive_step(kBytes, 30), close_step(0)}}}};
  for (const char* const design : kWait) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    const Results& server = outcome.ends[0][0][0].results;
    const Results& client = outcome.ends[1][0][0].results;
    CHECK(server[0] >= 0);
    CHECK(Results(server.begin() + 1, server.end()) == Results{kBytes, kBytes, 0});
    CHECK(client[0] >= 0);
    CHECK(Results(client.begin() + 1, client.end()) ==
          Results{kernel::kPollOut, kBytes, kBytes, 0});
    const std::span<const std::byte> memory = outcome.memory[1];
    CHECK(std::ranges::equal(memory.first(kBytes), memory.subspan(30 * kPage, kBytes)));
    CHECK(std::ranges::equal(memory.first(kBytes),
                             std::span<const std::byte>(outcome.memory[0]).first(kBytes)));
    CHECK(outcome.open_after == outcome.open_before);
  }
}

TEST_CASE("a connection that is refused is tried anew and leaves no descriptor") {
  Step again = connect_step(81);
  again.on_error = chain::OnError::retry;
  again.retries = 2;
  const Script script{.ports = {80}, .clients = {{{again, close_step(0)}, {connect_step(82)}}}};
  for (const char* const design : kWait) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    CHECK(outcome.ends[0][0][0].results ==
          Results{error(Errno::econnrefused), error(Errno::ecanceled)});
    CHECK(outcome.ends[0][1][0].results == Results{error(Errno::econnrefused)});
    CHECK(outcome.open_after == outcome.open_before);
  }
}

TEST_CASE("a loop passes a stream on until its end with every design") {
  constexpr std::uint64_t kBytes = 40'001;
  Step receives = receive_step(2 * kPage, 0);
  receives.on_short = OnShort::accept;
  Step sends = send_memory_step(0, 0);
  sends.bytes_from.step = 1;
  sends.loop.to = 1;
  const Script script{.ports = {80},
                      .clients = {{{accept_step(), receives, sends, close_step(0)}},
                                  {{connect_step(), send_memory_step(kBytes, 0),
                                    receive_step(kBytes, 30), close_step(0)}}}};
  for (const char* const design : kWait) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    const Ended& server = outcome.ends[0][0][0];
    CHECK(server.first_error == Errno::ok);
    CHECK(Results(server.results.begin() + 1, server.results.end()) == Results{0, 0, 0});
    CHECK(outcome.ends[1][0][0].results[2] == kBytes);
    const std::span<const std::byte> memory = outcome.memory[1];
    CHECK(std::ranges::equal(memory.first(kBytes), memory.subspan(30 * kPage, kBytes)));
  }
}

TEST_CASE("a length that turns out to reach past the memory is EFAULT with every design") {
  // Each fits by itself; what an earlier step yields comes on top.
  Step sends = send_memory_step(64 * kPage, 0);
  sends.bytes_from.step = 1;
  Step receives = receive_step(kPage, 63);
  receives.bytes_from.step = 1;
  const Script script{
      .ports = {80},
      .clients = {{{accept_step(), receive_step(100, 0), receives, close_step(0)}},
                  {{connect_step(), send_memory_step(100, 0), sends, close_step(0)}}}};
  for (const char* const design : kWait) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    CHECK(outcome.ends[0][0][0].results[2] == error(Errno::efault));
    CHECK(outcome.ends[1][0][0].results[2] == error(Errno::efault));
    CHECK(outcome.open_after == outcome.open_before);
  }
}

TEST_CASE("a file goes to an accepted socket, and the end of the stream is told") {
  const std::string path = "/f";
  Step sends = send_step(1, 4096, 300'000);
  sends.to_fd = 0;
  sends.to_opened = true;
  const Script script{
      .files = {{path, 400'000}},
      .ports = {80},
      .clients = {{{accept_step(), open_step(path), sends, close_step(1), close_step(0)}},
                  {{connect_step(), receive_step(200'000, 0), receive_step(200'000, 0),
                    receive_step(10, 0), close_step(0)}}}};
  for (const char* const design : kWait) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    CHECK(outcome.ends[0][0][0].results[2] == 300'000);
    const Results& client = outcome.ends[1][0][0].results;
    CHECK(Results(client.begin() + 1, client.end()) == Results{200'000, 100'000, 0, 0});
  }
}

TEST_CASE("what is linked behind a step that a worker does is done once") {
  const std::string made = "/new";
  Step creates = open_step(made);
  creates.create = true;
  Step first = receive_step(100, 0);
  Step second = receive_step(100, 1);
  const Script script{
      .ports = {80},
      .clients = {{{accept_step(), creates, first, second, close_step(1), close_step(0)}},
                  {{connect_step(), send_memory_step(200, 0), close_step(0)}}}};
  for (const char* const design : kWait) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    const Results& server = outcome.ends[0][0][0].results;
    CHECK(Results(server.begin() + 2, server.end()) == Results{100, 100, 0, 0});
    const std::span<const std::byte> taken = outcome.memory[0];
    const std::span<const std::byte> sent = outcome.memory[1];
    CHECK(std::ranges::equal(taken.first(100), sent.first(100)));
    CHECK(std::ranges::equal(taken.subspan(kPage, 100), sent.subspan(100, 100)));
  }
}

TEST_CASE("designs whose one thread cannot wait for a peer say so") {
  const Script script{.ports = {80}, .clients = {{{connect_step()}, {accept_step()}}}};
  for (const char* const design : {"linux_aio", "kevent", "epoll_threads", "posix_aio"}) {
    const Outcome outcome = play(script, design);
    CHECK(outcome.ends[0][0][0].results == Results{error(Errno::enosys)});
    CHECK(outcome.ends[0][1][0].results == Results{error(Errno::enosys)});
  }
}

}  // namespace
}  // namespace iodrome::tests
