// SPDX-License-Identifier: Apache-2.0
// The file of a device part: a table of values, each with its source.
#include "hw/nvme/params.h"
#include "model/testbed/configuration.h"
#include "tests/fuzz/findings.h"
#include "tests/fuzz/scratch_file.h"

using namespace iodrome;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFile file(".toml");
  const std::string input(reinterpret_cast<const char*>(data), size);
  file.fill(input);
  workloads::Diagnostics diagnostics;
  testbed::Configuration configuration(file.path().parent_path(), diagnostics);
  hw::NvmeParams params;
  ParameterList list;
  params.describe(list);
  configuration.fill_from_file(file.path().filename(), "nvme", list);
  fuzz::check_findings(diagnostics.ok(), diagnostics, input);
  fuzz::require(!diagnostics.ok() || configuration.sources().size() == list.all().size(),
                "an accepted part has every value");
  return 0;
}
