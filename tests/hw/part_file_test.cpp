// SPDX-License-Identifier: Apache-2.0
#include "tests/hw/part_file.h"

#include <toml++/toml.h>

#include <catch2/catch.hpp>

#include <cctype>
#include <stdexcept>

#include "hw/disk/params.h"

namespace iodrome::hw::test {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t numerator;
  std::int64_t denominator = 1;
};

constexpr Unit kTimes[] = {
    {"ps", 1}, {"ns", 1'000}, {"us", 1'000'000}, {"ms", 1'000'000'000}, {"s", 1'000'000'000'000}};
constexpr Unit kBytes[] = {
    {"B", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"GB", 1'000'000'000}};
constexpr Unit kRates[] = {
    {"B/s", 1}, {"MB/s", 1'000'000}, {"GB/s", 1'000'000'000}, {"Gbit/s", 1'000'000'000, 8}};
constexpr Unit kShares[] = {{"%", 10'000}};

// "1.5 us" by exact decimal arithmetic.
std::int64_t quantity(const std::string& key, const std::string& text,
                      std::span<const Unit> units) {
  std::int64_t digits = 0;
  std::int64_t scale = 1;
  std::size_t at = 0;
  bool fraction = false;
  for (;
       at < text.size() && (std::isdigit(static_cast<unsigned char>(text[at])) || text[at] == '.');
       ++at) {
    if (text[at] == '.') {
      fraction = true;
      continue;
    }
    digits = digits * 10 + (text[at] - '0');
    if (fraction) scale *= 10;
  }
  while (at < text.size() && text[at] == ' ') ++at;
  for (const Unit& unit : units) {
    if (text.substr(at) != unit.name) continue;
    const std::int64_t value = digits * unit.numerator;
    if (value % (scale * unit.denominator) != 0) break;
    return value / (scale * unit.denominator);
  }
  throw std::runtime_error(key + ": no quantity: " + text);
}

void fill(const Parameter& parameter, const toml::table& entry) {
  const std::string key(parameter.name);
  const auto text = [&] { return entry["value"].value<std::string>().value_or("(no text)"); };
  if (auto* const* time = std::get_if<Duration*>(&parameter.slot))
    **time = ps(quantity(key, text(), kTimes));
  if (auto* const* rate = std::get_if<Rate*>(&parameter.slot))
    (*rate)->bytes_per_s = quantity(key, text(), kRates);
  if (auto* const* share = std::get_if<Fraction*>(&parameter.slot))
    (*share)->parts_per_million = quantity(key, text(), kShares);
  if (auto* const* flag = std::get_if<bool*>(&parameter.slot))
    **flag = entry["value"].value<bool>().value();
  if (auto* const* name = std::get_if<std::string*>(&parameter.slot)) **name = text();
  if (auto* const* count = std::get_if<std::int64_t*>(&parameter.slot))
    **count = parameter.unit == "B" ? quantity(key, text(), kBytes)
                                    : entry["value"].value<std::int64_t>().value();
}

}  // namespace

void read_part(const std::string& kind, const std::string& part, const std::string& name,
               ParameterList& list) {
  const std::string path =
      std::string(IODROME_SOURCE_DIR) + "/hw/" + kind + "/params/" + part + ".toml";
  const toml::table file = toml::parse_file(path);
  const toml::table* const table = file[name].as_table();
  if (table == nullptr) throw std::runtime_error(path + ": no table [" + name + "]");
  for (const auto& [key, node] : *table)
    if (list.find(key.str()) == nullptr)
      throw std::runtime_error(path + ": unknown key " + std::string(key));
  for (const Parameter& parameter : list.all()) {
    const toml::table* const entry = (*table)[parameter.name].as_table();
    if (entry == nullptr)
      throw std::runtime_error(path + ": no value for " + std::string(parameter.name));
    for (const char* const field : {"source", "date"})
      if (!(*entry)[field].is_string())
        throw std::runtime_error(path + ": " + std::string(parameter.name) + " has no " + field);
    fill(parameter, *entry);
  }
}

TEST_CASE("a part must name every parameter and no other") {
  std::int64_t rpm = 0;
  ParameterList few;
  few.add("rpm", "1/min", "speed of rotation", &rpm);
  CHECK_THROWS_WITH(read_part("disk", "sata_7200_2007", "disk", few),
                    Catch::Contains("unknown key"));
  CHECK_THROWS_WITH(read_part("disk", "sata_7200_2007", "drive", few),
                    Catch::Contains("no table [drive]"));
  DiskParams params;
  ParameterList more;
  params.describe(more);
  more.add("colour", "", "of the case", &rpm);
  CHECK_THROWS_WITH(read_part("disk", "sata_7200_2007", "disk", more),
                    Catch::Contains("no value for colour"));
}

}  // namespace iodrome::hw::test
