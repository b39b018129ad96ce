// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio_job/option_catalog.h"

#include <array>

namespace iodrome::workloads {
namespace {

struct Group {
  FioTreatment treatment;
  std::string_view subject;
  std::string_view names;  ///< separated by single blanks
};

constexpr auto refused = FioTreatment::refused;
constexpr auto ignored = FioTreatment::ignored;

constexpr std::array groups = {
    Group{refused, "the mix of reads and writes",
          "percentage_random rw_sequencer unified_rw_reporting"},
    Group{refused, "varying block sizes",
          "bssplit bsrange blocksize_range ba blockalign bs_unaligned blocksize_unaligned"},
    Group{refused, "synchronous writes and write barriers",
          "atomic sync sync_file_range write_barrier fsync_on_close create_fsync"},
    Group{refused, "rates and think time",
          "rate rate_min ratemin rate_iops rate_iops_min rate_process rate_cycle ratecycle "
          "rate_ignore_thinktime thinktime thinktime_spin thinktime_blocks thinktime_blocks_type "
          "thinktime_iotime flow flow_id flow_sleep"},
    Group{refused, "warm-up and repetition", "ramp_time loops"},
    Group{refused, "the choice of offsets",
          "random_distribution random_generator offset_increment offset_align file_append "
          "fill_device fill_fs"},
    Group{refused, "batched submission and reaping",
          "iodepth_batch iodepth_batch_submit iodepth_batch_complete iodepth_batch_complete_min "
          "iodepth_batch_complete_max iodepth_low serialize_overlap io_submit_mode"},
    Group{refused, "job order and files",
          "wait_for nrfiles nr_files openfiles file_service_type filename_format unique_filename "
          "opendir lockfile exitall exit_what exitall_on_error pre_read create_only verify_only"},
    Group{refused, "the ioengine's own switches",
          "hipri hipri_percentage fixedbufs registerfiles sqthread_poll sqthread_poll_cpu "
          "nonvectored uncached nowait force_async cmd_type userspace_reap cmdprio "
          "cmdprio_percentage cmdprio_class cmdprio_bssplit thp cpuload cpuchunks cpumode "
          "exit_on_io_done hostname port protocol nodelay listen pingpong interface ttl "
          "window_size mss clustername pool clientname busy_poll touch_objects"},
    Group{refused, "replay of an I/O log",
          "read_iolog read_iolog_chunked write_iolog replay_no_stall replay_redirect replay_scale "
          "replay_align replay_time_scale replay_skip merge_blktrace_file merge_blktrace_scalars "
          "merge_blktrace_iters"},
    Group{refused, "search and stopping rules",
          "latency_target latency_window latency_percentile latency_run max_latency steadystate ss "
          "steadystate_duration ss_dur steadystate_ramp_time ss_ramp"},
    Group{refused, "trims", "trim_percentage trim_verify_zero trim_backlog trim_backlog_batch"},
    Group{refused, "fio's built-in profiles", "profile"},
    Group{ignored, "fio's random streams; the run's seed decides",
          "randrepeat allrandrepeat randseed"},
    Group{ignored, "verification; every byte is checked anyway",
          "verify do_verify verify_interval verify_offset verify_pattern verify_fatal verify_dump "
          "verify_async verify_async_cpus verify_backlog verify_backlog_batch experimental_verify "
          "verify_state_load verify_state_save"},
    Group{ignored, "buffer contents",
          "zero_buffers refill_buffers scramble_buffers buffer_pattern buffer_compress_percentage "
          "buffer_compress_chunk dedupe_percentage dedupe_mode dedupe_working_set_percentage "
          "dedupe_global"},
    Group{ignored, "the host's memory and CPUs",
          "mem iomem hugepage-size lockmem numa_cpu_nodes numa_mem_policy cpumask cpus_allowed "
          "cpus_allowed_policy nice prio prioclass cgroup cgroup_nodelete cgroup_weight uid gid "
          "clocksource gtod_reduce gtod_cpu ioscheduler"},
    Group{ignored, "how files come to exist",
          "fallocate fadvise_hint write_hint create_serialize create_on_open allow_file_create "
          "allow_mounted_write unlink unlink_each_loop invalidate exec_prerun exec_postrun"},
    Group{ignored, "zoned devices",
          "zonemode zonesize zonecapacity zonerange zoneskip read_beyond_wp max_open_zones "
          "job_max_open_zones ignore_zone_limits zone_reset_threshold zone_reset_frequency"},
    Group{ignored, "fio's own logs",
          "write_bw_log write_lat_log write_iops_log write_hist_log bwavgtime iopsavgtime "
          "log_entries log_avg_msec log_hist_msec log_hist_coarseness log_max_value log_offset "
          "log_prio log_compression log_compression_cpus log_store_compressed log_unix_epoch "
          "log_alternate_epoch log_alternate_epoch_clock_id per_job_logs"},
    Group{ignored, "fio's own report",
          "description new_group stats disk_util clat_percentiles lat_percentiles "
          "slat_percentiles percentile_list significant_figures disable_lat disable_clat "
          "disable_slat disable_bw disable_bw_measurement unit_base block_error_percentiles "
          "error_dump continue_on_error ignore_error"},
};

/// Cuts the first name off a blank-separated list.
std::string_view take_name(std::string_view& names) {
  const std::string_view name = names.substr(0, names.find(' '));
  names.remove_prefix(name.size());
  if (!names.empty()) names.remove_prefix(1);
  return name;
}

}  // namespace

std::optional<FioCatalogEntry> find_in_fio_catalog(std::string_view name) {
  for (const Group& group : groups) {
    for (std::string_view names = group.names; !names.empty();) {
      if (take_name(names) == name) return FioCatalogEntry{group.treatment, group.subject};
    }
  }
  return std::nullopt;
}

std::vector<std::string_view> fio_catalog_names() {
  std::vector<std::string_view> out;
  for (const Group& group : groups) {
    for (std::string_view names = group.names; !names.empty();) out.push_back(take_name(names));
  }
  return out;
}

}  // namespace iodrome::workloads
