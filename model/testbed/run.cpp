// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/run.h"

#include <fmt/format.h>

#include "model/engine/hosted/hosted.h"

namespace iodrome::testbed {

namespace {

constexpr std::uint64_t kProgressEvery = 4096;  // requests

// Everything of one run, in the order in which it must go: the timeline outlives all.
class Execution final : public app::RequestObserver,
                        public workloads::ArrivalListener,
                        public hw::ByteCheck {
 public:
  Execution(const MachineSpec& spec, const workloads::Workload& workload,
            const designs::Descriptor& descriptor, designs::Design& design,
            const RunOptions& options)
      : spec_(spec),
        workload_(workload),
        descriptor_(descriptor),
        design_(design),
        options_(options) {
    if (options.observe) options.observe(probe_);
    if (options.hosted)
      hosted_ = std::make_unique<hosted::HostedDriver>(
          timeline_, hosted::HostedOptions{.run_ahead = options.run_ahead && !options.tlm,
                                           .waves = options.waves});
    if (hosted_ && hosted_->waves() != nullptr && options.observe_waves)
      options.observe_waves(probe_, *hosted_->waves());
    machine_ = std::make_unique<Machine>(spec, timeline_, probe_, port_maker(), options.seed,
                                         workload.payload_checked(), *this, storage_maker());
    timeline_.poll_with(options.monitor);
    if (options.keep_requests) log_.emplace();
    app_params_.submit_batch = options.submit_batch;
    app_costs_ = spec.app;
  }
  ~Execution() override {
    timeline_.drain();
    for (const auto& cpu : machine_->system().cpus) cpu->forget_threads();
  }

  RunRecord run() {
    timeline_.spawn(main(), "run");
    if (hosted_)
      hosted_->run(timeline_);
    else
      free_.run(timeline_);
    if (!over_) throw Stalled(stall_report());
    examine();
    return record();
  }

  void on_request(const chain::ChainRun& run, Duration latency, std::uint32_t cpu) override {
    const metrics::EndedRequest ended = ended_request(run, cpu);
    requests_.add(ended, run.ledger, latency);
    population_.leave(timeline_.now());
    if (log_) log_->add(ended, run.ledger, latency, begun_);
    if (options_.progress && requests_.latency.count() % kProgressEvery == 0)
      options_.progress(
          {requests_.latency.count(), source_->requests_total(), timeline_.now() - begun_});
  }

  void on_thread_end() override {
    if (++ended_ < threads_.size()) return;
    over_ = true;
    simulated_ = timeline_.now() - begun_;
    costs_ = used_since(costs_before_, costs_so_far());
    counters_ = probe_.counters() - counters_before_;
    providers_ = machine_->engines().uses();
    for (const auto& cpu : machine_->system().cpus) {
      cpu->account().turn_to(cpu->account().current(), timeline_.now());
      for (std::size_t i = 0; i < events::kCpuClasses; ++i) cpu_[i] += cpu->account().totals()[i];
    }
  }

  void on_arrival(std::uint32_t thread) override {
    if (thread < threads_.size()) threads_[thread]->notify_arrival();
  }

  bool matches(std::uint32_t connection, std::uint64_t stream_offset,
               std::span<const std::byte> bytes) override {
    return source_->stream_matches(connection, stream_offset, bytes);
  }

 private:
  static metrics::EndedRequest ended_request(const chain::ChainRun& run, std::uint32_t cpu) {
    metrics::EndedRequest ended{.number = run.id, .error = run.first_error(), .cpu = cpu};
    if (!run.chain.steps.empty()) ended.op = static_cast<std::uint8_t>(run.chain.steps[0].op);
    for (std::size_t i = 0; i < run.chain.steps.size(); ++i) {
      const chain::Op op = run.chain.steps[i].op;
      if (op != chain::Op::read && op != chain::Op::send && op != chain::Op::write) continue;
      ended.op = static_cast<std::uint8_t>(op);
      ended.bytes += static_cast<std::uint64_t>(run.moved(i));
    }
    return ended;
  }

  PortMaker port_maker() {
    if (options_.tlm)
      return [this](hw::Target& target, const char* name) {
        return hosted_->through_sockets(target, name);
      };
    return [](hw::Target& target, const char*) { return std::make_unique<hw::DirectPort>(target); };
  }

  StorageMaker storage_maker() {
    if (!options_.storage) return nullptr;
    check(hosted_ != nullptr, "a storage device of SystemC without SystemC");
    return [this](const StorageSeat& seat) { return options_.storage(*hosted_, seat); };
  }

  Task<void> main() {
    co_await machine_->boot();
    check(workload_.lay_out(machine_->files()) == Errno::ok,
          "the workload's files do not fit the storage");
    for (std::uint32_t i = 0; i < workload_.connections(); ++i) machine_->connect();
    stage_ = std::make_unique<workloads::Stage>(
        workloads::Stage{timeline_, machine_->system(), machine_->files(), machine_->process(),
                         descriptor_, population_, options_.seed, spec_.nic.link_rate.bytes_per_s,
                         machine_->sockets(), machine_->socket_fds(), machine_->os().loopback});
    if (workload_.made_by_kernel()) give_array();
    source_ = workload_.start(*stage_);
    design_.start(machine_->platform());
    for (const auto& cpu : machine_->system().cpus) cpu->account().restart(timeline_.now());
    begun_ = timeline_.now();
    timeline_.choices().ask(options_.oracle);
    costs_before_ = costs_so_far();
    counters_before_ = probe_.counters();
    source_->start(*this);
    const std::uint32_t count = source_->thread_count();
    threads_.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i)
      threads_.push_back(std::make_unique<app::AppThread>(machine_->system(), descriptor_, design_,
                                                          *source_, *this, app_costs_,
                                                          spec_.engines.software, app_params_, i));
  }

