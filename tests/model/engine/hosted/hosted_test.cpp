// SPDX-License-Identifier: Apache-2.0
// One machine, every driver and every kind of port: one answer.
#include "model/engine/hosted/hosted.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/model/engine/hosted/machine.h"
#include "tests/resident.h"

using namespace iodrome;
using namespace iodrome::hosted;

namespace {

struct Outcome {
  std::string fingerprint;
  std::int64_t end_ps;
  bool operator==(const Outcome&) const = default;
};

Outcome outcome_of(Machine& machine) {
  CHECK(machine.served == Machine::kSlots * Machine::kRequests);
  CHECK(machine.wrong == 0);
  CHECK(machine.timeline.live_tasks() == 0);
  return {machine.fingerprint.text(), to_ps(machine.timeline.now())};
}

Outcome run_directly(std::uint64_t seed, bool hosted, HostedOptions options = {}) {
  Machine machine(seed);
  hw::DirectPort doorbell(machine.doorbell);
  hw::DirectPort memory(machine.memory);
  hw::DirectPort interrupts(machine.interrupts);
  machine.ports = {&doorbell, &memory, &interrupts};
  std::unique_ptr<Driver> driver = std::make_unique<FreeDriver>();
  if (hosted) driver = std::make_unique<HostedDriver>(machine.timeline, options);
  CHECK(driver->run(machine.timeline) == RunState::idle);
  return outcome_of(machine);
}

Outcome run_through_sockets(std::uint64_t seed, HostedOptions options) {
  Machine machine(seed);
  HostedDriver driver(machine.timeline, options);
  const auto doorbell = driver.through_sockets(machine.doorbell, "doorbell");
  const auto memory = driver.through_sockets(machine.memory, "memory");
  const auto interrupts = driver.through_sockets(machine.interrupts, "interrupts");
  machine.ports = {doorbell.get(), memory.get(), interrupts.get()};
  CHECK(driver.run(machine.timeline) == RunState::idle);
  return outcome_of(machine);
}

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("free, hosted and through sockets give one fingerprint, run ahead or in step") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    const Outcome free = run_directly(seed, false);
    CHECK(run_directly(seed, true, {.run_ahead = true, .waves = {}}) == free);
    CHECK(run_directly(seed, true, {.run_ahead = false, .waves = {}}) == free);
    CHECK(run_through_sockets(seed, {.run_ahead = true, .waves = {}}) == free);
    CHECK(run_through_sockets(seed, {.run_ahead = false, .waves = {}}) == free);
  }
  CHECK(run_directly(1, false) != run_directly(2, false));
}

TEST_CASE("responses come back through the sockets as they went in") {
  Timeline timeline;
  hw::Memory memory;
  HostedDriver driver(timeline, {.run_ahead = false, .waves = {}});
  const auto port = driver.through_sockets(memory, "memory");
  Interrupts no_reads(timeline, 1);
  const auto line = driver.through_sockets(no_reads, "line");
  struct {
    static Task<void> ask(hw::Port& to_memory, hw::Port& to_line, std::vector<hw::Response>& got) {
      hw::Access outside = to_memory.read32(0);
      co_await outside;
      got.push_back(outside.response());
      hw::Access refused = to_line.read32(0);
      co_await refused;
      got.push_back(refused.response());
      hw::Access fine = to_line.write32(0, 1);
      co_await fine;
      got.push_back(fine.response());
    }
  } body;
  std::vector<hw::Response> got;
  timeline.spawn(body.ask(*port, *line, got), "asks");
  driver.run(timeline);
  CHECK(got ==
        std::vector{hw::Response::address_error, hw::Response::command_error, hw::Response::ok});
  CHECK(port->direct(std::uint64_t{1} << 22, 8).empty());
}

TEST_CASE("two accesses of one event that run ahead are refused, not reordered") {
  Timeline timeline;
  hw::Memory memory;
  memory.allocate_page();
  HostedDriver driver(timeline);
  const auto port = driver.through_sockets(memory, "memory");
  struct {
    static Eager reads(hw::Port& p) { co_await p.read32(std::uint64_t{1} << 22); }
    static Task<void> both(Timeline& t, hw::Port& p) {
      co_await sleep_for(t, 1us);
      reads(p);
      reads(p);
    }
  } body;
  timeline.spawn(body.both(timeline, *port), "both");
  CHECK_THROWS_AS(driver.run(timeline), InternalError);
}

TEST_CASE("an exception in modelled code leaves the hosted driver with its type") {
  Timeline timeline;
  HostedDriver driver(timeline);
  struct {
    static Task<void> fails(Timeline& t) {
      co_await sleep_for(t, 5ns);
      throw std::domain_error("modelled");
    }
    static Task<void> goes_on(Timeline& t, bool& ended) {
      co_await sleep_for(t, 1us);
      ended = true;
    }
  } body;
  bool ended = false;
  timeline.spawn(body.fails(timeline), "fails");
  timeline.spawn(body.goes_on(timeline, ended), "goes on");
  CHECK_THROWS_AS(driver.run(timeline), std::domain_error);
  CHECK(timeline.now() == SimTime{5ns});
  CHECK(driver.run(timeline) == RunState::idle);
  CHECK(ended);
}

