// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/input/text_source.h"

#include <zlib.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/model/workloads/scratch_folder.h"

using namespace iodrome::workloads;
using iodrome::tests::ScratchFolder;

namespace {

std::vector<std::string> lines_of(TextSource& source) {
  std::vector<std::string> lines;
  std::string_view line;
  while (source.next(line)) lines.emplace_back(line);
  return lines;
}

std::string failure_of(const std::string& path) {
  TextSource source = TextSource::from_file(path);
  lines_of(source);
  return source.failure() ? source.failure()->message : "";
}

void write_gzip(const std::string& path, const std::string& text) {
  gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(file != nullptr);
  REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) ==
          static_cast<int>(text.size()));
  REQUIRE(gzclose(file) == Z_OK);
}

/// Lines that do not compress to nothing, so that a cut file still holds some.
std::string many_lines(int count) {
  std::string text;
  unsigned state = 1;
  for (int i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    text += std::to_string(i) + ' ' + std::to_string(state) + '\n';
  }
  return text;
}

}  // namespace

TEST_CASE("lines lose their ending, the last needs none, blank ones count") {
  TextSource source = TextSource::from_text("t", "\xEF\xBB\xBFone\r\n\ntwo\nthree");
  REQUIRE(lines_of(source) == std::vector<std::string>{"one", "", "two", "three"});
  REQUIRE(source.line_number() == 4);
  REQUIRE_FALSE(source.failure());
}

TEST_CASE("a gzip file gives the same lines as the plain one") {
  const ScratchFolder folder;
  const std::string text = many_lines(100'000);
  write_gzip(folder.path("a.gz"), text);
  folder.write("a", text);
  TextSource plain = TextSource::from_file(folder.path("a"));
  TextSource packed = TextSource::from_file(folder.path("a.gz"));
  const auto lines = lines_of(plain);
  REQUIRE(lines.size() == 100'000);
  REQUIRE(lines == lines_of(packed));
  REQUIRE_FALSE(packed.failure());
}

TEST_CASE("a gzip file cut anywhere is reported and never read as complete") {
  const ScratchFolder folder;
  write_gzip(folder.path("whole.gz"), many_lines(3000));
  const std::string packed = folder.read("whole.gz");
  for (std::size_t size : {std::size_t{3}, std::size_t{11}, packed.size() / 3, packed.size() / 2,
                           packed.size() - 8, packed.size() - 4, packed.size() - 1}) {
    CAPTURE(size);
    folder.write("cut.gz", packed.substr(0, size));
    REQUIRE(failure_of(folder.path("cut.gz")).find("cut off") != std::string::npos);
  }
}

TEST_CASE("complete lines before the end of a cut gzip file are delivered") {
  const ScratchFolder folder;
  write_gzip(folder.path("whole.gz"), many_lines(200'000));
  const std::string packed = folder.read("whole.gz");
  folder.write("cut.gz", packed.substr(0, packed.size() / 2));
  TextSource source = TextSource::from_file(folder.path("cut.gz"));
  const auto lines = lines_of(source);
  REQUIRE(source.failure());
  REQUIRE(lines.size() > 50'000);
  REQUIRE(many_lines(200'000).starts_with(lines[0] + '\n' + lines[1]));
}

TEST_CASE("a damaged gzip file is reported") {
  const ScratchFolder folder;
  write_gzip(folder.path("whole.gz"), many_lines(3000));
  std::string packed = folder.read("whole.gz");
  packed[packed.size() / 2] = static_cast<char>(packed[packed.size() / 2] ^ 0x55);
  folder.write("bad.gz", packed);
  REQUIRE_FALSE(failure_of(folder.path("bad.gz")).empty());
}

TEST_CASE("missing files and directories are reported with the reason") {
  const ScratchFolder folder;
  REQUIRE(failure_of(folder.path("nope")).find("No such file") != std::string::npos);
  REQUIRE(failure_of(folder.path("")).find("directory") != std::string::npos);
  REQUIRE_FALSE(failure_of("").empty());
  REQUIRE_FALSE(failure_of(std::string("a\0b", 3)).empty());
}

TEST_CASE("an endless line is refused instead of filling the memory") {
  TextSource source = TextSource::from_file("/dev/zero");
  REQUIRE(lines_of(source).empty());
  REQUIRE(source.failure()->message.find("longer than 1048576 bytes") != std::string::npos);
  TextSource limited = TextSource::from_text("t", "ok\n123456\n", 5);
  REQUIRE(lines_of(limited) == std::vector<std::string>{"ok"});
  REQUIRE(limited.failure()->line == 2);
}

TEST_CASE("an empty file has no lines and no failure") {
  const ScratchFolder folder;
  folder.write("empty", "");
  REQUIRE(failure_of(folder.path("empty")).empty());
}

TEST_CASE("binary bytes are told from text in any encoding") {
  REQUIRE(find_binary_byte("a\tb\xC3\xA4\xE4\x1b[0m") == std::string_view::npos);
  REQUIRE(find_binary_byte(std::string_view("ab\0c", 4)) == 2);
  REQUIRE(find_binary_byte("\x7f"
                           "ELF") == 0);
}
