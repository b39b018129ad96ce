// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/script/script_run.h"

#include "model/engine/random.h"
#include "model/workloads/script/rehearsal.h"

namespace iodrome::workloads {

using chain::ChainRun;

ScriptRun::ScriptRun(const ScriptWorkload& workload, Stage& stage)
    : workload_(workload), stage_(stage), clients_(workload.connections()) {
  const bool per_connection = stage.design.threads == designs::Threads::per_connection;
  threads_.resize(per_connection ? clients_.size()
                                 : std::min(stage.system.cpus.size(), clients_.size()));
  const std::uint64_t pages = (workload.memory_bytes() + hw::kPageBytes - 1) / hw::kPageBytes;
  // Engines take messages that lie in one piece, and no accident shall tear some clients' memory.
  const bool whole = workload.digests() && pages * hw::kPageBytes <= hw::Memory::kBoundary;
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    Client& client = clients_[i];
    client.thread = i % static_cast<std::uint32_t>(threads_.size());
    client.run.slot = client.run.connection = i;
    client.run.direct = workload.direct();
    hw::Memory& memory = stage.system.memory;
    const hw::PhysAddr base = whole ? memory.allocate_contiguous(pages * hw::kPageBytes) : 0;
    for (std::uint64_t page = 0; page < pages; ++page)
      client.run.buffer.push_back(whole ? base + page * hw::kPageBytes : memory.allocate_page());
  }
}

void ScriptRun::start(ArrivalListener& listener) {
  listener_ = &listener;
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    if (open_loop())
      stage_.timeline.spawn(arrivals(i), "client");
    else
      arrive(i);
  }
}

Task<void> ScriptRun::arrivals(std::uint32_t client) {
  const Duration interval = ps(*workload_.script().interval_ps);
  for (std::int64_t i = 0; i < workload_.script().repeat; ++i) {
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
  client.busy = true;
  const auto number = static_cast<std::uint64_t>(client.issued) - client.arrived.size();
  run.id = number * clients_.size() + index;
  run.chain = workload_.chain();
  for (std::size_t i = 0; i < run.chain.steps.size(); ++i) {
    chain::Step& step = run.chain.steps[i];
    step.to_fd = stage_.socket_fds[index];
    const auto& offset = workload_.script().steps[i].offset;
    const auto* const other = offset ? std::get_if<StepReference>(&*offset) : nullptr;
    if (other != nullptr && other->result == "offset")
      step.offset = run.chain.steps[other->step].offset;
    if (!offset || !std::holds_alternative<RandomOffset>(*offset)) continue;
    const auto& opened = run.chain.steps[static_cast<std::size_t>(step.fd_from)];
    const std::uint64_t blocks = workload_.files().at(*opened.path) / step.bytes;
    step.offset = step.bytes * below(draw(stage_.seed, Purpose::access_offset, run.id, i), blocks);
  }
  const Rehearsal ideal = workload_.sends() ? rehearse(run.chain, workload_.files()) : Rehearsal{};
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
  else if (!open_loop() && client.issued < workload_.script().repeat)
    arrive(run.connection);
}

bool ScriptRun::exhausted(std::uint32_t thread) const {
  for (const Client& client : clients_)
    if (client.thread == thread &&
        (client.issued < workload_.script().repeat || !client.arrived.empty()))
      return false;
  return true;
}

std::uint64_t ScriptRun::requests_total() const {
  return static_cast<std::uint64_t>(workload_.script().repeat) * clients_.size();
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
