// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/machine_spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace iodrome::testbed {

namespace fs = std::filesystem;
using workloads::TomlTable;

namespace {

// Names of the .toml files of a folder, sorted.
std::vector<std::string> toml_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
  std::sort(names.begin(), names.end());
  return names;
}

void describe_cpu(MachineSpec& spec, ParameterList& list) {
  list.add("count", "", "CPUs", &spec.cpus);
  list.add("hz", "", "ticks per second of a CPU that is not idle", &spec.scheduler.hz);
  list.add("sched_latency", "s", "in which every fair thread should run once",
           &spec.scheduler.latency);
  list.add("sched_min_granularity", "s", "a fair thread keeps the CPU this long at ticks",
           &spec.scheduler.min_granularity);
  list.add("sched_wakeup_granularity", "s",
           "CPU time that a woken thread must be behind to take the CPU",
           &spec.scheduler.wakeup_granularity);
  list.add("balancing", "", "whether threads that wait go to CPUs with less to do: on or off",
           &spec.balancing);
  list.add("sched_migration_cost", "s", "who ran so recently is left where its caches are warm",
           &spec.scheduler.migration_cost);
  list.add("sockets", "", "sockets; each has as many CPUs in a row, the last ones perhaps fewer",
           &spec.scheduler.sockets);
  list.add("idle_exit_latency", "s", "an idle CPU's first instruction after an interrupt; 0: polls",
           &spec.scheduler.idle_exit_latency);
  list.add("deep_idle_after", "s", "idle for so long a CPU is in the deep state; 0: there is none",
           &spec.scheduler.deep_idle_after);
  list.add("deep_idle_exit_latency", "s", "as idle_exit_latency, from the deep state",
           &spec.scheduler.deep_idle_exit_latency);
  list.add("ipi_latency", "s", "an interrupt's way from one CPU to another",
           &spec.scheduler.ipi_latency);
  list.add("preemption", "",
           "where kernel code gives way: none (return to user mode, sleep) or full",
           &spec.preemption);
  list.add(
      "hrtimers", "",
      "high-resolution timers expire: high (at their time, in the hardirq) or tick (at the next "
      "tick, in the softirq)",
      &spec.hrtimers);
  list.add("timer_slack", "s", "by which a sleep of high resolution may be put off to meet another",
           &spec.timer_params.slack);
  list.add("copy_hot", "B/s", "copy rate with the source in the cache", &spec.copy_hot);
  list.add("copy_cold", "B/s", "copy rate from memory", &spec.copy_cold);
  kernel::SoftwareDmaRates& software = spec.engines.software;
  list.add("xor", "B/s", "exclusive or, of source bytes read", &software.exclusive_or);
  list.add("memset", "B/s", "filling memory", &software.memset);
  list.add("pq", "B/s", "P and Q of RAID 6 together, of source bytes read", &software.pq);
  list.add("crc32c", "B/s", "CRC-32C", &software.crc32c);
  list.add("aes_encrypt", "B/s", "AES-128 in CBC mode, enciphering", &software.encrypt);
  list.add("aes_decrypt", "B/s", "AES-128 in CBC mode, deciphering", &software.decrypt);
  list.add("sha256", "B/s", "SHA-256", &software.hash);
  list.add("relative_cost", "", "the designs' own costs, against the machine they were measured on",
           &spec.relative_cost);
}

void describe_memory(MachineSpec& spec, ParameterList& list) {
  list.add("bandwidth", "B/s", "what CPUs and devices read and write together; 0: nothing waits",
           &spec.memory_bandwidth);
}

