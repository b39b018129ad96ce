// SPDX-License-Identifier: Apache-2.0
// A file system laid out on one block device: inodes, their extents, and the bytes behind them.
//
// Layout: each file is laid out as one extent, preceded by the 4 KiB block that holds its inode, as
// a block group keeps them near. Blocks for what is written beyond come from the lowest free place,
// or right behind the file's last block where that is free.
//
// Differs from Linux: no journal, no bitmaps or extent blocks to read and write, no blocks kept for
// root; a block is allocated when its page is first written, as ext2 does, not at writeback.
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

  /// Gives a block of the file its place on the device, if it has none. Returns whether it was
  /// allocated now. Errors: ENOSPC.
  Result<bool> allocate(Inode& inode, std::uint64_t block);
  /// Gives back the file's blocks from `first` on.
  void release_blocks(Inode& inode, std::uint64_t first);
  std::uint64_t blocks_free() const;
  bool full() const { return free_.empty() && next_byte_ + hw::kPageBytes > device_bytes_; }
  /// Largest file. Source: ext4 with 4 KiB blocks, 2^32 of them.
  std::uint64_t max_file_bytes = std::uint64_t{1} << 44;

  /// What the device holds of a file; holes read as zeros. For who checks, at no cost.
  void read_file(const Inode& inode, std::uint64_t offset, std::span<std::byte> to) const;

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

  struct LaidOut {
    std::uint64_t start = 0;  // of the inode's block; bytes on the device
    std::uint64_t size_bytes = 0;
    std::uint64_t inode = 0;
  };
  Result<std::uint64_t> take_block(std::uint64_t goal);

  std::uint64_t device_bytes_;
  std::uint64_t next_byte_ = 0;
  std::map<std::uint64_t, std::uint64_t> free_;  // given back: first block, how many
  std::vector<LaidOut> laid_out_;                // starts ascend; what stood there at first
  bool payload_checked_;
  std::vector<std::unique_ptr<Inode>> inodes_;  // by number - 1
  std::unordered_map<std::string_view, Inode*>
      by_path_;  // an inode's own path; looked up, never iterated
  std::map<std::uint64_t, std::vector<std::byte>> written_;  // by 4 KiB block
};

}  // namespace iodrome::kernel
