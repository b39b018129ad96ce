// SPDX-License-Identifier: Apache-2.0
// A scene in which threads write files, and what the files ought to hold.
#pragma once
#include <algorithm>
#include <cstring>

#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/write_calls.h"
#include "tests/model/kernel/disk.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

/// One thread's list of calls on one file, done in order.
struct Writing : DiskRig {
  using DiskRig::DiskRig;

  struct Call {
    Writing& scene;
    enum class What { write, read, fsync, fdatasync, truncate, sync_range } what;
    FilePtr file;
    bool direct = false;
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::vector<hw::PhysAddr> user{};
    SyncRange range{};
    Value result = 0;
    bool ended = false;
  };

  static Task<void> carry_out(Sleepable& ctx, Call& call) {
    Os& os = call.scene.os;
    switch (call.what) {
      case Call::What::write:
        call.result = co_await pwrite_blocking(ctx, os, call.file, call.direct, call.offset,
                                               call.bytes, call.user);
        break;
      case Call::What::read:
        call.result = co_await pread_blocking(ctx, os, call.file, call.direct, call.offset,
                                              call.bytes, call.user);
        break;
      case Call::What::fsync:
      case Call::What::fdatasync:
        call.result =
            co_await fsync_blocking(ctx, os, call.file, call.what == Call::What::fdatasync);
        break;
      case Call::What::truncate:
        call.result = co_await truncate_blocking(ctx, os, call.file, call.bytes);
        break;
      case Call::What::sync_range:
        call.result =
            co_await sync_range_blocking(ctx, os, call.file, call.offset, call.bytes, call.range);
        break;
    }
    call.ended = true;
  }

  /// Starts it on its own thread; run() brings it to its end.
  Call& start(Call call, std::uint32_t cpu = 0) {
    calls.push_back(std::move(call));
    rig.thread<Call>(cpu, calls.back(), &Writing::carry_out);
    return calls.back();
  }
  /// User pages that hold `bytes` bytes of one value.
  std::vector<hw::PhysAddr> filled(std::uint64_t bytes, std::uint8_t value) {
    const std::vector<hw::PhysAddr> user = pages(bytes / hw::kPageBytes + 1);
    for (const hw::PhysAddr page : user)
      std::ranges::fill(rig.memory.bytes(page, hw::kPageBytes), std::byte{value});
    return user;
  }
  Call& start_write(const FilePtr& file, std::uint64_t offset, std::uint64_t bytes,
                    std::uint8_t value, bool direct = false, std::uint32_t cpu = 0) {
    return start({*this, Call::What::write, file, direct, offset, bytes, filled(bytes, value)},
                 cpu);
  }

  void go_on(Duration time) {
    const SimTime until = rig.timeline.now() + time;
    rig.timeline.run(until);
    if (rig.timeline.now() < until) rig.timeline.advance_to(until);
  }
  // Each until it is done, and only so long: the flusher may have more to do.
  Value finish(Call& call) {
    for (int i = 0; i < 100'000 && !call.ended; ++i) go_on(1us);
    REQUIRE(call.ended);
    return call.result;
  }
  Value write(const FilePtr& file, std::uint64_t offset, std::uint64_t bytes, std::uint8_t value,
              bool direct = false) {
    return finish(start_write(file, offset, bytes, value, direct));
  }
  Value fsync(const FilePtr& file) { return finish(start({*this, Call::What::fsync, file})); }
  Value fdatasync(const FilePtr& file) {
    return finish(start({*this, Call::What::fdatasync, file}));
  }
  Value truncate(const FilePtr& file, std::uint64_t size) {
    return finish(start({*this, Call::What::truncate, file, false, 0, size}));
  }
  /// What a read of that range gives.
  std::vector<std::byte> read(const FilePtr& file, std::uint64_t offset, std::uint64_t bytes,
                              bool direct = false) {
    Call& call = start({*this, Call::What::read, file, direct, offset, bytes, filled(bytes, 0xee)});
    const Value got = finish(call);
    REQUIRE(got);
    std::vector<std::byte> all;
    for (const hw::PhysAddr page : call.user) {
      const auto in_page = rig.memory.bytes(page, hw::kPageBytes);
      all.insert(all.end(), in_page.begin(), in_page.end());
    }
    all.resize(static_cast<std::size_t>(*got));
    return all;
  }
  /// What the device holds of it.
  std::vector<std::byte> stored(const Inode& inode, std::uint64_t offset, std::uint64_t bytes) {
    std::vector<std::byte> all(bytes);
    inode.volume->read_file(inode, offset, all);
    return all;
  }
  /// What the file was laid out with.
  static std::vector<std::byte> original(const Inode& inode, std::uint64_t offset,
                                         std::uint64_t bytes) {
    std::vector<std::byte> all(bytes);
    fill_content(inode.number, offset, all);
    return all;
  }
  static bool all_are(std::span<const std::byte> bytes, std::uint8_t value) {
    return std::ranges::all_of(bytes, [=](std::byte each) { return each == std::byte{value}; });
  }

  std::deque<Call> calls;
};

}  // namespace iodrome::kernel
