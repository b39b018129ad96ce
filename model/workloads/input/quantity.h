// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

namespace iodrome::workloads {

/// A parsed number or the reason why there is none (without the place, which the caller knows).
using Parsed = tl::expected<std::int64_t, std::string>;

/// A whole decimal number, nothing around it. Errors: sign `-`, anything above 2^63-1.
[[nodiscard]] Parsed parse_count(std::string_view text);

/// `4096`, `4 KiB`, `3.36 TB`, `512 B`: IEC prefixes are powers of 1024, SI prefixes of 1000.
/// Units: bytes. Errors: a bare `4k` (which of the two?), a negative or fractional byte count.
[[nodiscard]] Parsed parse_bytes(std::string_view text);

/// A size by fio's rules: case-insensitive suffix with optional `b`, hexadecimal `0x...`; with
/// `kb_base` 1024 `4k` is 4096 and `4ki` is 4000, with 1000 the other way round.
/// Units: bytes. Differs: fio ignores what it does not understand in a suffix; here it is an error.
[[nodiscard]] Parsed parse_fio_size(std::string_view text, int kb_base = 1024);

/// `80us`, `1.5 ms`, `2 h`; units ps, ns, us, ms, s, m (or min), h, d. Exact decimal arithmetic.
/// Units: picoseconds. Errors: no unit, a fraction of a picosecond, more than 106 days.
[[nodiscard]] Parsed parse_duration_ps(std::string_view text);

/// A time by fio's rules: the units of `parse_duration_ps` without ps and ns, in any case; without
/// a unit `default_unit_ps` applies.
/// Units: picoseconds.
[[nodiscard]] Parsed parse_fio_time_ps(std::string_view text, std::int64_t default_unit_ps);

/// `100 Gbit/s`, `1 Gbps`, `3360 MB/s`, `2 GiB/s`. Units: bits per second.
[[nodiscard]] Parsed parse_rate_bits_per_s(std::string_view text);

/// As above. Units: bytes per second. Errors: a bit rate that is no whole number of bytes.
[[nodiscard]] Parsed parse_rate_bytes_per_s(std::string_view text);

/// `2.4 GHz`. Units: hertz.
[[nodiscard]] Parsed parse_frequency_hz(std::string_view text);

/// `0.6`, `60%`, `3/5`. Units: parts per million. Errors: a share that parts per million cannot
/// hold exactly. Values above 1 are allowed.
[[nodiscard]] Parsed parse_fraction_ppm(std::string_view text);

/// The units that parse_duration_ps, parse_bytes and parse_rate_bytes_per_s know.
[[nodiscard]] std::vector<std::string_view> duration_unit_names();
[[nodiscard]] std::vector<std::string_view> byte_unit_names();
[[nodiscard]] std::vector<std::string_view> rate_unit_names();

}  // namespace iodrome::workloads
