// SPDX-License-Identifier: Apache-2.0
// The catalogue says what a race takes, and what it says is what a race finds.
#include "model/testbed/catalogue.h"

#include <filesystem>
#include <set>

#include "tests/model/testbed/races.h"

using namespace iodrome;
using namespace iodrome::tests;
using Json = nlohmann::ordered_json;

namespace {

const Json* find(const Json& rows, const char* key, const std::string& value) {
  for (const Json& row : rows)
    if (row[key] == value) return &row;
  return nullptr;
}

// A copy of the data directory in which one file has another text.
struct OtherData {
  OtherData(const std::string& file, const std::string& text) {
    std::filesystem::create_directories(folder.path("model"));
    for (const char* part : {"scenarios", "hw", "model/designs"})
      std::filesystem::copy(data_dir() + "/" + part, folder.path(part),
                            std::filesystem::copy_options::recursive);
    folder.write(file, text);
  }
  ScratchFolder folder;
};

std::string complaint(const std::string& data, const std::string& machine) {
  try {
    testbed::catalogue(data, machine);
  } catch (const testbed::InputError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("the catalogue has the value and the source of every parameter that a race uses") {
  for (const char* machine : {"server_2007", "server_2026"}) {
    const Json catalogue = testbed::catalogue(data_dir(), machine);
    const Input input = fio_input();
    testbed::RaceRequest request = request_for(input);
    request.machine = machine;
    const testbed::PreparedRace race = testbed::prepare(request, data_dir());
    REQUIRE(race.sources.size() > 80);
    for (const testbed::ValueSource& source : race.sources) {
      INFO(source.key);
      const Json* const row = find(catalogue["parameters"], "key", source.key);
      REQUIRE(row != nullptr);
      CHECK((*row)["value"] == source.value);
      CHECK((*row)["value_unit"] == source.unit);
      CHECK((*row)["source"] == source.source);
      CHECK((*row)["date"] == source.date);
      CHECK((*row)["guess"] == source.guess);
      CHECK_FALSE((*row)["help"].get<std::string>().empty());
    }
  }
}

TEST_CASE("every key of the catalogue stands there once and may be set to the value it has") {
  for (const char* machine : {"server_2007", "server_2026"}) {
    const Input input = fio_input();
    testbed::RaceRequest request = request_for(input);
    request.machine = machine;
    std::set<std::string> keys;
    const Json catalogue = testbed::catalogue(data_dir(), machine);
    for (const Json& row : catalogue["parameters"]) {
      CHECK(keys.insert(row["key"]).second);
      request.set.emplace_back(row["key"], row["value"]);
    }
    CHECK(keys.count("workload.load") == 1);
    CHECK_NOTHROW(testbed::prepare(request, data_dir()));
  }
}

TEST_CASE("every design, machine, part and scenario of the data directory is in the catalogue") {
  const Json catalogue = testbed::catalogue(data_dir(), "server_2026");
  for (const designs::Descriptor* design : designs::all()) {
    const Json* const row = find(catalogue["designs"], "name", std::string(design->name));
    REQUIRE(row != nullptr);
    CHECK((*row)["not_modelled"].size() == design->not_modelled.size());
  }
  namespace fs = std::filesystem;
  const auto each = [&](const std::string& folder, const char* list, bool with_ending) {
    for (const auto& entry : fs::directory_iterator(data_dir() + "/" + folder)) {
      const fs::path path = entry.path();
      if (path.extension() != ".toml" && path.extension() != ".fio") continue;
      INFO(path.string());
      const Json* const row =
          find(catalogue[list], "name", (with_ending ? path.filename() : path.stem()).string());
      REQUIRE(row != nullptr);
      CHECK_FALSE((*row)["about"].get<std::string>().empty());
    }
  };
  each("scenarios/machines", "machines", false);
  each("scenarios", "scenarios", true);
  for (const testbed::PartKind& kind : testbed::part_kinds())
    each(std::string("hw/") + kind.folder + "/params", "parts", false);
}

TEST_CASE("the values of a machine are its own, of a machine file too") {
  const ScratchFolder folder;
  std::ifstream in(data_dir() + "/scenarios/machines/server_2026.toml");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const std::string from = "value = \"12 ms\"";
  text.replace(text.find(from), from.size(), "value = \"7 ms\"");
  folder.write("own.toml", text);
  const Json own = testbed::catalogue(data_dir(), folder.path("own.toml"));
  CHECK((*find(own["parameters"], "key", "cpu.sched_latency"))["value"] == "7 ms");
  CHECK((*find(own["machines"][1]["parameters"], "key", "cpu.sched_latency"))["value"] == "12 ms");
}

TEST_CASE("what a file says of itself keeps its lines and shows no control characters") {
  const OtherData data("scenarios/chain.toml",
                       "# SPDX-License-Identifier: Apache-2.0\n"
                       "# What\n#   is \x1b this?\n\n# not that\n");
  const Json catalogue = testbed::catalogue(data.folder.path(""), "server_2026");
  CHECK((*find(catalogue["scenarios"], "name", "chain.toml"))["about"] == "What\n  is \\x1b this?");
}

TEST_CASE("what is wrong with a machine or a file is told as in a race") {
  CHECK(complaint(data_dir(), "server_2062").find("did you mean 'server_2026'?") !=
        std::string::npos);
  const OtherData broken("hw/nic/params/gbe_1.toml", "[nic\n");
  CHECK(complaint(broken.folder.path(""), "server_2026").find("gbe_1.toml:1") != std::string::npos);
  const OtherData foreign("hw/nic/params/gbe_1.toml", "[toaster]\n");
  CHECK(complaint(foreign.folder.path(""), "server_2026").find("no table of a part") !=
        std::string::npos);
}
