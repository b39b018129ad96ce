// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio_job/fio_job.h"
#include "tests/fuzz/findings.h"

using namespace iodrome;
using namespace iodrome::workloads;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  if (input.find("include") != input.npos) return 0;  // other files' lines are not this input's
  TextSource source = TextSource::from_text("f.fio", input, 4096);
  FioEnvironment environment;
  environment.cpus = 8;
  environment.variable = [](std::string_view name) -> std::optional<std::string> {
    if (name == "SIZE") return "4k";
    return std::nullopt;
  };
  Diagnostics diagnostics;
  const auto jobs = read_fio_job_file(source, environment, diagnostics);
  const auto lines = std::count(input.begin(), input.end(), '\n') + 1;
  for (const Diagnostic& finding : diagnostics.entries()) {
    fuzz::require(!finding.message.empty(), "a finding says something");
    fuzz::require(finding.line >= 0 && finding.line <= lines, "its line is one of the input");
  }
  fuzz::require(jobs.has_value() == diagnostics.ok(), "there is either a result or an error");
  fuzz::require(fuzz::is_showable(diagnostics.render()), "findings are text");
  fuzz::require(!jobs || !jobs->jobs.empty(), "an accepted file has a job");
  return 0;
}
