// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace iodrome::workloads {

inline constexpr std::int64_t nanoseconds_per_second = 1'000'000'000;

/// One line of an access log, taken apart. Views point into the line or into `decoded`.
struct AccessLine {
  std::string_view client;  ///< empty when the log names none
  std::string_view method;  ///< empty when the request line is not HTTP
  std::string_view path;    ///< without scheme, host, query, fragment; empty when it is no path
  int status = 0;
  std::int64_t bytes = 0;
  std::int64_t arrival_ns = 0;  ///< since 1970-01-01 00:00 UTC
  bool whole_second = false;

  /// Decoded strings of a JSON line; the views above point into it.
  struct {
    std::string client, method, uri;
  } decoded;
};

/// Why a line is malformed and where. `reason` is a literal.
struct LineFault {
  std::string_view reason;
  std::size_t column = 1;
};

/// Sets `fault`; always false, what a parser then returns.
inline bool fail(LineFault& fault, std::string_view reason, std::size_t column = 1) {
  fault = {reason, column};
  return false;
}

/// Takes a line of the combined, common or `combined $msec $request_time` format apart.
/// Returns true, or false with `fault` set.
[[nodiscard]] bool parse_combined_line(std::string_view line, AccessLine& parsed, LineFault& fault);

/// Takes a line of the JSON form apart. Returns true, or false with `fault` set.
[[nodiscard]] bool parse_json_line(std::string_view line, AccessLine& parsed, LineFault& fault);

/// `17/May/2015:10:05:03 +0000`. Returns false when it is no time between 1970 and 2200.
/// Units: seconds since 1970-01-01 00:00 UTC.
[[nodiscard]] bool parse_log_time(std::string_view text, std::int64_t& seconds);

/// A decimal number of seconds such as `1700000000.123`; digits below a nanosecond are cut.
[[nodiscard]] bool parse_seconds_ns(std::string_view text, std::int64_t& nanoseconds);

/// Sets `method` and `path` from `GET /a?b HTTP/1.1`; leaves both empty when it is not HTTP.
void parse_request(std::string_view request, AccessLine& parsed);

/// The path of a request target: no scheme, host, query or fragment; empty when it is none.
[[nodiscard]] std::string_view path_of_target(std::string_view target);

}  // namespace iodrome::workloads
