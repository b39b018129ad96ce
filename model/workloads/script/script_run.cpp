// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/script/script_run.h"

#include <algorithm>

#include "model/engine/random.h"
#include "model/kernel/inotify/inotify.h"
#include "model/kernel/socket/socket_file.h"
#include "model/workloads/script/rehearsal.h"

namespace iodrome::workloads {

using chain::ChainRun;

ScriptRun::ScriptRun(const ScriptWorkload& workload, Stage& stage)
    : workload_(workload),
      stage_(stage),
      open_loop_(std::ranges::any_of(
          workload.parts(),
          [](const ScriptPart& part) { return part.script.interval_ps.has_value(); })),
      clients_(workload.connections()) {
  const bool per_connection = stage.design.threads == designs::Threads::per_connection;
  threads_.resize(per_connection ? clients_.size()
                                 : std::min(stage.system.cpus.size(), clients_.size()));
  for (const ScriptPart& part : workload.parts())
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(part.script.clients); ++i)
      make_client(part.first_client + i, part);
  listen();
  watch();
}

// The process has an instance of inotify for each directory and set of events before its clock
// starts; whoever waits for the same takes from the same.
void ScriptRun::watch() {
  for (const ScriptPart& part : workload_.parts())
    for (const chain::Step& step : part.chain.steps) {
      if (step.op != chain::Op::inotify || watchers_.contains({*step.path, step.bytes})) continue;
      const Result<kernel::FilePtr> instance = kernel::Inotify::make(stage_.system, 0);
      check(instance.has_value(), "more watched directories than instances of inotify");
      const auto directory = stage_.files.find(*step.path);
      check(directory.has_value(), "a watched directory that was not laid out");
      const auto watched = kernel::inotify_of(**instance)
                               ->watch(**directory, static_cast<std::uint32_t>(step.bytes));
      check(watched.has_value(), "more watches than a user may have");
      const Result<int> fd = stage_.process.files.install(*instance);
      check(fd.has_value(), "more watched directories than descriptors");
      watchers_.emplace(std::pair(*step.path, step.bytes), *fd);
    }
}

void ScriptRun::make_client(std::uint32_t index, const ScriptPart& part) {
  const std::uint64_t pages = (part.memory_bytes + hw::kPageBytes - 1) / hw::kPageBytes;
  // Engines take messages that lie in one piece, and no accident shall tear some clients' memory.
  const bool whole = part.digests && pages * hw::kPageBytes <= hw::Memory::kBoundary;
  Client& client = clients_[index];
  client.part = &part;
  client.thread = index % static_cast<std::uint32_t>(threads_.size());
  client.run.slot = client.run.connection = index;
  client.run.direct = part.direct;
  hw::Memory& memory = stage_.system.memory;
  const hw::PhysAddr base = whole ? memory.allocate_contiguous(pages * hw::kPageBytes) : 0;
  for (std::uint64_t page = 0; page < pages; ++page)
    client.run.buffer.push_back(whole ? base + page * hw::kPageBytes : memory.allocate_page());
}

// The process listens before its clock starts, with the longest backlog there is.
void ScriptRun::listen() {
  for (const std::int64_t port : workload_.ports()) {
    check(stage_.loopback != nullptr, "a scenario over sockets on a machine without loopback");
    kernel::SocketPtr socket = stage_.loopback->make_socket();
    check(socket->bind(static_cast<kernel::Port>(port)) == Errno::ok &&
              socket->listen(-1) == Errno::ok,
          "a port of the scenario's is taken");
    const Result<int> fd = stage_.process.files.install(
        *kernel::SocketFile::make(*stage_.loopback, std::move(socket), 0));
    check(fd.has_value(), "more ports than descriptors");
    listeners_.emplace(port, *fd);
  }
}

void ScriptRun::start(ArrivalListener& listener) {
  listener_ = &listener;
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    if (clients_[i].part->script.interval_ps)
      stage_.timeline.spawn(arrivals(i), "client");
    else
      arrive(i);
  }
}

Task<void> ScriptRun::arrivals(std::uint32_t client) {
  const ScenarioChain& script = clients_[client].part->script;
  const Duration interval = ps(*script.interval_ps);
  for (std::int64_t i = 0; i < script.repeat; ++i) {
    if (i > 0) co_await sleep_for(stage_.timeline, interval);
    arrive(client);
  }
}

void ScriptRun::arrive(std::uint32_t index) {
  Client& client = clients_[index];
  ++client.issued;
  client.arrived.push_back(stage_.timeline.now());
  stage_.population.arrive(stage_.timeline.now());
  if (client.busy || client.arrived.size() > 1) return;
  threads_[client.thread].push_back(index);
  listener_->on_arrival(client.thread);
}

