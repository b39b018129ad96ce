// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/access_log/access_log.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/model/workloads/scratch_folder.h"

using namespace iodrome::workloads;

namespace {

std::uint64_t middle(std::uint64_t) {
  return std::uint64_t{1} << 63U;
}

std::optional<AccessLog> read(const std::string& text, Diagnostics& diagnostics,
                              AccessLogOptions options = {}) {
  if (!options.draw) options.draw = middle;
  TextSource source = TextSource::from_text("web.log", text);
  return read_access_log(source, options, diagnostics);
}

AccessLog read_fine(const std::string& text, AccessLogOptions options = {}) {
  Diagnostics diagnostics;
  auto log = read(text, diagnostics, std::move(options));
  INFO(diagnostics.render());
  REQUIRE(log);
  REQUIRE(diagnostics.entries().empty());
  return std::move(*log);
}

/// One line; `second` counts from 10:00:00 on.
std::string line(const std::string& client, int second, const std::string& request, int status,
                 const std::string& bytes) {
  std::string digits = std::to_string(100 + second).substr(1);
  return client + " - - [17/May/2015:10:00:" + digits + " +0000] \"" + request + "\" " +
         std::to_string(status) + " " + bytes + " \"-\" \"agent\"\n";
}

std::string get(const std::string& path, int second, int status, const std::string& bytes) {
  return line("10.0.0.1", second, "GET " + path + " HTTP/1.1", status, bytes);
}

}  // namespace

TEST_CASE("requests are sorted by what a server has to do for them") {
  const AccessLog log = read_fine(
      get("/a", 1, 200, "100") + get("/a", 2, 206, "40") + get("/a", 3, 304, "0") +
      line("10.0.0.2", 4, "HEAD /a HTTP/1.1", 200, "0") + get("/gone", 5, 404, "9") +
      get("/moved", 6, 301, "9") + line("10.0.0.3", 7, "POST /a HTTP/1.1", 200, "9") +
      line("10.0.0.3", 8, "-", 400, "0") + line("10.0.0.3", 9, "BREW /a HTTP/1.1", 200, "9") +
      line("10.0.0.3", 10, "GET * HTTP/1.1", 200, "9"));
  REQUIRE(log.records.size() == 4);
  REQUIRE(log.records[0].kind == AccessKind::send);
  REQUIRE(log.bytes_of(log.records[0]) == 100);
  REQUIRE(log.records[1].kind == AccessKind::send);
  REQUIRE(log.bytes_of(log.records[1]) == 40);
  REQUIRE(log.records[2].kind == AccessKind::stat_only);
  REQUIRE(log.records[3].kind == AccessKind::stat_only);
  REQUIRE(log.skipped == std::map<std::string, std::uint64_t>{{"method POST", 1},
                                                              {"method unknown", 1},
                                                              {"request not HTTP", 1},
                                                              {"status 301", 1},
                                                              {"status 404", 1},
                                                              {"target not a path", 1}});
  REQUIRE(log.clients == 2);
  REQUIRE(log.lines == 10);
}

TEST_CASE("a file is as large as the largest complete body of its path") {
  const AccessLog log =
      read_fine(get("/a?v=1", 1, 200, "100") + get("/a", 2, 200, "150") + get("/a", 3, 200, "120") +
                get("/b", 4, 206, "30") + get("/b", 5, 206, "70") + get("/c", 6, 304, "0") +
                get("/d", 7, 200, "-"));
  REQUIRE(log.files.size() == 4);
  REQUIRE(log.files[0].path == "/a");
  REQUIRE(log.files[0].size_bytes == 150);
  REQUIRE(log.files[1].size_bytes == 70);
  REQUIRE(log.files[2].size_bytes == 0);
  REQUIRE(log.files[3].size_bytes == 0);
  REQUIRE(log.clamped_sends == 0);
}

TEST_CASE("a send never exceeds its file") {
  const AccessLog log = read_fine(get("/a", 1, 200, "100") + get("/a", 2, 206, "900"));
  REQUIRE(log.files[0].size_bytes == 100);
  REQUIRE(log.bytes_of(log.records[1]) == 100);
  REQUIRE(log.clamped_sends == 1);
}

