// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/script/script_run.h"

#include "model/engine/random.h"

namespace iodrome::workloads {

using chain::ChainRun;
using chain::Op;

namespace {

Op op_of(const std::string& name) {
  for (int i = 0; i < chain::kOps; ++i)
    if (name == chain::name_of(static_cast<Op>(i))) return static_cast<Op>(i);
  fail_check("a step the scenario reader let through");
}

std::uint64_t fixed(const std::optional<StepValue>& value) {
  const auto* const number = value ? std::get_if<std::int64_t>(&*value) : nullptr;
  return number != nullptr ? static_cast<std::uint64_t>(*number) : 0;
}

}  // namespace

ScriptRun::ScriptRun(const ScriptWorkload& workload, Stage& stage)
    : workload_(workload), stage_(stage), clients_(workload.connections()) {
  const bool per_connection = stage.design.threads == designs::Threads::per_connection;
  threads_.resize(per_connection ? clients_.size()
                                 : std::min(stage.system.cpus.size(), clients_.size()));
  std::uint64_t longest = 0;  // of what goes through a client's buffer
  for (const ScenarioStep& step : workload.script().steps)
    if (step.op == "read" || step.op == "write") longest = std::max(longest, fixed(step.bytes));
  const std::uint64_t pages = (longest + hw::kPageBytes - 1) / hw::kPageBytes;
  for (std::uint32_t i = 0; i < clients_.size(); ++i) {
    Client& client = clients_[i];
    client.thread = i % static_cast<std::uint32_t>(threads_.size());
    client.run.slot = client.run.connection = i;
    client.run.direct = workload.direct();
    for (std::uint64_t page = 0; page < pages; ++page)
      client.run.buffer.push_back(stage.system.memory.allocate_page());
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
  run.chain.steps.clear();
  std::uint64_t stream = stage_.sockets[index]->bytes_queued();
  for (std::size_t i = 0; i < workload_.script().steps.size(); ++i) {
    const ScenarioStep& scripted = workload_.script().steps[i];
    chain::Step step;
    step.op = op_of(scripted.op);
    step.on_error = scripted.continue_on_error ? chain::OnError::carry_on : chain::OnError::stop;
    step.path = &workload_.path_of(i);
    if (scripted.fd) step.fd_from = static_cast<std::int16_t>(scripted.fd->step);
    step.to_fd = stage_.socket_fds[index];
    step.bytes = fixed(scripted.bytes);
    step.offset = fixed(scripted.offset);
    if (scripted.offset && std::holds_alternative<RandomOffset>(*scripted.offset)) {
      const std::uint64_t blocks = workload_.files().at(*step.path) / step.bytes;
      step.offset =
          step.bytes * below(draw(stage_.seed, Purpose::access_offset, run.id, i), blocks);
    }
    if (step.op == Op::send) {
      const std::uint64_t inode = (*stage_.files.lookup(*step.path))->number;
      client.expected.promise(stream, inode, step.offset, step.bytes);
      stream += step.bytes;
    }
    run.chain.steps.push_back(step);
  }
  client.stream_end = stream;
  run.start(client.arrived.front());
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
