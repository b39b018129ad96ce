// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/result_json.h"

#include <fmt/format.h>

namespace iodrome::testbed {

using Json = nlohmann::ordered_json;

namespace {

// Nanoseconds with the picoseconds behind the point: one exact division, the same everywhere.
double ns(Duration time) {
  return static_cast<double>(to_ps(time)) / 1000.0;
}

// count / seconds, from integers.
double per_second(std::uint64_t count, Duration time) {
  if (time == Duration{0}) return 0;
  return static_cast<double>(count) * 1e12 / static_cast<double>(to_ps(time));
}

Json latency_json(const metrics::LatencyHistogram& latency) {
  return {{"mean", ns(latency.mean())},
          {"p50", ns(latency.quantile(500'000))},
          {"p90", ns(latency.quantile(900'000))},
          {"p99", ns(latency.quantile(990'000))},
          {"p99.9", ns(latency.quantile(999'000))},
          {"p99.99", ns(latency.quantile(999'900))},
          {"max", ns(latency.max())}};
}

// Percentiles for the curve: twelve to a decade of 1 / (1 - p), as far as the requests reach.
Json curve_json(const metrics::LatencyHistogram& latency) {
  Json curve = Json::array();
  constexpr std::int64_t kTails[] = {1'000'000, 825'404, 681'292, 562'341, 464'159, 383'119,
                                     316'228,   261'016, 215'443, 177'828, 146'780, 121'153};
  for (std::int64_t decade = 1; decade <= 100'000; decade *= 10) {
    for (const std::int64_t tail : kTails) {
      const std::int64_t above = tail / decade;  // parts per million beyond the point
      if (above < 1 || above * static_cast<std::int64_t>(latency.count()) < 1'000'000) break;
      const std::int64_t ppm = 1'000'000 - above;
      curve.push_back({static_cast<double>(ppm) / 10'000.0, ns(latency.quantile(ppm))});
    }
  }
  curve.push_back({100.0, ns(latency.max())});
  return curve;
}

// Bins that hold anything: [bin, count].
Json bins_json(const metrics::LatencyHistogram& latency) {
  Json bins = Json::array();
  for (std::size_t bin = 0; bin < latency.bins().size(); ++bin)
    if (latency.bins()[bin] != 0) bins.push_back({bin, latency.bins()[bin]});
  return bins;
}

Json blocks_json(const metrics::BlockSums& sums) {
  Json json = {{"size", sums.block_size()}, {"count", Json::array()}, {"total_ps", Json::array()}};
  for (const metrics::BlockSums::Block& block : sums.blocks()) {
    json["count"].push_back(block.count);
    json["total_ps"].push_back(to_ps(block.latency));
  }
  return json;
}

Json providers_json(const std::vector<ProviderUse>& providers) {
  Json json = Json::array();
  for (const ProviderUse& use : providers)
    json.push_back({{"name", use.name},
                    {"completed", use.completed},
                    {"failed", use.failed},
                    {"moved", use.moved},
                    {"bytes", use.bytes},
                    {"busy_ns", ns(use.busy)}});
  return json;
}

template <std::size_t N, class Name, class Value>
Json named(const std::array<Duration, N>& values, Name name, Value value) {
  Json json;
  for (std::size_t i = 0; i < N; ++i) json[name(i)] = value(values[i]);
  return json;
}

const char* stage_name(std::size_t index) {
  return events::name_of(static_cast<events::Stage>(index));
}
const char* class_name(std::size_t index) {
  return events::name_of(static_cast<events::CpuClass>(index));
}

Json run_json(const PreparedRace& race, const RunRecord& run,
              const designs::Descriptor& descriptor) {
  const std::uint64_t requests = run.requests.latency.count();
  const auto per_request = [&](Duration total) {
    return requests == 0 ? 0.0 : ns(total) / static_cast<double>(requests);
  };
  Json json;
  json["design"] = run.design;
  json["requests"] = requests;
  json["errors"] = run.requests.error_count();
  json["errors_by_errno"] =
      run.requests.errors.empty() ? Json::object() : Json(run.requests.errors);
  json["skipped"] =
      race.workload->skipped().empty() ? Json::object() : Json(race.workload->skipped());
  json["simulated_ns"] = ns(run.simulated);
  json["latency_ns"] = latency_json(run.requests.latency);
  json["latency_total_ps"] = to_ps(run.requests.latency.total());
  json["stage_total_ps"] =
      named(run.requests.stages, stage_name, [](Duration d) { return to_ps(d); });
  json["stages_ns"] = named(run.requests.stages, stage_name, per_request);
  json["throughput"] = {{"requests_per_s", per_second(requests, run.simulated)},
                        {"bytes_per_s", per_second(run.requests.bytes, run.simulated)}};
  json["cpu_ns"] = named(run.cpu, class_name, [](Duration d) { return ns(d); });
  for (const events::CounterRow& row : events::kCounters)
    json["counters"][row.name] = run.counters.*row.counter;
  json["submit_held_ns"] = {{"max", ns(run.submit.held_max)}, {"total", ns(run.submit.held_total)}};
  json["submit_blocked_ns"] = {{"max", ns(run.submit.blocked_max)},
                               {"total", ns(run.submit.blocked_total)},
                               {"causes", Json::object()}};
  for (const auto& [what, time] : run.submit.causes.by_cause())
    json["submit_blocked_ns"]["causes"][std::string(what)] = ns(time);
  json["bytes"] = run.requests.bytes;
  json["client_bytes"] = run.client_bytes;
  json["client_bytes_wrong"] = run.client_bytes_wrong;
  json["fingerprint"] = run.fingerprint;
  json["latency_curve"] = curve_json(run.requests.latency);
  json["latency_bins"] = bins_json(run.requests.latency);
  json["latency_blocks"] = blocks_json(run.requests.blocks);
  for (const CostUse& cost : run.costs)
    json["costs"][cost.name] = {{"count", cost.count}, {"total_ps", to_ps(cost.total)}};
  for (const auto& [name, count] : run.design_counters) json["design_counters"][name] = count;
  json["providers"] = providers_json(run.providers);
  for (const workloads::KernelThread& thread : run.kernel_threads)
    json["kernel_threads_ns"][thread.name] = ns(thread.cpu_time);
  json["notes"] = race.workload->notes(descriptor);
  return json;
}

constexpr designs::Difference kMachine[] = {
    {"load balancing by anything but the number of threads; what going idle costs, and a look "
     "there that finds nothing to run",
     "kernel/cpu"},
    {"TLB and cache contents: copies go at two rates, hot and cold; page faults of user buffers, "
     "unless process.user_memory is on_demand",
     "kernel/mm"},
    {"plugging, hybrid polling; without block.scheduler merging too, with one polling; a time "
     "limit of a virtio_blk's requests, and of a disk's anything but a port reset",
     "kernel/block"},
    {"packet loss, congestion control, receive processing of data", "kernel/socket"},
    {"NUMA distance; caches as a level of memory: DMA always crosses to it; IOMMU", "hw"},
};

Json not_modelled_json(const PreparedRace& race) {
  Json list = Json::array();
  const auto add = [&](const designs::Difference& difference) {
    list.push_back({{"what", difference.what}, {"where", difference.where}});
  };
  for (const designs::Difference& difference : kMachine) add(difference);
  for (const designs::Difference& difference : race.workload->not_modelled()) add(difference);
  for (const PreparedDesign& design : race.designs)
    for (const designs::Difference& difference : design.descriptor->not_modelled) add(difference);
  return list;
}

Json sources_json(const PreparedRace& race) {
  Json list = Json::array();
  for (const ValueSource& source : race.sources)
    list.push_back({{"key", source.key},
                    {"value", source.value},
                    {"unit", source.unit},
                    {"source", source.source},
                    {"date", source.date},
                    {"guess", source.guess},
                    {"fitted", source.fitted}});
  return list;
}

Json published_json(const PreparedRace& race) {
  Json list = Json::array();
  for (const workloads::PublishedFigure& figure : race.published) {
    const double value = figure.is_rate ? static_cast<double>(figure.value) : ns(ps(figure.value));
    list.push_back({{"row", figure.row},
                    {"design", figure.design},
                    {"metrics", figure.metrics},
                    {"value", value},
                    {"unit", figure.is_rate ? "/s" : "ns"},
                    {"source", figure.source}});
  }
  return list;
}

}  // namespace

std::span<const designs::Difference> machine_differences() {
  return kMachine;
}

nlohmann::ordered_json result_json(const PreparedRace& race,
                                   const std::vector<RunRecord>& records) {
  Json json;
  json["scenario"] = race.scenario;
  json["machine"] = race.machine.name;
  json["seed"] = race.seed;
  json["workload"] = race.workload->summary();
  json["runs"] = Json::array();
  for (std::size_t i = 0; i < records.size(); ++i)
    json["runs"].push_back(run_json(race, records[i], *race.designs[i].descriptor));
  json["published"] = published_json(race);
  json["not_modelled"] = not_modelled_json(race);
  json["sources"] = sources_json(race);
  json["warnings"] = race.warnings.empty() ? Json::array() : Json::array({race.warnings});
  return json;
}

}  // namespace iodrome::testbed
