// SPDX-License-Identifier: Apache-2.0
// What every design of the registry must do alike: each request ends once, with the same result,
// and the same bytes reach the same client.
#include <algorithm>
#include <map>
#include <set>

#include "model/events/block.h"
#include "tests/model/testbed/scripted.h"

using namespace iodrome;
using namespace iodrome::tests;

namespace {

const std::string kSmall = "/small";
const std::string kLarge = "/large";
const std::string kMissing = "/missing";
constexpr std::uint64_t kSmallBytes = 5'000;
constexpr std::uint64_t kLargeBytes = 1'500'001;

Script files() {
  Script script;
  script.files = {{kSmall, kSmallBytes}, {kLarge, kLargeBytes}};
  return script;
}

std::int64_t error(Errno number) {
  return -static_cast<std::int64_t>(number);
}

using Chains = std::vector<std::vector<chain::Step>>;
using Results = std::vector<std::int64_t>;

// The results of a script's only chain, which must have ended exactly once.
Results only(const Outcome& outcome) {
  REQUIRE(outcome.ends.size() == 1);
  REQUIRE(outcome.ends[0].size() == 1);
  REQUIRE(outcome.ends[0][0].size() == 1);
  return outcome.ends[0][0][0].results;
}

// An open yields a descriptor, or success where the chain has a slot of its own for it.
std::vector<Results> comparable(const Outcome& outcome) {
  std::vector<Results> all;
  for (const auto& chains : outcome.ends)
    for (const auto& ends : chains)
      for (const Ended& end : ends) {
        all.push_back(end.results);
        all.back()[0] = std::min<std::int64_t>(all.back()[0], 0);
      }
  return all;
}

Script one_chain(std::vector<chain::Step> steps) {
  Script script = files();
  script.clients = {{std::move(steps)}};
  return script;
}

}  // namespace

