// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/input/diagnostics.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

using namespace iodrome::workloads;

namespace {
constexpr std::array<std::string_view, 5> names = {"iodepth", "io_size", "direct", "rw", "bs"};
}

TEST_CASE("a finding is shown with its place, its line, a caret and a hint") {
  Diagnostics diagnostics;
  diagnostics.error({"job.fio", 3, 1, "iodept=4"}, "unknown option 'iodept'",
                    name_hint("iodept", names, 0));
  REQUIRE(diagnostics.render() ==
          "job.fio:3:1: error: unknown option 'iodept'\n"
          "    iodept=4\n"
          "    ^\n"
          "    did you mean 'iodepth'?\n");
}

TEST_CASE("the caret stands under the column, counted in characters after tabs and umlauts") {
  const std::string shown = render({"f", 1, 6, Severity::warning, "m", "", "\t\xC3\xA4 =x"});
  REQUIRE(shown == "f:1:6: warning: m\n     \xC3\xA4 =x\n        ^");
}

TEST_CASE("only errors make a collection not ok") {
  Diagnostics diagnostics;
  diagnostics.warning({"f", 1, 1, ""}, "w");
  diagnostics.note({"f", 1, 1, ""}, "n");
  REQUIRE(diagnostics.ok());
  diagnostics.error({"f", 1, 1, ""}, "e");
  REQUIRE_FALSE(diagnostics.ok());
  REQUIRE(diagnostics.entries().size() == 3);
}

TEST_CASE("findings beyond the limit are counted instead of kept") {
  Diagnostics diagnostics;
  for (int i = 0; i < 1000; ++i) diagnostics.error({"f", i + 1, 1, ""}, "e");
  REQUIRE(diagnostics.entries().size() == Diagnostics::max_kept);
  REQUIRE(diagnostics.error_count() == 1000);
  REQUIRE(diagnostics.render().find("and 800 more findings") != std::string::npos);
}

TEST_CASE("control characters and broken UTF-8 are shown as escapes") {
  REQUIRE(printable("a\x1b[31m\xff\x7f") == "a\\x1b[31m\\xff\\x7f");
  REQUIRE(printable("\xC2\x9B") == "\\xc2\\x9b");
  REQUIRE(printable("\xED\xA0\x80") == "\\xed\\xa0\\x80");
  REQUIRE(printable("\xE2\x82\xAC") == "\xE2\x82\xAC");
  REQUIRE(printable(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("long texts are cut between characters") {
  REQUIRE(printable("aaa\xE2\x82\xAC", 4) == "aaa...");
  REQUIRE(in_quotes(std::string(100, 'x')) == "'" + std::string(60, 'x') + "...'");
}

TEST_CASE("a long source line is cut to a window around the column") {
  std::string line(5000, 'x');
  line[4000] = '!';
  const std::string shown = render({"f", 1, 4001, Severity::error, "m", "", line});
  REQUIRE(shown.size() < 300);
  const std::size_t mark = shown.find('!');
  const std::size_t row = shown.rfind('\n');
  REQUIRE(mark - shown.find('\n') == shown.rfind('^') - row);
}

TEST_CASE("the nearest name is found across insertions, swaps and changes") {
  REQUIRE(nearest_name("iodept", names) == "iodepth");
  REQUIRE(nearest_name("iodpeth", names) == "iodepth");
  REQUIRE(nearest_name("dirct", names) == "direct");
  REQUIRE(nearest_name("wr", names) == "rw");
}

namespace {

/// The definition, written plainly: the fewest insertions, deletions, changes and swaps of
/// neighbours.
std::size_t plain_distance(const std::string& a, const std::string& b) {
  if (a.empty() || b.empty()) return a.size() + b.size();
  const std::string a1 = a.substr(1);
  const std::string b1 = b.substr(1);
  std::size_t least = plain_distance(a1, b1) + (a[0] == b[0] ? 0 : 1);
  least = std::min({least, plain_distance(a1, b) + 1, plain_distance(a, b1) + 1});
  if (a.size() > 1 && b.size() > 1 && a[0] == b[1] && a[1] == b[0])
    least = std::min(least, plain_distance(a.substr(2), b.substr(2)) + 1);
  return least;
}

std::vector<std::string> all_words(std::size_t longest) {
  std::vector<std::string> words{""};
  for (std::size_t i = 0; i < words.size(); ++i)
    for (const char c : {'a', 'b', 'c'})
      if (words[i].size() < longest) words.push_back(words[i] + c);
  return words;
}

}  // namespace

TEST_CASE("a name is near exactly if its plainly counted distance is within a third of the word") {
  const std::vector<std::string> words = all_words(5);
  for (std::size_t i = 1; i < words.size(); i += 3) {
    const std::size_t limit = std::max<std::size_t>(1, words[i].size() / 3);
    for (const std::string& name : words) {
      const std::string_view candidate = name;
      const std::size_t steps = plain_distance(words[i], name);
      const bool near = steps <= limit && steps < std::max(words[i].size(), name.size());
      if (nearest_name(words[i], {&candidate, 1}).has_value() != near) {
        CAPTURE(words[i], name, steps);
        FAIL("they disagree");
      }
    }
  }
}

TEST_CASE("a word that is far from every name has no nearest name") {
  REQUIRE_FALSE(nearest_name("zzzzzz", names));
  REQUIRE_FALSE(nearest_name("", names));
  REQUIRE_FALSE(nearest_name("xy", names));
  REQUIRE_FALSE(nearest_name(std::string(100000, 'i'), names));
}

TEST_CASE("of equally near names the first is taken") {
  constexpr std::array<std::string_view, 2> both = {"bat", "car"};
  REQUIRE(nearest_name("cat", both) == "bat");
}

TEST_CASE("a hint lists the valid names when they are few") {
  REQUIRE(name_hint("bss", names) == "did you mean 'bs'? valid: iodepth, io_size, direct, rw, bs");
  REQUIRE(name_hint("qqqq", names) == "valid: iodepth, io_size, direct, rw, bs");
  REQUIRE(name_hint("qqqq", names, 4).empty());
}
