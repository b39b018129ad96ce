// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/access_log/access_line.h"

#include <catch2/catch.hpp>
#include <string>

using namespace iodrome::workloads;

namespace {

std::int64_t seconds_of(const std::string& text) {
  std::int64_t seconds = -1;
  return parse_log_time(text, seconds) ? seconds : -1;
}

/// The reason why a line is malformed; empty when it is fine.
std::string fault_of(const std::string& line) {
  AccessLine parsed;
  LineFault fault;
  const bool fine = line.starts_with('{') ? parse_json_line(line, parsed, fault)
                                          : parse_combined_line(line, parsed, fault);
  return fine ? "" : std::string(fault.reason);
}

const std::string head = R"(10.0.0.1 - - [17/May/2015:10:05:03 +0000] )";

}  // namespace

TEST_CASE("log times honour their zone, leap days and month lengths") {
  REQUIRE(seconds_of("01/Jan/1970:00:00:00 +0000") == 0);
  REQUIRE(seconds_of("17/May/2015:10:05:03 +0000") == 1431857103);
  REQUIRE(seconds_of("17/May/2015:12:05:03 +0200") == 1431857103);
  REQUIRE(seconds_of("17/May/2015:04:35:03 -0530") == 1431857103);
  REQUIRE(seconds_of("29/Feb/2024:23:59:59 +0000") == 1709251199);
  REQUIRE(seconds_of("01/Mar/2024:00:00:00 +0000") == 1709251200);
  REQUIRE(seconds_of("31/Dec/2099:23:59:59 +0000") == 4102444799);
}

TEST_CASE("times that do not exist are refused") {
  for (const char* text :
       {"29/Feb/2023:00:00:00 +0000", "31/Apr/2023:00:00:00 +0000", "00/May/2015:10:05:03 +0000",
        "17/Mai/2015:10:05:03 +0000", "17/May/2015:24:05:03 +0000", "17/May/2015:10:60:03 +0000",
        "17/May/2015:10:05:03 0000", "17/May/2015:10:05:03 +9900", "17/May/1969:10:05:03 +0000",
        "17/May/2015:10:05:03", "", "17/May/2015:10:05:0x +0000"}) {
    CAPTURE(text);
    REQUIRE(seconds_of(text) == -1);
  }
}

TEST_CASE("fractions of seconds become exact nanoseconds") {
  std::int64_t ns = 0;
  REQUIRE(parse_seconds_ns("1700000000.123", ns));
  REQUIRE(ns == 1'700'000'000'123'000'000);
  REQUIRE(parse_seconds_ns("0.004", ns));
  REQUIRE(ns == 4'000'000);
  REQUIRE(parse_seconds_ns("5", ns));
  REQUIRE(ns == 5'000'000'000);
  REQUIRE(parse_seconds_ns("0.1234567891", ns));
  REQUIRE(ns == 123'456'789);
  for (const char* text : {"", ".", "1.", "-1", "1e9", "1.x", "99999999999"}) {
    CAPTURE(text);
    REQUIRE_FALSE(parse_seconds_ns(text, ns));
  }
}

TEST_CASE("a path loses query, fragment, scheme and host") {
  REQUIRE(path_of_target("/a/b?x=1#y") == "/a/b");
  REQUIRE(path_of_target("http://h.example/a?b") == "/a");
  REQUIRE(path_of_target("http://h.example") == "/");
  REQUIRE(path_of_target("http://h.example?x") == "/");
  REQUIRE(path_of_target("*").empty());
  REQUIRE(path_of_target("").empty());
}

TEST_CASE("a request line is taken apart, blanks in the path included") {
  AccessLine parsed;
  parse_request("GET /a b?c d HTTP/1.1", parsed);
  REQUIRE(parsed.method == "GET");
  REQUIRE(parsed.path == "/a b");
  parse_request("GET /old", parsed);
  REQUIRE(parsed.path == "/old");
  for (const char* request : {"-", "", "\\x16\\x03\\x01 x", "GET", "GET /a JUNK"}) {
    CAPTURE(request);
    parse_request(request, parsed);
    REQUIRE(parsed.method.empty());
  }
}

TEST_CASE("combined, common and extended lines are accepted") {
  for (const char* tail : {R"("GET / HTTP/1.1" 200 5 "-" "agent")", R"("GET / HTTP/1.1" 200 5)",
                           R"("GET / HTTP/1.1" 200 - "-" "agent")",
                           R"("GET / HTTP/1.1" 200 5 "-" "a \"quoted\" agent")",
                           R"("GET / HTTP/1.1" 200 5 "-" "agent" "10.1.1.1")",
                           R"("GET / HTTP/1.1" 200 5 "-" "agent" 1431857103.500 0.250)",
                           R"("GET /\x22 HTTP/1.1" 200 5 "-" "agent" )", R"("" 400 0 "-" "-")"}) {
    CAPTURE(tail);
    REQUIRE(fault_of(head + tail).empty());
  }
}