TEST_CASE("every request ends once, with one result and one stream whatever the design") {
  Script script = files();
  for (std::uint64_t client = 0; client < 7; ++client) {
    std::vector<std::vector<chain::Step>> chains;
    for (std::uint64_t i = 0; i < 6; ++i) {
      chains.push_back(
          {open_step(kSmall), stat_step(0), send_step(0, 0, kSmallBytes), close_step(0)});
      chains.push_back(
          {open_step(kLarge), send_step(0, 1000 * client, 400'000 + i), close_step(0)});
      chains.push_back({open_step(kLarge), stat_step(0), close_step(0)});
    }
    script.clients.push_back(chains);
  }
  // linux_aio reads past the page cache, so its offsets are whole sectors.
  for (auto& chains : script.clients)
    for (auto& steps : chains)
      for (chain::Step& step : steps) step.offset = step.offset / 512 * 512;
  const Outcome first = play(script, design_names()[0]);
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    for (const auto& chains : outcome.ends)
      for (const auto& ends : chains) CHECK(ends.size() == 1);
    CHECK(comparable(outcome) == comparable(first));
    CHECK(outcome.streams == first.streams);
    CHECK(outcome.open_after == outcome.open_before);
    CHECK(outcome.record.requests.error_count() == 0);
    CHECK(outcome.record.client_bytes_wrong == 0);
    CHECK(outcome.ends[3][0][0].results ==
          Results{outcome.ends[3][0][0].results[0], kSmallBytes, kSmallBytes, 0});
  }
}

TEST_CASE("opening a file that does not exist ends with ENOENT and leaks nothing") {
  const Script script =
      one_chain({open_step(kMissing), stat_step(0), send_step(0, 0, kSmallBytes), close_step(0)});
  const auto cancelled = error(Errno::ecanceled);
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    CHECK(only(outcome) == Results{error(Errno::enoent), cancelled, cancelled, cancelled});
    CHECK(outcome.ends[0][0][0].first_error == Errno::enoent);
    CHECK(outcome.open_after == outcome.open_before);
    CHECK(outcome.streams[0] == 0);
    CHECK(outcome.record.requests.errors.at("ENOENT") == 1);
  }
}

TEST_CASE("a file that a chain opened can be read in it, through the page cache and past it") {
  for (const bool direct : {false, true}) {
    Script script = one_chain({open_step(kLarge), stat_step(0), read_step(0, 8192, 65'536),
                               read_step(0, 0, 512), close_step(0)});
    script.direct = direct;
    for (const std::string& design : design_names()) {
      CAPTURE(design, direct);
      Results results = only(play(script, design));
      results[0] = 0;  // a descriptor, or success where it is a slot
      CHECK(results == Results{0, kLargeBytes, 65'536, 512, 0});
    }
  }
}

TEST_CASE("a read across the end of a file is short and the chain goes on") {
  for (const bool direct : {false, true}) {
    Script script =
        one_chain({open_step(kSmall), read_step(0, 4096, 4096), stat_step(0), close_step(0)});
    script.direct = direct;
    for (const std::string& design : design_names()) {
      CAPTURE(design, direct);
      Results results = only(play(script, design));
      results[0] = 0;
      CHECK(results == Results{0, kSmallBytes - 4096, kSmallBytes, 0});
    }
  }
}

TEST_CASE("a send across the end of a file is short and brings what is there") {
  const Script script = one_chain({open_step(kSmall), send_step(0, 512, 1'000'000), close_step(0)});
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    Results results = only(outcome);
    results[0] = 0;
    CHECK(results == Results{0, kSmallBytes - 512, 0});
    CHECK(outcome.streams[0] == kSmallBytes - 512);
  }
}

TEST_CASE("sends one after the other bring their bytes one after the other") {
  const Script script =
      one_chain({open_step(kLarge), send_step(0, 0, 100'352), send_step(0, 512, 0),
                 send_step(0, 1'024, 1'400'000), send_step(0, 512, 7'000), close_step(0)});
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    Results results = only(outcome);
    results[0] = 0;
    CHECK(results == Results{0, 100'352, 0, 1'400'000, 7'000, 0});
    CHECK(outcome.streams[0] == 100'352 + 1'400'000 + 7'000);
  }
}

TEST_CASE("a chain longer than any queue is carried out all the same") {
  std::vector<chain::Step> steps = {open_step(kLarge)};
  for (int i = 0; i < 20; ++i) {
    steps.push_back(stat_step(0));
    steps.push_back(send_step(0, 0, 70'000));
    steps.push_back(read_step(0, 0, 8'192));
  }
  steps.push_back(close_step(0));
  const Script script = one_chain(steps);
  const Settings tiny = {{"epoll_threads.max_queue", "1"}, {"io_uring.sq_entries", "4"},
                         {"kevent.ring_entries", "2"},     {"linux_aio.events", "1"},
                         {"posix_aio.threads", "1"},       {"syslets.ring_entries", "1"},
                         {"task_chain.ring_entries", "1"}};
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    Settings set;
    for (const auto& entry : tiny)
      if (entry.first.starts_with(design)) set.push_back(entry);
    const Outcome outcome = play(script, design, set);
    const Results results = only(outcome);
    for (std::size_t i = 0; i < 20; ++i) {
      CHECK(results[1 + 3 * i] == kLargeBytes);
      CHECK(results[2 + 3 * i] == 70'000);
      CHECK(results[3 + 3 * i] == 8'192);
    }
    CHECK(outcome.streams[0] == 20 * 70'000);
  }
}

TEST_CASE("requests that wait for room in a full queue do not keep their thread awake") {
  Script script = files();
  script.opened = {kLarge};
  script.direct = true;
  for (std::uint64_t client = 0; client < 12; ++client)
    script.clients.push_back(Chains(10, {read_fd_step(0, 4096 * client, 4096)}));
  for (const auto& [design, key] : {std::pair{"linux_aio", "linux_aio.events"},
                                    std::pair{"task_chain", "task_chain.ring_entries"}}) {
    CAPTURE(design);
    const Outcome outcome = play(script, design, {{key, "1"}, {"cpu.count", "1"}});
    CHECK(outcome.record.requests.error_count() == 0);
    // Per read at most a submission that fits, one that does not, a wait and a look.
    CHECK(outcome.record.counters.syscalls <= 4 * 120);
  }
}

TEST_CASE("an error in the middle cancels the rest, but closes what was opened") {
  Script script = one_chain(
      {open_step(kSmall), read_step(0, 100, 512), stat_step(0), close_step(0), stat_step(0)});
  script.direct = true;  // so an offset that is no whole sector is EINVAL
  const auto cancelled = error(Errno::ecanceled);
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    Results results = only(outcome);
    CHECK(results[0] >= 0);
    results[0] = 0;
    CHECK(results == Results{0, error(Errno::einval), cancelled, 0, cancelled});
    CHECK(outcome.ends[0][0][0].first_error == Errno::einval);
    CHECK(outcome.open_after == outcome.open_before);
  }
}

TEST_CASE("a step whose error does not matter fails alone") {
  Script script = one_chain({open_step(kSmall), carry_on(read_step(0, 100, 512)),
                             read_step(0, 0, 512), stat_step(0), close_step(0)});
  script.direct = true;
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    Results results = only(play(script, design));
    results[0] = 0;
    CHECK(results == Results{0, error(Errno::einval), 512, kSmallBytes, 0});
  }
}

TEST_CASE("sends to a descriptor that is no socket fail with EBADF and close the file") {
  Script script = one_chain({open_step(kSmall), send_step(0, 0, 512), close_step(0)});
  script.clients[0][0][1].to_fd = 12'345;
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const Outcome outcome = play(script, design);
    Results results = only(outcome);
    results[0] = 0;
    CHECK(results == Results{0, error(Errno::ebadf), 0});
    CHECK(outcome.open_after == outcome.open_before);
  }
}

TEST_CASE("many clients in a tiny page cache get every byte") {
  Script script = files();
  for (int client = 0; client < 24; ++client)
    script.clients.push_back(
        Chains{{open_step(kLarge), send_step(0, 0, kLargeBytes), close_step(0)},
               {open_step(kSmall), send_step(0, 0, kSmallBytes), close_step(0)}});
  // Down to a single page, which somebody else drops before its reader has run.
  for (const char* capacity : {"1 MiB", "64 KiB", "4 KiB"})
    for (const char* ahead : {"4 KiB", "128 KiB"})
      for (const std::string& design : design_names()) {
        CAPTURE(design, capacity, ahead);
        const Outcome outcome = play(script, design,
                                     {{"page_cache.capacity", capacity},
                                      {"page_cache.readahead", ahead},
                                      {"cpu.count", "8"}});
        CHECK(outcome.record.requests.error_count() == 0);
        for (const std::uint64_t stream : outcome.streams)
          CHECK(stream == kLargeBytes + kSmallBytes);
      }
}

TEST_CASE("a slow client and a small send buffer hold the sender back and lose nothing") {
  Script script = files();
  script.clients.assign(3,
                        Chains{{open_step(kLarge), send_step(0, 0, kLargeBytes), close_step(0)}});
  const Settings slow = {{"clients.drain_rate", "20 MB/s"}, {"socket.send_buffer", "16 KiB"}};
  for (const std::string& design : design_names()) {
    CAPTURE(design);
    const Outcome outcome = play(script, design, slow);
    CHECK(outcome.streams == std::vector<std::uint64_t>(3, kLargeBytes));
    // 20 MB/s are 50 ns a byte; all but the buffer's last must have been drained at the end.
    CHECK(outcome.record.simulated >= ps(50'000) * (kLargeBytes - 16'384));
  }
}

TEST_CASE("two designs that issue in different order meet the same medium") {
  // Depth one on an idle device, so that a request's way from doorbell to interrupt is the
  // medium's latency and constants. One design reads forwards, the other backwards, all twice.
  struct Media final : events::Observer {
    void on(const events::EventInfo& info, SimTime time, std::uint32_t,
            std::span<const std::uint64_t> words) override {
      if (info.kind == events::BlockRqIssue::info.kind) issued[words[1]] = time;
      if (info.kind == events::BlockRqComplete::info.kind)
        took[words[1]].push_back(time - issued[words[1]]);
    }
    std::map<std::uint64_t, SimTime> issued;
    std::map<std::uint64_t, std::vector<Duration>> took;
  };
  // Retries make the second read of a block differ from its first.
  const Settings retries = {{"nvme.read_retry_share", "20%"}, {"nvme.read_retry", "50 us"}};
  std::map<std::uint64_t, std::vector<Duration>> forwards;
  for (const std::string& design : design_names()) {
    const bool backwards = design != design_names()[0];
    Script script;
    script.files = {{"/data", 64 << 20}};
    script.opened = {"/data"};
    script.direct = true;
    script.clients.emplace_back();
    for (int pass = 0; pass < 2; ++pass)
      for (std::uint64_t i = 0; i < 40; ++i)
        script.clients[0].push_back({read_fd_step(0, (backwards ? 39 - i : i) * 1'048'576, 4096)});
    Media media;
    testbed::RunOptions options;
    options.observe = [&](events::Probe& probe) {
      static constexpr events::Subsystem kBlock[] = {events::Subsystem::block};
      probe.attach(media, kBlock);
    };
    const Outcome outcome = play(script, design, retries, options);
    CAPTURE(design);
    CHECK(outcome.record.requests.error_count() == 0);
    REQUIRE(media.took.size() == 40);
    if (!backwards)
      forwards = media.took;
    else
      CHECK(media.took == forwards);
  }
  // And the medium has something to say: slow and fast pages.
  std::set<Duration> different;
  for (const auto& [sector, took] : forwards) different.insert(took.begin(), took.end());
  CHECK(different.size() > 1);
}
