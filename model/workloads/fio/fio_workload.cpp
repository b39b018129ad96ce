// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio/fio_workload.h"

#include <fmt/format.h>

#include <algorithm>

#include "model/workloads/fio/fio_run.h"

namespace iodrome::workloads {

namespace {

std::int64_t block_bytes(const FioJob& job) {
  return job.pattern.reads ? job.block_sizes.read_bytes : job.block_sizes.write_bytes;
}

// The options whose meaning needs more than the models have. Each complaint stands at the job's
// header.
bool modelled(const FioJob& job, Diagnostics& diagnostics) {
  const std::size_t before = diagnostics.error_count();
  const auto refuse = [&](const std::string& message, const std::string& hint) {
    diagnostics.error(job.place, fmt::format("job '{}': {}", job.name, message), hint);
  };
  if (job.pattern.trims) refuse("trims are not modelled", "use rw=write or rw=randwrite");
  if (job.pattern.ios_per_offset != 1 || job.pattern.gap_bytes != 0)
    refuse("rw with a count or a gap is not modelled", "use plain rw=read or rw=randread");
  if (job.pattern.reads && job.pattern.writes &&
      job.block_sizes.read_bytes != job.block_sizes.write_bytes)
    refuse("reads and writes of different sizes are not modelled", "give one bs=");
  if (!job.size && !job.filesize_bytes) refuse("no size", "add size= or filesize=, e.g. size=1g");
  if ((job.size && job.size->percent != 0) || job.offset.percent != 0 ||
      (job.io_size && job.io_size->percent != 0))
    refuse("sizes in percent are not modelled", "give size=, io_size= and offset= in bytes");
  if (job.filesize_bytes && job.filesize_bytes->low != job.filesize_bytes->high)
    refuse("a range of file sizes is not modelled", "give one filesize=");
  if (job.startdelay_ps.low != job.startdelay_ps.high)
    refuse("a range of start delays is not modelled", "give one startdelay=");
  if (job.directories.size() > 1)
    refuse("several directories are not modelled", "give one directory=");
  if (job.direct && block_bytes(job) % 512 != 0)
    refuse("direct=1 needs a block size that is a multiple of 512", "e.g. bs=4k");
  return diagnostics.error_count() == before;
}

std::uint64_t as_size(std::int64_t value) {
  return static_cast<std::uint64_t>(value);
}

FioClone clone_of(const FioJob& job, std::uint32_t number, std::uint32_t clone,
                  std::uint32_t group) {
  FioClone result;
  result.name = job.name;
  result.job = number;
  result.clone = clone;
  result.group = group;
  result.random = job.pattern.random;
  result.repeat_offsets = job.norandommap;
  result.direct = job.direct;
  result.reads = job.pattern.reads;
  result.writes = job.pattern.writes;
  result.read_percent = as_size(job.read_percent);
  result.fsync = as_size(job.fsync);
  result.fdatasync = as_size(job.fdatasync);
  result.end_fsync = job.end_fsync && job.pattern.writes;
  result.block_bytes = as_size(block_bytes(job));
  result.iodepth = as_size(job.iodepth);
  result.offset_bytes = as_size(job.offset.bytes);
  result.start_delay = ps(job.startdelay_ps.low);
  result.runtime = ps(job.runtime_ps.value_or(0));
  result.time_based = job.time_based;
  if (job.filenames.empty())
    result.files = {fmt::format("{}.{}.0", job.name, clone)};
  else
    result.files = job.filenames;
  if (!job.directories.empty())
    for (std::string& file : result.files) file = job.directories.front() + "/" + file;
  return result;
}

}  // namespace

std::unique_ptr<FioWorkload> FioWorkload::make(const FioJobFile& file, Diagnostics& diagnostics) {
  auto workload = std::make_unique<FioWorkload>();
  std::uint32_t group = 0;
  for (std::uint32_t number = 0; number < file.jobs.size(); ++number) {
    const FioJob& job = file.jobs[number];
    if (!modelled(job, diagnostics)) continue;
    if (job.stonewall && number > 0) ++group;
    workload->names_engine_ = workload->names_engine_ || job.ioengine != FioJob{}.ioengine;
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(job.numjobs); ++i) {
      FioClone clone = clone_of(job, number, i, group);
      const std::uint64_t count = clone.files.size();
      // fio: size is the job's total, shared by its files; filesize is each file's own.
      const std::uint64_t per_file =
          job.filesize_bytes ? as_size(job.filesize_bytes->low) : as_size(job.size->bytes) / count;
      const std::uint64_t total = job.size ? as_size(job.size->bytes) : per_file * count;
      clone.region_bytes = std::min(per_file, total / count);
      const std::uint64_t blocks = clone.region_bytes / clone.block_bytes * count;
      if (blocks == 0) {
        diagnostics.error(job.place,
                          fmt::format("job '{}': its size holds not one block", job.name),
                          "make size= at least bs=");
        break;
      }
      const std::uint64_t volume = job.io_size ? as_size(job.io_size->bytes) : total;
      clone.ios = clone.time_based ? 0 : volume / clone.block_bytes;
      if (job.number_ios && (clone.ios == 0 || as_size(*job.number_ios) < clone.ios))
        clone.ios = as_size(*job.number_ios);
      for (const std::string& path : clone.files) {
        const std::size_t turn = workload->files_.size();
        std::uint64_t& size = workload->files_.try_emplace(path, 0, turn).first->second.bytes;
        size = std::max({size, clone.offset_bytes + clone.region_bytes,
                         job.filesize_bytes ? as_size(job.filesize_bytes->low) : std::uint64_t{0}});
      }
      workload->clones_.push_back(std::move(clone));
    }
  }
  if (!diagnostics.ok()) return nullptr;
  return workload;
}

