// SPDX-License-Identifier: Apache-2.0
// Puts the controller where a machine's storage stands: the only file of the example that knows
// both sides.
#pragma once
#include "model/testbed/foreign_storage.h"
#include "scenarios/foreign_block/block_controller.h"

/// For RunOptions::storage and RaceRequest::storage.
iodrome::testbed::ForeignStorage block_controller(const BlockControllerConfig& config = {});