void describe_storage(MachineSpec& spec, ParameterList& list) {
  list.add("kind", "", "nvme, disk or virtio_blk", &spec.storage_kind);
  list.add("part", "", "a file of hw/<kind>/params", &spec.storage_part);
  list.add("count", "", "devices of that part; files lie on each in turn", &spec.storage_count);
  list.add("size", "B", "capacity of each device", &spec.storage_bytes);
  list.add("queue_entries", "",
           "entries of each queue; of a disk, command slots in use, at most 32",
           &spec.queue_entries);
  list.add("poll_queues", "", "of an nvme, queue pairs without an interrupt, for polled I/O",
           &spec.poll_queues);
  list.add("timeout", "s", "of an nvme, a command that takes longer is aborted; 0: for ever",
           &spec.storage_timeout);
  list.add("admin_timeout", "s", "of an nvme, an Abort or a command of a reset takes no longer",
           &spec.admin_timeout);
  list.add("max_retries", "", "of an nvme, times that a request which failed is tried again",
           &spec.max_retries);
}

void describe_block(MachineSpec& spec, ParameterList& list) {
  kernel::QueueParams& block = spec.block;
  list.add("scheduler", "", "none, deadline (that of 2.6) or mq-deadline", &block.scheduler);
  list.add("nr_requests", "", "requests of a device with a scheduler; deadline: of each direction",
           &block.nr_requests);
  list.add("max_request", "B", "most bytes of a request that bios were merged into",
           &block.max_bytes);
  list.add("read_expire", "s", "a read waits so long before its turn comes out of order",
           &block.deadline.read_expire);
  list.add("write_expire", "s", "a write does", &block.deadline.write_expire);
  list.add("fifo_batch", "", "requests in the order of their sectors before a new look",
           &block.deadline.fifo_batch);
  list.add("writes_starved", "", "times that reads go first while writes wait",
           &block.deadline.writes_starved);
}

using Describe = void (*)(MachineSpec& spec, ParameterList& list);
struct Group {
  const char* name;
  Describe describe;
  bool optional = false;
};

constexpr Group kGroups[] = {
    {"cpu", describe_cpu},
    {"costs",
     [](MachineSpec& spec, ParameterList& list) {
       for (const auto& row : kernel::KernelCosts::table())
         list.add(row.name, "s", row.help, &(spec.costs.*row.cost).each);
     }},
    {"memory", describe_memory},
    {"page_cache",
     [](MachineSpec& spec, ParameterList& list) {
       list.add("capacity", "B", "memory for file pages", &spec.page_cache.capacity_bytes);
       list.add("readahead", "B", "a cold read covers at least this much",
                &spec.page_cache.readahead_bytes);
       list.add("max_bio", "B", "most bytes of one bio", &spec.page_cache.max_bio_bytes);
       list.add("dirty_background", "", "share of dirty pages above which they are written",
                &spec.page_cache.dirty_background);
       list.add("dirty", "", "share of dirty pages above which writers wait",
                &spec.page_cache.dirty);
       list.add("dirty_writeback", "s", "how often old dirty pages are looked for",
                &spec.page_cache.dirty_writeback);
       list.add("dirty_expire", "s", "how old they are then", &spec.page_cache.dirty_expire);
     }},
    {"dentry_cache",
     [](MachineSpec& spec, ParameterList& list) {
       list.add("entries", "", "most names known without looking into their directory; 0: all",
                &spec.dentries);
     }},
    {"process",
     [](MachineSpec& spec, ParameterList& list) {
       list.add("fd_limit", "", "descriptors of the application", &spec.fd_limit);
       list.add("user_memory", "",
                "buffers are resident, or on_demand: mapped when first used, at page_fault_minor",
                &spec.user_memory);
     }},
    {"block", describe_block},
    {"storage", describe_storage},
    {"network",
     [](MachineSpec& spec, ParameterList& list) {
       list.add("part", "", "the card: a file of hw/nic/params", &spec.network_part);
       list.add("clients", "", "the other end: a file of hw/nic/params", &spec.clients_part);
       list.add("moderation", "",
                "of interrupts: fixed, as nic.interrupt_interval says, or by traffic: dynamic, up "
                "to 70,000 a second, or conservative, up to 20,000",
                &spec.moderation);
     }},
    {"socket",
     [](MachineSpec& spec, ParameterList& list) {
       list.add("send_buffer", "B", "a socket's send buffer", &spec.socket.send_buffer_bytes);
       list.add("receive_buffer", "B", "a socket's receive buffer: payload that nobody has read",
                &spec.socket.receive_buffer_bytes);
       list.add("segment", "B", "most payload of one segment given to the card",
                &spec.socket.segment_bytes);
     }},
    {"app",
     [](MachineSpec& spec, ParameterList& list) {
       list.add("request_start", "s", "user code to turn to a request",
                &spec.app.request_start.each);
       list.add("request_finish", "s", "user code to account for its end",
                &spec.app.request_finish.each);
     }},
    {"providers",
     [](MachineSpec& spec, ParameterList& list) { describe_providers(spec.engines, list); }},
    {"dma", [](MachineSpec& spec, ParameterList& list) { describe_dma(spec.engines, list); }, true},
    {"crypto", [](MachineSpec& spec, ParameterList& list) { describe_crypto(spec.engines, list); },
     true},
    {"raid", [](MachineSpec& spec, ParameterList& list) { describe_raid(spec.raid, list); }, true},
};