TEST_CASE("a user name with blanks does not confuse the fields") {
  AccessLine parsed;
  LineFault fault;
  REQUIRE(parse_combined_line(
              R"(::1 - John Q [Smith] [17/May/2015:10:05:03 +0000] "GET /x HTTP/1.1" 200 5)",
              parsed, fault) == false);
  REQUIRE(parse_combined_line(
      R"(::1 - John Q Smith [17/May/2015:10:05:03 +0000] "GET /x HTTP/1.1" 200 5)", parsed, fault));
  REQUIRE(parsed.client == "::1");
  REQUIRE(parsed.path == "/x");
}

TEST_CASE("malformed lines say what is missing and where") {
  REQUIRE(fault_of("garbage") == "expected 'address ident user [time]'");
  REQUIRE(fault_of("a - - [x] \"GET / HTTP/1.1\" 200 5").starts_with("the time is not like"));
  REQUIRE(fault_of(head + "GET / 200 5").starts_with("the quoted request"));
  REQUIRE(fault_of(head + R"("GET / HTTP/1.1 200 5)").starts_with("the quoted request"));
  REQUIRE(fault_of(head + R"("GET / HTTP/1.1" OK 5)").starts_with("the status"));
  REQUIRE(fault_of(head + R"("GET / HTTP/1.1" 2000 5)").starts_with("the status"));
  REQUIRE(fault_of(head + R"("GET / HTTP/1.1" 200)").starts_with("the number of bytes"));
  REQUIRE(fault_of(head + R"("GET / HTTP/1.1" 200 -5)").starts_with("the number of bytes"));
  REQUIRE(fault_of(head + R"("GET / HTTP/1.1" 200 5 "-" "agent)") == "a quote is not closed");
  REQUIRE(fault_of(head + R"("GET / HTTP/1.1" 200 5 "-" "a" 1.5)").starts_with("$request_time"));
  REQUIRE(fault_of(head + R"("GET / HTTP/1.1" 200 5 "-" "a" 1.5 2 3)").starts_with("unexpected"));
  AccessLine parsed;
  LineFault fault;
  REQUIRE_FALSE(parse_combined_line(head + R"("GET / HTTP/1.1" OK 5)", parsed, fault));
  REQUIRE(fault.column == head.size() + 18);
}

TEST_CASE("the stamp of an extended line is the end of the request") {
  AccessLine parsed;
  LineFault fault;
  REQUIRE(parse_combined_line(head + R"("GET / HTTP/1.1" 200 5 "-" "a" 1431857103.500 0.250)",
                              parsed, fault));
  REQUIRE(parsed.arrival_ns == 1'431'857'103'250'000'000);
  REQUIRE_FALSE(parsed.whole_second);
}

TEST_CASE("JSON lines give exact stamps and defaults for what they lack") {
  AccessLine parsed;
  LineFault fault;
  REQUIRE(parse_json_line(R"({"t":1700000000.123,"rt":0.023,"bytes":77,"uri":"/a\u0041?x"})",
                          parsed, fault));
  REQUIRE(parsed.arrival_ns == 1'700'000'000'100'000'000);
  REQUIRE(parsed.bytes == 77);
  REQUIRE(parsed.path == "/aA");
  REQUIRE(parsed.method == "GET");
  REQUIRE(parsed.status == 200);
  REQUIRE(parsed.client.empty());
  REQUIRE(parse_json_line(
      R"({"t":"1.5","rt":0,"bytes":"0","uri":"/b","status":304,"method":"HEAD","client":"::1",)"
      R"("nested":{"t":9,"uri":"/no"},"more":[1,{"t":2}]})",
      parsed, fault));
  REQUIRE(parsed.arrival_ns == 1'500'000'000);
  REQUIRE(parsed.status == 304);
  REQUIRE(parsed.method == "HEAD");
  REQUIRE(parsed.client == "::1");
  REQUIRE(parsed.path == "/b");
}

TEST_CASE("malformed JSON lines say which field is wrong") {
  REQUIRE(fault_of(R"({"rt":0,"bytes":1,"uri":"/"})").find("\"t\"") != std::string::npos);
  REQUIRE(fault_of(R"({"t":1,"bytes":1,"uri":"/"})").find("\"rt\"") != std::string::npos);
  REQUIRE(fault_of(R"({"t":1,"rt":0,"uri":"/"})").find("\"bytes\"") != std::string::npos);
  REQUIRE(fault_of(R"({"t":1,"rt":0,"bytes":1})").find("\"uri\"") != std::string::npos);
  REQUIRE(fault_of(R"({"t":1,"rt":0,"bytes":-1,"uri":"/"})").find("bytes") != std::string::npos);
  REQUIRE(fault_of(R"({"t":1,"rt":0,"bytes":1,"uri":"/","status":"x"})").find("status") !=
          std::string::npos);
  REQUIRE(fault_of(R"({"t":1,)").find("not well formed") != std::string::npos);
  REQUIRE(fault_of(R"({"t":1} {})").find("not well formed") != std::string::npos);
  REQUIRE(fault_of(R"({"t":1e9,"rt":0,"bytes":1,"uri":"/"})").find("\"t\"") != std::string::npos);
}
