// SPDX-License-Identifier: Apache-2.0
#include "model/engine/check.h"

namespace iodrome {

void fail_check(const char* why) {
  throw InternalError(std::string("internal error: ") + why);
}

}  // namespace iodrome
