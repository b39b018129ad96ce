// SPDX-License-Identifier: Apache-2.0
// The library's threads and lists: what follows one another, who is made, and what it costs.
#include "tests/model/designs/played.h"

using namespace iodrome;
using namespace iodrome::tests;
using kernel::Sysno;

namespace {

const std::string kPage = "/page";
constexpr std::uint64_t kBytes = 700'000;

Played played(const Script& script, Settings set = {}, const std::string& design = "posix_aio") {
  return played_by(design, script, std::move(set));
}

// A read by each client, all of one descriptor or each of its own.
Script reads(std::size_t clients, bool own) {
  Script script;
  script.files = {{kPage, 1 << 20}};
  script.opened.assign(own ? clients : 1, kPage);
  script.direct = true;
  for (std::size_t i = 0; i < clients; ++i)
    script.clients.push_back({{read_fd_step(own ? static_cast<int>(i) : 0, 8'192 * i, 4'096)}});
  return script;
}

chain::Step pause(std::uint64_t ns) {
  return {.op = chain::Op::timeout, .bytes = ns};
}

}  // namespace

TEST_CASE("requests of one descriptor are at the device one after the other") {
  const Played one = played(reads(12, false));
  CHECK(one.at_device == 1);
  CHECK(one.counters.at("queued_behind") == 11);
  CHECK(one.counters.at("threads_started") == 1);
  CHECK(one.outcome.record.requests.error_count() == 0);
  // In the order in which they came.
  for (std::size_t i = 1; i < 12; ++i)
    CHECK(one.outcome.ends[i][0][0].latency > one.outcome.ends[i - 1][0][0].latency);
}

TEST_CASE("of several descriptors as many as there are threads are at the device, and no more") {
  for (const int threads : {1, 3, 20}) {
    CAPTURE(threads);
    const Played many = played(reads(30, true), {{"posix_aio.threads", std::to_string(threads)}});
    CHECK(many.at_device <= threads);
    CHECK((many.at_device > 1) == (threads > 1));
    CHECK(many.counters.at("most_threads") == static_cast<std::uint64_t>(threads));
    CHECK(many.counters.at("threads_started") == static_cast<std::uint64_t>(threads));
    CHECK(many.calls.at(Sysno::clone) == threads);
    CHECK(many.costs.at("thread_create").count == static_cast<std::uint64_t>(threads));
    CHECK(many.counters.at("queued_behind") == 0);
    CHECK(many.outcome.record.requests.error_count() == 0);
  }
}

