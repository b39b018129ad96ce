// SPDX-License-Identifier: Apache-2.0
// Races designs on a machine whose disk is the controller: foreign_block SCENARIO [WAVES.vcd]
#include <cstdio>
#include <exception>

#include "model/testbed/race.h"
#include "scenarios/foreign_block/seat.h"

// The library of SystemC expects one; this program starts simulations by itself.
extern "C" __attribute__((visibility("default"))) int sc_main(int, char**);
int sc_main(int, char**) {
  return 1;
}

int main(int count, char** words) {
  if (count < 2 || count > 3) {
    std::fputs("usage: foreign_block SCENARIO [WAVES.vcd]\n", stderr);
    return 2;
  }
  try {
    iodrome::testbed::RaceRequest request;
    request.input = words[1];
    request.storage = block_controller();
    if (count == 3) request.timeline = {words[2], "foreign_block"};
    const auto outcome = iodrome::testbed::race(request, IODROME_SOURCE_DIR, {});
    std::puts(outcome.result.dump(2).c_str());
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
