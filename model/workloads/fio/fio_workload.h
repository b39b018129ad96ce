// SPDX-License-Identifier: Apache-2.0
// A fio job file as a workload: clones of jobs that keep a number of reads in flight.
#pragma once
#include "model/workloads/fio_job/fio_job.h"
#include "model/workloads/workload.h"

namespace iodrome::workloads {

/// One clone of a job, every value resolved.
struct FioClone {
  std::string name;
  std::uint32_t job = 0;    // position in the file, which keys its draws
  std::uint32_t clone = 0;  // 0 … numjobs-1
  std::uint32_t group = 0;  // jobs of a group run together; stonewall starts a new one
  bool random = false;
  bool reads = true;
  bool writes = false;
  std::uint64_t read_percent = 50;  // of a job that does both
  std::uint64_t fsync = 0;          // writes between two; 0: none
  std::uint64_t fdatasync = 0;
  bool end_fsync = false;
  bool repeat_offsets = false;  // norandommap
  bool direct = false;
  std::uint64_t block_bytes = 0;
  std::uint64_t iodepth = 1;
  std::vector<std::string> files;
  std::uint64_t offset_bytes = 0;  // where its region starts in each file
  std::uint64_t region_bytes = 0;
  std::uint64_t ios = 0;  // to issue in all; 0 means until the time is over
  Duration start_delay{};
  Duration runtime{};  // 0: unlimited
  bool time_based = false;

  /// fio's name of what it does.
  const char* pattern() const {
    if (reads && writes) return random ? "randrw" : "rw";
    if (writes) return random ? "randwrite" : "write";
    return random ? "randread" : "read";
  }
};

class FioWorkload final : public Workload {
 public:
  static constexpr std::uint64_t kCheckedBytes = std::uint64_t{256} << 20;

  /// Resolves sizes, clones and files. Errors: what is not modelled (trims, several block sizes)
  /// and what cannot be (a job without a size), each at its place; then nothing is returned.
  static std::unique_ptr<FioWorkload> make(const FioJobFile& file, Diagnostics& diagnostics);

  std::int64_t slots() const override;
  std::uint64_t file_bytes() const override;
  std::uint32_t file_count() const override { return static_cast<std::uint32_t>(files_.size()); }
  /// Written bytes are checked, up to kCheckedBytes of files: they are kept in memory.
  bool payload_checked() const override;
  Errno lay_out(kernel::FileSystem& files) const override;
  std::unique_ptr<WorkloadRun> start(Stage& stage) const override;
  nlohmann::ordered_json summary() const override;
  std::vector<std::string> notes(const designs::Descriptor& design) const override;
  std::vector<designs::Difference> not_modelled() const override;

  const std::vector<FioClone>& clones() const { return clones_; }

 private:
  std::vector<FioClone> clones_;
  struct File {
    std::uint64_t bytes = 0;
    std::size_t turn = 0;  // its place among the files in the order in which jobs name them
  };
  std::map<std::string, File> files_;  // by path
  bool names_engine_ = false;          // another than fio's default
};

}  // namespace iodrome::workloads
