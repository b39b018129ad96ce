// SPDX-License-Identifier: Apache-2.0
// The blocking system calls on files that every process has, whatever design it uses besides. Each
// returns the value of its Linux namesake or its errno.
#pragma once
#include "model/kernel/syscall.h"
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

Task<Result<std::int64_t>> sys_openat(Sleepable& user, Os& os, FileTable& files,
                                      const std::string& path);
Task<Result<std::int64_t>> sys_fstat(Sleepable& user, FileTable& files, int fd);
Task<Result<std::int64_t>> sys_close(Sleepable& user, FileTable& files, int fd);
/// pread(2) into whole user pages: past the page cache if `direct`, else copied out of it.
Task<Result<std::int64_t>> sys_pread(Sleepable& user, Os& os, FileTable& files, int fd, bool direct,
                                     std::uint64_t offset, std::uint64_t bytes,
                                     std::span<const hw::PhysAddr> pages);
Task<Result<std::int64_t>> sys_sendfile(Sleepable& user, Os& os, FileTable& files, int out_fd,
                                        int in_fd, std::uint64_t offset, std::uint64_t bytes);
/// send(2) of `bytes` from user pages, from their byte `from` on, until all are queued.
Task<Result<std::int64_t>> sys_send(Sleepable& user, Os& os, FileTable& files, int fd,
                                    std::span<const hw::PhysAddr> pages, std::uint64_t bytes,
                                    std::uint64_t from = 0);

/// The kernel side of a blocking pread, for callers that are in the kernel already.
Task<Result<std::int64_t>> pread_blocking(Sleepable& ctx, Os& os, FilePtr file, bool direct,
                                          std::uint64_t offset, std::uint64_t bytes,
                                          std::span<const hw::PhysAddr> pages);

}  // namespace iodrome::kernel
