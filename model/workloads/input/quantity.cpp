// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/input/quantity.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "model/workloads/input/diagnostics.h"

namespace iodrome::workloads {
namespace {

__extension__ using Wide = __int128;

constexpr std::size_t max_digits = 30;

/// mantissa / 10^scale, then whatever text followed the number.
struct Decimal {
  Wide mantissa = 0;
  int scale = 0;
  std::string_view unit;
};

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::int64_t second_ps = 1'000'000'000'000;
constexpr std::array duration_units = {
    Unit{"ps", 1},
    Unit{"ns", 1'000},
    Unit{"us", 1'000'000},
    Unit{"\xC2\xB5s", 1'000'000},
    Unit{"\xCE\xBCs", 1'000'000},
    Unit{"ms", 1'000'000'000},
    Unit{"s", second_ps},
    Unit{"m", 60 * second_ps},
    Unit{"min", 60 * second_ps},
    Unit{"h", 3600 * second_ps},
    Unit{"d", 86400 * second_ps},
};
constexpr std::array fio_time_units = {
    Unit{"us", 1'000'000},       Unit{"usec", 1'000'000},      Unit{"ms", 1'000'000'000},
    Unit{"msec", 1'000'000'000}, Unit{"s", second_ps},         Unit{"m", 60 * second_ps},
    Unit{"h", 3600 * second_ps}, Unit{"d", 86400 * second_ps},
};
constexpr std::array byte_units = {
    Unit{"", 1},
    Unit{"B", 1},
    Unit{"kB", 1'000},
    Unit{"KB", 1'000},
    Unit{"MB", 1'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"TB", 1'000'000'000'000},
    Unit{"PB", 1'000'000'000'000'000},
    Unit{"KiB", 1LL << 10},
    Unit{"MiB", 1LL << 20},
    Unit{"GiB", 1LL << 30},
    Unit{"TiB", 1LL << 40},
    Unit{"PiB", 1LL << 50},
};
constexpr std::array bit_rate_units = {
    Unit{"bit/s", 1},
    Unit{"kbit/s", 1'000},
    Unit{"Mbit/s", 1'000'000},
    Unit{"Gbit/s", 1'000'000'000},
    Unit{"Tbit/s", 1'000'000'000'000},
    Unit{"bps", 1},
    Unit{"kbps", 1'000},
    Unit{"Mbps", 1'000'000},
    Unit{"Gbps", 1'000'000'000},
    Unit{"B/s", 8},
    Unit{"kB/s", 8'000},
    Unit{"MB/s", 8'000'000},
    Unit{"GB/s", 8'000'000'000},
    Unit{"TB/s", 8'000'000'000'000},
    Unit{"KiB/s", 8LL << 10},
    Unit{"MiB/s", 8LL << 20},
    Unit{"GiB/s", 8LL << 30},
};
constexpr std::array frequency_units = {
    Unit{"Hz", 1},
    Unit{"kHz", 1'000},
    Unit{"MHz", 1'000'000},
    Unit{"GHz", 1'000'000'000},
};

tl::unexpected<std::string> reject(std::string reason) {
  return tl::unexpected<std::string>(std::move(reason));
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

tl::expected<Decimal, std::string> split_decimal(std::string_view text) {
  text = trim(text);
  if (text.empty()) return reject("a number is missing");
  if (text.front() == '-') return reject(in_quotes(text) + " is negative");
  if (text.front() == '+') text.remove_prefix(1);
  Decimal decimal;
  std::size_t digits = 0;
  bool point = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    if (text[i] == '.' && !point) {
      point = true;
    } else if (is_digit(text[i])) {
      if (++digits > max_digits) return reject(in_quotes(text) + " has too many digits");
      decimal.mantissa = decimal.mantissa * 10 + (text[i] - '0');
      if (point) ++decimal.scale;
    } else {
      break;
    }
  }
  if (digits == 0) return reject(in_quotes(text) + " is not a number");
  decimal.unit = trim(text.substr(i));
  return decimal;
}

Parsed scaled(const Decimal& decimal, std::int64_t factor, std::string_view text,
              std::string_view of_what) {
  Wide value = 0;
  if (__builtin_mul_overflow(decimal.mantissa, Wide{factor}, &value)) {
    return reject(in_quotes(text) + " is too large");
  }
  for (int i = 0; i < decimal.scale; ++i) {
    if (value % 10 != 0) {
      return reject(in_quotes(text) + " is not a whole number of " + std::string(of_what));
    }
    value /= 10;
  }
  if (value > Wide{std::numeric_limits<std::int64_t>::max()}) {
    return reject(in_quotes(text) + " is too large");
  }
  return static_cast<std::int64_t>(value);
}

std::string unit_hint(std::string_view unit, std::span<const Unit> units) {
  std::string list;
  for (const Unit& known : units) {
    if (known.name.empty() || static_cast<unsigned char>(known.name[0]) >= 0x80) continue;
    list += (list.empty() ? "" : ", ") + std::string(known.name);
  }
  return (unit.empty() ? "a unit is missing" : "unknown unit " + in_quotes(unit)) +
         "; valid units: " + list;
}

Parsed with_unit(std::string_view text, std::span<const Unit> units, std::string_view of_what) {
  const auto decimal = split_decimal(text);
  if (!decimal) return reject(decimal.error());
  for (const Unit& unit : units) {
    if (unit.name == decimal->unit) return scaled(*decimal, unit.factor, text, of_what);
  }
  return reject(unit_hint(decimal->unit, units));
}

std::vector<std::string_view> names_of(std::span<const Unit> units) {
  std::vector<std::string_view> names;
  for (const Unit& unit : units) names.push_back(unit.name);
  return names;
}

/// The factor of a fio size suffix (lower case), 0 when it is none.
std::int64_t fio_size_factor(std::string_view suffix, int kb_base) {
  if (suffix.ends_with('b')) suffix.remove_suffix(1);
  if (suffix.empty()) return 1;
  const bool with_i = suffix.ends_with('i');
  if (with_i) suffix.remove_suffix(1);
  constexpr std::string_view prefixes = "kmgtp";
  const std::size_t power = suffix.size() == 1 ? prefixes.find(suffix[0]) : std::string_view::npos;
  if (power == std::string_view::npos) return 0;
  const bool binary = with_i == (kb_base == 1000);
  std::int64_t factor = 1;
  for (std::size_t i = 0; i <= power; ++i) factor *= binary ? 1024 : 1000;
  return factor;
}

/// fio reads `1.5k` as 1k and `10 ms` as 10 of the default unit, silently: refuse both.
std::string fio_number_fault(std::string_view text) {
  if (text.find_first_of(" \t") != std::string_view::npos) {
    return in_quotes(text) + " holds a blank";
  }
  if (text.find('.') == std::string_view::npos) return {};
  return in_quotes(text) + " is not a whole number; fio would cut it at the point";
}

Parsed parse_hexadecimal(std::string_view text) {
  std::int64_t value = 0;
  const std::string digits = lower(text.substr(2));
  if (digits.empty()) return reject(in_quotes(text) + " is not a number");
  for (const char c : digits) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(c);
    if (digit == std::string_view::npos) {
      return reject(in_quotes(text) + " is not a hexadecimal number");
    }
    if (value > std::numeric_limits<std::int64_t>::max() >> 4) {
      return reject(in_quotes(text) + " is too large");
    }
    value = value * 16 + static_cast<std::int64_t>(digit);
  }
  return value;
}

}  // namespace

std::vector<std::string_view> duration_unit_names() {
  return names_of(duration_units);
}
std::vector<std::string_view> byte_unit_names() {
  return names_of(byte_units);
}
std::vector<std::string_view> rate_unit_names() {
  return names_of(bit_rate_units);
}

Parsed parse_count(std::string_view text) {
  const auto decimal = split_decimal(text);
  if (!decimal) return reject(decimal.error());
  if (!decimal->unit.empty()) return reject(in_quotes(text) + " is not a whole number");
  return scaled(*decimal, 1, text, "units");
}

Parsed parse_bytes(std::string_view text) {
  return with_unit(text, byte_units, "bytes");
}

Parsed parse_fio_size(std::string_view text, int kb_base) {
  if (text.starts_with("0x") || text.starts_with("0X")) return parse_hexadecimal(text);
  const auto decimal = split_decimal(text);
  if (!decimal) return reject(decimal.error());
  const std::int64_t factor = fio_size_factor(lower(decimal->unit), kb_base);
  if (factor == 0) {
    return reject("unknown size suffix " + in_quotes(decimal->unit) +
                  "; valid suffixes: k, m, g, t, p, ki, mi, gi, ti, pi, each with or without b");
  }
  if (const std::string fault = fio_number_fault(text); !fault.empty()) return reject(fault);
  return scaled(*decimal, factor, text, "bytes");
}

Parsed parse_duration_ps(std::string_view text) {
  return with_unit(text, duration_units, "picoseconds");
}

Parsed parse_fio_time_ps(std::string_view text, std::int64_t default_unit_ps) {
  const auto decimal = split_decimal(text);
  if (!decimal) return reject(decimal.error());
  if (const std::string fault = fio_number_fault(text); !fault.empty()) return reject(fault);
  if (decimal->unit.empty()) return scaled(*decimal, default_unit_ps, text, "picoseconds");
  const std::string unit = lower(decimal->unit);
  for (const Unit& known : fio_time_units) {
    if (known.name == unit) return scaled(*decimal, known.factor, text, "picoseconds");
  }
  return reject(unit_hint(decimal->unit, fio_time_units));
}

Parsed parse_rate_bits_per_s(std::string_view text) {
  return with_unit(text, bit_rate_units, "bits per second");
}

Parsed parse_rate_bytes_per_s(std::string_view text) {
  const Parsed bits = parse_rate_bits_per_s(text);
  if (!bits) return bits;
  if (*bits % 8 != 0) return reject(in_quotes(text) + " is not a whole number of bytes per second");
  return *bits / 8;
}

Parsed parse_frequency_hz(std::string_view text) {
  return with_unit(text, frequency_units, "hertz");
}

Parsed parse_fraction_ppm(std::string_view text) {
  constexpr std::int64_t million = 1'000'000;
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    const auto decimal = split_decimal(text);
    if (!decimal) return reject(decimal.error());
    if (decimal->unit.empty()) return scaled(*decimal, million, text, "millionths");
    if (decimal->unit == "%") return scaled(*decimal, million / 100, text, "millionths");
    return reject(in_quotes(text) + " is not a share; write 0.6, 60% or 3/5");
  }
  const Parsed over = parse_count(text.substr(0, slash));
  const Parsed under = parse_count(text.substr(slash + 1));
  if (!over) return over;
  if (!under) return under;
  if (*under == 0) return reject(in_quotes(text) + " divides by zero");
  const Wide value = Wide{*over} * million;
  if (value % *under != 0) {
    return reject(in_quotes(text) + " is not a whole number of millionths");
  }
  if (value / *under > Wide{std::numeric_limits<std::int64_t>::max()}) {
    return reject(in_quotes(text) + " is too large");
  }
  return static_cast<std::int64_t>(value / *under);
}

}  // namespace iodrome::workloads