std::int64_t FioWorkload::slots() const {
  std::uint64_t most = 0;
  for (const FioClone& clone : clones_) most = std::max(most, clone.iodepth);
  return static_cast<std::int64_t>(most);
}

std::uint64_t FioWorkload::file_bytes() const {
  std::uint64_t total = 0;
  for (const auto& [path, file] : files_) total += file.bytes;
  return total;
}

bool FioWorkload::payload_checked() const {
  const bool writes = std::ranges::any_of(clones_, [](const FioClone& c) { return c.writes; });
  return writes && file_bytes() <= kCheckedBytes;
}

Errno FioWorkload::lay_out(kernel::FileSystem& files) const {
  for (const auto& [path, file] : files_) {
    const auto added = files.add_file(path, file.bytes, kernel::Inode::Metadata::cached,
                                      file.turn % files.volume_count());
    if (!added) return added.error();
  }
  return Errno::ok;
}

std::unique_ptr<WorkloadRun> FioWorkload::start(Stage& stage) const {
  return std::make_unique<FioRun>(*this, stage);
}

nlohmann::ordered_json FioWorkload::summary() const {
  nlohmann::ordered_json json;
  json["kind"] = "fio";
  json["files"] = files_.size();
  json["file_bytes"] = file_bytes();
  for (const FioClone& clone : clones_)
    json["jobs"].push_back({{"name", clone.name},
                            {"rw", clone.pattern()},
                            {"bs", clone.block_bytes},
                            {"iodepth", clone.iodepth},
                            {"direct", clone.direct}});
  return json;
}

std::vector<std::string> FioWorkload::notes(const designs::Descriptor& design) const {
  std::vector<std::string> notes;
  if (names_engine_) notes.push_back("ioengine= does not choose the design; --design does");
  if (design.threads != designs::Threads::per_connection) return notes;
  for (const FioClone& clone : clones_)
    if (clone.iodepth > 1) {
      notes.push_back(
          "blocking calls keep one request in flight per job, whatever iodepth says, as in fio");
      break;
    }
  return notes;
}

std::vector<designs::Difference> FioWorkload::not_modelled() const {
  std::vector<designs::Difference> all{
      {"opening and laying out the files: they are open and complete before the clock starts",
       "workloads/fio"},
      {"fio's own bookkeeping beyond a fixed cost per I/O", "workloads/fio"}};
  const bool writes = std::ranges::any_of(clones_, [](const FioClone& c) { return c.writes; });
  if (writes && !payload_checked())
    all.push_back(
        {"bytes of files over 256 MiB: writes move none, so none are checked", "workloads/fio"});
  return all;
}

}  // namespace iodrome::workloads
