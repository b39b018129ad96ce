// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/file_system.h"

#include "model/kernel/vfs/page_cache.h"

namespace iodrome::kernel {

std::string_view take_component(std::string_view& path) {
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  const std::string_view name = path.substr(0, path.find('/'));
  path.remove_prefix(name.size());
  path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
  return name;
}

FileSystem::FileSystem(std::uint64_t device_bytes, bool payload_checked, std::size_t volumes) {
  for (std::size_t i = 0; i < volumes; ++i) volumes_.emplace_back(device_bytes, payload_checked, i);
  root_ = &add("/");
  root_->directory = std::make_unique<Directory>();
  root_->parent = root_;
  root_->volume = &volumes_.front();
}

// Files may be open still: they keep their inodes, which have nothing behind them any more.
FileSystem::~FileSystem() {
  while (!inodes_.empty()) {
    Inode& inode = inodes_.front();
    inodes_.pop_front();
    inode.pages.clear();
    inode.files = nullptr;
    inode.links = 0;
    if (inode.references == 0) delete &inode;
  }
}

// --- laying out ---------------------------------------------------------------------------------

Inode& FileSystem::add(std::string path) {
  auto* const inode = new Inode;
  inode->path = std::move(path);
  inode->files = this;
  inodes_.push_back(*inode);
  return *inode;
}

Inode& FileSystem::add_directory_in(Inode& in, std::string_view name) {
  Inode& made = add((&in == root_ ? "" : in.path) + "/" + std::string(name));
  made.directory = std::make_unique<Directory>();
  made.volume = in.volume;
  made.metadata = Inode::Metadata::cached;
  link(in, name, made);
  return made;
}

// ok; EEXIST: there is such a file; EINVAL: no tree of names has it.
Errno FileSystem::fits_tree(const std::string& path) const {
  if (path.size() < 2 || path.front() != '/' || path.size() >= kPathMax) return Errno::einval;
  const Inode* at = root_;
  std::size_t slash = 0;
  while (slash < path.size()) {
    const std::size_t next = std::min(path.find('/', slash + 1), path.size());
    const std::string_view name(path.data() + slash + 1, next - slash - 1);
    if (name.empty() || name == "." || name == ".." || name.size() > kNameMax) return Errno::einval;
    if (at != nullptr) {
      if (at->directory == nullptr) return Errno::einval;
      const Directory::Entry* const entry = at->directory->find(name);
      at = entry == nullptr ? nullptr : entry->inode;
    }
    slash = next;
  }
  if (at == nullptr) return Errno::ok;
  return at->directory == nullptr ? Errno::eexist : Errno::einval;
}

Result<Inode*> FileSystem::add_file(std::string path, std::uint64_t size_bytes,
                                    Inode::Metadata metadata, std::optional<std::size_t> volume) {
  const Errno fits = alone_.contains(path) ? Errno::eexist : fits_tree(path);
  if (fits == Errno::eexist) return fail(fits);
  Inode& inode = add(std::move(path));
  inode.number = last_number_ + 1;
  inode.size_bytes = size_bytes;
  inode.metadata = metadata;
  const Errno error = volumes_[volume.value_or(laid_out_ % volumes_.size())].add(inode);
  if (error != Errno::ok) {
    delete &inode;
    return fail(error);
  }
  ++last_number_;
  ++laid_out_;
  ++file_count_;
  if (fits == Errno::einval) {
    alone_.emplace(inode.path, &inode);
    return &inode;
  }
  std::string_view rest = inode.path;
  Inode* at = root_;
  for (std::string_view name = take_component(rest);; name = take_component(rest)) {
    if (rest.empty()) {
      link(*at, name, inode);
      return &inode;
    }
    const Directory::Entry* const entry = at->directory->find(name);
    at = entry != nullptr ? entry->inode : &add_directory_in(*at, name);
  }
}

Result<Inode*> FileSystem::add_directory(const std::string& path,
                                         std::optional<std::size_t> volume) {
  const Result<ParentOf> parent = find_parent(path);
  if (!parent) return fail(parent.error());
  if (step(*parent->directory, parent->name)) return fail(Errno::eexist);
  Inode& made = add_directory_in(*parent->directory, parent->name);
  if (volume) made.volume = &volumes_[*volume];
  return &made;
}

Errno FileSystem::place(Inode& directory) {
  if (directory.number != 0) return Errno::ok;
  directory.number = last_number_ + 1;
  directory.size_bytes = directory.directory->size_bytes();
  const Errno error = directory.volume->add(directory);
  if (error != Errno::ok) directory.number = 0;
  if (error == Errno::ok) ++last_number_;
  return error;
}

// --- looking up ---------------------------------------------------------------------------------

Result<Inode*> FileSystem::step(Inode& at, std::string_view name) const {
  if (at.directory == nullptr) return fail(Errno::enotdir);
  if (name.empty() || name == ".") return &at;
  // Where a directory was taken away while somebody worked in it there is no way up.
  if (name == "..") return at.parent != nullptr ? at.parent : &at;
  if (name.size() > kNameMax) return fail(Errno::enametoolong);
  const Directory::Entry* const entry = at.directory->find(name);
  if (entry == nullptr) return fail(Errno::enoent);
  return entry->inode;
}

Result<ParentOf> FileSystem::find_parent(std::string_view path) const {
  if (path.empty()) return fail(Errno::enoent);
  if (path.size() >= kPathMax) return fail(Errno::enametoolong);
  ParentOf found{root_, {}, path.back() == '/'};
  std::string_view rest = path;
  for (found.name = take_component(rest); !rest.empty(); found.name = take_component(rest)) {
    const Result<Inode*> next = step(*found.directory, found.name);
    if (!next) return fail(next.error());
    if ((*next)->directory == nullptr) return fail(Errno::enotdir);
    found.directory = *next;
  }
  if (found.name.size() > kNameMax) return fail(Errno::enametoolong);
  return found;
}

Result<Inode*> FileSystem::find(std::string_view path) const {
  const auto alone = alone_.find(path);
  if (alone != alone_.end()) return alone->second;
  const Result<ParentOf> parent = find_parent(path);
  if (!parent) return fail(parent.error());
  const Result<Inode*> found = step(*parent->directory, parent->name);
  if (found && parent->slash_behind && (*found)->directory == nullptr) return fail(Errno::enotdir);
  return found;
}

Result<Inode*> FileSystem::lookup(const std::string& path) const {
  const Result<Inode*> found = find(path);
  if (found && (*found)->directory != nullptr) return fail(Errno::eisdir);
  return found;
}

// --- limits -------------------------------------------------------------------------------------

Result<std::uint64_t> FileSystem::may_write(std::uint64_t offset, std::uint64_t bytes) {
  if (offset >= fsize_limit) ++sigxfsz;
  if (offset >= fsize_limit || offset >= max_file_bytes) return fail(Errno::efbig);
  return std::min(bytes, std::min(fsize_limit, max_file_bytes) - offset);
}

Errno FileSystem::may_resize(const Inode& inode, std::uint64_t size_bytes) {
  if (size_bytes <= inode.size_bytes) return Errno::ok;
  if (size_bytes > fsize_limit) ++sigxfsz;
  return size_bytes > fsize_limit || size_bytes > max_file_bytes ? Errno::efbig : Errno::ok;
}

// --- changing -----------------------------------------------------------------------------------

Result<InodePtr> FileSystem::create(Inode& in, std::string_view name, bool directory,
                                    PageCache& cache) {
  cache_ = &cache;
  Inode& made = add((&in == root_ ? "" : in.path) + "/" + std::string(name));
  made.metadata = Inode::Metadata::cached;
  Errno error = in.volume->add_empty(made);
  if (error == Errno::ok && directory) {
    made.directory = std::make_unique<Directory>();
    made.size_bytes = made.directory->size_bytes();
    const Result<bool> block = in.volume->allocate(made, 0);
    if (!block) error = block.error();
    if (!block) in.volume->remove(made);
  }
  if (error != Errno::ok) {
    delete &made;
    return fail(error);
  }
  made.number = ++last_number_;
  made.links = 0;
  if (!directory) ++file_count_;
  return InodePtr(&made);
}

void FileSystem::link(Inode& in, std::string_view name, Inode& inode) {
  in.directory->insert(name, inode);
  inode.entry = in.directory->place_of(name);
  inode.parent = &in;
  inode.links = 1;
}

void FileSystem::replace(Inode& in, std::string_view name, Inode& inode, PageCache& cache) {
  Inode& before = *in.directory->find(name)->inode;
  inode.entry = before.entry;
  inode.parent = &in;
  in.directory->point(name, inode);
  unlink(before, name, cache);
}

void FileSystem::unlink(Inode& inode, std::string_view name, PageCache& cache) {
  cache_ = &cache;
  Directory& names = *inode.parent->directory;
  const Directory::Entry* const entry = names.find(name);
  if (entry != nullptr && entry->inode == &inode) names.erase(name);
  inode.parent = nullptr;
  inode.links = 0;
  put_inode(inode);
}

void FileSystem::evict(Inode& inode) {
  if (inode.directory != nullptr) dentries.forget_all(inode);
  while (!inode.watches.empty()) inode.watches.front().inode_gone();
  cache_->forget(inode);
  if (inode.number != 0) inode.volume->remove(inode);
  if (inode.directory == nullptr) --file_count_;
  delete &inode;
}

void put_inode(Inode& inode) {
  if (inode.references != 0 || inode.links != 0) return;
  if (inode.files == nullptr)
    delete &inode;
  else if (inode.pins == 0)
    inode.files->evict(inode);
}

}  // namespace iodrome::kernel
