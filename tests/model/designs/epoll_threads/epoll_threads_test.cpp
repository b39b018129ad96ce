// SPDX-License-Identifier: Apache-2.0
// The loops and their pool: what is whose, and what it costs.
#include "tests/model/designs/played.h"

using namespace iodrome;
using namespace iodrome::tests;
using kernel::Sysno;

namespace {

const std::string kPage = "/page";
constexpr std::uint64_t kBytes = 700'000;

Played played(const Script& script, Settings set = {},
              const std::string& design = "epoll_threads") {
  return played_by(design, script, std::move(set));
}

Script reads(std::size_t clients) {
  Script script;
  script.files = {{kPage, 1 << 20}};
  script.opened = {kPage};
  script.direct = true;
  for (std::uint64_t i = 0; i < clients; ++i)
    script.clients.push_back({{read_fd_step(0, 8'192 * i, 4'096)}});
  return script;
}

Script sends(std::size_t clients, std::uint64_t bytes = kBytes) {
  Script script;
  script.files = {{kPage, kBytes}};
  script.clients.assign(clients, {{open_step(kPage), send_step(0, 0, bytes), close_step(0)}});
  return script;
}

const Settings kSlow = {{"clients.drain_rate", "20 MB/s"}, {"socket.send_buffer", "64 KiB"}};

Settings slow_with(Settings more) {
  more.insert(more.end(), kSlow.begin(), kSlow.end());
  return more;
}

}  // namespace

TEST_CASE("the pool's threads bound what is at the device whatever the number of requests") {
  for (const int threads : {1, 3, 32}) {
    CAPTURE(threads);
    const Played many = played(reads(12), {{"epoll_threads.threads", std::to_string(threads)}});
    CHECK(many.at_device == std::min(threads, 12));
    CHECK(many.counters.at("pool_tasks") == 12);
    CHECK(many.outcome.record.requests.error_count() == 0);
  }
}

TEST_CASE("each loop has a pool of its own or all share the process's") {
  const auto most = [](const char* whose) {
    const Played many = played(
        reads(12),
        {{"cpu.count", "4"}, {"epoll_threads.threads", "1"}, {"epoll_threads.pool_of", whose}});
    CHECK(many.counters.at("pool_tasks") == 12);
    CHECK(many.outcome.record.requests.error_count() == 0);
    return many.at_device;
  };
  CHECK(most("process") == 1);
  CHECK(most("loop") == 4);
}

TEST_CASE("one read takes longer than a blocking call by exactly what the detour costs") {
  // One CPU and one thread, so that everything is done one after the other but the device's part.
  const Played detour = played(reads(1), {{"epoll_threads.threads", "1"}});
  const Played call = played(reads(1), {}, "sync");
  // Once it has told the loop, the thread has begun to lock the queue for its next task.
  const testbed::CostUse& lock = detour.costs.at("mutex_lock");
  const Duration begun = lock.total / static_cast<std::int64_t>(lock.count);
  CHECK(latency_of(detour) - latency_of(call) == costs_of(detour) - begun - costs_of(call));
  CHECK(costs_of(detour) > costs_of(call));
  CHECK(detour.costs.at("epoll_threads.task_prepare").count == 1);
  CHECK(detour.costs.at("epoll_threads.dispatch").count == 1);
  CHECK(detour.calls.at(Sysno::write) == 1);
  CHECK(detour.calls.at(Sysno::pread64) == 1);
}

