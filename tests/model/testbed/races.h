// SPDX-License-Identifier: Apache-2.0
// Small races for tests: generated inputs, and runs by way of the same doors as the command's.
#pragma once
#include <fmt/format.h>
#include <catch2/catch.hpp>

#include "model/testbed/preparation.h"
#include "model/testbed/run.h"
#include "tests/model/workloads/scratch_folder.h"

namespace iodrome::tests {

inline std::string data_dir() {
  return IODROME_SOURCE_DIR;
}

inline std::vector<std::string> design_names() {
  std::vector<std::string> names;
  for (const designs::Descriptor* const design : designs::all()) names.emplace_back(design->name);
  return names;
}

/// An access log: few clients, files of a byte to half a megabyte, sends, partial sends and 304s.
inline std::string small_log(int lines) {
  std::string text;
  std::uint32_t state = 1;
  const auto next = [&state](std::uint32_t below) {
    state = state * 1664525u + 1013904223u;
    return (state >> 8) % below;
  };
  for (int i = 0; i < lines; ++i) {
    const std::uint32_t file = next(25);
    const std::uint32_t whole = 1 + file * file * 900;
    const std::uint32_t kind = next(10);
    const int status = kind == 0 ? 304 : kind == 1 ? 206 : 200;
    const std::uint32_t bytes = status == 304 ? 0 : status == 206 ? 1 + next(whole) : whole;
    text += fmt::format(
        "10.0.0.{} - - [17/May/2015:10:{:02}:{:02} +0000] \"GET /files/{}.bin HTTP/1.1\" {} {} "
        "\"-\" \"agent\"\n",
        1 + next(9), i / 40, i * 60 / 40 % 60, file, status, bytes);
  }
  return text;
}

inline constexpr const char* kSmallFio =
    "[global]\nbs=4k\nsize=16m\n"
    "[direct]\nrw=randread\ndirect=1\niodepth=8\nnumjobs=2\nnumber_ios=150\n"
    "[cached]\nrw=read\niodepth=2\nnumber_ios=100\n";

/// Buffered and direct, one after the other and at random, with every kind of sync.
inline constexpr const char* kWritingFio =
    "[global]\nsize=1m\niodepth=4\n"
    "[log]\nrw=write\nbs=5000\nfsync=16\nend_fsync=1\n"
    "[database]\nstonewall\nrw=randrw\nrwmixread=30\nbs=4k\ndirect=1\n"
    "numjobs=2\nnumber_ios=200\n"
    "[shared]\nstonewall\nrw=randwrite\nfilename=one\nnorandommap\nbs=16k\nnumjobs=2\nfdatasync=8\n"
    "[mixed]\nrw=randwrite\nfilename=one\nnorandommap\nbs=8k\ndirect=1\nnumber_ios=100\n";

/// A folder with one input in it.
struct Input {
  Input(const std::string& name, const std::string& text) : path(folder->path(name)) {
    folder->write(name, text);
  }
  std::unique_ptr<ScratchFolder> folder = std::make_unique<ScratchFolder>();
  std::string path;
};

inline Input log_input(int lines = 80) {
  return {"small.log", small_log(lines)};
}
inline Input fio_input() {
  return {"small.fio", kSmallFio};
}
inline Input writing_input() {
  return {"writing.fio", kWritingFio};
}

inline testbed::RaceRequest request_for(const Input& input) {
  testbed::RaceRequest request;
  request.input = input.path;
  request.seed = 7;
  return request;
}

inline nlohmann::ordered_json race(const testbed::RaceRequest& request) {
  return testbed::race(request, data_dir(), {}).result;
}

/// One design of a request, as a record with exact figures.
inline testbed::RunRecord run_one(testbed::RaceRequest request, const std::string& design,
                                  testbed::RunOptions options = {}) {
  request.designs = std::vector<std::string>{design};
  const testbed::PreparedRace race = testbed::prepare(request, data_dir());
  options.seed = race.seed;
  options.submit_batch = race.submit_batch;
  return testbed::run_design(race.machine, *race.workload, *race.designs[0].descriptor,
                             *race.designs[0].instance, options);
}

}  // namespace iodrome::tests
