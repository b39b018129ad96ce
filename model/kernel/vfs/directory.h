// SPDX-License-Identifier: Apache-2.0
// The names in a directory, and where in its blocks each of them stands.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "model/kernel/sync/rwsem.h"
#include "model/kernel/vfs/dentry_cache.h"

namespace iodrome::kernel {

/// Longest name of one component, and longest path with its zero. Source: Linux NAME_MAX, PATH_MAX.
inline constexpr std::size_t kNameMax = 255;
inline constexpr std::size_t kPathMax = 4096;

/// Names as ext2 keeps them: a record of 8 bytes and the name, rounded to 4, in the first gap that
/// is large enough and in no two blocks. A block that has become empty stays.
///
/// Order: by their place in the directory.
/// Source: Linux fs/ext2/dir.c. Differs: blocks hold no bytes that say so; no hashed index, so a
/// name is searched block by block.
struct Directory {
  struct Entry {
    std::string name;
    Inode* inode = nullptr;
  };
  using Entries = std::map<std::uint64_t, Entry>;

  /// Where '..' stands, and the first name behind it; in bytes.
  static constexpr std::uint64_t kDotDot = 12;
  static constexpr std::uint64_t kFirst = 24;

  /// The bytes of a name's record.
  static std::uint64_t record_bytes(std::string_view name) { return (name.size() + 8 + 3) / 4 * 4; }

  /// nullptr if there is none of that name.
  const Entry* find(std::string_view name) const;
  /// Where the name stands, which is there.
  std::uint64_t place_of(std::string_view name) const;
  /// Where a new name will stand; behind the last block, if none has room.
  std::uint64_t room_for(std::string_view name) const;
  /// Puts a new name where room_for() says.
  void insert(std::string_view name, Inode& inode);
  /// Lets the name, which is there, mean another inode.
  void point(std::string_view name, Inode& inode);
  void erase(std::string_view name);
  /// Up to the end of its last block.
  std::uint64_t size_bytes() const;

  const Entries& entries() const { return entries_; }
  bool empty() const { return entries_.empty(); }

  Dentries known;  // the dentry cache's

  /// Whoever changes names holds it for writing, whoever lists them for reading.
  Rwsem i_rwsem{"i_mutex_dir_key"};

 private:
  Entries entries_;                                             // by place
  std::unordered_map<std::string_view, std::uint64_t> places_;  // looked up, never iterated
  std::map<std::uint64_t, std::uint64_t> gaps_;                 // before end_: place, bytes
  std::uint64_t end_ = kFirst;                                  // behind the last record
};

}  // namespace iodrome::kernel
