// SPDX-License-Identifier: Apache-2.0
#include "bindings/request.h"

#include <optional>
#include <utility>
#include <vector>

#ifndef IODROME_VERSION
#define IODROME_VERSION "unknown"
#endif

namespace iodrome::bindings {

using Json = nlohmann::ordered_json;
using testbed::RaceRequest;

namespace {

template <class T>
std::optional<T> optional_of(const Json& json, const char* key) {
  const auto found = json.find(key);
  if (found == json.end() || found->is_null()) return std::nullopt;
  return found->get<T>();
}

}  // namespace

RaceRequest parse_request(const std::string& text) {
  const Json json = Json::parse(text);
  RaceRequest request;
  request.input = json.at("input").get<std::string>();
  request.text = optional_of<std::string>(json, "text");
  request.kind = optional_of<std::string>(json, "kind");
  request.designs = optional_of<std::vector<std::string>>(json, "designs");
  request.machine = optional_of<std::string>(json, "machine");
  request.seed = optional_of<std::uint64_t>(json, "seed");
  request.skip_bad = optional_of<std::uint64_t>(json, "skip_bad");
  request.set = optional_of<std::vector<std::pair<std::string, std::string>>>(json, "set")
                    .value_or(std::vector<std::pair<std::string, std::string>>{});
  const std::string driver = optional_of<std::string>(json, "driver").value_or("hosted");
  if (driver != "hosted" && driver != "free")
    throw testbed::InputError("the driver is hosted or free, not '" + driver + "'");
  request.hosted = driver == "hosted";
  request.tlm = optional_of<bool>(json, "tlm").value_or(false);
  if (const auto path = optional_of<std::string>(json, "timeline"))
    request.timeline = testbed::TimelineRequest{*path, IODROME_VERSION};
  request.keep_requests = optional_of<bool>(json, "keep_requests").value_or(false);
  return request;
}

}  // namespace iodrome::bindings
