// SPDX-License-Identifier: Apache-2.0
// A machine file, with the parts it names from this checkout.
#include "model/testbed/configuration.h"
#include "model/testbed/machine_spec.h"
#include "tests/fuzz/findings.h"
#include "tests/fuzz/scratch_file.h"

using namespace iodrome;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFile file(".toml");
  const std::string input(reinterpret_cast<const char*>(data), size);
  file.fill(input);
  workloads::Diagnostics diagnostics;
  testbed::Configuration configuration(IODROME_SOURCE_DIR, diagnostics);
  const auto machine = testbed::load_machine(configuration, file.path());
  fuzz::check_findings(machine.has_value(), diagnostics, input);
  return 0;
}
