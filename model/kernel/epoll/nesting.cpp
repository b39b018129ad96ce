// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "model/kernel/epoll/item.h"

namespace iodrome::kernel {

namespace {

// Linux fs/eventpoll.c, EP_MAX_NESTS, and path_limits: paths of each length that may lead up from a
// file; those of length one are not counted.
constexpr int kMostNests = 4;
using Paths = std::array<std::uint32_t, kMostNests + 1>;
constexpr Paths kPathLimits = {1000, 500, 100, 50, 10};

bool count_path(Paths& paths, int length) {
  const auto index = static_cast<std::size_t>(length);
  return length == 0 || ++paths[index] <= kPathLimits[index];
}

}  // namespace

bool Epoll::Nesting::descend(const Epoll& instance, int depth) {
  visited.push_back(&instance);
  for (const auto& [fd, item] : instance.items_) {
    const Epoll* const below = epoll_of(item->file);
    if (below == nullptr) {
      leaves.push_back(&item->file);
      continue;
    }
    if (std::find(visited.begin(), visited.end(), below) != visited.end()) continue;
    if (below == &inserting || depth > kMostNests) return false;
    if (!descend(*below, depth + 1)) return false;
  }
  return true;
}

bool Epoll::Nesting::paths_fit() const {
  // reverse_path_check_proc().
  struct Ascent {
    static bool from(const File& file, int depth, Paths& paths) {
      if (depth > kMostNests) return false;
      for (const FileWatch& watch : file.watches) {
        const File& above = *static_cast<const Item&>(watch).owner->file_;
        const bool fits =
            above.watches.empty() ? count_path(paths, depth) : from(above, depth + 1, paths);
        if (!fits) return false;
      }
      return true;
    }
  };
  return std::all_of(leaves.begin(), leaves.end(), [](const File* leaf) {
    Paths paths{};
    return Ascent::from(*leaf, 0, paths);
  });
}

}  // namespace iodrome::kernel
