// SPDX-License-Identifier: Apache-2.0
// A file system laid out on one block device: inodes, their extents, and the bytes behind them.
//
// Layout: each file is one extent, preceded by the 4 KiB block that holds its inode, as a block
// group keeps them near. Differs from Linux: no journal, no allocation; writes change bytes in
// place and never extend a file.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "hw/ports.h"
#include "model/engine/result.h"
#include "model/kernel/vfs/inode.h"

namespace iodrome::kernel {

class FileSystem final : public hw::Medium, public hw::Reproducible {
 public:
  explicit FileSystem(std::uint64_t device_bytes, bool payload_checked)
      : device_bytes_(device_bytes), payload_checked_(payload_checked) {}

  /// Lays out a file. Errors: EEXIST, ENOSPC.
  Result<Inode*> add_file(std::string path, std::uint64_t size_bytes, Inode::Metadata metadata);
  /// Errors: ENOENT.
  Result<Inode*> lookup(const std::string& path) const;
  std::size_t file_count() const { return inodes_.size(); }

  // hw::Medium
  bool payload_checked() const override { return payload_checked_; }
  void read(std::uint64_t byte_offset, std::span<std::byte> to) override;
  void write(std::uint64_t byte_offset, std::span<const std::byte> from) override;
  std::uint64_t size_bytes() const override { return device_bytes_; }
  const hw::Reproducible* reproducible(std::uint64_t byte_offset, std::size_t size) const override;

  // hw::Reproducible
  void make_again(std::uint64_t byte_offset, std::span<std::byte> to) const override;

 private:
  void read_block(std::uint64_t byte_offset, std::span<std::byte> to) const;
  void original_block(std::uint64_t byte_offset, std::span<std::byte> to) const;

  std::uint64_t device_bytes_;
  std::uint64_t next_byte_ = 0;
  bool payload_checked_;
  std::vector<std::unique_ptr<Inode>> inodes_;  // by number - 1; starts on the device ascend
  std::unordered_map<std::string_view, Inode*>
      by_path_;  // an inode's own path; looked up, never iterated
  std::map<std::uint64_t, std::vector<std::byte>> written_;  // by 4 KiB block
};

}  // namespace iodrome::kernel