// `Path`: the members that lead to the part's numbers.
template <auto... Path>
constexpr PartKind part_kind(const char* table, const char* folder) {
  return {table, folder,
          [](MachineSpec& spec, ParameterList& list) { (spec.*....*Path).describe(list); },
          [](const MachineSpec& spec, ParameterProblems& problems) {
            (spec.*....*Path).examine(problems);
          }};
}

constexpr PartKind kPartKinds[] = {
    part_kind<&MachineSpec::nvme>("nvme", "nvme"),
    part_kind<&MachineSpec::disk>("disk", "disk"),
    part_kind<&MachineSpec::virtio_blk>("virtio_blk", "virtio_blk"),
    part_kind<&MachineSpec::nic>("nic", "nic"),
    part_kind<&MachineSpec::client>("clients", "nic"),
    part_kind<&MachineSpec::engines, &EngineSpec::ioat>("ioat", "dma"),
    part_kind<&MachineSpec::engines, &EngineSpec::adma>("adma", "dma"),
    part_kind<&MachineSpec::engines, &EngineSpec::dsa>("dsa", "dma"),
    part_kind<&MachineSpec::engines, &EngineSpec::crypto>("crypto", "crypto"),
};

// Part names are checked against the folder, so that a typo gets the nearest one.
bool part_exists(Configuration& configuration, const std::string& kind, const std::string& part,
                 const char* key) {
  const std::vector<std::string> parts = part_names(configuration.data_dir(), kind);
  if (std::find(parts.begin(), parts.end(), part) != parts.end()) return true;
  const std::vector<std::string_view> views(parts.begin(), parts.end());
  configuration.diagnostics().error(
      {}, fmt::format("{}: there is no {} part {}", key, kind, workloads::in_quotes(part)),
      workloads::name_hint(part, views));
  return false;
}

void load_part(Configuration& configuration, std::string_view table, const std::string& part,
               const char* key, MachineSpec& spec) {
  const PartKind* const kind =
      std::find_if(std::begin(kPartKinds), std::end(kPartKinds),
                   [&](const PartKind& one) { return one.table == table; });
  if (part_exists(configuration, kind->folder, part, key))
    load_part_file(configuration, *kind, part, spec);
}

void load_engine_parts(Configuration& configuration, MachineSpec& spec) {
  const EngineSpec& engines = spec.engines;
  if (engines.dma_kind == "ioat" || engines.dma_kind == "adma" || engines.dma_kind == "dsa")
    load_part(configuration, engines.dma_kind, engines.dma_part, "dma.part", spec);
  else if (!engines.dma_kind.empty())
    configuration.diagnostics().error(
        {}, "dma.kind is ioat, adma or dsa, not " + workloads::in_quotes(engines.dma_kind));
  if (!engines.crypto_part.empty())
    load_part(configuration, "crypto", engines.crypto_part, "crypto.part", spec);
}