TEST_CASE("a stopped run goes on where it was") {
  Timeline timeline;
  HostedDriver driver(timeline);
  struct {
    static Task<void> stops(Timeline& t, std::string& log) {
      co_await sleep_for(t, 5ns);
      log += 'a';
      t.stop();
      co_await yield_now(t);
      co_await sleep_for(t, 5ns);
      log += 'b';
    }
    static Task<void> ticks(Timeline& t) {
      for (int i = 0; i < 100; ++i) co_await sleep_for(t, 1ns);
    }
  } body;
  std::string log;
  timeline.spawn(body.ticks(timeline), "ticks");
  timeline.spawn(body.stops(timeline, log), "stops");
  CHECK(driver.run(timeline) == RunState::stopped);
  CHECK(log == "a");
  CHECK(timeline.now() == SimTime{5ns});
  CHECK(driver.run(timeline) == RunState::idle);
  CHECK(log == "ab");
  CHECK(timeline.now() == SimTime{100ns});
}

TEST_CASE("two hosted drivers may live at once and take turns") {
  Machine one(1);
  Machine two(2);
  HostedDriver first(one.timeline, {.run_ahead = false, .waves = {}});
  HostedDriver second(two.timeline, {.run_ahead = false, .waves = {}});
  const auto connect = [](Machine& machine, HostedDriver& driver,
                          std::vector<std::unique_ptr<hw::Port>>& ports) {
    ports.push_back(driver.through_sockets(machine.doorbell, "doorbell"));
    ports.push_back(driver.through_sockets(machine.memory, "memory"));
    ports.push_back(driver.through_sockets(machine.interrupts, "interrupts"));
    machine.ports = {ports[0].get(), ports[1].get(), ports[2].get()};
  };
  std::vector<std::unique_ptr<hw::Port>> ports_one;
  std::vector<std::unique_ptr<hw::Port>> ports_two;
  connect(one, first, ports_one);
  connect(two, second, ports_two);
  struct {
    static Task<void> stops(Timeline& t) {
      for (int i = 0; i < 10; ++i) {
        co_await sleep_for(t, 10ns);
        t.stop();
        co_await yield_now(t);
      }
    }
  } body;
  one.timeline.spawn(body.stops(one.timeline), "stops");
  two.timeline.spawn(body.stops(two.timeline), "stops");
  RunState state_one = RunState::stopped;
  RunState state_two = RunState::stopped;
  int turns = 0;
  while (state_one == RunState::stopped || state_two == RunState::stopped) {
    if (state_one == RunState::stopped) state_one = first.run(one.timeline);
    if (state_two == RunState::stopped) state_two = second.run(two.timeline);
    ++turns;
  }
  CHECK(turns > 5);
  CHECK(outcome_of(one) == run_directly(1, false));
  CHECK(outcome_of(two) == run_directly(2, false));
}

TEST_CASE("waves show each access at its time") {
  const std::string path =
      std::filesystem::temp_directory_path() / ("iodrome_waves_" + std::to_string(getpid()));
  {
    Timeline timeline;
    hw::Memory memory;
    const hw::PhysAddr page = memory.allocate_page();
    HostedDriver driver(timeline, {.run_ahead = true, .waves = path});
    const auto port = driver.through_sockets(memory, "memory");
    struct {
      static Task<void> writes(Timeline& t, hw::Port& p, hw::PhysAddr at) {
        co_await sleep_for(t, 1234ns);
        co_await p.write32(at, 0x55);
        co_await sleep_for(t, 1us);
      }
    } body;
    timeline.spawn(body.writes(timeline, *port, page), "writes");
    driver.run(timeline);
  }
  const std::string vcd = text_of(path + ".vcd");
  std::remove((path + ".vcd").c_str());
  CHECK(vcd.find("accesses") != std::string::npos);
  const std::size_t at = vcd.find("#1234000");
  REQUIRE(at != std::string::npos);
  CHECK(vcd.find("b1010101 ", at) != std::string::npos);
}

TEST_CASE("ten thousand hosted runs in one process do not grow it") {
  const auto run_once = [](std::uint64_t i) {
    Timeline timeline;
    Interrupts line(timeline, 1);
    HostedDriver driver(timeline, {.run_ahead = i % 2 == 0, .waves = {}});
    const auto port = driver.through_sockets(line, "line");
    struct {
      static Task<void> writes(Timeline& t, hw::Port& p) {
        for (int k = 0; k < 5; ++k) {
          co_await sleep_for(t, 10ns);
          co_await p.write32(0, 1);
        }
      }
    } body;
    timeline.spawn(body.writes(timeline, *port), "writes");
    driver.run(timeline);
  };
  for (std::uint64_t i = 0; i < 500; ++i) run_once(i);
  const std::size_t before = resident_bytes();
  for (std::uint64_t i = 0; i < 10'000; ++i) run_once(i);
  const std::size_t after = resident_bytes();
  CAPTURE(before, after);
  if (kResidentIsMeaningful) CHECK(after < before + 1024 * 1024);
}
