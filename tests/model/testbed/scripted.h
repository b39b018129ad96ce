// SPDX-License-Identifier: Apache-2.0
// A workload that issues exactly the chains a test gives it, and remembers what became of them.
#pragma once
#include <deque>

#include "model/kernel/socket/socket_file.h"
#include "model/kernel/vfs/file_content.h"
#include "tests/model/testbed/races.h"

namespace iodrome::tests {

inline constexpr int kOwnSocket = -2;  // as Step::to_fd: the client's connection

struct Script {
  std::vector<std::pair<std::string, std::uint64_t>> files{};  // laid out, in this order
  std::vector<std::string> opened{};  // open before the start; Step::fd counts them from 0
  std::vector<kernel::Port> ports{};  // somebody listens; Step::fd counts on
  bool direct = false;
  Duration backdated{};  // a mistake: latencies count from before the arrival
  std::vector<std::vector<std::vector<chain::Step>>> clients;  // each one's chains, in order
};

/// What became of one chain.
struct Ended {
  std::vector<std::int64_t> results;
  Errno first_error = Errno::ok;
  Duration latency{};
  friend bool operator==(const Ended& a, const Ended& b) {
    return a.results == b.results && a.first_error == b.first_error;
  }
};

struct Outcome {
  std::vector<std::vector<std::vector<Ended>>> ends;  // by client and chain: every end it had
  std::vector<std::uint64_t> streams;                 // bytes each client's connection carried
  std::vector<std::vector<std::byte>> memory;         // each client's, at its last chain's end
  std::size_t open_before = 0;
  std::size_t open_after = 0;
  std::size_t pages_after = 0;         // of physical memory, the page cache's left out
  std::size_t page_holders_after = 0;  // that hold pages of the page cache, besides the cache
  testbed::RunRecord record;
};

class Scripted final : public workloads::Workload {
 public:
  Scripted(const Script& script, Outcome& outcome) : script_(script), outcome_(outcome) {}

  std::uint32_t connections() const override {
    return static_cast<std::uint32_t>(script_.clients.size());
  }
  std::uint64_t file_bytes() const override { return 0; }
  std::uint32_t file_count() const override { return 0; }
  bool payload_checked() const override { return true; }
  Errno lay_out(kernel::FileSystem& files) const override {
    for (const auto& [path, size] : script_.files)
      REQUIRE(files.add_file(path, size, kernel::Inode::Metadata::cold));
    return Errno::ok;
  }
  std::unique_ptr<workloads::WorkloadRun> start(workloads::Stage& stage) const override;
  nlohmann::ordered_json summary() const override { return {}; }

 private:
  const Script& script_;
  Outcome& outcome_;
};

class ScriptedRun final : public workloads::WorkloadRun {
 public:
  ScriptedRun(const Script& script, Outcome& outcome, workloads::Stage& stage)
      : script_(script), outcome_(outcome), stage_(stage), clients_(script.clients.size()) {
    const bool each = stage.design.threads == designs::Threads::per_connection;
    threads_.resize(each ? clients_.size() : std::min(stage.system.cpus.size(), clients_.size()));
    for (const std::string& path : script.opened) {
      kernel::FilePtr file{new kernel::File};
      file->inode = *stage.files.lookup(path);
      fds_.push_back(*stage.process.files.install(file));
    }
    for (const kernel::Port port : script.ports) {
      kernel::SocketPtr socket = stage.loopback->make_socket();
      REQUIRE((socket->bind(port) == Errno::ok && socket->listen(8) == Errno::ok));
      fds_.push_back(*stage.process.files.install(
          *kernel::SocketFile::make(*stage.loopback, std::move(socket), 0)));
    }
    for (std::uint32_t i = 0; i < clients_.size(); ++i) {
      chain::ChainRun& run = clients_[i].run;
      run.slot = run.connection = i;
      run.direct = script.direct;
      for (int page = 0; page < 64; ++page)
        run.buffer.push_back(stage.system.memory.allocate_page());
      if (!script.ports.empty()) fill(run);
    }
    outcome.memory.resize(clients_.size());
    outcome.ends.assign(clients_.size(), {});
    for (std::size_t i = 0; i < clients_.size(); ++i)
      outcome.ends[i].resize(script.clients[i].size());
    outcome.open_before = stage.process.files.open_count();
  }

