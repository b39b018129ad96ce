// SPDX-License-Identifier: Apache-2.0
// The system calls on inotify instances; their events are read with sys_read().
#pragma once
#include "model/kernel/inotify/inotify.h"
#include "model/kernel/os.h"
#include "model/kernel/syscall.h"

namespace iodrome::kernel {

/// inotify_init1(2); a descriptor. Errors: EINVAL, EMFILE.
Task<Result<std::int64_t>> sys_inotify_init1(Sleepable& user, FileTable& files, std::int32_t flags);
/// inotify_add_watch(2); the watch's descriptor.
///
/// Errors: EINVAL, a mask without events or with bits that do not exist, IN_MASK_ADD with
/// IN_MASK_CREATE, or the descriptor no instance; EBADF; ENOENT, ENOTDIR (also IN_ONLYDIR),
/// ENAMETOOLONG; Inotify::add_watch's.
Task<Result<std::int64_t>> sys_inotify_add_watch(Sleepable& user, Os& os, FileTable& files, int fd,
                                                 const std::string& path, std::uint32_t mask);
/// inotify_rm_watch(2). Errors: EBADF; EINVAL.
Task<Result<std::int64_t>> sys_inotify_rm_watch(Sleepable& user, FileTable& files, int fd,
                                                std::int32_t wd);

}  // namespace iodrome::kernel
