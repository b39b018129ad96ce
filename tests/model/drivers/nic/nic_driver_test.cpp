// SPDX-License-Identifier: Apache-2.0
// What clients send, from their wire through the card, the driver and the socket to the reader.
#include "model/drivers/nic/nic_driver.h"

#include "hw/nic/client.h"
#include "hw/nic/nic.h"
#include "model/explore/random_walk.h"
#include "tests/model/kernel/socket/net_scene.h"

using namespace iodrome;
using namespace iodrome::kernel;
using drivers::InterruptModeration;
using drivers::NicDriver;

namespace {

constexpr std::uint64_t kApart = 1'000'003;  // between the streams of two connections

constexpr hw::NicParams kCard{.doorbell_flight = 150ns,
                              .descriptor_fetch = 550ns,
                              .host_rate = {25'000'000'000},
                              .link_rate = {12'500'000'000},
                              .propagation = 2us,
                              .mss = 1448,
                              .frame_overhead = 90,
                              .host_write = 300ns,
                              .msi_flight = 300ns,
                              .interrupt_interval = 8us,
                              .late_interrupt = 10ms};

// Each client's stream is a place of one long sequence, in both directions.
struct Streams final : hw::ByteSource, hw::ByteCheck {
  void produce(std::uint32_t connection, std::uint64_t offset, std::span<std::byte> to) override {
    for (std::byte& one : to) one = byte_at(connection * kApart + offset++);
  }
  bool matches(std::uint32_t connection, std::uint64_t offset,
               std::span<const std::byte> bytes) override {
    for (const std::byte one : bytes)
      if (one != byte_at(connection * kApart + offset++)) return false;
    return true;
  }
};

struct NicScene : NetScene {
  explicit NicScene(const SocketParams& sizes = {60'000, 65'536, 60'000},
                    std::uint32_t buffers = 64,
                    std::optional<InterruptModeration> moderation = std::nullopt)
      : NetScene(2, sizes), driver(rig.system, rx, irqs, registers, 1, moderation) {
    clients.attach(card);
    clients.send_from(streams);
    rig.timeline.spawn(driver.attach(), "attach");
    if (buffers != 0) rig.timeline.spawn(driver.post_buffers(buffers), "post");
    rig.timeline.run();
    pages_before = rig.memory.pages_in_use();
    for (std::uint32_t i = 0; i < 2; ++i) connect(i);
  }
  ~NicScene() {
    rig.timeline.choices().ask(nullptr);
    rig.end();
  }
  void connect(std::uint32_t connection) {
    sockets.push_back(std::make_unique<Socket>(rig.system, driver, NetScene::params, connection));
    driver.serve(*sockets.back());
    FilePtr file{new File};
    file->socket = sockets.back().get();
    install(std::move(file));
    clients.open_window(connection, sockets.back()->open_window());
  }

  Streams streams;
  IrqController irqs{rig.system};
  hw::DirectPort memory_port{rig.memory};
  hw::DirectPort message_port{irqs};
  hw::RemoteClients clients{{.drain_rate = {0}, .ack_delay = 10us}, rig.timeline, &streams};
  hw::Nic card{kCard, rig.timeline, memory_port, message_port, clients};
  hw::DirectPort registers{card};
  NicDriver driver;
  std::vector<std::unique_ptr<Socket>> sockets;
  std::uint64_t expected = 0;
  std::uint64_t most_held = 0;
};

// Reads a connection's stream until `expected` bytes have come.
template <int kConnection>
Task<void> read_all(Sleepable& ctx, NicScene& s) {
  for (std::uint64_t at = 0; at < s.expected;) {
    s.most_held = std::max(s.most_held, s.sockets[kConnection]->bytes_held());
    const Value got = co_await recv_stream(ctx, s, kConnection, kConnection * kApart + at, 9'000);
    REQUIRE(got);
    at += static_cast<std::uint64_t>(*got);
  }
  ++s.done;
}

}  // namespace

TEST_CASE("a client's bytes come to the reader in order, and never more than the buffer holds") {
  NicScene s;
  s.expected = 300'000;
  s.rig.system.costs.segment_receive.each = 1us;
  s.rig.thread<NicScene>(0, s, read_all<0>);
  s.clients.send(0, s.expected);
  s.rig.run();
  CHECK(s.done == 1);
  const hw::ClientState client = s.clients.state(0);
  CHECK(client.sent == s.expected);
  CHECK(client.acknowledged == s.expected);
  CHECK(s.sockets[0]->bytes_received() == s.expected);
  CHECK(s.sockets[0]->bytes_dropped() == 0);
  CHECK(s.most_held <= 60'000);
  CHECK(s.card.counters().payload_bytes_received == s.expected);
  CHECK(s.rig.probe.counters().bytes_device_dma == s.expected);
  CHECK(s.rig.memory.pages_in_use() == s.pages_before);
}

TEST_CASE("a driver that moderates has bulk traffic interrupt less often than the card would") {
  const auto interrupts = [](std::optional<InterruptModeration> moderation) {
    NicScene s({1 << 20, 65'536, 1 << 20}, 512, moderation);
    s.expected = 1'000'000;
    s.rig.thread<NicScene>(0, s, read_all<0>);
    s.clients.send(0, s.expected);
    s.rig.run();
    CHECK(s.done == 1);
    std::uint32_t throttle = 0;
    const auto bytes = std::as_writable_bytes(std::span{&throttle, 1});
    s.card.access(hw::Command::read, hw::nic::kThrottle, bytes);
    // The last few frames are little traffic again.
    if (moderation) CHECK(throttle >= 50'000);
    return s.card.counters().interrupts;
  };
  const std::uint64_t fixed = interrupts(std::nullopt);
  const std::uint64_t moderated = interrupts(InterruptModeration(true));
  CHECK(moderated * 2 < fixed);
}

TEST_CASE("clients that are not asked send nothing") {
  NicScene s;
  s.rig.run();
  CHECK(s.card.counters().frames_received == 0);
  CHECK(s.clients.total().sent == 0);
}

TEST_CASE("a client waits where the window ends, until the reader has made room") {
  NicScene s;
  s.expected = 100'000;
  s.clients.send(0, s.expected);
  s.rig.run();
  CHECK(s.clients.state(0).sent == 60'000);
  CHECK(s.sockets[0]->bytes_held() == 60'000);
  s.rig.thread<NicScene>(0, s, read_all<0>);
  s.rig.run();
  CHECK(s.done == 1);
  CHECK(s.clients.state(0).sent == 100'000);
}

TEST_CASE("frames for which no buffer is posted wait in the card, those behind them too") {
  NicScene s({60'000, 65'536, 60'000}, 0);
  s.expected = 5'000;
  s.clients.send(0, s.expected);
  s.rig.thread<NicScene>(0, s, read_all<0>);
  s.rig.run();
  CHECK(s.done == 0);
  CHECK(s.clients.state(0).sent == 5'000);
  CHECK(s.card.counters().payload_bytes_received == 0);
  s.rig.timeline.spawn(s.driver.post_buffers(1), "post");
  s.rig.run();
  CHECK(s.done == 1);
}

TEST_CASE("frames that one interrupt tells of go up as one segment, and are acknowledged as one") {
  NicScene s;
  s.expected = 10 * 1'448;
  s.clients.send(0, s.expected);
  s.rig.thread<NicScene>(0, s, read_all<0>);
  s.rig.run();
  const KernelCosts& costs = s.rig.system.costs;
  CHECK(s.card.counters().frames_received == 10);
  CHECK(s.card.counters().interrupts < 10);
  CHECK(costs.socket_page.count == 10);
  CHECK(costs.segment_receive.count <= s.card.counters().interrupts);
  CHECK(costs.segment_xmit.count == costs.segment_receive.count);
}

TEST_CASE("requests come in and answers go out on one connection") {
  NicScene s;
  s.clients.send(0, 20'000);
  s.rig.thread<NicScene>(0, s, [](Sleepable& ctx, NicScene& scene) -> Task<void> {
    for (std::uint64_t at = 0; at < 20'000;) {
      const Value got = co_await recv_stream(ctx, scene, 0, at, 4'000);
      const auto bytes = static_cast<std::uint64_t>(*got);
      const Value sent = co_await send_stream(ctx, scene, 0, at, bytes);
      CHECK(sent == got);
      at += bytes;
    }
    ++scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
  CHECK(s.clients.state(0).received == 20'000);
  CHECK(s.clients.state(0).wrong == 0);
  CHECK(s.sockets[0]->bytes_unacknowledged() == 0);
}

namespace {

// The n-th interrupt meets that fault; every other allocation of a receive page may fail.
struct Faults final : ChoiceOracle {
  std::uint32_t choose(Choice kind, std::uint32_t, const char* site) override {
    if (kind == Choice::fault && site == std::string("nic.interrupt"))
      return interrupts++ == 1 ? fault : 0;
    if (kind == Choice::allocation && site == std::string("receive page"))
      return pages_fail && ++asked % 2 == 1 ? 1 : 0;
    return 0;
  }
  std::uint32_t fault = 0;
  bool pages_fail = false;
  int interrupts = 0;
  int asked = 0;
};

}  // namespace

TEST_CASE(
    "an interrupt that is late or comes twice loses nothing; nobody makes up for a lost one") {
  enum : std::uint32_t { kNone, kLost, kLate, kTwice };
  const std::uint32_t fault = GENERATE(as<std::uint32_t>{}, 0, 1, 2, 3);
  NicScene s;
  Faults faults;
  faults.fault = fault;
  s.rig.timeline.choices().ask(&faults);
  s.expected = 200'000;
  s.clients.send(0, s.expected);
  s.rig.thread<NicScene>(0, s, read_all<0>);
  const Duration begin = s.rig.now();
  s.rig.run();
  CHECK(faults.interrupts > 1);
  CHECK(s.done == (fault == kLost ? 0 : 1));
  if (fault == kLate) CHECK(s.rig.now() - begin > 10ms);
  if (fault == kNone) CHECK(s.rig.now() - begin < 5ms);
}

TEST_CASE("a receive page that cannot be had is tried again at the next poll") {
  NicScene s({60'000, 65'536, 60'000}, 4);
  Faults faults;
  faults.pages_fail = true;
  s.rig.timeline.choices().ask(&faults);
  s.rig.system.costs.softirq.each = 1us;  // who looks for memory takes time
  s.expected = 100'000;
  s.clients.send(0, s.expected);
  s.rig.thread<NicScene>(0, s, read_all<0>);
  s.rig.run();
  CHECK(s.done == 1);
  CHECK(faults.asked > 70);
}

TEST_CASE("two threads that send on one connection do not overtake each other in the driver") {
  struct Interrupts final : ChoiceOracle {
    explicit Interrupts(std::uint64_t seed) : walk(seed) {}
    std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) override {
      const bool asks = kind == Choice::order || kind == Choice::interrupt;
      return asks ? walk.choose(kind, options, site) : 0;
    }
    explore::RandomWalk walk;
  };
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    Interrupts schedule(seed);
    NicScene s({20'000, 1'000, 10'000}, 8);
    KernelCosts& costs = s.rig.system.costs;
    costs.segment_xmit.each = costs.socket_page.each = costs.ack_receive.each = 100ns;
    s.rig.timeline.choices().ask(&schedule);
    for (std::uint32_t cpu = 0; cpu < 2; ++cpu)
      s.rig.thread<NicScene>(cpu, s, [](Sleepable& ctx, NicScene& scene) -> Task<void> {
        for (int i = 0; i < 10; ++i) co_await send_stream(ctx, scene, 0, 0, 3'000);
        ++scene.done;
      });
    s.rig.run();
    INFO("seed " << seed);
    CHECK(s.done == 2);
    CHECK(s.clients.state(0).out_of_order == 0);
    CHECK(s.clients.state(0).received == 60'000);
  }
}

TEST_CASE("in any schedule what clients send is read once and in order, and nobody sleeps on") {
  struct Schedule final : ChoiceOracle {
    explicit Schedule(std::uint64_t seed) : walk(seed) {}
    std::uint32_t choose(Choice kind, std::uint32_t options, const char* site) override {
      if (kind == Choice::allocation) return 0;
      if (kind != Choice::fault) return walk.choose(kind, options, site);
      // Late or twice, one time in four; nothing lost.
      if (site != std::string("nic.interrupt") || walk.choose(kind, 4, site) != 0) return 0;
      return 2 + walk.choose(kind, 2, site);
    }
    explore::RandomWalk walk;
  };
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    Schedule schedule(seed);
    NicScene s({60'000, 65'536, 10'000}, 8);
    KernelCosts& costs = s.rig.system.costs;
    costs.segment_receive.each = costs.segment_xmit.each = costs.softirq.each = 90ns;
    costs.try_to_wake_up.each = costs.context_switch.each = costs.socket_recv.each = 40ns;
    s.rig.timeline.choices().ask(&schedule);
    s.expected = 40'000;
    s.rig.thread<NicScene>(0, s, read_all<0>);
    s.rig.thread<NicScene>(1, s, read_all<1>);
    for (std::uint32_t i = 0; i < 2; ++i)
      for (int piece = 1; piece <= 4; ++piece)
        s.rig.at(s.rig.now() + piece * 7us, [&s, i] { s.clients.send(i, 10'000); });
    s.rig.run();
    INFO("seed " << seed);
    CHECK(s.done == 2);
    CHECK(s.most_held <= 10'000);
    CHECK(s.clients.total().acknowledged == 80'000);
    for (const auto& socket : s.sockets) CHECK(socket->bytes_dropped() == 0);
    CHECK(s.rig.memory.pages_in_use() == s.pages_before);
  }
}