void examine_storage(const MachineSpec& spec, Configuration& configuration) {
  const auto require = [&](bool condition, const char* what) {
    if (!condition) configuration.diagnostics().error({}, what);
  };
  require(spec.storage_count >= 1 && spec.storage_count <= 64,
          "storage.count: a machine has 1 to 64 storage devices");
  require(spec.storage_bytes >= 1 << 20, "storage.size must be at least 1 MiB");
  require(
      spec.queue_entries >= (spec.storage_kind == "disk" ? 1 : 2) && spec.queue_entries <= 32768,
      "storage.queue_entries must be 2 to 32768; of a disk, 1 will do");
  require(
      spec.storage_kind != "virtio_blk" || (spec.queue_entries <= spec.virtio_blk.queue_entries &&
                                            (spec.queue_entries & (spec.queue_entries - 1)) == 0),
      "storage.queue_entries of a virtio_blk must be a power of two, at most those of its part");
  require(spec.poll_queues >= 0 && spec.poll_queues <= 1024,
          "storage.poll_queues must be 0 to 1024");
  require(spec.storage_timeout == ps(0) ||
              (spec.storage_timeout >= 1s && spec.storage_timeout <= 86400s),
          "storage.timeout must be 0 or 1 s to a day");
  require(spec.admin_timeout >= 1s && spec.admin_timeout <= 86400s,
          "storage.admin_timeout must be 1 s to a day");
  require(spec.max_retries >= 0 && spec.max_retries <= 255, "storage.max_retries must be 0 to 255");
  require(spec.poll_queues == 0 || spec.storage_kind == "nvme",
          "storage.poll_queues: only an nvme has queues that are polled");
  require(spec.poll_queues == 0 || spec.cpus + spec.poll_queues <= spec.nvme.queue_pairs,
          "storage.poll_queues and a queue for each CPU must not be more than nvme.queue_pairs");
}

void examine_block(const MachineSpec& spec, Configuration& configuration) {
  const auto require = [&](bool condition, const char* what) {
    if (!condition) configuration.diagnostics().error({}, what);
  };
  const kernel::QueueParams& block = spec.block;
  require(block.scheduler == "none" || block.scheduler == "deadline" ||
              block.scheduler == "mq-deadline",
          "block.scheduler is none, deadline or mq-deadline");
  require(block.nr_requests >= 4 && block.nr_requests <= 65536,
          "block.nr_requests must be 4 to 65536");
  require(block.max_bytes >= 4096 && block.max_bytes <= 1 << 20,
          "block.max_request must be 4 KiB to 1 MiB");
  require(block.scheduler == "none" || block.max_bytes >= spec.page_cache.max_bio_bytes,
          "block.max_request must be at least page_cache.max_bio");
  require(block.deadline.read_expire >= Duration{0} && block.deadline.write_expire >= Duration{0},
          "block.read_expire and block.write_expire must not be negative");
  require(block.deadline.fifo_batch >= 1 && block.deadline.fifo_batch <= 65536,
          "block.fifo_batch must be 1 to 65536");
  require(block.deadline.writes_starved >= 0 && block.deadline.writes_starved <= 65536,
          "block.writes_starved must be 0 to 65536");
}

