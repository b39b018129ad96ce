// SPDX-License-Identifier: Apache-2.0
// The same for tests.
#pragma once
#include <catch2/catch.hpp>

#include "cmake/precompiled.h"

// What most tests include of ours. A change here builds every test anew, as it mostly did anyway.
#include "model/kernel/kthread/kthread.h"
#include "model/kernel/os.h"
#include "model/kernel/sync/spinlock.h"
#include "model/kernel/vfs/file_ops.h"
