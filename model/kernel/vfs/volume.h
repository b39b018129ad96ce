// SPDX-License-Identifier: Apache-2.0
// The files of one block device: which blocks are whose, and the bytes behind them.
//
// Layout: each file is laid out as one extent, preceded by the 4 KiB block that holds its inode, as
// a block group keeps them near. Blocks for what is written beyond come from the lowest free place,
// or right behind the file's last block where that is free.
//
// Differs from Linux: no journal, no bitmaps or extent blocks to read and write, no blocks kept for
// root; a block is allocated when its page is first written, as ext2 does, not at writeback.
#pragma once
#include <map>
#include <vector>

#include "hw/ports.h"
#include "model/engine/result.h"
#include "model/kernel/vfs/inode.h"

namespace iodrome::kernel {

class BlockDevice;

class Volume final : public hw::Medium, public hw::Reproducible {
 public:
  /// `index`: its place among the machine's volumes.
  Volume(std::uint64_t device_bytes, bool payload_checked, std::size_t index)
      : device_bytes_(device_bytes), payload_checked_(payload_checked), index_(index) {}
  Volume(const Volume&) = delete;
  Volume& operator=(const Volume&) = delete;

  /// The device whose blocks these are, before the first bio.
  void mount(BlockDevice& device) { device_ = &device; }
  BlockDevice& device() const { return *device_; }
  std::size_t index() const { return index_; }

  /// Lays out a file, whose number and size are known. Errors: ENOSPC.
  Errno add(Inode& inode);
  /// Gives a new inode its block on the device; it has no others. Errors: ENOSPC.
  Errno add_empty(Inode& inode);
  /// Gives all its blocks back, and the one that holds it.
  void remove(Inode& inode);
  /// Gives a block of the file its place on the device, if it has none. Returns whether it was
  /// allocated now. Errors: ENOSPC.
  Result<bool> allocate(Inode& inode, std::uint64_t block);
  /// Gives back the file's blocks from `first` on.
  void release_blocks(Inode& inode, std::uint64_t first);
  std::uint64_t blocks_free() const;
  bool full() const { return free_.empty() && next_byte_ + hw::kPageBytes > device_bytes_; }

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
  void give_back(std::uint64_t sector, std::uint64_t count);

  const std::uint64_t device_bytes_;
  const bool payload_checked_;
  const std::size_t index_;
  BlockDevice* device_ = nullptr;
  std::uint64_t next_byte_ = 0;
  std::map<std::uint64_t, std::uint64_t> free_;  // given back: first block, how many
  std::vector<LaidOut> laid_out_;                // starts ascend; what stood there at first
  std::map<std::uint64_t, std::vector<std::byte>> written_;  // by 4 KiB block
};

}  // namespace iodrome::kernel