void examine(const MachineSpec& spec, Configuration& configuration) {
  const auto require = [&](bool condition, const char* what) {
    if (!condition) configuration.diagnostics().error({}, what);
  };
  require(spec.cpus >= 1 && spec.cpus <= 1024, "cpu.count: a machine has 1 to 1024 CPUs");
  require(spec.scheduler.hz >= 1 && spec.scheduler.hz <= 10'000, "cpu.hz must be 1 to 10000");
  require(spec.scheduler.latency > Duration{0} && spec.scheduler.min_granularity > Duration{0},
          "cpu.sched_latency and cpu.sched_min_granularity must be positive");
  // Weighted, and for every thread at once, longer ones would leave 64 bits.
  require(spec.scheduler.latency <= 100ms && spec.scheduler.min_granularity <= 100ms &&
              spec.scheduler.wakeup_granularity <= 100ms,
          "cpu.sched_latency, cpu.sched_min_granularity and cpu.sched_wakeup_granularity must be "
          "at most 100 "
          "ms");
  require(spec.scheduler.sockets >= 1 && spec.scheduler.sockets <= 1024,
          "cpu.sockets must be 1 to 1024");
  require(spec.scheduler.idle_exit_latency >= Duration{0} &&
              spec.scheduler.deep_idle_after >= Duration{0} &&
              spec.scheduler.deep_idle_exit_latency >= Duration{0} &&
              spec.scheduler.ipi_latency >= Duration{0},
          "cpu.idle_exit_latency, cpu.deep_idle_after, cpu.deep_idle_exit_latency and "
          "cpu.ipi_latency must not be negative");
  require(spec.preemption == "none" || spec.preemption == "full", "cpu.preemption is none or full");
  require(spec.balancing == "on" || spec.balancing == "off", "cpu.balancing is on or off");
  require(spec.scheduler.migration_cost >= Duration{0} && spec.scheduler.migration_cost <= 1s,
          "cpu.sched_migration_cost must be 0 to 1 s");
  require(spec.hrtimers == "high" || spec.hrtimers == "tick", "cpu.hrtimers is high or tick");
  require(spec.timer_params.slack >= Duration{0}, "cpu.timer_slack must not be negative");
  require(spec.copy_hot.bytes_per_s > 0 && spec.copy_cold.bytes_per_s > 0,
          "cpu.copy_hot and cpu.copy_cold must be positive");
  const std::int64_t bandwidth = spec.memory_bandwidth.bytes_per_s;
  require(bandwidth == 0 || (bandwidth >= 10'000'000 && bandwidth <= 8'000'000'000'000),
          "memory.bandwidth must be 0, or 10 MB/s to 8 TB/s");
  require(spec.page_cache.capacity_bytes >= 4096, "page_cache.capacity must be at least 4 KiB");
  require(spec.page_cache.readahead_bytes >= 4096,
          "page_cache.readahead must be at least 4096 bytes");
  require(spec.page_cache.max_bio_bytes >= 4096 && spec.page_cache.max_bio_bytes <= 1 << 20 &&
              spec.page_cache.max_bio_bytes % 4096 == 0,
          "page_cache.max_bio must be a multiple of 4096 bytes, at most 1 MiB");
  require(
      spec.page_cache.dirty_background.parts_per_million <= spec.page_cache.dirty.parts_per_million,
      "page_cache.dirty_background must not be above page_cache.dirty");
  require(spec.page_cache.dirty.parts_per_million <= 1'000'000,
          "page_cache.dirty is a share of at most 100%");
  require(spec.page_cache.dirty_writeback > Duration{0},
          "page_cache.dirty_writeback must be positive");
  // Who walks a path holds no reference to what it has found: with fewer names than are walked at
  // once, they would drive each other's out for ever.
  require(spec.dentries == 0 || spec.dentries >= 1024,
          "dentry_cache.entries must be 0, which is all, or at least 1024");
  require(spec.fd_limit >= 1, "process.fd_limit must be at least 1");
  require(spec.moderation == "fixed" || spec.moderation == "dynamic" ||
              spec.moderation == "conservative",
          "network.moderation is fixed, dynamic or conservative");
  require(spec.user_memory == "resident" || spec.user_memory == "on_demand",
          "process.user_memory is resident or on_demand");
  examine_storage(spec, configuration);
  require(spec.socket.send_buffer_bytes >= 4096, "socket.send_buffer must be at least 4096 bytes");
  require(spec.socket.receive_buffer_bytes >= 4096,
          "socket.receive_buffer must be at least 4096 bytes");
  require(spec.socket.segment_bytes >= 1448 && spec.socket.segment_bytes <= 65536,
          "socket.segment must be 1448 to 65536 bytes");
  examine_block(spec, configuration);
  examine_engines(spec.engines, configuration);
  if (spec.raid.present()) examine_raid(spec.raid, configuration);
}

}  // namespace