ChainRun* ScriptRun::next(std::uint32_t thread) {
  if (threads_[thread].empty()) return nullptr;
  const std::uint32_t index = threads_[thread].front();
  threads_[thread].pop_front();
  prepare(clients_[index], index);
  return &clients_[index].run;
}

void ScriptRun::prepare(Client& client, std::uint32_t index) {
  ChainRun& run = client.run;
  const ScriptPart& part = *client.part;
  client.busy = true;
  const auto number = static_cast<std::uint64_t>(client.issued) - client.arrived.size();
  run.id = part.first_request + number * static_cast<std::uint64_t>(part.script.clients) + index -
           part.first_client;
  run.chain = part.chain;
  for (chain::Step& step : run.chain.steps) bind_step(index, step);
  draw_offsets(client);
  const Rehearsal ideal = part.sends ? rehearse(run.chain, workload_.files()) : Rehearsal{};
  name_files(client);
  client.stream_end = stage_.sockets[index]->bytes_queued();
  for (const auto& [step, at, bytes] : ideal.sent) {
    const auto opened = static_cast<std::size_t>(run.chain.steps[step].fd_from);
    const std::uint64_t inode = (*stage_.files.lookup(*run.chain.steps[opened].path))->number;
    client.expected.promise(client.stream_end, inode, at, bytes);
    client.stream_end += bytes;
  }
  run.start(client.arrived.front());
}

// Descriptors that the process has opened for the client.
void ScriptRun::bind_step(std::uint32_t index, chain::Step& step) const {
  if (!step.to_opened) step.to_fd = stage_.socket_fds[index];
  if (step.op == chain::Op::accept) step.fd = listeners_.at(static_cast<std::int64_t>(step.bytes));
  if (step.op == chain::Op::inotify) step.fd = watchers_.at({*step.path, step.bytes});
}

void ScriptRun::draw_offsets(Client& client) {
  ChainRun& run = client.run;
  for (std::size_t i = 0; i < run.chain.steps.size(); ++i) {
    chain::Step& step = run.chain.steps[i];
    const auto& offset = client.part->script.steps[i].offset;
    const auto* const other = offset ? std::get_if<StepReference>(&*offset) : nullptr;
    if (other != nullptr && other->result == "offset")
      step.offset = run.chain.steps[other->step].offset;
    if (!offset || !std::holds_alternative<RandomOffset>(*offset)) continue;
    const auto& opened = run.chain.steps[static_cast<std::size_t>(step.fd_from)];
    const std::uint64_t blocks = workload_.files().at(*opened.path) / step.bytes;
    step.offset = step.bytes * below(draw(stage_.seed, Purpose::access_offset, run.id, i), blocks);
  }
}

// Gives the request's chain paths of its own.
void ScriptRun::name_files(Client& client) {
  ChainRun& run = client.run;
  client.paths.resize(run.chain.steps.size());
  for (std::size_t i = 0; i < run.chain.steps.size(); ++i) {
    chain::Step& step = run.chain.steps[i];
    if (!step.uses_path()) continue;
    client.paths[i] = ScriptWorkload::expand(*step.path, run.id);
    step.path = &client.paths[i];
  }
}

void ScriptRun::finished(std::uint32_t thread, ChainRun& run) {
  Client& client = clients_[run.connection];
  client.busy = false;
  check(run.first_error() != Errno::ok ||
            stage_.sockets[run.connection]->bytes_queued() == client.stream_end,
        "a chain succeeded that sent more or less than was asked");
  client.arrived.pop_front();
  client.expected.cut_at(stage_.sockets[run.connection]->bytes_queued());
  if (!client.arrived.empty())
    threads_[thread].push_back(run.connection);
  else if (!client.part->script.interval_ps && client.issued < client.part->script.repeat)
    arrive(run.connection);
}

bool ScriptRun::exhausted(std::uint32_t thread) const {
  for (const Client& client : clients_)
    if (client.thread == thread &&
        (client.issued < client.part->script.repeat || !client.arrived.empty()))
      return false;
  return true;
}

std::uint64_t ScriptRun::requests_total() const {
  return static_cast<std::uint64_t>(workload_.requests());
}

bool ScriptRun::stream_matches(std::uint32_t connection, std::uint64_t offset,
                               std::span<const std::byte> bytes) {
  return clients_[connection].expected.matches(offset, bytes);
}

std::uint64_t ScriptRun::bytes_expected() const {
  std::uint64_t total = 0;
  for (const kernel::Socket* socket : stage_.sockets) total += socket->bytes_queued();
  return total;
}

}  // namespace iodrome::workloads
