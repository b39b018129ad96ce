// SPDX-License-Identifier: Apache-2.0
// A machine as its file describes it.
#pragma once
#include <optional>

#include "hw/factory.h"
#include "model/app/app_thread.h"
#include "model/drivers/nvme/nvme_driver.h"
#include "model/kernel/socket/socket.h"
#include "model/kernel/vfs/page_cache.h"
#include "model/testbed/configuration.h"

namespace iodrome::testbed {

struct MachineSpec {
  std::string name;

  std::int64_t cpus = 0;
  kernel::SchedulerParams scheduler;
  Rate copy_hot;
  Rate copy_cold;
  Fraction relative_cost;  // of the designs' own costs, against the machine they were measured on
  kernel::KernelCosts costs;
  kernel::PageCacheParams page_cache;
  std::int64_t fd_limit = 0;

  std::string storage_kind;  // nvme or disk
  std::string storage_part;
  std::int64_t storage_bytes = 0;
  std::int64_t queue_entries = 0;
  hw::NvmeParams nvme;
  hw::DiskParams disk;

  std::string network_part;
  std::string clients_part;
  hw::NicParams nic;
  hw::ClientParams client;
  kernel::SocketParams socket;
  app::AppCosts app;
};

/// Loads `scenarios/machines/<name>.toml`, or the file of that path, and the parts it names.
/// Errors: reported; then nothing is returned.
std::optional<MachineSpec> load_machine(Configuration& configuration, const std::string& name);

/// The machines that come with Iodrome, by name.
std::vector<std::string> machine_names(const std::string& data_dir);

}  // namespace iodrome::testbed