std::string machine_file(Configuration& configuration, const std::string& name) {
  const bool is_path = name.find('/') != std::string::npos || name.ends_with(".toml");
  if (is_path) return name;
  const std::vector<std::string> names = machine_names(configuration.data_dir());
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    const std::vector<std::string_view> views(names.begin(), names.end());
    configuration.diagnostics().error(
        {}, fmt::format("there is no machine {}", workloads::in_quotes(name)),
        workloads::name_hint(name, views));
    return {};
  }
  return configuration.data_dir() + "/scenarios/machines/" + name + ".toml";
}

std::vector<std::string> machine_names(const std::string& data_dir) {
  return toml_names(data_dir + "/scenarios/machines");
}

std::vector<std::string> part_names(const std::string& data_dir, const std::string& folder) {
  return toml_names(data_dir + "/hw/" + folder + "/params");
}

std::span<const PartKind> part_kinds() {
  return kPartKinds;
}

std::string part_file(const PartKind& kind, const std::string& part) {
  return fmt::format("hw/{}/params/{}.toml", kind.folder, part);
}

void load_part_file(Configuration& configuration, const PartKind& kind, const std::string& part,
                    MachineSpec& spec) {
  ParameterList list;
  kind.describe(spec, list);
  configuration.fill_from_file(part_file(kind, part), kind.table, list);
  if (!configuration.ok()) return;
  ParameterProblems problems;
  kind.examine(spec, problems);
  for (const std::string& line : problems.lines())
    configuration.diagnostics().error({}, fmt::format("{}.{}", kind.table, line));
}

std::optional<MachineSpec> load_machine(Configuration& configuration, const std::string& name) {
  const std::string path = machine_file(configuration, name);
  if (path.empty()) return std::nullopt;
  const auto document = workloads::load_toml_document(path, configuration.diagnostics());
  if (!document) return std::nullopt;
  MachineSpec spec;
  spec.name = fs::path(path).stem().string();
  TomlTable root(*document, document->root, "", configuration.diagnostics());
  for (const Group& group : kGroups) {
    ParameterList list;
    group.describe(spec, list);
    std::optional<TomlTable> table = root.table(group.name);
    if (!table && group.optional) continue;
    if (!table) {
      configuration.diagnostics().error({path, 0, 0, {}},
                                        fmt::format("the table [{}] is missing", group.name));
      continue;
    }
    configuration.fill(*table, group.name, list);
    table->finish();
  }
  root.finish();
  if (spec.storage_kind == "nvme" || spec.storage_kind == "disk" ||
      spec.storage_kind == "virtio_blk")
    load_part(configuration, spec.storage_kind, spec.storage_part, "storage.part", spec);
  else
    configuration.diagnostics().error({}, "storage.kind is nvme, disk or virtio_blk, not " +
                                              workloads::in_quotes(spec.storage_kind));
  load_part(configuration, "nic", spec.network_part, "network.part", spec);
  load_part(configuration, "clients", spec.clients_part, "network.clients", spec);
  load_engine_parts(configuration, spec);
  if (configuration.ok()) examine(spec, configuration);
  if (!configuration.ok()) return std::nullopt;
  spec.timer_params.high_resolution = spec.hrtimers == "high";
  if (spec.preemption == "full") spec.scheduler.preemption = kernel::Preemption::full;
  spec.scheduler.balancing = spec.balancing == "on";
  return spec;
}

}  // namespace iodrome::testbed