TEST_CASE("each task tells the loop by a write, or the first on its list for those that follow") {
  // The loop is at work on sends of nothing while the pool reads.
  Script script = reads(8);
  const chain::Step nothing{.op = chain::Op::send, .fd = 0, .to_fd = kOwnSocket};
  script.clients.emplace_back(1'000, std::vector<chain::Step>{nothing});
  const auto writes = [&](const char* notify) {
    return played(script, {{"cpu.count", "4"},
                           {"epoll_threads.pool_of", "process"},
                           {"epoll_threads.sendfile_by", "loop"},
                           {"epoll_threads.notify", notify}})
        .calls.at(Sysno::write);
  };
  CHECK(writes("each") == 8);
  CHECK(writes("first") < 8);
}

TEST_CASE("a full queue makes the loop do the step itself and is counted") {
  const Settings tight = {{"epoll_threads.threads", "1"}, {"epoll_threads.max_queue", "1"}};
  const Played full = played(reads(12), tight);
  CHECK(full.counters.at("pool_full") > 0);
  CHECK(full.counters.at("pool_full") + full.counters.at("pool_tasks") == 12);
  CHECK(full.outcome.record.submit.blocked_total > Duration{0});
  CHECK(full.outcome.record.requests.error_count() == 0);
  Settings sending = slow_with(tight);
  const Played sent = played(sends(6), sending);
  CHECK(sent.counters.at("pool_full") > 0);
  CHECK(sent.outcome.streams == std::vector<std::uint64_t>(6, kBytes));
  CHECK(played(reads(12)).counters.at("pool_full") == 0);
}

TEST_CASE("a loop that calls sendfile itself sleeps for pages that are not there, a pool's never") {
  const auto causes = [](const char* who) {
    const Played one = played(sends(1), {{"epoll_threads.sendfile_by", who}});
    CHECK(one.outcome.streams[0] == kBytes);
    std::map<std::string, Duration> slept;
    for (const auto& [cause, time] : one.outcome.record.submit.causes.by_cause())
      slept[std::string(cause)] = time;
    return slept;
  };
  CHECK(causes("loop")["sendfile"] > 100us);
  CHECK(causes("pool").count("sendfile") == 0);
  CHECK(causes("pool").count("inode") == 0);
}

TEST_CASE("slow clients hold up neither the loop nor the one thread of the pool") {
  Script script = sends(4);
  script.clients.push_back({{open_step(kPage), send_step(0, 0, 4'096), close_step(0)}});
  for (const char* who : {"loop", "pool"})
    for (const char* trigger : {"edge", "level"}) {
      CAPTURE(who, trigger);
      const Played slow = played(script, slow_with({{"epoll_threads.threads", "1"},
                                                    {"epoll_threads.sendfile_by", who},
                                                    {"epoll_threads.trigger", trigger}}));
      CHECK(slow.counters.at("send_waits") > 0);
      CHECK(slow.outcome.streams ==
            std::vector<std::uint64_t>{kBytes, kBytes, kBytes, kBytes, 4'096});
      // 700 KB at 20 MB/s take 35 ms.
      CHECK(slow.outcome.ends[0][0][0].latency > 20ms);
      CHECK(slow.outcome.ends[4][0][0].latency < 5ms);
      CHECK(slow.outcome.record.requests.stages[static_cast<std::size_t>(events::Stage::network)] >
            4 * 20ms);
    }
}

TEST_CASE("an edge is asked for once per socket and never read, a level again at each EAGAIN") {
  const auto with = [](const char* trigger) {
    return played(sends(3), slow_with({{"epoll_threads.trigger", trigger}}));
  };
  Played edge = with("edge");
  CHECK(edge.counters.at("send_waits") > 2 * 3);
  CHECK(edge.calls[Sysno::epoll_ctl] == 1 + 3);
  CHECK(edge.calls[Sysno::read] == 0);
  Played level = with("level");
  CHECK(static_cast<std::uint64_t>(level.calls[Sysno::epoll_ctl]) ==
        1 + level.counters.at("send_waits"));
  CHECK(level.costs.at("epoll_ctl").count == 1 + 3);
  CHECK(level.calls[Sysno::read] > 0);
  CHECK(level.calls[Sysno::read] <= level.calls[Sysno::write]);
}

TEST_CASE("room that comes while a thread of the pool still sends is not missed") {
  // The lock takes so long that room comes after the thread's EAGAIN and before the loop hears of
  // it.
  for (const char* lock : {"10 ns", "20 us", "200 us"})
    for (const char* buffer : {"4 KiB", "16 KiB", "64 KiB"}) {
      CAPTURE(lock, buffer);
      const Played raced = played(sends(3, 200'000), {{"cpu.count", "4"},
                                                      {"costs.mutex_lock", lock},
                                                      {"clients.drain_rate", "3 GB/s"},
                                                      {"socket.send_buffer", buffer}});
      CHECK(raced.outcome.streams == std::vector<std::uint64_t>(3, 200'000));
    }
}

TEST_CASE("a loop with always something to finish sees all the same what the pool has done") {
  Script script = reads(1);
  // Client 2's sends of nothing begin and end in the same loop; the other CPU is the pool's.
  const chain::Step nothing{.op = chain::Op::send, .fd = 0, .to_fd = kOwnSocket};
  script.clients.resize(2);
  script.clients.emplace_back(1'000, std::vector<chain::Step>{nothing});
  const Played busy = played(script, {{"cpu.count", "2"}, {"epoll_threads.sendfile_by", "loop"}});
  const Duration alone = played(reads(1)).outcome.ends[0][0][0].latency;
  CHECK(busy.outcome.record.simulated > 5 * alone);
  CHECK(busy.outcome.ends[0][0][0].latency < 2 * alone);
}

TEST_CASE("a timeout holds up nobody and ends on time") {
  Script script = reads(1);
  script.clients.push_back({{{.op = chain::Op::timeout, .bytes = 3'000'000}}});
  script.clients.push_back({{{.op = chain::Op::timeout, .bytes = 1'000'000}}});
  Played timed = played(script);
  CHECK(timed.outcome.ends[0][0][0].latency < 1ms);
  CHECK(timed.outcome.ends[1][0][0].latency >= 3ms);
  CHECK(timed.outcome.ends[1][0][0].latency < 3100us);
  CHECK(timed.outcome.ends[2][0][0].latency >= 1ms);
  CHECK(timed.outcome.ends[2][0][0].latency < 1100us);
  CHECK(timed.calls[Sysno::nanosleep] == 0);
}

TEST_CASE("sends to one descriptor go one after the other and each hears of its own error") {
  Script script = sends(3);
  for (auto& client : script.clients) client[0][1].to_fd = 12'345;
  for (const char* who : {"loop", "pool"}) {
    const Played refused = played(script, {{"epoll_threads.sendfile_by", who}});
    for (const auto& client : refused.outcome.ends)
      CHECK(client[0][0].results[1] == -static_cast<std::int64_t>(Errno::ebadf));
    CHECK(refused.outcome.open_after == refused.outcome.open_before);
  }
}
