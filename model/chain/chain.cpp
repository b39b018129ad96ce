// SPDX-License-Identifier: Apache-2.0
#include "model/chain/chain.h"

namespace iodrome::chain {

const char* name_of(Op op) {
  static constexpr const char* kNames[kOps] = {
      "nop",    "open",    "stat",    "read",    "send",   "close",  "write",   "fsync",
      "unlink", "timeout", "copy",    "xor",     "memset", "crc32c", "encrypt", "decrypt",
      "hash",   "accept",  "connect", "receive", "poll",   "inotify"};
  return kNames[static_cast<int>(op)];
}

}  // namespace iodrome::chain
