// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/timeline_file.h"
#include "model/drivers/disk/disk_driver.h"
#include "model/drivers/nvme/nvme_driver.h"
#include "model/drivers/virtio_blk/virtio_blk_driver.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "model/timeline/ftrace.h"
#include "model/timeline/perfetto.h"

namespace iodrome::testbed {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPerfetto = ".pftrace";
constexpr const char* kFtrace = ".ftrace";
constexpr const char* kVcd = ".vcd";

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw InputError(fmt::format("the timeline '{}' {}", path, why));
}

std::string system_message(int error) {
  return std::error_code(error, std::generic_category()).message();
}

// An empty file that nobody else has: what another process writes beside the same target, or left
// there when it was killed, is passed over.
fs::path new_file_beside(const fs::path& target, const std::string& suffix) {
  constexpr int most = 1000;
  for (int number = 1; number <= most; ++number) {
    const fs::path path =
        target.parent_path() / fmt::format(".{}.part{}{}", target.stem().string(), number, suffix);
    const int handle = ::open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    if (handle >= 0) {
      ::close(handle);
      return path;
    }
    if (errno != EEXIST) refuse(target, "cannot be written: " + system_message(errno));
  }
  refuse(target, "cannot be written: too many unfinished files stand beside it");
}

}  // namespace

void refuse_timeline(const TimelineRequest& request, bool hosted) {
  const std::string suffix = fs::path(request.path).extension();
  if (suffix == kVcd && !hosted)
    refuse(request.path, "is recorded by SystemC: a .vcd needs the driver 'hosted'");
  if (suffix == kPerfetto || suffix == kFtrace || suffix == kVcd) return;
  refuse(request.path,
         fmt::format("has no known ending: there are {} (Perfetto), {} (text) and {} (signals)",
                     kPerfetto, kFtrace, kVcd));
}

std::vector<timeline::WaveDevice> wave_devices(const MachineSpec& machine) {
  struct Kind {
    std::uint64_t number;
    const char* name;
    std::int64_t vectors;
  };
  Kind kind{drivers::DiskDriver::kDeviceId, "ahci", 1};
  if (machine.storage_kind == "nvme")
    kind = {drivers::NvmeDriver::kDeviceId, "nvme", machine.cpus};
  else if (machine.storage_kind == "virtio_blk")
    kind = {drivers::VirtioBlkDriver::kDeviceId, "virtio", 1};
  std::vector<timeline::WaveDevice> devices;
  std::uint64_t vectors = 0;  // in the order in which drivers ask for them
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(machine.storage_count); ++i) {
    timeline::WaveDevice storage{.storage = true};
    storage.number = kernel::device_number(kind.number, i);
    storage.name = fmt::format("{}{}", kind.name, i);
    for (std::int64_t vector = 0; vector < kind.vectors; ++vector)
      storage.vectors.push_back(kernel::IrqController::vector_of(vectors++));
    devices.push_back(std::move(storage));
  }
  devices.push_back(
      {drivers::NicDriver::kDeviceId, "eth0", {kernel::IrqController::vector_of(vectors)}, false});
  return devices;
}

TimelineFile::TimelineFile(const TimelineRequest& request, const PreparedRace& race)
    : path_(request.path),
      suffix_(fs::path(request.path).extension()),
      facts_{.scenario = race.scenario,
             .version = request.version,
             .seed = race.seed,
             .cpus = static_cast<std::uint32_t>(race.machine.cpus)},
      machine_(race.machine),
      one_design_(race.designs.size() == 1) {}

TimelineFile::~TimelineFile() {
  std::error_code ignored;
  for (const Part& part : parts_) fs::remove(part.temporary, ignored);
}

TimelineFile::Part& TimelineFile::part_for(const std::string& design) {
  if (suffix_ == kPerfetto && !parts_.empty()) return parts_.back();
  fs::path target = path_;
  if (suffix_ != kPerfetto && !one_design_) target.replace_extension("." + design + suffix_);
  std::error_code ignored;
  if (fs::is_directory(target, ignored)) refuse(target, "cannot be written: it is a directory");
  parts_.push_back({new_file_beside(target, suffix_), target});
  return parts_.back();
}

void TimelineFile::append(const Part& part, const std::string& bytes) {
  std::ofstream file(part.temporary, std::ios::binary | std::ios::app);
  errno = 0;
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) refuse(part.target, "cannot be written: " + system_message(errno));
}

void TimelineFile::begin(const std::string& design, RunOptions& options) {
  facts_.design = design;
  const Part& part = part_for(design);
  if (suffix_ == kVcd) {
    options.waves = part.temporary;
    options.observe_waves = [this](events::Probe& probe, WaveFile& file) {
      waves_ = std::make_unique<timeline::HardwareWaves>(file, facts_.cpus, wave_devices(machine_));
      waves_->attach(probe);
    };
    return;
  }
  recorder_ = std::make_unique<timeline::Recorder>();
  options.observe = [this](events::Probe& probe) { recorder_->attach(probe); };
}

void TimelineFile::end() {
  if (waves_) {
    waves_.reset();
    // SystemC looks at no error. After a write that failed this one fails too; white space is
    // nothing to a reader.
    append(parts_.back(), "\n");
    return;
  }
  const timeline::Recording recording = recorder_->take();
  recorder_.reset();
  std::string bytes;
  if (suffix_ == kPerfetto)
    append_perfetto(recording, facts_, place_++, bytes);
  else
    append_ftrace(recording, facts_, bytes);
  append(parts_.back(), bytes);
}

void TimelineFile::commit() {
  std::string written;
  for (const Part& part : parts_) {
    std::error_code error;
    fs::rename(part.temporary, part.target, error);
    if (error) refuse(part.target, "cannot be written: " + error.message() + written);
    written += (written.empty() ? "; whole are: " : ", ") + part.target;
  }
  parts_.clear();
}

}  // namespace iodrome::testbed
