// SPDX-License-Identifier: Apache-2.0
// The system calls on names and directories. Each returns the value of its Linux namesake or its
// errno; a path without a slash at its front begins at the root all the same.
#pragma once
#include "model/kernel/syscall.h"
#include "model/kernel/vfs/name_ops.h"

namespace iodrome::kernel {

/// open(2) with flags; a descriptor. Errors: open_file()'s, EMFILE.
Task<Result<std::int64_t>> sys_open(Sleepable& user, Os& os, FileTable& files,
                                    const std::string& path, std::int32_t flags);
/// unlink(2). Errors: unlink_file()'s.
Task<Result<std::int64_t>> sys_unlink(Sleepable& user, Os& os, const std::string& path);
/// rename(2). Errors: rename_file()'s.
Task<Result<std::int64_t>> sys_rename(Sleepable& user, Os& os, const std::string& from,
                                      const std::string& to);
/// mkdir(2). Errors: make_directory()'s.
Task<Result<std::int64_t>> sys_mkdir(Sleepable& user, Os& os, const std::string& path);
/// rmdir(2). Errors: remove_directory()'s.
Task<Result<std::int64_t>> sys_rmdir(Sleepable& user, Os& os, const std::string& path);
/// getdents64(2). Errors: EBADF, get_dents()'s.
Task<Result<std::int64_t>> sys_getdents64(Sleepable& user, Os& os, FileTable& files, int fd,
                                          std::span<std::byte> to);

}  // namespace iodrome::kernel
