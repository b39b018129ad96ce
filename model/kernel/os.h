// SPDX-License-Identifier: Apache-2.0
// What system calls reach besides the CPU: the machine's files, which know their block devices, and
// its network.
#pragma once
#include "model/kernel/block/block.h"
#include "model/kernel/system.h"
#include "model/kernel/vfs/file_system.h"
#include "model/kernel/vfs/page_cache.h"

namespace iodrome::kernel {

class Loopback;

struct Os {
  System& system;
  FileSystem& files;
  PageCache& page_cache;
  Loopback* loopback = nullptr;  // where new sockets are made; none in a machine without it
};

}  // namespace iodrome::kernel
