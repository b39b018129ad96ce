// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/scenario/toml_document.h"

#include <catch2/catch.hpp>
#include <string>

#include "tests/model/workloads/scratch_folder.h"

using namespace iodrome::workloads;
using iodrome::tests::ScratchFolder;

namespace {

std::optional<TomlDocument> read(const std::string& text, Diagnostics& diagnostics) {
  TextSource source = TextSource::from_text("m.toml", text);
  return read_toml_document(source, diagnostics);
}

}  // namespace

TEST_CASE("keys are taken one by one and the rest is reported") {
  Diagnostics diagnostics;
  const auto document = read(
      "name = \"m\"\n[cpu]\ncount = 4\nclock = \"2.4 GHz\"\nsmt = true\ncuont = 5\n", diagnostics);
  REQUIRE(document);
  TomlTable root(*document, document->root, "", diagnostics);
  REQUIRE(root.text("name") == "m");
  auto cpu = root.table("cpu");
  REQUIRE(cpu);
  REQUIRE(cpu->integer("count", 1, 64) == 4);
  REQUIRE(cpu->quantity("clock", parse_frequency_hz) == 2'400'000'000);
  REQUIRE(cpu->boolean("smt") == true);
  REQUIRE_FALSE(cpu->text("absent"));
  REQUIRE(diagnostics.ok());
  root.finish();
  REQUIRE(diagnostics.ok());
  cpu->finish();
  REQUIRE(diagnostics.error_count() == 1);
  REQUIRE(diagnostics.entries()[0].line == 6);
  REQUIRE(diagnostics.entries()[0].message == "unknown key 'cpu.cuont'");
  REQUIRE(diagnostics.entries()[0].hint.starts_with("did you mean 'count'?"));
}

TEST_CASE("columns are bytes even behind characters of several bytes") {
  Diagnostics diagnostics;
  const auto document = read("x = [\"\xC3\xA4\xC3\xB6\", 3]\n", diagnostics);
  REQUIRE(document);
  TomlTable root(*document, document->root, "", diagnostics);
  REQUIRE_FALSE(root.texts("x"));
  REQUIRE(diagnostics.entries()[0].column == 14);
}

TEST_CASE("a quantity out of range or without a unit is reported at its value") {
  Diagnostics diagnostics;
  const auto document = read("a = \"5\"\nb = 70000\n", diagnostics);
  REQUIRE(document);
  TomlTable root(*document, document->root, "", diagnostics);
  REQUIRE_FALSE(root.quantity("a", parse_duration_ps));
  REQUIRE_FALSE(root.integer("b", 0, 65535));
  REQUIRE(diagnostics.entries()[0].message.starts_with("'a': a unit is missing"));
  REQUIRE(diagnostics.entries()[1].message == "'b' must be from 0 to 65535, not 70000");
}

TEST_CASE("files that cannot be read or are no TOML are reported") {
  const ScratchFolder folder;
  folder.write("bad.toml", "a = \n");
  folder.write("good.toml", "a = 1\n");
  folder.write("bytes.toml", "a = \"\xff\xfe\"\n");
  folder.write("long.toml", std::string(2'000'000, '\n'));
  folder.write("wide.toml", "a = \"" + std::string(5000, 'x') + "\"\n");
  for (const char* name : {"bad.toml", "absent.toml", "", "bytes.toml", "long.toml", "wide.toml"}) {
    Diagnostics diagnostics;
    CAPTURE(name);
    REQUIRE_FALSE(load_toml_table(folder.path(name), diagnostics));
    REQUIRE(diagnostics.error_count() == 1);
  }
  Diagnostics diagnostics;
  const auto table = load_toml_table(folder.path("good.toml"), diagnostics);
  REQUIRE(table);
  REQUIRE(table->get("a")->source().begin.line == 1);
}

TEST_CASE("bare keys beyond ASCII and broken headers are errors with their place") {
  for (const char* text : {"gr\xC3\xB6\xC3\x9F"
                           "e = 3\n",
                           "a = b\"\xC3\xA4\"\n", "[=x]\n", "a = 1 \xC2\xB5\n", "\xD1\x80 = 1\n"}) {
    Diagnostics diagnostics;
    CAPTURE(text);
    REQUIRE_FALSE(read(text, diagnostics));
    REQUIRE(diagnostics.error_count() == 1);
    REQUIRE(diagnostics.entries()[0].line == 1);
  }
}

TEST_CASE("deeply nested keys are survived") {
  const ScratchFolder folder;
  std::string dots = "a";
  while (dots.size() < 4000) dots += ".a";
  folder.write("deep.toml", dots + " = 1\n");
  Diagnostics diagnostics;
  REQUIRE(load_toml_document(folder.path("deep.toml"), diagnostics));
}