TEST_CASE("a body of gigabytes keeps its size, and its neighbours theirs") {
  const AccessLog log =
      read_fine(get("/a", 3, 200, "2147483648") + get("/b", 2, 200, "999999999999999999") +
                get("/c", 1, 200, "2147483647") + get("/a", 4, 206, "5000000000"));
  REQUIRE(log.bytes_of(log.records[0]) == 2'147'483'647);
  REQUIRE(log.bytes_of(log.records[1]) == 999'999'999'999'999'999);
  REQUIRE(log.bytes_of(log.records[2]) == 2'147'483'648);
  REQUIRE(log.bytes_of(log.records[3]) == 2'147'483'648);
  REQUIRE(log.clamped_sends == 1);
}

TEST_CASE("whole seconds are spread by the draw of their line, then everything is sorted") {
  AccessLogOptions options;
  options.draw = [](std::uint64_t line_number) {
    return line_number == 1 ? std::uint64_t{3} << 62U : std::uint64_t{1} << 62U;
  };
  const AccessLog log = read_fine(get("/a", 5, 200, "1") + get("/b", 5, 200, "2"), options);
  REQUIRE(log.files[log.records[0].file].path == "/b");
  REQUIRE(log.records[0].arrival_ps == 0);
  REQUIRE(log.files[log.records[1].file].path == "/a");
  REQUIRE(log.records[1].arrival_ps == 500'000'000'000);
  REQUIRE(log.records[0].whole_second);
}

TEST_CASE("the largest draw stays inside its second") {
  AccessLogOptions options;
  options.draw = [](std::uint64_t line_number) { return line_number == 1 ? 0 : UINT64_MAX; };
  const AccessLog log = read_fine(get("/a", 5, 200, "1") + get("/b", 5, 200, "2"), options);
  REQUIRE(log.records[1].arrival_ps == 999'999'999'000);
}

TEST_CASE("equal arrivals keep the order of their lines") {
  std::string text;
  for (int i = 0; i < 100; ++i) text += get("/" + std::to_string(i), 30 - i % 3, 200, "1");
  const AccessLog log = read_fine(text);
  for (std::size_t i = 1; i < log.records.size(); ++i) {
    const AccessRecord& before = log.records[i - 1];
    const AccessRecord& after = log.records[i];
    REQUIRE(before.arrival_ps <= after.arrival_ps);
    if (before.arrival_ps == after.arrival_ps) REQUIRE(before.file < after.file);
  }
}

TEST_CASE("end stamps are moved back by the time the request took") {
  const std::string head = R"(h - - [17/May/2015:10:00:09 +0000] "GET /a HTTP/1.1" 200 5 "-" "-" )";
  const AccessLog log = read_fine(head + "100.900 0.800\n" + head + "100.500 0.100\n");
  REQUIRE(log.records[0].arrival_ps == 0);
  REQUIRE(log.records[1].arrival_ps == 300'000'000'000);
  REQUIRE_FALSE(log.records[0].whole_second);
}

TEST_CASE("JSON lines without a client are clients of their own") {
  const AccessLog log = read_fine(
      "{\"t\":1.5,\"rt\":0.5,\"bytes\":9,\"uri\":\"/a\"}\n"
      "{\"t\":1.6,\"rt\":0.1,\"bytes\":9,\"uri\":\"/a\",\"client\":\"x\"}\n"
      "{\"t\":3.5,\"rt\":0.5,\"bytes\":8,\"uri\":\"/b\"}\n");
  REQUIRE(log.clients == 3);
  REQUIRE(log.records[0].client == 1);
  REQUIRE(log.records[1].client == 0);
  REQUIRE(log.records[2].client == 2);
  REQUIRE(log.records[1].arrival_ps == 500'000'000'000);
}

TEST_CASE("a malformed line is an error that names it") {
  Diagnostics diagnostics;
  std::string text;
  for (int i = 1; i <= 6; ++i) text += get("/a", i, 200, "1");
  REQUIRE_FALSE(read(text + "garbage\n" + get("/a", 8, 200, "1"), diagnostics));
  REQUIRE(diagnostics.error_count() == 1);
  REQUIRE(diagnostics.entries()[0].file == "web.log");
  REQUIRE(diagnostics.entries()[0].line == 7);
  REQUIRE(diagnostics.entries()[0].source_line == "garbage");
  REQUIRE(diagnostics.entries()[0].hint.find("--skip-bad") != std::string::npos);
}

TEST_CASE("as many malformed lines as allowed are skipped, one more is an error") {
  const std::string text = get("/a", 1, 200, "1") + "bad\nworse\n";
  AccessLogOptions options;
  options.skip_bad = 2;
  REQUIRE(read_fine(text, options).skipped.at("malformed") == 2);
  Diagnostics diagnostics;
  options.skip_bad = 1;
  REQUIRE_FALSE(read(text, diagnostics, options));
  REQUIRE(diagnostics.entries()[0].line == 3);
}

TEST_CASE("a file that is no log at all is one complaint") {
  for (const std::string piece : {"garbage\n",
                                  "\x7f"
                                  "ELF\x01\n"}) {
    Diagnostics diagnostics;
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += piece;
    REQUIRE_FALSE(read(text, diagnostics));
    REQUIRE(diagnostics.error_count() == 1);
    REQUIRE(diagnostics.entries()[0].hint.starts_with("is this a web server's access log?"));
  }
}

TEST_CASE("a log full of malformed lines is given up after a few complaints") {
  Diagnostics diagnostics;
  std::string text = get("/a", 1, 200, "1");
  for (int i = 0; i < 100'000; ++i) text += "garbage\n";
  REQUIRE_FALSE(read(text, diagnostics));
  REQUIRE((diagnostics.error_count() > 10 && diagnostics.error_count() < 50));
}

TEST_CASE("a log without anything to replay is an error with the reasons") {
  for (const char* text : {"", "\n\n  \n"}) {
    Diagnostics diagnostics;
    REQUIRE_FALSE(read(text, diagnostics));
    REQUIRE(diagnostics.entries()[0].message == "the log is empty");
  }
  Diagnostics diagnostics;
  REQUIRE_FALSE(read(get("/a", 1, 404, "1"), diagnostics));
  REQUIRE(diagnostics.entries()[0].message.find("status 404: 1") != std::string::npos);
}

TEST_CASE("a log longer than the clock is an error") {
  Diagnostics diagnostics;
  const std::string head = R"(h - - [17/May/2015:10:00:09 +0000] "GET /a HTTP/1.1" 200 5 "-" "-" )";
  REQUIRE_FALSE(read(head + "1000 0\n" + head + "10000000 0\n", diagnostics));
  REQUIRE(diagnostics.entries()[0].message.find("spans 115 days") != std::string::npos);
  REQUIRE(diagnostics.entries()[0].message.find("(lines 1 and 2)") != std::string::npos);
}

TEST_CASE("the recorded log is read completely") {
  const auto path = iodrome::tests::source_root() / "scenarios/traces/web.log.gz";
  Diagnostics diagnostics;
  const auto log = load_access_log(path.string(), {0, middle}, diagnostics);
  INFO(diagnostics.render());
  REQUIRE(log);
  REQUIRE(log->lines >= 20'000);
  std::uint64_t skipped = 0;
  for (const auto& [reason, count] : log->skipped) skipped += count;
  REQUIRE(log->records.size() + skipped == log->lines);
  REQUIRE(log->files.size() > 2000);
  REQUIRE(log->clients == 150);
  REQUIRE(std::filesystem::file_size(path) < 1'000'000);
  REQUIRE(std::all_of(log->records.begin(), log->records.end(), [&](const AccessRecord& record) {
    return log->bytes_of(record) <= log->files[record.file].size_bytes && !record.whole_second;
  }));
}

TEST_CASE("a foreign log is read completely when one is at hand") {
  const char* folder = std::getenv("IODROME_EXTRA_TRACES");
  if (folder == nullptr) {
    WARN("skipped: IODROME_EXTRA_TRACES is not set");
    return;
  }
  std::filesystem::path path = folder;
  if (std::filesystem::is_directory(path)) path /= "web_access.log.gz";
  Diagnostics diagnostics;
  const auto log = load_access_log(path.string(), {0, middle}, diagnostics);
  INFO(diagnostics.render());
  REQUIRE(log);
  REQUIRE(log->records.size() >= 9'000);
  std::uint64_t skipped = 0;
  for (const auto& [reason, count] : log->skipped) skipped += count;
  REQUIRE(log->records.size() + skipped == log->lines);
}
