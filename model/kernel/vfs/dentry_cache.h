// SPDX-License-Identifier: Apache-2.0
// Which names are known without looking into their directory: those that are there, and those that
// were looked for in vain.
//
// Invariants
//  1. What is known of a name is what its directory says now; it never has to be thrown away.
//  2. A directory is known as long as a name in it is, and an open file as long as it is open.
#pragma once
#include <map>
#include <string>
#include <string_view>

#include "model/kernel/vfs/inode.h"

namespace iodrome::kernel {

/// A name of a directory that is known.
struct Dentry
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
  Inode* directory = nullptr;
  std::string_view name;
};
/// Those of one directory.
using Dentries = std::map<std::string, Dentry, std::less<>>;

/// Order: the least recently used one goes first. Its inode goes with it, unless pages of it are
/// cached or something of it is to be written, and must be read from the device again.
/// Differs from Linux: bounded by number, not by the need for memory; a name counts as used by
/// every look-up; going costs nothing. Source: Linux fs/dcache.c.
class DentryCache {
 public:
  /// Most names known; 0: all are, and so are their inodes, unless they were laid out cold.
  std::uint64_t limit = 0;

  bool enabled() const { return limit != 0; }
  /// Whether the name is known; then it is the most recently used.
  bool touch(Inode& directory, std::string_view name);
  /// Makes it known.
  void add(Inode& directory, std::string_view name);
  /// What it was known for is gone, or has moved.
  void forget(Inode& directory, std::string_view name);
  void forget_all(Inode& directory);
  std::uint64_t size() const { return size_; }

 private:
  void evict();
  void remove(Dentry& dentry);

  boost::intrusive::list<Dentry, boost::intrusive::constant_time_size<false>> lru_;
  std::uint64_t size_ = 0;
};

}  // namespace iodrome::kernel
