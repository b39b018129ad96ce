// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/scenario/scenario_file.h"
#include "tests/fuzz/findings.h"

using namespace iodrome;
using namespace iodrome::workloads;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  TextSource source = TextSource::from_text("f.toml", input, 4096);
  ScenarioVocabulary vocabulary;
  vocabulary.flags = {"direct"};
  vocabulary.machines = {"server_2026"};
  vocabulary.designs = {"sync", "task_chain"};
  Diagnostics diagnostics;
  const auto scenario = read_scenario_file(source, vocabulary, diagnostics);
  fuzz::check_findings(scenario.has_value(), diagnostics, input);
  const bool chains = scenario && scenario->kind == WorkloadKind::chain;
  fuzz::require(!chains || !scenario->chains.empty(), "a workload of chains has one");
  for (const ScenarioChain& chain : chains ? scenario->chains : std::vector<ScenarioChain>{})
    fuzz::require(!chain.steps.empty(), "an accepted chain has steps");
  return 0;
}