  std::uint32_t thread_count() const override {
    return static_cast<std::uint32_t>(threads_.size());
  }
  void start(workloads::ArrivalListener& listener) override {
    for (std::uint32_t i = 0; i < clients_.size(); ++i) {
      if (script_.clients[i].empty()) continue;
      thread_of(i).push_back(i);
      listener.on_arrival(i % thread_count());
    }
  }
  std::uint64_t requests_total() const override {
    std::uint64_t total = 0;
    for (const auto& chains : script_.clients) total += chains.size();
    return total;
  }
  bool ready(std::uint32_t thread) const override { return !threads_[thread].empty(); }
  bool open_loop() const override { return false; }
  bool exhausted(std::uint32_t thread) const override {
    for (std::uint32_t i = thread; i < clients_.size(); i += thread_count())
      if (clients_[i].begun < script_.clients[i].size()) return false;
    return true;
  }

  chain::ChainRun* next(std::uint32_t thread) override {
    if (!ready(thread)) return nullptr;
    const std::uint32_t index = threads_[thread].front();
    threads_[thread].pop_front();
    Client& client = clients_[index];
    chain::ChainRun& run = client.run;
    run.id = std::uint64_t{index} << 16 | client.begun;
    run.chain.steps.clear();
    std::uint64_t stream = stage_.sockets[index]->bytes_queued();
    for (chain::Step step : script_.clients[index][client.begun++]) {
      if (step.to_fd == kOwnSocket) step.to_fd = stage_.socket_fds[index];
      if (step.fd_from < 0 && step.fd >= 0) step.fd = fds_[static_cast<std::size_t>(step.fd)];
      run.chain.steps.push_back(step);
    }
    promise(client, stream);
    stage_.population.arrive(stage_.timeline.now());
    run.start(stage_.timeline.now() - script_.backdated);
    return &run;
  }

  void finished(std::uint32_t thread, chain::ChainRun& run) override {
    Client& client = clients_[run.connection];
    const std::uint64_t queued = stage_.sockets[run.connection]->bytes_queued();
    while (!client.expected.empty() && client.expected.back().at >= queued)
      client.expected.pop_back();
    if (!client.expected.empty())
      client.expected.back().bytes =
          std::min(client.expected.back().bytes, queued - client.expected.back().at);
    outcome_.ends[run.connection][client.begun - 1].push_back(
        {{run.results.begin(), run.results.end()},
         run.first_error(),
         stage_.timeline.now() - run.arrival});
    outcome_.open_after = stage_.process.files.open_count();
    if (!script_.ports.empty()) outcome_.memory[run.connection] = memory_of(run);
    if (client.begun < script_.clients[run.connection].size())
      threads_[thread].push_back(run.connection);
  }

  bool stream_matches(std::uint32_t connection, std::uint64_t offset,
                      std::span<const std::byte> bytes) override {
    auto& expected = clients_[connection].expected;
    while (!bytes.empty()) {
      while (!expected.empty() && expected.front().at + expected.front().bytes <= offset)
        expected.pop_front();
      if (expected.empty() || offset < expected.front().at) return false;
      const Extent& extent = expected.front();
      const auto part = std::min<std::uint64_t>(extent.at + extent.bytes - offset, bytes.size());
      if (!kernel::content_matches(extent.inode, extent.file_offset + offset - extent.at,
                                   bytes.first(part)))
        return false;
      offset += part;
      bytes = bytes.subspan(part);
    }
    return true;
  }

  std::uint64_t bytes_expected() const override {
    count_pages();
    outcome_.streams.clear();
    std::uint64_t total = 0;
    for (const kernel::Socket* socket : stage_.sockets) {
      outcome_.streams.push_back(socket->bytes_queued());
      total += socket->bytes_queued();
    }
    return total;
  }

 private:
  struct Extent {
    std::uint64_t at;
    std::uint64_t inode;
    std::uint64_t file_offset;
    std::uint64_t bytes;
  };
  struct Client {
    chain::ChainRun run;
    std::deque<Extent> expected;
    std::size_t begun = 0;
  };

