// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/scenario/scenario_file.h"

#include <catch2/catch.hpp>
#include <string>

using namespace iodrome::workloads;

namespace {

std::optional<ScenarioFile> read(const std::string& text, Diagnostics& diagnostics,
                                 const std::string& name = "scenarios/s.toml") {
  TextSource source = TextSource::from_text(name, text);
  ScenarioVocabulary vocabulary;
  vocabulary.machines = {"server_2007", "server_2026"};
  vocabulary.designs = {"sync", "linux_aio", "io_uring", "task_chain"};
  vocabulary.flags = {"direct"};
  return read_scenario_file(source, vocabulary, diagnostics);
}

ScenarioFile read_fine(const std::string& text) {
  Diagnostics diagnostics;
  auto scenario = read(text, diagnostics);
  INFO(diagnostics.render());
  REQUIRE(scenario);
  return std::move(*scenario);
}

/// The one error that the text must cause.
Diagnostic error_of(const std::string& text) {
  Diagnostics diagnostics;
  CAPTURE(text);
  REQUIRE_FALSE(read(text, diagnostics));
  INFO(diagnostics.render());
  REQUIRE(diagnostics.error_count() == 1);
  return diagnostics.entries()[0];
}

const std::string log_workload = "[workload]\nkind = \"access_log\"\npath = \"a.log\"\n";

std::string chain_with(const std::string& steps) {
  return "[[chain.step]]\nop = \"open\"\npath = \"/f\"\n" + steps;
}

}  // namespace

