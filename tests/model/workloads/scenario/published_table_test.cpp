// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/scenario/published_table.h"

#include <catch2/catch.hpp>
#include <string>

using namespace iodrome::workloads;

namespace {

const std::string workload = "[workload]\nkind = \"fio\"\npath = \"a.fio\"\n";

std::optional<ScenarioFile> read(const std::string& figure, Diagnostics& diagnostics) {
  TextSource source = TextSource::from_text("s.toml", workload + "[[published]]\n" + figure);
  ScenarioVocabulary vocabulary;
  vocabulary.designs = {"sync", "io_uring"};
  vocabulary.metrics = {"mean", "requests_per_s", "costs.bio_submit", "costs.bio_complete"};
  return read_scenario_file(source, vocabulary, diagnostics);
}

std::string errors_of(const std::string& figure) {
  Diagnostics diagnostics;
  REQUIRE_FALSE(read(figure, diagnostics));
  return diagnostics.render();
}

const std::string named = "row = \"bio\"\ndesign = \"sync\"\nsource = \"a paper, table 1\"\n";

}  // namespace

TEST_CASE("a published time is read in picoseconds, with the figures that sum to it") {
  Diagnostics diagnostics;
  const auto scenario = read(
      named + "metrics = [\"costs.bio_submit\", \"costs.bio_complete\"]\nvalue = \"379.5 ns\"\n",
      diagnostics);
  INFO(diagnostics.render());
  REQUIRE(scenario);
  REQUIRE(scenario->published.size() == 1);
  const PublishedFigure& figure = scenario->published[0];
  REQUIRE(figure.row == "bio");
  REQUIRE(figure.design == "sync");
  REQUIRE(figure.metrics == std::vector<std::string>{"costs.bio_submit", "costs.bio_complete"});
  REQUIRE(figure.value == 379'500);
  REQUIRE_FALSE(figure.is_rate);
  REQUIRE(figure.source == "a paper, table 1");
}

TEST_CASE("a published rate is a whole number per second") {
  Diagnostics diagnostics;
  const auto scenario =
      read(named + "metrics = [\"requests_per_s\"]\nvalue = 20300\n", diagnostics);
  REQUIRE(scenario);
  REQUIRE(scenario->published[0].value == 20'300);
  REQUIRE(scenario->published[0].is_rate);
}

TEST_CASE("all that is wrong with a published figure is told at once") {
  const std::string errors = errors_of("design = \"snyc\"\nmetrics = [\"maen\"]\nvaleu = 3\n");
  REQUIRE(errors.find("has no 'row'") != errors.npos);
  REQUIRE(errors.find("has no 'source'") != errors.npos);
  REQUIRE(errors.find("did you mean 'sync'?") != errors.npos);
  REQUIRE(errors.find("did you mean 'mean'?") != errors.npos);
  REQUIRE(errors.find("did you mean 'value'?") != errors.npos);
}

TEST_CASE("a published time needs a unit and must not be zero") {
  REQUIRE(errors_of(named + "metrics = [\"mean\"]\nvalue = 5\n").find("'published.value'") !=
          std::string::npos);
  REQUIRE(errors_of(named + "metrics = [\"mean\"]\nvalue = \"0 ns\"\n").find("relative error") !=
          std::string::npos);
}

TEST_CASE("a published rate stands alone and figures are named") {
  REQUIRE(errors_of(named + "metrics = [\"mean\", \"requests_per_s\"]\nvalue = 1\n")
              .find("cannot be summed") != std::string::npos);
  REQUIRE(errors_of(named + "metrics = []\nvalue = \"1 ns\"\n").find("names no 'metrics'") !=
          std::string::npos);
}
