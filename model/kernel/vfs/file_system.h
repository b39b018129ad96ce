// SPDX-License-Identifier: Apache-2.0
// The machine's files: one tree of names over the volumes of its block devices.
//
// Differs from Linux: volumes have no mount points, so a directory laid out may hold files of other
// volumes than its own; an inode's number is its own on all of them and is not given out again; no
// links, hard or symbolic.
#pragma once
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "model/kernel/sync/mutex.h"
#include "model/kernel/vfs/directory.h"
#include "model/kernel/vfs/volume.h"

namespace iodrome::kernel {

class PageCache;

/// All of a path but its last component.
struct ParentOf {
  Inode* directory = nullptr;
  std::string_view name;      // the last component; none for the root
  bool slash_behind = false;  // which asks for a directory
  bool plain() const { return !name.empty() && name != "." && name != ".."; }
};

/// Takes the first component off a path, and the slashes around it; empty if there is none.
std::string_view take_component(std::string_view& path);

class FileSystem final {
 public:
  /// As many volumes as there are block devices, each of that size.
  FileSystem(std::uint64_t device_bytes, bool payload_checked, std::size_t volumes = 1);
  ~FileSystem();
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  /// Lays out a file, on the volume given or on each in turn, and the directories above it, which
  /// have no blocks until place() gives them some. A path that no tree of names can have (a file
  /// above another one, a slash at its end) is a name by itself: it can be opened, and that is all.
  /// Errors: EEXIST, ENOSPC.
  Result<Inode*> add_file(std::string path, std::uint64_t size_bytes, Inode::Metadata metadata,
                          std::optional<std::size_t> volume = {});
  /// Lays out an empty directory, on the volume given or on that of the one above it, which is
  /// there. Errors: ENOENT, ENOTDIR, ENAMETOOLONG; EEXIST.
  Result<Inode*> add_directory(const std::string& path, std::optional<std::size_t> volume = {});
  /// The file of that path. Errors: find()'s, EISDIR.
  Result<Inode*> lookup(const std::string& path) const;
  /// The file or directory of that path. Errors: ENOENT, ENOTDIR, ENAMETOOLONG.
  Result<Inode*> find(std::string_view path) const;
  /// The directory that the last component stands in. Errors: as find().
  Result<ParentOf> find_parent(std::string_view path) const;
  /// What a name means in a directory. Errors: as find().
  Result<Inode*> step(Inode& at, std::string_view name) const;
  Inode& root() { return *root_; }
  /// Files, not directories, that have not been given back.
  std::size_t file_count() const { return file_count_; }

  /// Gives a directory that was laid out its blocks and its number, if it has none yet.
  /// Errors: ENOSPC.
  Errno place(Inode& directory);
  /// A new file or directory for `in`, without a name: it is given back with its last reference
  /// until link() gives it one. Errors: ENOSPC.
  Result<InodePtr> create(Inode& in, std::string_view name, bool directory, PageCache& cache);
  /// Gives it the name, which is free, where Directory::room_for() says.
  void link(Inode& in, std::string_view name, Inode& inode);
  /// Lets a name that is there mean another one, which has a name already; what it meant before has
  /// none then.
  void replace(Inode& in, std::string_view name, Inode& inode, PageCache& cache);
  /// Takes its name away, unless it means something else already. What is open lives on.
  void unlink(Inode& inode, std::string_view name, PageCache& cache);

  std::size_t volume_count() const { return volumes_.size(); }
  Volume& volume(std::size_t index = 0) { return volumes_[index]; }

  DentryCache dentries;

  /// Whoever renames from one directory to another holds it (s_vfs_rename_mutex): then nobody else
  /// moves a directory, and what lies above what stays so.
  Mutex rename_mutex{"s_vfs_rename_mutex"};

  std::uint32_t last_cookie = 0;  // fsnotify_get_cookie(): of the last renaming

  /// Largest file. Source: ext4 with 4 KiB blocks, 2^32 of them.
  std::uint64_t max_file_bytes = std::uint64_t{1} << 44;
  /// RLIMIT_FSIZE, in bytes, of whoever writes; and how often it was met, each time with a SIGXFSZ
  /// that a thread of a Process gets for its calls.
  static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
  std::uint64_t fsize_limit = kNoLimit;
  std::uint64_t sigxfsz = 0;
  /// generic_write_check_limits(): what may be written of `bytes`, more than none, at `offset`.
  /// Errors: EFBIG.
  Result<std::uint64_t> may_write(std::uint64_t offset, std::uint64_t bytes);
  /// inode_newsize_ok(). Errors: EFBIG.
  Errno may_resize(const Inode& inode, std::uint64_t size_bytes);

 private:
  friend void put_inode(Inode& inode);
  using Inodes = boost::intrusive::list<Inode, boost::intrusive::constant_time_size<false>>;

  Inode& add(std::string path);
  Inode& add_directory_in(Inode& in, std::string_view name);
  Errno fits_tree(const std::string& path) const;
  void evict(Inode& inode);

  std::deque<Volume> volumes_;
  Inodes inodes_;
  Inode* root_ = nullptr;
  std::unordered_map<std::string_view, Inode*>
      alone_;  // paths that are no tree's; looked up, never iterated
  std::uint64_t last_number_ = 0;
  std::size_t laid_out_ = 0;
  std::size_t file_count_ = 0;
  PageCache* cache_ = nullptr;  // of who changes names
};

}  // namespace iodrome::kernel
