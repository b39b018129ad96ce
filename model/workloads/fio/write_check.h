// SPDX-License-Identifier: Apache-2.0
// What files must hold after writes: which write of each place may be the last.
#pragma once
#include <boost/container/small_vector.hpp>
#include <map>
#include <string>
#include <vector>

#include "model/chain/chain_run.h"
#include "model/kernel/vfs/volume.h"

namespace iodrome::workloads {

/// Every write carries bytes of its own, a function of its number and place. Of writes to one place
/// that overlapped in time any may have come last; one that ended before another began may not.
///
/// Differs: of a file whose writeback or a write of which has failed nothing is known, nor checked.
class WriteCheck {
 public:
  explicit WriteCheck(hw::Memory& memory) : memory_(memory) {}

  /// Before anything runs: this descriptor's writes are blocks of that size from that offset on.
  void watch(int fd, const kernel::Inode& inode, std::uint64_t offset, std::uint64_t block_bytes);
  /// Puts a write's bytes into its buffer.
  void begin(const chain::ChainRun& run);
  void end(const chain::ChainRun& run);
  /// Compares device and page cache with what was written. Empty, or the first place that is wrong.
  std::string wrong_content() const;

 private:
  struct Candidate {
    std::uint64_t id = 0;
    std::uint64_t begun = 0;  // in the order of all beginnings and ends
    std::uint64_t ended = 0;  // 0: in flight
  };
  using Candidates = boost::container::small_vector<Candidate, 1>;
  struct File {
    const kernel::Inode* inode = nullptr;
    std::uint64_t unit = 0;  // every write is whole units
    bool failed = false;
    std::vector<Candidates> units;
  };
  File& file_of(const chain::ChainRun& run) {
    return written_.at(inodes_.at(run.chain.steps[0].fd));
  }
  std::string wrong_in(const File& file) const;
  static bool may_hold(const File& file, std::uint64_t offset, std::span<const std::byte> bytes);

  hw::Memory& memory_;
  std::map<int, std::uint64_t> inodes_;    // by descriptor
  std::map<std::uint64_t, File> written_;  // by inode
  std::uint64_t clock_ = 0;
};

}  // namespace iodrome::workloads
