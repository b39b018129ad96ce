// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "model/workloads/access_log/access_line.h"

namespace iodrome::workloads {
namespace {

enum class Field { end, taken, bytes, uri, status, method, client, none };

struct FieldName {
  std::string_view name;
  Field field;
};

constexpr std::array field_names = {
    FieldName{"t", Field::end},
    FieldName{"msec", Field::end},
    FieldName{"rt", Field::taken},
    FieldName{"request_time", Field::taken},
    FieldName{"bytes", Field::bytes},
    FieldName{"body_bytes_sent", Field::bytes},
    FieldName{"uri", Field::uri},
    FieldName{"request_uri", Field::uri},
    FieldName{"status", Field::status},
    FieldName{"method", Field::method},
    FieldName{"request_method", Field::method},
    FieldName{"client", Field::client},
    FieldName{"addr", Field::client},
    FieldName{"remote_addr", Field::client},
};

/// Keeps the text of the top-level fields: numbers as written, so that no stamp becomes a double.
class FieldReader {
 public:
  using Json = nlohmann::json;
  std::array<std::string, 8> text;
  std::array<bool, 8> seen{};
  std::size_t error_column = 1;
  bool is_object = false;

  bool null() { return value({}); }
  bool boolean(bool) { return value({}); }
  bool number_integer(Json::number_integer_t number) { return value(std::to_string(number)); }
  bool number_unsigned(Json::number_unsigned_t number) { return value(std::to_string(number)); }
  bool number_float(Json::number_float_t, const std::string& written) { return value(written); }
  bool string(std::string& written) { return value(written); }
  bool binary(Json::binary_t&) { return value({}); }
  bool start_object(std::size_t) {
    if (depth_ == 0) is_object = true;
    ++depth_;
    return true;
  }
  bool end_object() {
    --depth_;
    return true;
  }
  bool start_array(std::size_t) {
    ++depth_;
    return true;
  }
  bool end_array() {
    --depth_;
    return true;
  }
  bool key(std::string& name) {
    if (depth_ != 1) return true;
    field_ = Field::none;
    for (const FieldName& known : field_names) {
      if (known.name == name) field_ = known.field;
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) {
    error_column = position;
    return false;
  }

 private:
  bool value(const std::string& written) {
    const auto index = static_cast<std::size_t>(field_);
    if (depth_ == 1 && field_ != Field::none) {
      text[index] = written;
      seen[index] = true;
    }
    return true;
  }

  Field field_ = Field::none;
  int depth_ = 0;
};

bool parse_digits(std::string_view digits, std::size_t max_size, std::int64_t& number) {
  if (digits.empty() || digits.size() > max_size) return false;
  number = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9') return false;
    number = number * 10 + (c - '0');
  }
  return true;
}

bool take_numbers(const FieldReader& reader, AccessLine& parsed, LineFault& fault) {
  const auto text = [&](Field field) -> const std::string& {
    return reader.text[static_cast<std::size_t>(field)];
  };
  std::int64_t end_ns = 0;
  std::int64_t taken_ns = 0;
  std::int64_t status = 200;
  if (!parse_seconds_ns(text(Field::end), end_ns)) {
    return fail(fault, "the field \"t\" ($msec) is missing or no number of seconds");
  }
  if (!parse_seconds_ns(text(Field::taken), taken_ns)) {
    return fail(fault, "the field \"rt\" ($request_time) is missing or no number of seconds");
  }
  parsed.bytes = 0;
  if (text(Field::bytes) != "-" && !parse_digits(text(Field::bytes), 18, parsed.bytes)) {
    return fail(fault, "the field \"bytes\" is missing or no number");
  }
  if (reader.seen[static_cast<std::size_t>(Field::status)] &&
      !parse_digits(text(Field::status), 3, status)) {
    return fail(fault, "the field \"status\" is no three-digit number");
  }
  parsed.status = static_cast<int>(status);
  parsed.arrival_ns = end_ns - taken_ns;
  parsed.whole_second = false;
  return true;
}

}  // namespace

bool parse_json_line(std::string_view line, AccessLine& parsed, LineFault& fault) {
  FieldReader reader;
  if (!nlohmann::json::sax_parse(line, &reader)) {
    return fail(fault, "the JSON object is not well formed", reader.error_column);
  }
  if (!reader.is_object) return fail(fault, "expected one JSON object");
  if (!take_numbers(reader, parsed, fault)) return false;
  const auto has = [&](Field field) { return reader.seen[static_cast<std::size_t>(field)]; };
  const auto text = [&](Field field) -> std::string& {
    return reader.text[static_cast<std::size_t>(field)];
  };
  if (!has(Field::uri)) return fail(fault, "the field \"uri\" is missing");
  parsed.decoded.uri = std::move(text(Field::uri));
  parsed.decoded.method = has(Field::method) ? std::move(text(Field::method)) : "GET";
  parsed.decoded.client = std::move(text(Field::client));
  parsed.path = path_of_target(parsed.decoded.uri);
  parsed.method = parsed.decoded.method;
  parsed.client = parsed.decoded.client;
  return true;
}

}  // namespace iodrome::workloads
