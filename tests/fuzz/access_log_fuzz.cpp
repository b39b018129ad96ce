// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/access_log/access_log.h"
#include "tests/fuzz/findings.h"

using namespace iodrome;
using namespace iodrome::workloads;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  TextSource source = TextSource::from_text("f.log", input, 4096);
  Diagnostics diagnostics;
  AccessLogOptions options;
  options.skip_bad = size % 3;
  options.draw = [](std::uint64_t line) { return line * 0x9E3779B97F4A7C15U; };
  const auto log = read_access_log(source, options, diagnostics);
  fuzz::check_findings(log.has_value(), diagnostics, input);
  if (!log) return 0;
  std::uint64_t seen = log->records.size();
  for (const auto& [reason, count] : log->skipped) seen += count;
  fuzz::require(seen <= log->lines, "no line is both replayed and skipped");
  std::int64_t before_ps = 0;
  for (const AccessRecord& record : log->records) {
    fuzz::require(record.file < log->files.size(), "a record's file is known");
    fuzz::require(record.client < log->clients, "a record's client is known");
    fuzz::require(
        log->bytes_of(record) >= 0 && log->bytes_of(record) <= log->files[record.file].size_bytes,
        "a send does not exceed its file");
    fuzz::require(record.arrival_ps >= before_ps, "arrivals do not go back");
    before_ps = record.arrival_ps;
  }
  return 0;
}
