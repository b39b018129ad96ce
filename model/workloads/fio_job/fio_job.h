// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/workloads/input/diagnostics.h"
#include "model/workloads/input/text_source.h"

namespace iodrome::workloads {

/// `rw=`: what a job does in which order. `rw=randrw` sets random, reads and writes.
struct FioPattern {
  bool random = false;
  bool reads = true;
  bool writes = false;
  bool trims = false;
  bool trim_before_write = false;   ///< `trimwrite`: each block is trimmed, then written
  std::int64_t ios_per_offset = 1;  ///< `rw=randread:8`: a new random offset every 8 I/Os
  std::int64_t gap_bytes = 0;       ///< `rw=read:4k`: skipped after each sequential I/O
};

/// A size in bytes, or a percentage (then `percent` > 0) of the file or device.
struct FioSize {
  std::int64_t bytes = 0;
  int percent = 0;
};

/// `low` to `high`, both included; equal for a single value.
struct FioRange {
  std::int64_t low = 0;
  std::int64_t high = 0;
};

/// Block sizes by direction. Units: bytes.
struct FioBlockSizes {
  std::int64_t read_bytes = 4096;
  std::int64_t write_bytes = 4096;
  std::int64_t trim_bytes = 4096;
};

/// One `[job]` section with the `[global]` options above it applied. Defaults are fio's on Linux.
struct FioJob {
  std::string name;
  Place place;  ///< of the section's header
  FioPattern pattern;
  std::string ioengine = "psync";
  FioBlockSizes block_sizes;
  std::optional<FioSize> size;
  std::optional<FioSize> io_size;
  FioSize offset;
  std::optional<FioRange> filesize_bytes;
  std::int64_t iodepth = 1;
  std::vector<std::string> filenames;    ///< `filename=a:b`, escapes resolved
  std::vector<std::string> directories;  ///< `directory=a:b`
  std::int64_t numjobs = 1;
  std::optional<std::int64_t> number_ios;
  std::optional<std::int64_t> runtime_ps;
  FioRange startdelay_ps;
  bool stonewall = false;
  bool direct = false;
  bool time_based = false;
  bool thread = false;
  bool group_reporting = false;
  bool norandommap = false;
  std::int64_t read_percent = 50;  ///< `rwmixread`: of I/Os that do both
  std::int64_t fsync = 0;          ///< writes between two; 0: none
  std::int64_t fdatasync = 0;
  bool end_fsync = false;
  bool overwrite = false;
  int kb_base = 1024;
};

/// A `key=value` of a `; sim: key=value ...` comment: what the file says to Iodrome alone.
struct FioOverride {
  std::string key;
  std::string value;
  Place place;
};

struct FioJobFile {
  std::vector<FioJob> jobs;  ///< in file order, at least one
  std::vector<FioOverride> overrides;
};

/// What a job file may ask of its surroundings; a run passes the machine's values.
struct FioEnvironment {
  /// The value of `${NAME}`; nothing when unset (then it reads as empty).
  std::function<std::optional<std::string>(std::string_view name)> variable;
  std::int64_t page_bytes = 4096;  ///< `$pagesize`
  std::int64_t memory_mib = 1024;  ///< `$mb_memory`
  std::int64_t cpus = 1;           ///< `$ncpus`
};

/// Reads a fio job file: sections, repeated `[global]`, comments, `include`, `${VAR}`, keywords,
/// arithmetic, size and time suffixes. Options that shape the workload but are not modelled are
/// errors, those that do not are warnings, unknown ones are errors with the nearest name; all are
/// reported in one pass.
/// Differs: values fio reads in part or ignores in silence (`size=4q`, `size=-1`, `bs=4k-8k`,
/// `[job] x`, `numjobs=0`, `time_based` without runtime, a file without a job) are errors.
/// Errors: any; then nothing is returned.
/// Source: fio 3.33, HOWTO, and what its `--parse-only` accepts.
[[nodiscard]] std::optional<FioJobFile> read_fio_job_file(TextSource& source,
                                                          const FioEnvironment& environment,
                                                          Diagnostics& diagnostics);

/// `read_fio_job_file` of a file.
[[nodiscard]] std::optional<FioJobFile> load_fio_job_file(const std::string& path,
                                                          const FioEnvironment& environment,
                                                          Diagnostics& diagnostics);

/// The values of `ioengine=` that stand for a modelled design.
inline constexpr std::array<std::string_view, 11> fio_engines = {
    "sync",     "psync",        "vsync",    "pvsync", "pvsync2", "libaio",
    "io_uring", "io_uring_cmd", "posixaio", "mmap",   "null"};

}  // namespace iodrome::workloads