TEST_CASE("a log scenario is read into typed fields") {
  const ScenarioFile s = read_fine(
      "machine = \"server_2007\"\ndesigns = [\"sync\", \"io_uring\"]\nseed = 7\n" + log_workload +
      "load = 0.6\nconnections = 64\n[set]\nnvme.channels = 8\n\"net.rate\" = \"10 Gbit/s\"\n"
      "kernel.preempt = true\nx = 1_000.5\n");
  REQUIRE(s.kind == WorkloadKind::access_log);
  REQUIRE(s.path == "scenarios/a.log");
  REQUIRE(s.machine == "server_2007");
  REQUIRE(s.designs == std::vector<std::string>{"sync", "io_uring"});
  REQUIRE(s.seed == 7);
  REQUIRE(s.load == Load{Load::Kind::share, 600'000, 0});
  REQUIRE(s.connections == 64);
  REQUIRE(s.overrides.size() == 4);
  REQUIRE(s.overrides[0].key == "kernel.preempt");
  REQUIRE(s.overrides[0].value == "true");
  REQUIRE(s.overrides[1].key == "net.rate");
  REQUIRE(s.overrides[1].value == "10 Gbit/s");
  REQUIRE(s.overrides[2].key == "nvme.channels");
  REQUIRE(s.overrides[2].value == "8");
  REQUIRE(s.overrides[2].place.line == 10);
  REQUIRE(s.overrides[3].value == "1000.5");
}

TEST_CASE("loads are a share, the trace's own or closed clients") {
  const auto load = [](const std::string& text) {
    return read_fine(log_workload + "load = " + text + "\n").load;
  };
  REQUIRE(load("\"trace\"") == Load{Load::Kind::trace, 0, 0});
  REQUIRE(load("\"closed:64\"") == Load{Load::Kind::closed, 0, 64});
  REQUIRE(load("\"60%\"") == Load{Load::Kind::share, 600'000, 0});
  REQUIRE(load("1") == Load{Load::Kind::share, 1'000'000, 0});
  REQUIRE(load("0.1") == Load{Load::Kind::share, 100'000, 0});
  for (const char* text : {"0", "-0.5", "\"closed:0\"", "\"closed:x\"", "\"fast\"", "true",
                           "0.0000001", "1e9", "inf", "[1]"}) {
    error_of(log_workload + "load = " + text + "\n");
  }
}

TEST_CASE("a chain's steps refer to earlier ones") {
  const ScenarioFile s = read_fine(
      "[chain]\nrepeat = 1000\nclients = 4\ninterval = \"10us\"\n"
      "[[chain.step]]\nop = \"open\"\npath = \"/f\"\nflags = [\"direct\"]\n"
      "[[chain.step]]\nop = \"stat\"\nname = \"look\"\nfd = \"$open.fd\"\n"
      "[[chain.step]]\nop = \"send\"\nfd = \"$open.fd\"\nbytes = \"$look.size\"\n"
      "[[chain.step]]\nop = \"read\"\nfd = \"$open.fd\"\nbytes = \"4 KiB\"\noffset = \"random\"\n"
      "on_error = \"continue\"\n[[chain.step]]\nop = \"close\"\nfd = \"$open.fd\"\n");
  REQUIRE(s.kind == WorkloadKind::chain);
  REQUIRE(s.chains[0].repeat == 1000);
  REQUIRE(s.chains[0].clients == 4);
  REQUIRE(s.chains[0].interval_ps == 10'000'000);
  REQUIRE(s.chains[0].steps.size() == 5);
  REQUIRE(s.chains[0].steps[0].flags == std::vector<std::string>{"direct"});
  REQUIRE(s.chains[0].steps[2].fd->step == 0);
  REQUIRE(std::get<StepReference>(*s.chains[0].steps[2].bytes).step == 1);
  REQUIRE(std::get<StepReference>(*s.chains[0].steps[2].bytes).result == "size");
  REQUIRE(std::get<std::int64_t>(*s.chains[0].steps[3].bytes) == 4096);
  REQUIRE(std::holds_alternative<RandomOffset>(*s.chains[0].steps[3].offset));
  REQUIRE(s.chains[0].steps[3].on_error == iodrome::chain::OnError::carry_on);
  REQUIRE(s.chains[0].steps[4].on_error == iodrome::chain::OnError::stop);
}

TEST_CASE("references that lead nowhere are errors with the nearest name") {
  REQUIRE(error_of(chain_with("[[chain.step]]\nop = \"read\"\nfd = \"$opne.fd\"\n"))
              .hint.starts_with("did you mean 'open'?"));
  REQUIRE(error_of(chain_with("[[chain.step]]\nop = \"read\"\nfd = \"$open.size\"\n"))
              .message.find("'open' yields no 'size'") != std::string::npos);
  error_of(chain_with("[[chain.step]]\nop = \"read\"\nfd = \"$read.fd\"\n"));
  error_of(chain_with("[[chain.step]]\nop = \"read\"\nfd = \"open\"\n"));
  error_of(chain_with("[[chain.step]]\nop = \"read\"\nfd = 3\n"));
  error_of(chain_with("[[chain.step]]\nop = \"read\"\nbytes = \"$open.fd\"\n"));
  error_of(chain_with("[[chain.step]]\nop = \"read\"\nbytes = -1\n"));
  error_of(chain_with("[[chain.step]]\nop = \"read\"\nbytes = \"random\"\n"));
  error_of(
      chain_with("[[chain.step]]\nop = \"open\"\n[[chain.step]]\nop = \"read\"\n"
                 "fd = \"$open.fd\"\n"));
}

TEST_CASE("unknown keys and names are errors at their place with the nearest name") {
  const Diagnostic key = error_of("sede = 1\n" + log_workload);
  REQUIRE((key.line == 1 && key.column == 1));
  REQUIRE(key.hint.starts_with("did you mean 'seed'?"));
  const Diagnostic inner = error_of(log_workload + "  conections = 3\n");
  REQUIRE((inner.line == 4 && inner.column == 3));
  REQUIRE(inner.message.find("'workload.conections'") != std::string::npos);
  REQUIRE(error_of("designs = [\"io_urnig\"]\n" + log_workload)
              .hint.starts_with("did you mean 'io_uring'?"));
  REQUIRE(error_of("machine = \"server_2020\"\n" + log_workload).hint.starts_with("did you mean"));
  REQUIRE(error_of(chain_with("[[chain.step]]\nop = \"raed\"\n"))
              .hint.starts_with("did you mean 'read'?"));
  REQUIRE(error_of(chain_with("on_eror = \"stop\"\n")).hint.starts_with("did you mean 'on_error'"));
  REQUIRE(error_of(chain_with("on_error = \"halt\"\n")).hint ==
          "valid: stop, continue, retry, jump");
  REQUIRE(error_of(chain_with("flags = [\"dirct\"]\n")).hint.starts_with("did you mean 'direct'"));
}

TEST_CASE("wrong types are errors that say what was expected") {
  REQUIRE(error_of("seed = \"7\"\n" + log_workload).message ==
          "'seed' must be an integer, not a string");
  REQUIRE(error_of("designs = \"sync\"\n" + log_workload).message ==
          "'designs' must be an array of strings, not a string");
  REQUIRE(error_of("designs = [\"sync\", 3]\n" + log_workload).column == 20);
  error_of("machine = 2007\n" + log_workload);
  error_of("seed = -1\n" + log_workload);
  error_of("designs = []\n" + log_workload);
  error_of(log_workload + "connections = 0\n");
  error_of(log_workload + "[set]\nx = [1]\n");
  error_of(log_workload + "[set]\nx = 2026-01-01\n");
  error_of("workload = 3\n[chain]\nstep = [{op = \"open\"}]\n");
  error_of("[chain]\nstep = 3\n");
  error_of("[chain]\nstep = [3]\n");
  error_of("[chain]\nrepeat = 3\n");
  error_of("[[chain.step]]\npath = \"x\"\n");
}

TEST_CASE("the kind follows from the chain or the path, and must fit them") {
  REQUIRE(read_fine("[workload]\npath = \"a.fio\"\n").kind == WorkloadKind::fio);
  REQUIRE(read_fine("[workload]\npath = \"a.log.gz\"\n").kind == WorkloadKind::access_log);
  REQUIRE(read_fine("[workload]\npath = \"/abs/a.log\"\n").path == "/abs/a.log");
  REQUIRE(read_fine("[workload]\nkind = \"fio\"\npath = \"job\"\n").kind == WorkloadKind::fio);
  error_of("seed = 1\n");
  error_of("");
  error_of("[workload]\npath = \"a.txt\"\n");
  error_of("[workload]\nkind = \"fio\"\n");
  error_of("[workload]\nkind = \"chain\"\n");
  error_of("[workload]\nkind = \"chian\"\n");
  error_of(log_workload + "[[chain.step]]\nop = \"open\"\n");
  error_of("[workload]\nkind = \"chain\"\npath = \"x\"\n" + chain_with(""));
}

TEST_CASE("text that is not TOML is an error with its place") {
  const Diagnostic error = error_of("seed = 1\nmachine = = 3\n");
  REQUIRE(error.line == 2);
  REQUIRE(error.column > 1);
  REQUIRE(error.source_line == "machine = = 3");
}

TEST_CASE("all errors of a scenario come in one pass") {
  Diagnostics diagnostics;
  REQUIRE_FALSE(
      read("sede = 1\nmachine = 3\n" + log_workload + "load = \"x\"\nport = 1\n", diagnostics));
  REQUIRE(diagnostics.error_count() == 4);
}
