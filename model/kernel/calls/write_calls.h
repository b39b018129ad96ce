// SPDX-License-Identifier: Apache-2.0
// The blocking system calls that change files. Each returns the value of its Linux namesake or its
// errno.
#pragma once
#include "model/kernel/syscall.h"
#include "model/kernel/vfs/write_ops.h"

namespace iodrome::kernel {

/// pwrite(2) from whole user pages: past the page cache if `direct`. With O_APPEND the offset is
/// the file's end, as in Linux, whatever POSIX says of pwrite.
Task<Result<std::int64_t>> sys_pwrite(Sleepable& user, Os& os, FileTable& files, int fd,
                                      bool direct, std::uint64_t offset, std::uint64_t bytes,
                                      std::span<const hw::PhysAddr> pages);
Task<Result<std::int64_t>> sys_fsync(Sleepable& user, Os& os, FileTable& files, int fd);
Task<Result<std::int64_t>> sys_fdatasync(Sleepable& user, Os& os, FileTable& files, int fd);
Task<Result<std::int64_t>> sys_sync_file_range(Sleepable& user, Os& os, FileTable& files, int fd,
                                               std::uint64_t offset, std::uint64_t bytes,
                                               SyncRange what);
Task<Result<std::int64_t>> sys_ftruncate(Sleepable& user, Os& os, FileTable& files, int fd,
                                         std::uint64_t size_bytes);

}  // namespace iodrome::kernel
