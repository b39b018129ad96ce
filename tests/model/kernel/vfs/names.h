// SPDX-License-Identifier: Apache-2.0
// A process that works with names, in a thread of CPU 0.
#pragma once
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/name_calls.h"
#include "model/kernel/calls/write_calls.h"
#include "tests/model/kernel/disk.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

struct NameScene : DiskRig {
  using DiskRig::DiskRig;
  ~NameScene() { rig.end(); }

  FileTable table{16};
  Log log;
  std::string text;
  std::vector<hw::PhysAddr> user = pages(4);
  Cost work{1us};
  int done = 0;
};

/// Runs the code to its end, and the machine until nothing is left to write.
inline void play(NameScene& s, Code<NameScene> code) {
  play_in(s, code);
}

inline Task<Errno> error_of(Task<Value> call) {
  const Value result = co_await std::move(call);
  co_return result ? Errno::ok : result.error();
}

/// The names that getdents64 gives in calls of `bytes` each; directories end in '/', and an error
/// that ends them stands behind them.
inline Task<std::string> names_in(Sleepable& ctx, NameScene& s, const std::string& path,
                                  std::size_t bytes = 4096) {
  const Value fd = co_await sys_open(ctx, s.os, s.table, path, kOpenDirectory);
  REQUIRE(fd);
  std::vector<std::byte> buffer(bytes);
  std::string text;
  for (;;) {
    const Value got = co_await sys_getdents64(ctx, s.os, s.table, static_cast<int>(*fd), buffer);
    if (!got) text += name_of(got.error());
    if (!got || *got == 0) break;
    std::span<const std::byte> rest(buffer.data(), static_cast<std::size_t>(*got));
    while (!rest.empty()) {
      const Dirent entry = take_dirent(rest);
      text += std::string(entry.name) + (entry.directory ? "/ " : " ");
    }
  }
  co_await sys_close(ctx, s.table, static_cast<int>(*fd));
  co_return text;
}

}  // namespace iodrome::kernel
