// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/web/web_run.h"

#include "model/engine/random.h"

namespace iodrome::workloads {

using chain::ChainRun;
using chain::Op;
using chain::Step;

WebRun::WebRun(const WebWorkload& workload, Stage& stage)
    : workload_(workload), stage_(stage), connections_(workload.connections()) {
  const bool per_connection = stage.design.threads == designs::Threads::per_connection;
  threads_.resize(per_connection ? connections_.size()
                                 : std::min(stage.system.cpus.size(), connections_.size()));
  for (std::uint32_t i = 0; i < connections_.size(); ++i) {
    connections_[i].thread = i % static_cast<std::uint32_t>(threads_.size());
    connections_[i].run.slot = i;
    connections_[i].run.connection = i;
  }
  for (const FileEntry& file : workload.log().files)
    inodes_.push_back((*stage.files.lookup(file.path))->number);
  const AccessLog& log = workload.log();
  span_ps_ = log.records.back().arrival_ps;
  replay_ps_ = span_ps_;
  const Load& load = workload.options().load;
  if (load.kind == Load::Kind::share && span_ps_ > 0) {
    const auto bits = static_cast<Wide>(workload.bytes_to_send()) * 1'000'000'000'000u;
    const auto rate = static_cast<Wide>(stage.link_bytes_per_s) * static_cast<Wide>(load.share_ppm);
    replay_ps_ = static_cast<std::int64_t>(bits * 1'000'000u / rate);
  }
}

SimTime WebRun::arrival_of(const AccessRecord& record) const {
  if (span_ps_ == 0) return begun_;
  const auto scaled = static_cast<Wide>(record.arrival_ps) * static_cast<Wide>(replay_ps_);
  return begun_ + ps(static_cast<std::int64_t>(scaled / static_cast<Wide>(span_ps_)));
}

std::uint32_t WebRun::connection_of(const AccessRecord& record) const {
  return record.client % static_cast<std::uint32_t>(connections_.size());
}

void WebRun::start(ArrivalListener& listener) {
  listener_ = &listener;
  begun_ = stage_.timeline.now();
  stage_.timeline.spawn(closed_loop() ? hand_out() : replay(), "arrivals");
}

// Open loop: every record at its time, whatever the server does.
Task<void> WebRun::replay() {
  const auto& records = workload_.log().records;
  for (std::uint32_t i = 0; i < records.size(); ++i) {
    co_await sleep_until(stage_.timeline, arrival_of(records[i]));
    arrive(i, connection_of(records[i]));
  }
}

// Closed loop: each client gets its first record; its later ones follow in finished().
Task<void> WebRun::hand_out() {
  const std::size_t count = std::min(connections_.size(), workload_.log().records.size());
  for (std::uint32_t i = 0; i < count; ++i) arrive(i, i);
  co_return;
}

void WebRun::arrive(std::uint32_t record, std::uint32_t index) {
  Connection& connection = connections_[index];
  ++handed_out_;
  connection.arrived.push_back(record);
  if (!closed_loop()) stage_.population.arrive(stage_.timeline.now());
  if (!connection.busy && connection.arrived.size() == 1) {
    threads_[connection.thread].ready.push_back(index);
    listener_->on_arrival(connection.thread);
  }
  // Threads that wait for more learn that there will be none.
  if (handed_out_ == workload_.log().records.size())
    for (std::uint32_t thread = 0; thread < threads_.size(); ++thread)
      listener_->on_arrival(thread);
}

ChainRun* WebRun::next(std::uint32_t thread) {
  auto& ready = threads_[thread].ready;
  if (ready.empty()) return nullptr;
  const std::uint32_t index = ready.front();
  ready.pop_front();
  prepare(connections_[index], index);
  return &connections_[index].run;
}

void WebRun::prepare(Connection& connection, std::uint32_t index) {
  const std::uint32_t number = connection.arrived.front();
  const AccessRecord& record = workload_.log().records[number];
  const std::string& path = workload_.log().files[record.file].path;
  ChainRun& run = connection.run;
  connection.busy = true;
  run.id = number;
  auto& steps = run.chain.steps;
  steps.clear();
  steps.push_back({.op = Op::open, .path = &path});
  steps.push_back({.op = Op::stat, .fd_from = 0});
  const auto bytes = static_cast<std::uint64_t>(workload_.log().bytes_of(record));
  const std::uint64_t stream_begin = stage_.sockets[index]->bytes_queued();
  if (bytes > 0) {
    steps.push_back(
        {.op = Op::send, .fd_from = 0, .to_fd = stage_.socket_fds[index], .bytes = bytes});
    connection.expected.promise(stream_begin, inodes_[record.file], 0, bytes);
  }
  connection.stream_end = stream_begin + bytes;
  steps.push_back({.op = Op::close, .fd_from = 0});
  // In a closed loop a request arrives when a thread turns to it.
  if (closed_loop()) stage_.population.arrive(stage_.timeline.now());
  run.start(closed_loop() ? stage_.timeline.now() : arrival_of(record));
}

void WebRun::finished(std::uint32_t thread, ChainRun& run) {
  Connection& connection = connections_[run.connection];
  connection.busy = false;
  check(run.first_error() != Errno::ok ||
            stage_.sockets[run.connection]->bytes_queued() == connection.stream_end,
        "a request succeeded that sent more or less than was asked");
  connection.arrived.pop_front();
  connection.expected.cut_at(stage_.sockets[run.connection]->bytes_queued());
  if (!connection.arrived.empty()) {
    threads_[thread].ready.push_back(run.connection);
  } else if (closed_loop() && handed_out_ < requests_total()) {
    arrive(static_cast<std::uint32_t>(handed_out_), run.connection);
  }
}

bool WebRun::exhausted(std::uint32_t thread) const {
  if (handed_out_ < requests_total()) return false;
  for (const Connection& connection : connections_)
    if (connection.thread == thread && !connection.arrived.empty()) return false;
  return true;
}

bool WebRun::stream_matches(std::uint32_t connection, std::uint64_t offset,
                            std::span<const std::byte> bytes) {
  return connections_[connection].expected.matches(offset, bytes);
}

std::uint64_t WebRun::bytes_expected() const {
  std::uint64_t total = 0;
  for (const kernel::Socket* socket : stage_.sockets) total += socket->bytes_queued();
  return total;
}

}  // namespace iodrome::workloads
