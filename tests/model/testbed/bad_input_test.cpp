// SPDX-License-Identifier: Apache-2.0
// What is wrong with a request is told at once, with its place and the nearest valid name, and
// nothing runs.
#include <functional>

#include "tests/model/testbed/races.h"

using namespace iodrome;
using namespace iodrome::tests;
using testbed::InputError;
using testbed::RaceRequest;

namespace {

std::string complaint_of(const RaceRequest& request, const std::string& data = data_dir()) {
  try {
    testbed::prepare(request, data);
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

int count(const std::string& text, const std::string& part) {
  int found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++found;
  return found;
}

// The complaint about one changed setting of an otherwise good request.
std::string complaint_of_setting(const std::string& key, const std::string& value) {
  const Input input = fio_input();
  RaceRequest request = request_for(input);
  request.set = {{key, value}};
  return complaint_of(request);
}

// A machine file like server_2026 but for one edit.
struct OwnMachine {
  OwnMachine(const std::string& from, const std::string& to) {
    const ScratchFolder source;
    std::ifstream in(data_dir() + "/scenarios/machines/server_2026.toml");
    std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
    input.folder->write("own.toml", text);
    request = request_for(input);
    request.machine = input.folder->path("own.toml");
  }
  Input input = fio_input();
  RaceRequest request;
};

}  // namespace

TEST_CASE("a good request is not complained about, whatever its machine") {
  for (const char* machine : {"server_2007", "server_2026"}) {
    for (const Input& input : {fio_input(), log_input()}) {
      RaceRequest request = request_for(input);
      request.machine = machine;
      CHECK(complaint_of(request).empty());
    }
  }
}

TEST_CASE("unknown names are answered with the nearest one") {
  const Input input = fio_input();
  const auto complaint = [&](const std::function<void(RaceRequest&)>& spoil) {
    RaceRequest request = request_for(input);
    spoil(request);
    const std::string text = complaint_of(request);
    INFO(text);
    CHECK(count(text, "error") == 1);
    return text;
  };
  CHECK_THAT(complaint([](RaceRequest& r) { r.machine = "server_2062"; }),
             Catch::Contains("server_2062") && Catch::Contains("server_2026"));
  CHECK_THAT(complaint([](RaceRequest& r) { r.designs = {{"io_urnig"}}; }),
             Catch::Contains("io_urnig") && Catch::Contains("io_uring"));
  CHECK_THAT(complaint([](RaceRequest& r) { r.kind = "fioo"; }),
             Catch::Contains("fioo") && Catch::Contains("'fio'"));
  CHECK_THAT(complaint([](RaceRequest& r) {
               r.set = {{"cpu.cuont", "2"}};
             }),
             Catch::Contains("cpu.cuont") && Catch::Contains("cpu.count"));
  CHECK_THAT(complaint([](RaceRequest& r) {
               r.set = {{"io_uring.workers_mx", "2"}};
             }),
             Catch::Contains("io_uring.workers_max"));
  CHECK_THAT(complaint([](RaceRequest& r) {
               r.set = {{"network.part", "gbe_40"}};
             }),
             Catch::Contains("gbe_40") && Catch::Contains("gbe_1"));
  CHECK_THAT(complaint([](RaceRequest& r) {
               r.set = {{"storage.kind", "tape"}};
             }),
             Catch::Contains("tape") && Catch::Contains("nvme"));
}

TEST_CASE("values that no machine can have are refused by the name of their parameter") {
  const std::pair<const char*, const char*> wrong[] = {
      {"cpu.count", "0"},
      {"cpu.count", "-1"},
      {"cpu.count", "two"},
      {"cpu.count", "1025"},
      {"cpu.sched_latency", "0 ns"},
      {"cpu.sched_latency", "4"},
      {"cpu.sched_latency", "1 s"},
      {"cpu.sched_min_granularity", "1 h"},
      {"cpu.sched_wakeup_granularity", "1 h"},
      {"cpu.copy_cold", "0 B/s"},
      {"costs.syscall_entry", "10 GB/s"},
      {"costs.syscall_entry", "-5 ns"},
      {"costs.context_switch", "1.1 parsecs"},
      {"storage.size", "-1 TB"},
      {"storage.size", "4k"},
      {"block.scheduler", "cfq"},
      {"block.nr_requests", "3"},
      {"block.nr_requests", "65537"},
      {"block.max_request", "2 KiB"},
      {"block.max_request", "2 MiB"},
      {"block.read_expire", "-1 ms"},
      {"block.fifo_batch", "0"},
      {"block.writes_starved", "-1"},
      {"storage.count", "0"},
      {"storage.count", "65"},
      {"storage.count", "some"},
      {"storage.queue_entries", "1"},
      {"page_cache.capacity", "1 KiB"},
      {"page_cache.max_bio", "5000"},
      {"socket.segment", "1 MiB"},
      {"socket.send_buffer", "0"},
      {"process.fd_limit", "0"},
      {"process.user_memory", "sometimes"},
      {"workload.connections", "0"},
      {"dentry_cache.entries", "-1"},
      {"dentry_cache.entries", "1023"},
      {"nvme.channels", "0"},
      {"nvme.cache_read", "perhaps"},
  };
  for (const auto& [key, value] : wrong) {
    const std::string text = complaint_of_setting(key, value);
    CAPTURE(key, value, text);
    CHECK_THAT(text, Catch::Contains(key));
    CHECK(text.size() < 1000);
  }
}

TEST_CASE("values that no design can have are refused by the name of their parameter") {
  const std::pair<const char*, const char*> wrong[] = {
      {"epoll_threads.threads", "0"},     {"epoll_threads.max_queue", "0"},
      {"epoll_threads.events", "0"},      {"epoll_threads.pool_of", "all"},
      {"epoll_threads.trigger", "edgy"},  {"epoll_threads.sendfile_by", "me"},
      {"epoll_threads.notify", "often"},  {"syslets.threads", "40000"},
      {"syslets.ring_entries", "0"},      {"syslets.threads", "-1"},
      {"posix_aio.threads", "0"},         {"posix_aio.idle_time", "-1 s"},
      {"posix_aio.suspend_entries", "0"}, {"posix_aio.read_bytes", "0"},
      {"io_uring.sq_entries", "0"},       {"io_uring.sq_entries", "100000000000"},
      {"io_uring.direct_slots", "0"},     {"io_uring.workers_max", "0"},
      {"kevent.ring_entries", "1"},       {"kevent.threads", "0"},
      {"kevent.window_pages", "0"},       {"linux_aio.events", "0"},
      {"linux_aio.events", "-3"},         {"linux_aio.read_bytes", "100"},
      {"task_chain.ring_entries", "0"},   {"task_chain.max_steps", "0"},
      {"task_chain.threads", "0"},        {"task_chain.continue_in", "nowhere"},
      {"task_chain.start_in", "nowhere"}, {"task_chain.max_nr", "0"},
      {"task_chain.held_pages", "-1"},    {"task_chain.user_copy", "nobody"},
  };
  for (const auto& [key, value] : wrong) {
    const std::string text = complaint_of_setting(key, value);
    CAPTURE(key, value, text);
    CHECK_THAT(text, Catch::Contains(key));
    CHECK(text.size() < 1000);
  }
}

TEST_CASE("all that is wrong with a design's parameters is told at once") {
  const Input input = fio_input();
  RaceRequest request = request_for(input);
  request.set = {{"io_uring.workers_max", "0"}, {"io_uring.sq_entries", "1"}};
  CHECK_THAT(complaint_of(request), Catch::Contains("io_uring.sq_entries must be 2 to 32768; "
                                                    "io_uring.workers_max must be 1 to 32768"));
}

TEST_CASE("values that no engine or provider can have are refused by the name of their parameter") {
  const std::pair<const char*, const char*> wrong[] = {
      {"cpu.xor", "0 B/s"},
      {"cpu.pq", "fast"},
      {"providers.policy", "fastest"},
      {"providers.copy", "nobody"},
      {"providers.xor", "engine"},
      {"providers.memset", "engine"},
      {"providers.crc32c", "engine"},
      {"providers.cpu_work", "anywhere"},
      {"providers.queue_limit", "0"},
      {"providers.queue_limit", "65537"},
      {"providers.choose", "-1 ns"},
      {"dma.descriptors", "0"},
      {"cpu.sha256", "0 B/s"},
      {"providers.cipher", "engine"},
      {"providers.hash", "none"},
  };
  for (const auto& [key, value] : wrong) {
    const std::string text = complaint_of_setting(key, value);
    CAPTURE(key, value, text);
    CHECK_THAT(text, Catch::Contains(key));
  }
}

TEST_CASE("words for who does an operation get the nearest right one, engines that lack are told") {
  CHECK_THAT(complaint_of_setting("providers.xor", "engin"),
             Catch::Contains("there is no 'engin'") && Catch::Contains("did you mean 'engine'?"));
  CHECK_THAT(complaint_of_setting("providers.policy", "roundrobin"),
             Catch::Contains("did you mean 'round_robin'?"));
  CHECK_THAT(complaint_of_setting("providers.cpu_work", "caler"),
             Catch::Contains("did you mean 'caller'?"));
  CHECK_THAT(complaint_of_setting("providers.xr", "any"), Catch::Contains("'providers.xor'"));
  CHECK_THAT(complaint_of_setting("providers.xor", "engine"),
             Catch::Contains("the machine has none that can"));
  // A DSA copies.
  CHECK(complaint_of_setting("providers.copy", "engine").empty());
  for (const auto& [machine, key, right] : {std::tuple{"vm_2026", "providers.copy", false},
                                            {"server_2007", "providers.copy", true},
                                            {"server_2007", "providers.crc32c", true},
                                            {"storage_2007", "providers.crc32c", false},
                                            {"storage_2007", "providers.xor", true},
                                            {"storage_2007", "providers.memset", true},
                                            {"server_2007", "providers.memset", false}}) {
    const Input input = fio_input();
    RaceRequest request = request_for(input);
    request.machine = machine;
    request.set = {{key, "engine"}};
    CAPTURE(machine, key);
    CHECK(complaint_of(request).empty() == right);
  }
  const OwnMachine without("\n[providers]\n", "\n[provider]\n");
  CHECK_THAT(complaint_of(without.request), Catch::Contains("the table [providers] is missing") &&
                                                Catch::Contains("did you mean 'providers'?"));
}

TEST_CASE("values at the edge of what is allowed run") {
  const Input input("tiny.log", small_log(6));
  const std::pair<const char*, const char*> edges[] = {
      {"cpu.count", "1"},
      {"cpu.count", "9"},
      {"epoll_threads.threads", "1"},
      {"epoll_threads.max_queue", "1"},
      {"epoll_threads.events", "1"},
      {"syslets.ring_entries", "1"},
      {"syslets.threads", "0"},
      {"posix_aio.threads", "1"},
      {"posix_aio.idle_time", "0 s"},
      {"posix_aio.suspend_entries", "1"},
      {"posix_aio.read_bytes", "1"},
      {"io_uring.sq_entries", "2"},
      {"io_uring.workers_max", "1"},
      {"kevent.ring_entries", "2"},
      {"kevent.threads", "1"},
      {"kevent.window_pages", "1"},
      {"linux_aio.events", "1"},
      {"linux_aio.read_bytes", "512 B"},
      {"task_chain.threads", "1"},
      {"task_chain.ring_entries", "1"},
      {"task_chain.max_nr", "16"},
      {"task_chain.held_pages", "0"},
      {"page_cache.capacity", "4 KiB"},
      {"page_cache.readahead", "4096"},
      {"page_cache.max_bio", "4096"},
      {"socket.send_buffer", "4096"},
      {"socket.segment", "1448"},
      {"workload.connections", "1"},
      {"block.scheduler", "deadline"},
      {"block.scheduler", "mq-deadline"},
      {"block.read_expire", "0 s"},
      {"block.writes_starved", "0"},
      {"storage.count", "1"},
      {"storage.count", "64"},
      {"storage.queue_entries", "2"},
      {"workload.load", "closed:3"},
      {"providers.policy", "learned"},
      {"providers.cpu_work", "kthread"},
      {"providers.queue_limit", "1"},
      {"providers.copy", "engine"},
      {"cpu.sched_latency", "1 ps"},
      {"cpu.sched_latency", "100 ms"},
  };
  for (const auto& [key, value] : edges) {
    CAPTURE(key, value);
    RaceRequest request = request_for(input);
    request.set = {{key, value}};
    const auto result = race(request);
    for (const auto& run : result["runs"]) {
      CAPTURE(run["design"]);
      CHECK(run["errors"] == 0);
    }
  }
}

TEST_CASE("more requests at a time than a design has room for are refused before anything runs") {
  const Input input = log_input(60);
  RaceRequest request = request_for(input);
  request.set = {{"io_uring.direct_slots", "2"}};
  CHECK_THAT(complaint_of(request),
             Catch::Contains("io_uring has 2 requests") && Catch::Contains("fewer connections"));
  request.set.emplace_back("workload.connections", "2");
  CHECK(complaint_of(request).empty());
  CHECK(run_one(request, "io_uring").requests.error_count() == 0);
}

TEST_CASE("everything that is wrong is told at once") {
  const Input input = fio_input();
  RaceRequest request = request_for(input);
  request.designs = {{"io_urnig", "sync", "sync", "epoll"}};
  request.set = {{"cpu.cuont", "2"}, {"cpu.sched_latency", "fast"}, {"storage.szie", "1 TB"}};
  const std::string text = complaint_of(request);
  INFO(text);
  for (const char* part :
       {"io_urnig", "named twice", "epoll", "cpu.cuont", "cpu.sched_latency: ", "storage.szie"})
    CHECK_THAT(text, Catch::Contains(part));
  CHECK(count(text, "error") == 6);
}

TEST_CASE("a machine file must give every value, with its source") {
  const auto complaint = [](const std::string& from, const std::string& to) {
    const OwnMachine machine(from, to);
    const std::string text = complaint_of(machine.request);
    INFO(text);
    CHECK_THAT(text, Catch::Contains("own.toml:"));
    return text;
  };
  CHECK(complaint_of(OwnMachine("count = { value = 2", "count = { value = 4").request).empty());
  CHECK_THAT(complaint("softirq = {", "# softirq = {"),
             Catch::Contains("'costs.softirq' is missing"));
  CHECK_THAT(complaint("softirq = {", "softriq = {"),
             Catch::Contains("softriq") && Catch::Contains("'costs.softirq' is missing"));
  CHECK_THAT(complaint("[cpu]\n", "[cpu]\ncuont = 3\n"), Catch::Contains("cuont"));
  CHECK_THAT(complaint("[cpu]\n", "surprise = 1\n[cpu]\n"), Catch::Contains("surprise"));
  CHECK_THAT(complaint("value = \"12 ms\", source", "value = \"4 MB\", source"),
             Catch::Contains("cpu.sched_latency"));
  CHECK_THAT(complaint("count = { value = 2, source", "count = { value = 2, sauce"),
             Catch::Contains("names no source") && Catch::Contains("sauce"));
  CHECK_THAT(complaint("count = { value = 2, ", "count = { "), Catch::Contains("no value"));
  CHECK_THAT(complaint("count = { value = 2", "count = { value = -2"),
             Catch::Contains("cpu.count"));
  CHECK_THAT(complaint("[socket]", "[scoket]"), Catch::Contains("[socket]"));
  CHECK_THAT(complaint("[socket]", "[socket"), Catch::Contains("own.toml:"));
  CHECK_THAT(complaint("count = { value = 2", "count = { value = 2.5"),
             Catch::Contains("cpu.count"));
}

TEST_CASE("a machine that is not there, or files that do not fit it, are told") {
  const Input input = fio_input();
  RaceRequest request = request_for(input);
  request.machine = input.folder->path("nowhere.toml");
  CHECK_THAT(complaint_of(request), Catch::Contains("nowhere.toml"));
  request.machine = "server_2026";
  request.set = {{"storage.size", "8 MiB"}};
  CHECK_THAT(complaint_of(request), Catch::Contains("do not fit"));
  const Input log = log_input();
  request = request_for(log);
  request.set = {{"process.fd_limit", "5"}};
  CHECK_THAT(complaint_of(request), Catch::Contains("process.fd_limit"));
}

TEST_CASE("an input whose kind cannot be told, or that is not there, is told") {
  const Input odd("odd.txt", "whatever");
  CHECK_THAT(complaint_of(request_for(odd)), Catch::Contains("odd.txt"));
  Input gone = fio_input();
  gone.path = gone.folder->path("gone.fio");
  CHECK_THAT(complaint_of(request_for(gone)), Catch::Contains("gone.fio"));
  gone.path = gone.folder->path("gone.log");
  CHECK_THAT(complaint_of(request_for(gone)), Catch::Contains("gone.log"));
  gone.path = gone.folder->path("gone.toml");
  CHECK_THAT(complaint_of(request_for(gone)), Catch::Contains("gone.toml"));
}

TEST_CASE("a chain may use several files, but none that is closed") {
  const auto complaint = [](const std::string& steps) {
    const Input input("s.toml", "[[chain.step]]\nop = \"open\"\npath = \"/a\"\n" + steps);
    return complaint_of(request_for(input));
  };
  const std::string read = "[[chain.step]]\nop = \"read\"\nfd = \"$open.fd\"\nbytes = 512\n";
  const std::string shut = "[[chain.step]]\nop = \"close\"\nfd = \"$open.fd\"\n";
  const std::string second =
      "[[chain.step]]\nop = \"open\"\nname = \"b\"\npath = \"/b\"\n"
      "[[chain.step]]\nop = \"stat\"\nfd = \"$b.fd\"\n";
  CHECK(complaint(read + shut).empty());
  CHECK(complaint(read + second).empty());
  CHECK_THAT(complaint(shut + read), Catch::Contains("s.toml:7:") && Catch::Contains("is closed"));
  CHECK_THAT(complaint(shut + shut), Catch::Contains("is closed"));
}

TEST_CASE("a flag outweighs the scenario, which outweighs the machine") {
  const Input input(
      "s.toml",
      "machine = \"server_2007\"\n[set]\n\"cpu.count\" = 5\n\"cpu.sched_latency\" = \"7 ms\"\n"
      "[chain]\nrepeat = 1\n[[chain.step]]\nop = \"open\"\npath = \"/f\"\n");
  RaceRequest request = request_for(input);
  request.set = {{"cpu.count", "4"}};
  const testbed::PreparedRace race = testbed::prepare(request, data_dir());
  CHECK(race.machine.name == "server_2007");
  CHECK(race.machine.cpus == 4);
  CHECK(race.machine.scheduler.latency == 7ms);
  bool told = false;
  for (const testbed::ValueSource& source : race.sources)
    told = told || (source.key == "cpu.count" && source.value == "4" &&
                    source.source == "given by the user");
  CHECK(told);
}

TEST_CASE("a run may be ended from its progress report, and leaves nothing behind") {
  struct Enough {};
  const Input input("long.fio",
                    "[j]\nrw=randread\nsize=64m\niodepth=16\nnumber_ios=9000\ndirect=1\n");
  for (const bool hosted : {false, true})
    for (const std::string& design : design_names()) {
      CAPTURE(design, hosted);
      testbed::RunOptions options;
      options.hosted = hosted;
      options.progress = [](const testbed::Progress& at) {
        CHECK(at.requests_done == 4096);
        CHECK(at.requests_total == 9000);
        throw Enough{};
      };
      CHECK_THROWS_AS(run_one(request_for(input), design, options), Enough);
    }
}