TEST_CASE("a thread without work ends after its idle time and the next request makes a new one") {
  Script script = reads(1, true);
  script.clients[0][0] = {read_fd_step(0, 0, 4'096), pause(50'000'000),
                          read_fd_step(0, 8'192, 4'096)};
  const auto started = [&](const char* idle) {
    return played(script, {{"posix_aio.idle_time", idle}}).counters.at("threads_started");
  };
  CHECK(started("40 ms") == 2);
  CHECK(started("60 ms") == 1);
  CHECK(started("0 s") == 2);
}

TEST_CASE(
    "an aio_read takes longer than a pread by exactly what the library and its new thread cost") {
  // One CPU, so that everything is done one after the other but the device's part.
  const Played detour = played(reads(1, true));
  const Played call = played(reads(1, true), {}, "sync");
  CHECK(latency_of(detour) - latency_of(call) == costs_of(detour) - costs_of(call));
  CHECK(costs_of(detour) - costs_of(call) > detour.costs.at("thread_create").total);
  CHECK(detour.costs.at("posix_aio.aiocb_prepare").count == 1);
  CHECK(detour.costs.at("posix_aio.enqueue").count == 1);
  CHECK(detour.costs.at("posix_aio.finish").count == 1);
  CHECK(detour.calls.at(Sysno::pread64) == 1);
  // Once its result can be asked for it is the application's to take, which is woken for it.
  const auto each = [&](const char* name) {
    const testbed::CostUse& use = detour.costs.at(name);
    return use.total / static_cast<std::int64_t>(use.count);
  };
  CHECK(detour.outcome.record.requests.stages[static_cast<std::size_t>(events::Stage::reap)] >
        each("try_to_wake_up") + each("context_switch"));
  // The caller is held for its own part: the block, the lock, the entry, and the new thread.
  Duration held{0};
  for (const char* name : {"posix_aio.aiocb_prepare", "mutex_lock", "posix_aio.enqueue",
                           "syscall_entry", "thread_create", "syscall_exit"})
    held += each(name);
  CHECK(detour.outcome.record.submit.held_total == held);
  CHECK(detour.outcome.record.submit.blocked_total == Duration{0});
}

TEST_CASE("waiting for n requests of one descriptor walks their list n times") {
  const auto walked = [](std::size_t clients, const char* entries) {
    return played(reads(clients, false), {{"posix_aio.suspend_entries", entries}})
        .costs.at("posix_aio.list_entry")
        .count;
  };
  // Each is walked to when it is put behind the others, found again at every sleep, and taken off
  // the list of who waits: with n left, n (n + 1) / 2 and n - 1 entries. Twenty, then nineteen, …
  std::uint64_t all = 0;
  for (std::uint64_t n = 1; n <= 20; ++n) all += (n - 1) + n * (n + 1) / 2 + (n - 1);
  CHECK(walked(20, "65536") == all);
  // The first alone is found at once.
  CHECK(walked(20, "1") == 19 * 20 / 2 + 20);
}

TEST_CASE("a wait for some requests alone hears of the others later and loses none") {
  Script script = reads(6, true);
  script.clients[0][0][0].bytes = 262'144;  // the oldest takes longest
  const Played all = played(script);
  const Played oldest = played(script, {{"posix_aio.suspend_entries", "1"}});
  CHECK(all.outcome.ends[1][0][0].latency < all.outcome.ends[0][0][0].latency);
  for (std::size_t i = 1; i < 6; ++i)
    CHECK(oldest.outcome.ends[i][0][0].latency > all.outcome.ends[i][0][0].latency + 50us);
  CHECK(oldest.outcome.record.requests.error_count() == 0);
}

TEST_CASE("a file is read in pieces by the library and sent by calls of the loop") {
  Script script;
  script.files = {{kPage, kBytes}};
  script.clients.assign(3, {{open_step(kPage), send_step(0, 0, 1'000'000), close_step(0)}});
  for (const char* piece : {"1000", "64 KiB", "1 MiB"}) {
    CAPTURE(piece);
    const Played sent = played(script, {{"posix_aio.read_bytes", piece}});
    CHECK(sent.outcome.streams == std::vector<std::uint64_t>(3, kBytes));
    for (const auto& client : sent.outcome.ends) CHECK(client[0][0].results[1] == kBytes);
    CHECK(sent.calls.at(Sysno::sendto) > 0);
    CHECK(sent.calls.count(Sysno::sendfile) == 0);
    CHECK(static_cast<std::uint64_t>(sent.calls.at(Sysno::pread64)) ==
          sent.counters.at("requests"));
  }
  const auto reads_of = [&](const char* piece) {
    return played(script, {{"posix_aio.read_bytes", piece}}).counters.at("requests");
  };
  CHECK(reads_of("1 MiB") == 3);
  CHECK(reads_of("64 KiB") == 3 * (kBytes / 65'536 + 1));
  // A piece that ends with the file is followed by one that brings nothing.
  CHECK(reads_of("1000") == 3 * (kBytes / 1000 + 1));
}

TEST_CASE("a slow client holds up the loop and all its other requests") {
  Script script;
  script.files = {{kPage, kBytes}};
  const std::vector<chain::Step> small = {open_step(kPage), send_step(0, 0, 4'096), close_step(0)};
  script.clients = {{{open_step(kPage), send_step(0, 0, kBytes), close_step(0)}},
                    std::vector(200, small)};
  const Played slow =
      played(script, {{"clients.drain_rate", "20 MB/s"}, {"socket.send_buffer", "64 KiB"}});
  Duration longest{0};
  for (const auto& ends : slow.outcome.ends[1]) longest = std::max(longest, ends[0].latency);
  // A piece of 256 KiB at 20 MB/s takes 13 ms, less what the buffer holds.
  CHECK(longest > 5ms);
  CHECK(slow.outcome.record.submit.blocked_total > 20ms);
  CHECK(slow.outcome.streams == std::vector<std::uint64_t>{kBytes, 200 * 4'096});
}

TEST_CASE("an fsync is the library's, behind what was asked of its descriptor before") {
  Script script;
  script.files = {{kPage, 65'536}};
  script.opened = {kPage};
  const chain::Step write{.op = chain::Op::write, .fd = 0, .offset = 0, .bytes = 8'192};
  const chain::Step sync{.op = chain::Op::fsync, .fd = 0};
  chain::Step data = sync;
  data.data_only = true;
  script.clients = {{{write, sync}}, {{data}}};
  Played synced = played(script);
  CHECK(synced.outcome.ends[0][0][0].results == std::vector<std::int64_t>{8'192, 0});
  CHECK(synced.calls[Sysno::fcntl] == 2);
  CHECK(synced.calls[Sysno::fsync] == 1);
  CHECK(synced.calls[Sysno::fdatasync] == 1);
  CHECK(synced.counters.at("requests") == 3);
  CHECK(synced.counters.at("queued_behind") == 2);
  // Nothing behind a descriptor that is not there.
  script.clients = {{{{.op = chain::Op::fsync, .fd = -1}}}};
  script.opened = {};
  Played refused = played(script);
  CHECK(refused.outcome.ends[0][0][0].results ==
        std::vector<std::int64_t>{-static_cast<std::int64_t>(Errno::ebadf)});
  CHECK(refused.counters.at("requests") == 0);
}
