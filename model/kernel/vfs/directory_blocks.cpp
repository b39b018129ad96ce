// SPDX-License-Identifier: Apache-2.0
// Blocks of directories: read to be told, read or made to be changed.
#include <algorithm>
#include <cstring>

#include "model/kernel/vfs/fsnotify.h"
#include "model/kernel/vfs/name_ops.h"
#include "model/kernel/vfs/write_ops.h"

namespace iodrome::kernel {

namespace {

// A block behind the last one: zeros, which nobody need read.
Task<Result<PagePtr>> new_block(Sleepable& ctx, Os& os, Inode& directory, std::uint64_t index) {
  if (directory.volume->full()) co_return fail(Errno::enospc);
  const PagePtr page(os.page_cache.add_filling(directory, index));
  if (page == nullptr) co_return fail(Errno::enomem);
  check(directory.volume->allocate(directory, index).has_value(), "a device full all at once");
  if (ctx.system().payload_checked)
    std::ranges::fill(ctx.system().memory.bytes(page->address, kBlock), std::byte{0});
  co_await ctx.spend(ctx.costs().page_insert);
  co_await ctx.spend(ctx.costs().block_alloc);
  co_await PageCache::fill_done(ctx, *page);
  co_return page;
}

}  // namespace

Task<Result<PagePtr>> directory_block(Sleepable& ctx, Os& os, Inode& directory,
                                      std::uint64_t place) {
  const Errno placed = os.files.place(directory);
  if (placed != Errno::ok) co_return fail(placed);
  const std::uint64_t index = place / kBlock;
  if (index < directory.page_count() || !directory.map(index).hole)
    co_return co_await read_page_blocking(ctx, os, directory, index, 1);
  co_return co_await new_block(ctx, os, directory, index);
}

void directory_changed(Os& os, Inode& directory, Page& block) {
  Writeback& writeback = os.page_cache.writeback;
  const std::uint64_t size = directory.directory->size_bytes();
  const bool larger = size > directory.size_bytes;
  directory.size_bytes = size;
  writeback.mark_dirty(directory, block);
  writeback.mark_attributes_dirty(directory, larger);
}

// --- getdents64 ---------------------------------------------------------------------------------

namespace {

// struct linux_dirent64: d_ino, d_off, d_reclen, d_type, d_name with its zero; records at multiples
// of 8.
constexpr std::size_t kHeader = 19;
constexpr std::uint8_t kTypeDirectory = 4;
constexpr std::uint8_t kTypeRegular = 8;

std::size_t dirent_bytes(std::string_view name) {
  return (kHeader + name.size() + 1 + 7) / 8 * 8;
}

bool put_dirent(std::span<std::byte>& to, const Dirent& entry) {
  const std::size_t bytes = dirent_bytes(entry.name);
  if (to.size() < bytes) return false;
  const auto length = static_cast<std::uint16_t>(bytes);
  const std::uint8_t type = entry.directory ? kTypeDirectory : kTypeRegular;
  std::ranges::fill(to.first(bytes), std::byte{0});
  std::memcpy(to.data(), &entry.inode, 8);
  std::memcpy(to.data() + 8, &entry.next, 8);
  std::memcpy(to.data() + 16, &length, 2);
  std::memcpy(to.data() + 18, &type, 1);
  std::memcpy(to.data() + kHeader, entry.name.data(), entry.name.size());
  to = to.subspan(bytes);
  return true;
}

// The entry at or behind `place`; its `next` is right behind it.
bool next_entry(const Inode& directory, std::uint64_t place, Dirent& entry) {
  if (place < Directory::kFirst) {
    const bool self = place < Directory::kDotDot;
    const Inode* const up = directory.parent != nullptr ? directory.parent : &directory;
    entry = {self ? directory.number : up->number, self ? Directory::kDotDot : Directory::kFirst,
             true, self ? "." : ".."};
    return true;
  }
  const Directory::Entries& all = directory.directory->entries();
  const auto found = all.lower_bound(place);
  if (found == all.end()) return false;
  const Inode& inode = *found->second.inode;
  entry = {inode.number, found->first + Directory::record_bytes(found->second.name),
           inode.directory != nullptr, found->second.name};
  return true;
}

// What `to` holds of the directory from `place` on, which moves behind it.
Task<Result<std::int64_t>> fill_dents(Sleepable& ctx, Os& os, Inode& directory,
                                      std::uint64_t& place, std::span<std::byte> to) {
  const std::size_t all = to.size();
  const auto ahead =
      static_cast<std::uint64_t>(os.page_cache.params.readahead_bytes) / hw::kPageBytes;
  std::uint64_t told = 0;
  PagePtr block;
  for (Dirent entry; next_entry(directory, place, entry); place = entry.next, ++told) {
    const std::uint64_t index = (entry.next - 1) / kBlock;
    if (block == nullptr || block->index != index) {
      const std::uint64_t count =
          std::min(std::max<std::uint64_t>(ahead, 1), directory.page_count() - index);
      const Result<PagePtr> read = co_await read_page_blocking(ctx, os, directory, index, count);
      if (!read && told == 0) co_return fail(read.error());
      if (!read) break;  // the next call hears of it
      block = *read;
    }
    if (put_dirent(to, entry)) continue;
    if (told == 0) co_return fail(Errno::einval);
    break;
  }
  co_await ctx.spend(ctx.costs().readdir_entry, told);
  co_return static_cast<std::int64_t>(all - to.size());
}

}  // namespace

Task<Result<std::int64_t>> get_dents(Sleepable& ctx, Os& os, File& file, std::span<std::byte> to) {
  if (file.inode == nullptr || file.inode->directory == nullptr) co_return fail(Errno::enotdir);
  Inode& directory = *file.inode;
  co_await directory.directory->i_rwsem.down_read(ctx);
  Result<std::int64_t> done = fail(Errno::enoent);
  if (directory.links != 0) {
    const Errno placed = os.files.place(directory);
    done = fail(placed);
    if (placed == Errno::ok) done = co_await fill_dents(ctx, os, directory, file.position, to);
  }
  co_await directory.directory->i_rwsem.up_read(ctx);
  if (done) co_await fsnotify(ctx, directory, kInAccess);
  co_return done;
}

Dirent take_dirent(std::span<const std::byte>& from) {
  Dirent entry;
  std::uint16_t length = 0;
  std::uint8_t type = 0;
  std::memcpy(&entry.inode, from.data(), 8);
  std::memcpy(&entry.next, from.data() + 8, 8);
  std::memcpy(&length, from.data() + 16, 2);
  std::memcpy(&type, from.data() + 18, 1);
  entry.directory = type == kTypeDirectory;
  entry.name = reinterpret_cast<const char*>(from.data() + kHeader);
  from = from.subspan(length);
  return entry;
}

}  // namespace iodrome::kernel