  // Pages that no two clients have alike.
  void fill(const chain::ChainRun& run) {
    for (std::size_t page = 0; page < run.buffer.size(); ++page) {
      const auto bytes = stage_.system.memory.bytes(run.buffer[page], hw::kPageBytes);
      for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::byte>(run.slot * 101 + page * 13 + i % 251);
    }
  }
  std::vector<std::byte> memory_of(const chain::ChainRun& run) const {
    std::vector<std::byte> all;
    for (const hw::PhysAddr page : run.buffer) {
      const auto bytes = stage_.system.memory.bytes(page, hw::kPageBytes);
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    return all;
  }

  // Asked for at the end, when nothing is under way.
  void count_pages() const {
    outcome_.pages_after = stage_.system.memory.pages_in_use();
    outcome_.page_holders_after = 0;
    for (const auto& [path, size] : script_.files)
      for (const kernel::PagePtr& page : (*stage_.files.lookup(path))->pages) {
        if (page == nullptr) continue;
        --outcome_.pages_after;
        outcome_.page_holders_after += page->references - 1;
      }
  }

  // What the chain's sends will bring, each as far as its file goes.
  void promise(Client& client, std::uint64_t stream) {
    for (const chain::Step& step : client.run.chain.steps) {
      if (step.op != chain::Op::send || step.fd_from < 0) continue;
      const auto& opener = client.run.chain.steps[static_cast<std::size_t>(step.fd_from)];
      const auto file = stage_.files.lookup(*opener.path);
      if (!file || step.offset >= (*file)->size_bytes) continue;
      const std::uint64_t bytes = std::min(step.bytes, (*file)->size_bytes - step.offset);
      client.expected.push_back({stream, (*file)->number, step.offset, bytes});
      stream += bytes;
    }
  }
  std::deque<std::uint32_t>& thread_of(std::uint32_t client) {
    return threads_[client % thread_count()];
  }

  const Script& script_;
  Outcome& outcome_;
  workloads::Stage& stage_;
  std::deque<Client> clients_;
  std::vector<int> fds_;
  std::vector<std::deque<std::uint32_t>> threads_;
};

inline std::unique_ptr<workloads::WorkloadRun> Scripted::start(workloads::Stage& stage) const {
  return std::make_unique<ScriptedRun>(script_, outcome_, stage);
}

using Settings = std::vector<std::pair<std::string, std::string>>;

/// Runs the script with one design on a machine as it ships, but for `set`.
inline Outcome play(const Script& script, const std::string& design, const Settings& set = {},
                    testbed::RunOptions options = {}, const std::string& machine = "server_2026") {
  const Input input("any.fio", "[job]\nrw=randread\nsize=1m\n");
  testbed::RaceRequest request;
  request.input = input.path;
  request.machine = machine;
  request.set = set;
  request.designs = std::vector<std::string>{design};
  const testbed::PreparedRace race = testbed::prepare(request, data_dir());
  Outcome outcome;
  const Scripted workload(script, outcome);
  options.hosted = false;
  outcome.record = testbed::run_design(race.machine, workload, *race.designs[0].descriptor,
                                       *race.designs[0].instance, options);
  return outcome;
}

// --- steps, as a chain is written ------------------------------------------------------------

inline chain::Step open_step(const std::string& path) {
  return {.op = chain::Op::open, .path = &path};
}
inline chain::Step stat_step(int from) {
  return {.op = chain::Op::stat, .fd_from = static_cast<std::int16_t>(from)};
}
inline chain::Step read_step(int from, std::uint64_t offset, std::uint64_t bytes) {
  return {.op = chain::Op::read,
          .fd_from = static_cast<std::int16_t>(from),
          .offset = offset,
          .bytes = bytes};
}
inline chain::Step read_fd_step(int fd, std::uint64_t offset, std::uint64_t bytes) {
  return {.op = chain::Op::read, .fd = fd, .offset = offset, .bytes = bytes};
}
inline chain::Step send_step(int from, std::uint64_t offset, std::uint64_t bytes) {
  return {.op = chain::Op::send,
          .fd_from = static_cast<std::int16_t>(from),
          .to_fd = kOwnSocket,
          .offset = offset,
          .bytes = bytes};
}
inline chain::Step close_step(int from) {
  return {.op = chain::Op::close, .fd_from = static_cast<std::int16_t>(from)};
}
inline chain::Step carry_on(chain::Step step) {
  step.on_error = chain::OnError::carry_on;
  return step;
}

}  // namespace iodrome::tests