  // To a load of the kernel's own, which has no application to tell of its requests.
  void give_array() {
    machine_->make_array();
    stage_->array = &machine_->array()->raid5();
    stage_->resync.speed_min = spec_.raid.speed_min;
    stage_->resync.speed_max = spec_.raid.speed_max;
    stage_->requests = this;
  }

  // What must hold after every run, whatever design and workload.
  void examine() {
    const std::uint64_t total = source_->requests_total();
    const std::uint64_t ended = requests_.latency.count();
    check(total == 0 || source_->requests_issued() == total, "not every request was handed out");
    check(ended == source_->requests_issued(), "not every request ended exactly once");
    population_.settle(requests_.latency.total());
    Duration stages{0};
    for (const Duration stage : requests_.stages) stages += stage;
    check(stages == requests_.latency.total(), "the stages do not sum to the latency");
    Duration cpu{0};
    for (const Duration part : cpu_) cpu += part;
    check(cpu == simulated_ * spec_.cpus,
          "the CPU classes do not sum to CPUs times simulated time");
    const hw::ClientState clients = machine_->clients().total();
    check(clients.received == source_->bytes_expected(),
          "clients received more or fewer bytes than were sent");
    check(clients.wrong == 0, "clients received wrong bytes");
    check(machine_->storage_at_rest(), "a bio has not ended");
    check(machine_->engines().registry().in_flight() == 0, "a provider's job has not ended");
    check(machine_->os().page_cache.writeback.pages_dirty() == 0, "a dirty page was not written");
    const std::string wrong = source_->wrong_content();
    if (!wrong.empty()) fail_check(wrong.c_str());
  }

  RunRecord record() {
    RunRecord record;
    record.design = descriptor_.name;
    record.requests = requests_;
    record.log = std::move(log_);
    record.simulated = simulated_;
    record.cpu = cpu_;
    record.cpus = spec_.cpus;
    record.counters = counters_;
    record.costs = costs_;
    record.design_counters = design_.counters();
    record.providers = providers_;
    record.kernel_threads = source_->kernel_threads();
    for (const auto& thread : threads_) record.submit.merge(thread->submit_times());
    record.client_bytes = machine_->clients().total().received;
    record.client_bytes_wrong = machine_->clients().total().wrong;
    record.events_run = timeline_.events_run();
    record.fingerprint = probe_.fingerprint().text();
    return record;
  }

  // Every named cost, in the order of the tables.
  std::vector<CostUse> costs_so_far() {
    std::vector<CostUse> all;
    const auto add = [&all](std::string name, const kernel::Cost& cost) {
      all.push_back({std::move(name), cost.count, cost.total});
    };
    for (const auto& row : kernel::KernelCosts::table())
      add(std::string(row.name), machine_->system().costs.*row.cost);
    for (const auto& [name, cost] : machine_->engines().costs()) add(name, *cost);
    if (machine_->array() != nullptr)
      for (const auto& [name, cost] : machine_->array()->costs()) add(name, *cost);
    for (const auto& [name, cost] : design_.costs())
      add(std::string(descriptor_.name) + "." + name, *cost);
    add("app.request_start", app_costs_.request_start);
    add("app.request_finish", app_costs_.request_finish);
    return all;
  }
  static std::vector<CostUse> used_since(const std::vector<CostUse>& before,
                                         const std::vector<CostUse>& now) {
    std::vector<CostUse> used;
    for (std::size_t i = 0; i < now.size(); ++i)
      if (now[i].count != before[i].count)
        used.push_back(
            {now[i].name, now[i].count - before[i].count, now[i].total - before[i].total});
    return used;
  }

  std::string stall_report() const {
    std::string text = fmt::format(
        "design {} stalled at {} ns with {} requests done; who waits for what:", descriptor_.name,
        to_ps(timeline_.now()) / 1000, requests_.latency.count());
    for (const auto& thread : threads_) text += "\n  " + thread->describe();
    int lines = 0;
    for (const StallLine& line : timeline_.who_waits_for_what())
      if (++lines <= 40) text += fmt::format("\n  {}: {}", line.who, line.waits_for);
    return text;
  }

  const MachineSpec& spec_;
  const workloads::Workload& workload_;
  const designs::Descriptor& descriptor_;
  designs::Design& design_;
  const RunOptions& options_;
  Timeline timeline_;
  events::Probe probe_{timeline_};
  FreeDriver free_;
  std::unique_ptr<hosted::HostedDriver> hosted_;
  std::unique_ptr<Machine> machine_;
  app::AppCosts app_costs_;
  app::AppParams app_params_;
  workloads::Population population_;
  std::unique_ptr<workloads::Stage> stage_;
  std::unique_ptr<workloads::WorkloadRun> source_;
  std::vector<std::unique_ptr<app::AppThread>> threads_;
  std::size_t ended_ = 0;
  bool over_ = false;
  SimTime begun_{};
  Duration simulated_{};
  std::array<Duration, events::kCpuClasses> cpu_{};
  std::vector<CostUse> costs_before_;   // when the workload began
  std::vector<CostUse> costs_;          // between then and the last thread's end
  std::vector<ProviderUse> providers_;  // until the last thread's end
  events::Counters counters_before_;
  events::Counters counters_;
  metrics::RequestMetrics requests_;
  std::optional<metrics::RequestLog> log_;
};

}  // namespace

RunRecord run_design(const MachineSpec& machine, const workloads::Workload& workload,
                     const designs::Descriptor& descriptor, designs::Design& design,
                     const RunOptions& options) {
  Execution execution(machine, workload, descriptor, design, options);
  return execution.run();
}

}  // namespace iodrome::testbed
