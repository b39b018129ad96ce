// SPDX-License-Identifier: Apache-2.0
// A process that watches names, and what it reads of them.
#pragma once
#include "model/kernel/calls/event_calls.h"
#include "model/kernel/calls/inotify_calls.h"
#include "tests/model/kernel/vfs/names.h"

namespace iodrome::kernel {

inline std::string text_of(const InotifyEvent& event) {
  struct Name {
    std::uint32_t bit;
    const char* name;
  };
  constexpr Name kNames[] = {{kInAccess, "ACCESS"},
                             {kInModify, "MODIFY"},
                             {kInAttrib, "ATTRIB"},
                             {kInCloseWrite, "CLOSE_WRITE"},
                             {kInCloseNowrite, "CLOSE_NOWRITE"},
                             {kInOpen, "OPEN"},
                             {kInMovedFrom, "MOVED_FROM"},
                             {kInMovedTo, "MOVED_TO"},
                             {kInCreate, "CREATE"},
                             {kInDelete, "DELETE"},
                             {kInDeleteSelf, "DELETE_SELF"},
                             {kInMoveSelf, "MOVE_SELF"},
                             {kInQOverflow, "Q_OVERFLOW"},
                             {kInIgnored, "IGNORED"},
                             {kInIsdir, "ISDIR"}};
  std::string text = std::to_string(event.wd);
  for (const Name& each : kNames)
    if ((event.mask & each.bit) != 0) text += std::string(":") + each.name;
  if (event.cookie != 0) text += "#" + std::to_string(event.cookie);
  if (!event.name.empty()) text += "=" + event.name;
  return text + " ";
}

/// Everything that one read gives, or its error.
inline Task<std::string> told(Sleepable& ctx, NameScene& s, int fd, std::size_t bytes = 4096) {
  std::vector<std::byte> buffer(bytes);
  const Value got = co_await sys_read(ctx, s.table, fd, buffer);
  if (!got) co_return name_of(got.error());
  std::string text;
  std::span<const std::byte> rest(buffer.data(), static_cast<std::size_t>(*got));
  while (!rest.empty()) text += text_of(take_inotify_event(rest));
  co_return text;
}

inline Task<int> instance(Sleepable& ctx, NameScene& s, std::int32_t flags = kInNonblock) {
  const Value fd = co_await sys_inotify_init1(ctx, s.table, flags);
  REQUIRE(fd);
  co_return static_cast<int>(*fd);
}

inline Task<std::int32_t> watch(Sleepable& ctx, NameScene& s, int fd, std::string path,
                                std::uint32_t mask = kInAllEvents) {
  const Value wd = co_await sys_inotify_add_watch(ctx, s.os, s.table, fd, path, mask);
  REQUIRE(wd);
  co_return static_cast<std::int32_t>(*wd);
}

inline Task<int> open_fd(Sleepable& ctx, NameScene& s, std::string path, std::int32_t flags) {
  const Value fd = co_await sys_open(ctx, s.os, s.table, path, flags);
  REQUIRE(fd);
  co_return static_cast<int>(*fd);
}

}  // namespace iodrome::kernel

/// What the instance tells next.
#define TOLD(wanted, fd)                                         \
  do {                                                           \
    const std::string text_told = co_await told(ctx, scene, fd); \
    CHECK(text_told == wanted);                                  \
  } while (false)
