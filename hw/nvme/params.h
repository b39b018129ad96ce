// SPDX-License-Identifier: Apache-2.0
// The numbers of an NVMe drive; every one comes from a part file.
#pragma once
#include "model/engine/parameters.h"

namespace iodrome::hw {

struct NvmeParams {
  // The way of a command through the controller.
  Duration doorbell_flight{};
  Duration command_fetch{};
  Duration firmware_read_small{};
  Duration firmware_read_large{};
  Duration firmware_write{};
  Duration firmware_write_unit{};
  Duration firmware_interval{};
  std::int64_t firmware_slots = 0;
  Duration admin_latency{};
  std::int64_t abort_limit = 1;
  Duration ready_time{};
  Duration completion_write{};
  Duration msi_flight{};
  Duration notification_delay{};
  std::int64_t coalesce_count = 0;
  Duration coalesce_time{};
  std::int64_t queue_pairs = 0;
  std::int64_t queue_entries = 0;

  // The medium.
  std::int64_t block_size = 0;
  std::int64_t max_transfer = 0;
  std::int64_t channels = 0;
  std::int64_t dies_per_channel = 0;
  std::int64_t planes_per_die = 0;
  std::int64_t page_size = 0;
  bool cache_read = false;
  Duration read_fast{};
  Duration read_slow{};
  Fraction read_slow_share{};
  Duration read_page_extra{};
  Duration read_retry{};
  Fraction read_retry_share{};
  Duration program{};
  std::int64_t program_pages = 0;
  Duration erase{};
  std::int64_t pages_per_block = 0;
  std::int64_t mapping_unit = 0;
  bool in_place = false;
  Fraction over_provisioning{};
  std::int64_t gc_free_blocks = 0;
  Rate channel_rate{};
  Rate link_rate{};
  std::int64_t write_cache = 0;
  bool cache_protected = false;

  // How bad a fault is that the choice oracle asks for.
  Duration late_interrupt{};

  void describe(ParameterList& list);
  /// What no drive can be; empty problems mean that Nvme accepts the values.
  void examine(ParameterProblems& problems) const;
};

/// A read of at most this much is a small one to firmware and dies (the unit of the published
/// fits).
inline constexpr std::int64_t kSmallRead = 4096;

}  // namespace iodrome::hw
