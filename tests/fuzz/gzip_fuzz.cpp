// SPDX-License-Identifier: Apache-2.0
// A log in a file: plain or gzip, whole, damaged or cut off.
#include "model/workloads/access_log/access_log.h"
#include "tests/fuzz/findings.h"
#include "tests/fuzz/scratch_file.h"

using namespace iodrome;
using namespace iodrome::workloads;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const fuzz::ScratchFile file(".log.gz");
  file.fill({reinterpret_cast<const char*>(data), size});
  std::string text;
  TextSource source = TextSource::from_file(file.path(), 4096);
  std::string_view line;
  while (source.next(line)) text.append(line).push_back('\n');
  Diagnostics diagnostics;
  const auto log = load_access_log(file.path(), {}, diagnostics);
  for (const Diagnostic& finding : diagnostics.entries())
    fuzz::require(!finding.message.empty(), "a finding says something");
  fuzz::require(log.has_value() == diagnostics.ok(), "there is either a result or an error");
  fuzz::require(fuzz::is_showable(diagnostics.render()), "findings are text");
  if (!log) return 0;
  // What was in the file is what the same text in memory is.
  Diagnostics again;
  TextSource memory = TextSource::from_text("f.log", text);
  const auto same = read_access_log(memory, {}, again);
  fuzz::require(same && same->records.size() == log->records.size(), "compression changes nothing");
  return 0;
}
