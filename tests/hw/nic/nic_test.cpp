// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/hw/nic/host.h"
#include "tests/hw/part_file.h"

namespace iodrome::hw::test {
namespace {

NicParams gigabit() {
  NicParams params = part<NicParams>("nic", "gbe_1");
  params.host_rate = {1'000'000'000};
  params.interrupt_interval = 0us;
  return params;
}

ClientParams quick() {
  return {.drain_rate = {0}, .ack_delay = 10us};
}

SimTime at(Duration time) {
  return SimTime{time};
}

class DropFirst final : public ChoiceOracle {
 public:
  std::uint32_t choose(Choice kind, std::uint32_t, const char*) override {
    return kind == Choice::fault && asked++ == 0 ? 1 : 0;
  }
  int asked = 0;
};

}  // namespace

TEST_CASE("wire time is payload and per-frame overhead at the rate of the link") {
  NicHost host(gigabit(), quick());
  CHECK(host.card.frames(0) == 1);
  CHECK(host.card.frames(1448) == 1);
  CHECK(host.card.frames(1449) == 2);
  CHECK(host.card.frames(65536) == 46);
  // 1538 B at 1 Gbit/s: ten times the published 1230 ns at 10 Gbit/s.
  CHECK(host.card.wire_time(1448) == 12'304ns);
  CHECK(host.card.wire_time(65536) == (65536 + 46 * 90) * 8ns);
}

TEST_CASE("an acknowledgement takes exactly the sum of its ways") {
  const NicParams params = gigabit();
  NicHost host(params, quick());
  host.send(3, 0, 1448);
  host.timeline.run();
  REQUIRE(host.acks.size() == 1);
  CHECK(host.acks[0].connection == 3);
  CHECK(host.acks[0].offset == 1448);
  const Duration out = params.doorbell_flight + params.descriptor_fetch + 1448ns /* host bus */ +
                       12'304ns + params.propagation;
  const Duration back = 90 * 8ns + params.propagation + params.host_write + params.msi_flight;
  CHECK(host.acks[0].time == at(out + 10us + back));
  CHECK(host.head() == 2);
}

TEST_CASE("the wire starts with the first frame while the rest is read") {
  const NicParams params = gigabit();
  NicHost host(params, quick());
  host.send(0, 0, 65536);
  host.timeline.run();
  const Duration out = params.doorbell_flight + params.descriptor_fetch + 1448ns +
                       host.card.wire_time(65536) + params.propagation;
  REQUIRE(host.acks.size() == 1);
  CHECK(host.acks[0].time ==
        at(out + 10us + 90 * 8ns + params.propagation + params.host_write + params.msi_flight));
}

TEST_CASE("segments leave one after the other at the rate of the link") {
  NicHost host(gigabit(), quick());
  for (std::uint64_t i = 0; i < 20; ++i) host.queue(1, 4096 * i, host.payload(1, 4096 * i, 4096));
  host.ring_doorbell();
  host.timeline.run();
  REQUIRE(host.acks.size() == 20);
  for (std::size_t i = 1; i < 20; ++i)
    CHECK(host.acks[i].time - host.acks[i - 1].time == host.card.wire_time(4096));
  CHECK(host.clients.state(1).received == 20 * 4096);
}

TEST_CASE("segments keep their order where memory holds up the long ones") {
  NicParams params = gigabit();
  params.host_rate = {10'000'000'000};
  MemoryBus bus(Rate{1'000'000'000});
  NicHost host(params, quick());
  host.memory_port.share(&bus);
  std::uint64_t offset = 0;
  for (const std::uint32_t bytes : {60'000u, 200u, 40'000u, 100u}) {
    host.queue(1, offset, host.payload(1, offset, bytes));
    offset += bytes;
  }
  bus.carry(SimTime{}, {SimTime{}, at(100us)}, 100'000);  // somebody else's, all of it
  host.ring_doorbell();
  host.timeline.run();
  CHECK(host.clients.state(1).received == offset);
  CHECK(host.clients.state(1).wrong == 0);
  REQUIRE(host.acks.size() == 4);
  CHECK(host.acks[0].time > at(160us));
  for (std::size_t i = 1; i < 4; ++i) CHECK(host.acks[i].offset > host.acks[i - 1].offset);
}

TEST_CASE("every byte is looked at, and one corrupted byte is found") {
  const bool corrupt = GENERATE(false, true);
  NicHost host(gigabit(), quick());
  auto pieces = host.payload(7, 0, 20'000);
  if (corrupt) host.memory.bytes(pieces[2].address, 4096)[1234] ^= std::byte{1};
  host.queue(7, 0, pieces);
  host.ring_doorbell();
  host.timeline.run();
  CHECK(host.clients.state(7).received == 20'000);
  CHECK(host.clients.state(7).wrong == (corrupt ? 4096 : 0));
  CHECK(host.stream.looked_at == (corrupt ? 20'000 - 4096 : 20'000));
}

TEST_CASE("bytes of another connection or offset are wrong") {
  NicHost host(gigabit(), quick());
  host.queue(7, 0, host.payload(8, 0, 1000));
  host.queue(8, 0, host.payload(8, 1, 1000));
  host.ring_doorbell();
  host.timeline.run();
  CHECK(host.clients.total().received == 2000);
  CHECK(host.clients.total().wrong == 2000);
}

TEST_CASE("unchecked payload takes the same time") {
  const auto run = [](bool checked) {
    NicHost host(gigabit(), quick(), checked);
    for (std::uint64_t i = 0; i < 8; ++i) host.send(1, 10'000 * i, 10'000);
    host.timeline.run();
    CHECK((host.stream.looked_at != 0) == checked);
    REQUIRE(host.acks.size() == 8);
    return host.acks.back().time;
  };
  CHECK(run(true) == run(false));
}

TEST_CASE("a slow client acknowledges at its own rate") {
  NicHost host(gigabit(), quick());
  host.clients.set_drain_rate(1, {1'000'000});  // 1000 B in 1 ms; the wire needs 8.72 us
  for (std::uint64_t i = 0; i < 10; ++i) host.send(1, 1000 * i, 1000);
  host.send(2, 0, 1000);
  host.timeline.run();
  REQUIRE(host.acks.size() == 11);
  CHECK(host.acks[0].connection == 2);  // the other client is not held up
  for (std::size_t i = 2; i < 11; ++i) CHECK(host.acks[i].time - host.acks[i - 1].time == 1ms);
  CHECK(host.acks[10].offset == 10'000);
}

TEST_CASE("the head says which descriptors are free, so a full ring holds the sender back") {
  NicHost host(gigabit(), quick());
  std::uint64_t sent = 0;
  const auto fill = [&] {
    while (sent < 200 && host.free_descriptors() >= 2) {
      host.queue(1, 1000 * sent, host.payload(1, 1000 * sent, 1000));
      ++sent;
    }
    host.ring_doorbell();
  };
  host.on_poll = fill;
  fill();
  CHECK(sent == 31);
  host.timeline.run();
  CHECK(sent == 200);
  CHECK(host.clients.state(1).received == 200'000);
  CHECK(host.clients.state(1).wrong == 0);
  CHECK(host.acks.back().offset == 200'000);
}

TEST_CASE("a message masks the card until the driver enables it again") {
  NicHost host(gigabit(), quick());
  host.enable_again = false;
  for (std::uint64_t i = 0; i < 10; ++i) host.send(1, 1000 * i, 1000);
  host.timeline.run();
  CHECK(host.messages.messages.size() == 1);
  CHECK(host.acks.size() == 1);
  host.enable_again = true;
  host.write(nic::kEnable, nic::kCauseReceived,
             4);  // what happened meanwhile sends the next message
  host.timeline.run();
  CHECK(host.messages.messages.size() == 2);
  CHECK(host.acks.size() == 10);
}

TEST_CASE("moderation keeps the least interval between messages") {
  NicParams params = gigabit();
  params.interrupt_interval = 100us;
  NicHost host(params, quick());
  for (std::uint64_t i = 0; i < 30; ++i) host.send(1, 1000 * i, 1000);
  host.timeline.run();
  CHECK(host.acks.size() == 30);
  CHECK(host.messages.messages.size() <= 4);  // 30 segments take 262 us of the wire
  for (std::size_t i = 1; i < host.messages.messages.size(); ++i)
    CHECK(host.messages.messages[i].time - host.messages.messages[i - 1].time >= 100us);
}

TEST_CASE("frames wait for receive buffers and none is lost") {
  NicHost host(gigabit(), quick());
  host.give_back = false;
  for (std::uint64_t i = 0; i < 25; ++i) host.send(1, 100 * i, 100);
  host.timeline.run();
  for (std::uint64_t i = 25; i < 50; ++i) host.send(1, 100 * i, 100);
  host.timeline.run();
  CHECK(host.acks.size() == 31);
  REQUIRE(host.timeline.who_waits_for_what().size() == 1);
  CHECK(host.timeline.who_waits_for_what()[0].waits_for == "receive buffers for 19 frames");
  host.give_back = true;
  host.write(nic::kRxTail, (host.rx_next_ + NicHost::kRxEntries - 1) % NicHost::kRxEntries, 4);
  host.timeline.run();
  CHECK(host.acks.size() == 50);
  CHECK(host.acks.back().offset == 5000);
}

TEST_CASE("a segment that breaks the rules is dropped, freed in order and reported") {
  NicHost host(gigabit(), quick());
  auto good = host.payload(1, 0, 1448);
  host.queue(1, 0, good);
  host.queue(1, 1448, host.payload(1, 1448, 4096), 0);  // larger than a frame without TSO
  auto big = host.payload(1, 1448, 4096);
  big[0].length = 70'000;
  host.queue(1, 1448, big);
  host.ring_doorbell();
  // The bad ones must not free the good one's pages while it is on the wire.
  host.timeline.run(at(12us));
  CHECK(host.head() == 0);
  host.timeline.run();
  CHECK(host.head() == 6);
  CHECK(host.card.counters().malformed == 2);
  CHECK(host.clients.state(1).received == 1448);
}

TEST_CASE("a lost segment is not acknowledged, and what follows it is dropped") {
  NicHost host(gigabit(), quick());
  DropFirst oracle;
  host.timeline.choices().ask(&oracle);
  host.send(1, 0, 1000);
  host.send(1, 1000, 1000);
  host.timeline.run();
  CHECK(host.clients.state(1).received == 0);
  CHECK(host.clients.state(1).out_of_order == 1000);
  REQUIRE(host.acks.size() == 1);
  CHECK(host.acks[0].offset == 0);
  host.send(1, 0, 1000);
  host.send(1, 1000, 1000);
  host.timeline.run();
  CHECK(host.clients.state(1).received == 2000);
  CHECK(host.card.counters().dropped == 1);
}

TEST_CASE("a segment may come in two doorbells") {
  NicHost host(gigabit(), quick());
  host.queue(1, 0, host.payload(1, 0, 3000));
  host.write(nic::kTxTail, 1, 4);
  host.timeline.run();
  CHECK(host.acks.empty());
  REQUIRE(host.timeline.who_waits_for_what().size() == 1);
  host.ring_doorbell();
  host.timeline.run();
  CHECK(host.acks.size() == 1);
}

TEST_CASE(
    "of two doorbells that arrive at once the younger counts, in whatever order they are seen") {
  struct LastFirst final : ChoiceOracle {
    std::uint32_t choose(Choice kind, std::uint32_t options, const char*) override {
      return kind == Choice::order ? options - 1 : 0;
    }
  } oracle;
  NicHost host(gigabit(), quick());
  host.timeline.choices().ask(&oracle);
  host.send(1, 0, 1000);
  host.send(1, 1000, 1000);
  host.timeline.run();
  CHECK(host.card.counters().malformed == 0);
  CHECK(host.card.counters().segments_sent == 2);
}

TEST_CASE("clients tell when they have drained") {
  NicHost host(gigabit(), quick());
  std::vector<std::pair<std::uint32_t, std::uint64_t>> told;
  host.clients.when_drained([&](std::uint32_t connection, std::uint64_t bytes) {
    told.push_back({connection, bytes});
  });
  host.send(1, 0, 100);
  host.send(2, 0, 200);
  host.timeline.run();
  CHECK(told == std::vector<std::pair<std::uint32_t, std::uint64_t>>{{1, 100}, {2, 200}});
}

TEST_CASE("messages are as far apart as the driver has written, from the next one on") {
  NicParams params = gigabit();
  params.interrupt_interval = 40us;
  NicHost host(params, quick());
  std::uint32_t read = 0;
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span{&read, 1});
  REQUIRE(host.card.access(Command::read, nic::kThrottle, bytes) == Response::ok);
  CHECK(read == 40'000);
  // An acknowledgement every 12.3 us.
  for (std::uint64_t i = 0; i < 10; ++i) host.queue(1, 1448 * i, host.payload(1, 1448 * i, 1448));
  REQUIRE(host.write(nic::kThrottle, 70'000, 4) == Response::ok);
  host.ring_doorbell();
  host.timeline.run();
  const auto& sent = host.messages.messages;
  REQUIRE(sent.size() == 3);
  CHECK(sent[1].time - sent[0].time == 70us);
  CHECK(sent[2].time - sent[1].time == 70us);
}

TEST_CASE("registers refuse wrong widths, values and addresses") {
  NicHost host(gigabit(), quick());
  CHECK(host.write(nic::kTxBase, 0, 4) == Response::command_error);
  CHECK(host.write(nic::kTxEntries, 1, 4) == Response::generic_error);
  CHECK(host.write(nic::kTxTail, NicHost::kTxEntries, 4) == Response::generic_error);
  CHECK(host.write(0xff0, 0, 4) == Response::address_error);
  CHECK(host.write(nic::kMss, 0, 4) == Response::command_error);
}

TEST_CASE("the shipped network parts are complete and possible") {
  for (const char* const name : {"gbe_1", "gbe_10", "gbe_100"}) {
    ParameterProblems problems;
    part<NicParams>("nic", name).examine(problems);
    part<ClientParams>("nic", "clients_lan", "clients").examine(problems);
    CHECK(problems.empty());
  }
  NicHost host(part<NicParams>("nic", "gbe_100"), quick());
  CHECK(host.card.wire_time(1448) == ps(123'040));  // the published 123 ns
  NicHost ten(part<NicParams>("nic", "gbe_10"), quick());
  CHECK(ten.card.wire_time(1448) == ps(1'230'400));  // and 1230 ns
}

}  // namespace iodrome::hw::test
