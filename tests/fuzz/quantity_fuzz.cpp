// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/input/quantity.h"

#include "model/workloads/scenario/load.h"
#include "tests/fuzz/findings.h"

using namespace iodrome;
using namespace iodrome::workloads;

namespace {

void check(const Parsed& parsed) {
  if (parsed)
    fuzz::require(*parsed >= 0, "an accepted quantity is not negative");
  else
    fuzz::require(!parsed.error().empty() && fuzz::is_showable(parsed.error()),
                  "a refusal says why");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  using Parse = Parsed (*)(std::string_view);
  for (const Parse parse : {&parse_count, &parse_bytes, &parse_duration_ps, &parse_rate_bits_per_s,
                            &parse_rate_bytes_per_s, &parse_frequency_hz, &parse_fraction_ppm})
    check(parse(text));
  check(parse_fio_size(text, 1024));
  check(parse_fio_size(text, 1000));
  check(parse_fio_time_ps(text, 1'000'000));
  const auto load = parse_load(text);
  fuzz::require(load || !load.error().empty(), "a refused load says why");
  // What a quantity came out as reads back as itself.
  if (const Parsed bytes = parse_bytes(text))
    fuzz::require(parse_bytes(std::to_string(*bytes) + " B") == bytes, "bytes read back");
  if (const Parsed time = parse_duration_ps(text))
    fuzz::require(parse_duration_ps(std::to_string(*time) + " ps") == time, "a time reads back");
  if (const Parsed count = parse_count(text))
    fuzz::require(parse_count(std::to_string(*count)) == count, "a count reads back");
  return 0;
}
