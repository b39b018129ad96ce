// SPDX-License-Identifier: Apache-2.0
// The machine's files: one tree of names over the volumes of its block devices.
//
// Differs from Linux: a path is one look-up in a table; volumes have no mount points, and an
// inode's number is its own on all of them.
#pragma once
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/kernel/vfs/volume.h"

namespace iodrome::kernel {

class FileSystem final {
 public:
  /// As many volumes as there are block devices, each of that size.
  FileSystem(std::uint64_t device_bytes, bool payload_checked, std::size_t volumes = 1) {
    for (std::size_t i = 0; i < volumes; ++i)
      volumes_.emplace_back(device_bytes, payload_checked, i);
  }

  /// Lays out a file, on the volume given or on each in turn. Errors: EEXIST, ENOSPC.
  Result<Inode*> add_file(std::string path, std::uint64_t size_bytes, Inode::Metadata metadata,
                          std::optional<std::size_t> volume = {});
  /// Errors: ENOENT.
  Result<Inode*> lookup(const std::string& path) const;
  std::size_t file_count() const { return inodes_.size(); }

  std::size_t volume_count() const { return volumes_.size(); }
  Volume& volume(std::size_t index = 0) { return volumes_[index]; }

  /// Largest file. Source: ext4 with 4 KiB blocks, 2^32 of them.
  std::uint64_t max_file_bytes = std::uint64_t{1} << 44;

 private:
  std::deque<Volume> volumes_;
  std::vector<std::unique_ptr<Inode>> inodes_;  // by number - 1
  std::unordered_map<std::string_view, Inode*>
      by_path_;  // an inode's own path; looked up, never iterated
};

}  // namespace iodrome::kernel
