// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/dentry_cache.h"

#include <algorithm>

#include "model/kernel/vfs/directory.h"

namespace iodrome::kernel {

namespace {

Inode* inode_of(const Dentry& dentry) {
  const Directory::Entry* const entry = dentry.directory->directory->find(dentry.name);
  return entry == nullptr ? nullptr : entry->inode;
}

bool pinned(const Inode* inode) {
  return inode != nullptr && (inode->references != 0 || inode->pins != 0 ||
                              (inode->directory != nullptr && !inode->directory->known.empty()));
}

// Whether nothing of it is in memory but what its block on the device says.
bool clean(const Inode& inode) {
  return inode.metadata == Inode::Metadata::cached && !inode.attributes_dirty &&
         std::ranges::all_of(inode.pages, [](const PagePtr& page) { return page == nullptr; });
}

}  // namespace

bool DentryCache::touch(Inode& directory, std::string_view name) {
  Dentries& known = directory.directory->known;
  const auto found = known.find(name);
  if (found == known.end()) return false;
  lru_.erase(lru_.iterator_to(found->second));
  lru_.push_back(found->second);
  return true;
}

void DentryCache::add(Inode& directory, std::string_view name) {
  if (touch(directory, name)) return;
  const auto made = directory.directory->known.emplace(std::string(name), Dentry{}).first;
  made->second.directory = &directory;
  made->second.name = made->first;
  lru_.push_back(made->second);
  ++size_;
  evict();
}

void DentryCache::remove(Dentry& dentry) {
  --size_;
  Dentries& known = dentry.directory->directory->known;
  known.erase(known.find(dentry.name));
}

void DentryCache::forget(Inode& directory, std::string_view name) {
  Dentries& known = directory.directory->known;
  const auto found = known.find(name);
  if (found != known.end()) remove(found->second);
}

void DentryCache::forget_all(Inode& directory) {
  while (!directory.directory->known.empty()) remove(directory.directory->known.begin()->second);
}

// The youngest stays: somebody is about to use it.
void DentryCache::evict() {
  auto next = lru_.begin();
  while (size_ > limit && next != std::prev(lru_.end())) {
    Dentry& oldest = *next++;
    Inode* const inode = inode_of(oldest);
    if (pinned(inode)) continue;
    remove(oldest);
    if (inode != nullptr && clean(*inode)) inode->metadata = Inode::Metadata::cold;
  }
}

}  // namespace iodrome::kernel
