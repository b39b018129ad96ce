// SPDX-License-Identifier: Apache-2.0
// What a path costs on its way: names that are known, and directories that must be looked into.
#include <algorithm>

#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

namespace {

// Looks into a directory for a name that is not known, block by block up to the one that holds it,
// or through all of them.
Task<Errno> try_search(Sleepable& ctx, Os& os, Inode& directory, std::string_view name,
                       IoWait& wait) {
  if (directory.number == 0) {
    const Errno placed = os.files.place(directory);
    if (placed != Errno::ok) co_return placed;
    directory.metadata = Inode::Metadata::cold;
  }
  const Errno known = co_await try_metadata(ctx, os, directory, &wait);
  if (known != Errno::ok) co_return known;
  const bool there = directory.directory->find(name) != nullptr;
  const std::uint64_t end =
      there ? directory.directory->place_of(name) / hw::kPageBytes + 1 : directory.page_count();
  const auto ahead =
      static_cast<std::uint64_t>(os.page_cache.params.readahead_bytes) / hw::kPageBytes;
  for (std::uint64_t index = 0; index < std::min(end, directory.page_count()); ++index) {
    const Page* const cached = os.page_cache.find(directory, index);
    const std::uint64_t count = cached != nullptr ? 1
                                                  : std::min(std::max<std::uint64_t>(ahead, 1),
                                                             directory.page_count() - index);
    HeldPages held;
    const Errno error =
        co_await os.page_cache.read_pages(ctx, directory, index, count, &wait, held);
    if (error != Errno::ok) co_return error;
    Page& page = *held.front();
    if (page.state == Page::State::error) co_return Errno::eio;
    if (page.state == Page::State::reading) {
      wait.stage = events::Stage::queue;
      PageCache::await_page(page, wait);
      co_return Errno::eagain;
    }
    co_await ctx.spend(ctx.costs().directory_search);
  }
  co_return Errno::ok;
}

}  // namespace

Task<Errno> try_walk(Sleepable& ctx, Os& os, const std::string& path, IoWait* wait) {
  co_await ctx.spend(ctx.costs().path_lookup);
  DentryCache& dentries = os.files.dentries;
  if (!dentries.enabled()) co_return Errno::ok;
  InodePtr at(&os.files.root());
  std::string_view rest = path;
  for (std::string_view name = take_component(rest); !name.empty(); name = take_component(rest)) {
    if (at->directory == nullptr || name.size() > kNameMax) co_return Errno::ok;
    const bool plain = name != "." && name != "..";
    if (!plain || dentries.touch(*at, name)) {
      co_await ctx.spend(ctx.costs().path_component);
    } else {
      if (wait == nullptr) co_return Errno::eagain;
      const Errno error = co_await try_search(ctx, os, *at, name, *wait);
      if (error != Errno::ok) co_return error;
      dentries.add(*at, name);
    }
    const Result<Inode*> next = os.files.step(*at, name);
    if (!next) co_return Errno::ok;  // whoever looks now learns that it is not there
    at = *next;
  }
  co_return Errno::ok;
}

Task<Errno> walk_blocking(Sleepable& ctx, Os& os, const std::string& path) {
  for (;;) {
    BlockingWait wait(ctx);
    const Errno error = co_await try_walk(ctx, os, path, &wait);
    if (error != Errno::eagain) co_return error;
    co_await wait.wait("directory");
  }
}

}  // namespace iodrome::kernel
