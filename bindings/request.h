// SPDX-License-Identifier: Apache-2.0
// What `run` is asked for, in the form in which the package sends it.
#pragma once
#include <string>

#include "model/testbed/race.h"

namespace iodrome::bindings {

/// Takes JSON text. Its form is the package's business, so a wrong one is its bug (nlohmann's
/// exceptions). Errors: InputError for an unknown driver.
testbed::RaceRequest parse_request(const std::string& text);

}  // namespace iodrome::bindings
