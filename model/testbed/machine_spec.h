// SPDX-License-Identifier: Apache-2.0
// A machine as its file describes it.
#pragma once
#include <optional>
#include <span>

#include "hw/factory.h"
#include "model/app/app_thread.h"
#include "model/drivers/nvme/nvme_driver.h"
#include "model/kernel/socket/socket.h"
#include "model/kernel/vfs/page_cache.h"
#include "model/testbed/configuration.h"
#include "model/testbed/engine_spec.h"
#include "model/testbed/raid_spec.h"

namespace iodrome::testbed {

struct MachineSpec {
  std::string name;

  std::int64_t cpus = 0;
  kernel::SchedulerParams scheduler;
  std::string balancing;   // on or off
  std::string preemption;  // none or full
  kernel::TimerParams timer_params;
  std::string hrtimers;  // high or tick
  Rate copy_hot;
  Rate copy_cold;
  Fraction relative_cost;  // of the designs' own costs, against the machine they were measured on
  kernel::KernelCosts costs;
  Rate memory_bandwidth;
  kernel::PageCacheParams page_cache;
  std::int64_t dentries = 0;
  std::int64_t fd_limit = 0;
  std::string user_memory;  // resident or on_demand

  kernel::QueueParams block;

  std::string storage_kind;  // nvme, disk or virtio_blk
  std::string storage_part;
  std::int64_t storage_count = 0;
  std::int64_t storage_bytes = 0;
  std::int64_t queue_entries = 0;
  std::int64_t poll_queues = 0;
  Duration storage_timeout{};
  Duration admin_timeout{};
  std::int64_t max_retries = 0;
  hw::NvmeParams nvme;
  hw::DiskParams disk;
  hw::VirtioBlkParams virtio_blk;

  std::string network_part;
  std::string clients_part;
  std::string moderation;  // fixed, dynamic or conservative
  hw::NicParams nic;
  hw::ClientParams client;
  kernel::SocketParams socket;
  app::AppCosts app;

  EngineSpec engines;
  RaidSpec raid;
};

/// Loads `scenarios/machines/<name>.toml`, or the file of that path, and the parts it names.
/// Errors: reported; then nothing is returned.
std::optional<MachineSpec> load_machine(Configuration& configuration, const std::string& name);

/// The machines that come with Iodrome, by name.
std::vector<std::string> machine_names(const std::string& data_dir);

/// The file of a machine given by name or by path. Errors: reported; then it is empty.
std::string machine_file(Configuration& configuration, const std::string& name);

/// A kind of device part. Its files lie in `hw/<folder>/params` and hold the one table.
struct PartKind {
  const char* table;
  const char* folder;
  void (*describe)(MachineSpec& spec, ParameterList& list);
  void (*examine)(const MachineSpec& spec, ParameterProblems& problems);
};
std::span<const PartKind> part_kinds();

/// The part files of a folder of `hw`, by name.
std::vector<std::string> part_names(const std::string& data_dir, const std::string& folder);
/// The file of a part, in the data directory.
std::string part_file(const PartKind& kind, const std::string& part);
/// Reads one part into its place in `spec`. Errors: reported.
void load_part_file(Configuration& configuration, const PartKind& kind, const std::string& part,
                    MachineSpec& spec);

}  // namespace iodrome::testbed
