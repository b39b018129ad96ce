// SPDX-License-Identifier: Apache-2.0
// Whatever bytes come in, every reader gives a result or a diagnostic, and shows it as valid text.
#include <catch2/catch.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "model/workloads/access_log/access_log.h"
#include "model/workloads/fio_job/fio_job.h"
#include "model/workloads/scenario/scenario_file.h"
#include "tests/model/workloads/scratch_folder.h"

using namespace iodrome::workloads;
using iodrome::tests::ScratchFolder;

namespace {

constexpr int rounds = 10'000;

/// SplitMix64: the same bytes on every machine.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : state_(seed) {}
  std::uint64_t roll() {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15U);
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31U);
  }
  std::size_t below(std::size_t limit) { return static_cast<std::size_t>(roll() % limit); }

 private:
  std::uint64_t state_;
};

std::string random_bytes(Dice& dice) {
  std::string out(dice.below(400), '\0');
  for (char& c : out) c = static_cast<char>(dice.below(256));
  return out;
}

/// Bytes that readers branch on, more often than chance would give them.
std::string random_syntax(Dice& dice) {
  constexpr std::string_view alphabet = "[]{}()\"'=:;#,.$%^*/+-\\ \t\n\n0123456789abkmgGETrwx/_-";
  std::string out(dice.below(400), '\0');
  for (char& c : out) c = alphabet[dice.below(alphabet.size())];
  return out;
}

std::string mutated(std::string text, Dice& dice) {
  for (std::size_t changes = 1 + dice.below(6); changes > 0 && !text.empty(); --changes) {
    const std::size_t at = dice.below(text.size());
    const std::size_t span = 1 + dice.below(std::min<std::size_t>(20, text.size() - at));
    switch (dice.below(6)) {
      case 0:
        text[at] = static_cast<char>(dice.below(256));
        break;
      case 1:
        text.erase(at, span);
        break;
      case 2:
        text.insert(at, text.substr(at, span));
        break;
      case 3:
        text.insert(dice.below(text.size()), text.substr(at, span));
        break;
      case 4:
        text.insert(at, random_syntax(dice).substr(0, 8));
        break;
      default:
        text.resize(at);
    }
  }
  return text;
}

/// Exactly one of: a result, an error that renders as UTF-8 without control characters.
void check(bool has_result, const Diagnostics& diagnostics, const std::string& input) {
  const std::string shown = diagnostics.render();
  using OnError = nlohmann::json::error_handler_t;
  const nlohmann::json text = shown;
  const bool is_utf8 =
      text.dump(-1, ' ', false, OnError::ignore) == text.dump(-1, ' ', false, OnError::replace);
  bool is_clean = true;
  for (const char c : shown) {
    is_clean = is_clean && (c == '\n' || static_cast<unsigned char>(c) >= 0x20U);
  }
  if (has_result == diagnostics.ok() && is_utf8 && is_clean) return;
  CAPTURE(input, has_result, diagnostics.ok(), shown);
  FAIL("neither a result nor a readable diagnostic");
}

void read_as_log(const std::string& input) {
  Diagnostics diagnostics;
  TextSource source = TextSource::from_text("f", input);
  AccessLogOptions options;
  options.skip_bad = input.size() % 3;
  options.draw = [](std::uint64_t line) { return line * 0x9E3779B97F4A7C15U; };
  const auto log = read_access_log(source, options, diagnostics);
  check(log.has_value(), diagnostics, input);
  if (!log) return;
  for (const AccessRecord& record : log->records) {
    if (record.file >= log->files.size() || record.client >= log->clients ||
        log->bytes_of(record) > log->files[record.file].size_bytes || record.arrival_ps < 0) {
      CAPTURE(input);
      FAIL("an inconsistent record");
    }
  }
}

void read_as_job(const std::string& input) {
  Diagnostics diagnostics;
  TextSource source = TextSource::from_text("f", input);
  const auto file = read_fio_job_file(source, {}, diagnostics);
  check(file.has_value(), diagnostics, input);
  if (file && file->jobs.empty()) FAIL("a job file without jobs");
}

void read_as_scenario(const std::string& input) {
  Diagnostics diagnostics;
  TextSource source = TextSource::from_text("f", input);
  check(read_scenario_file(source, {}, diagnostics).has_value(), diagnostics, input);
}

const std::vector<std::string> logs = {
    "10.0.0.1 - - [17/May/2015:10:05:03 +0000] \"GET /a?x HTTP/1.1\" 200 5 \"-\" \"b \\\" c\"\n"
    "10.0.0.2 - bob [17/May/2015:12:05:03 +0200] \"HEAD /b HTTP/1.0\" 304 - \"-\" \"c\""
    " 1431857103.5 0.25\n10.0.0.3 - - [17/May/2015:10:05:09 -0130] "
    "\"GET http://h/c HTTP/1.1\" 206 77\n",
    "{\"t\":1700000000.123,\"rt\":0.004,\"bytes\":12,\"uri\":\"/a\\u00e4\"}\n"
    "{\"t\":\"1700000001.5\",\"rt\":0,\"bytes\":0,\"uri\":\"/b\",\"status\":304,"
    "\"client\":\"x\"}\n"};

const std::vector<std::string> jobs = {
    "; sim: design=io_uring\n[global]\nioengine=io_uring\ndirect=1\nbs=4k,8ki\n\n[a]\nrw=randread\n"
    "size=(8*$mb_memory+1)\niodepth=32\nruntime=(2^3 * 1.5s)\ntime_based\n[b]\nstonewall\n"
    "filename=/x:/y\\:z\noffset=20%\nstartdelay=1-3\nsize=${S}1m\ninclude no.such\n"};

const std::vector<std::string> scenarios = {
    "machine = \"m\"\ndesigns = [\"sync\"]\nseed = 7\n[workload]\nkind = \"access_log\"\n"
    "path = \"a.log\"\nload = 0.6\n[set]\nnvme.channels = 8\n\"a.b\" = \"1 us\"\n",
    "[chain]\nrepeat = 3\ninterval = \"10us\"\n[[chain.step]]\nop = \"open\"\npath = \"/f\"\n"
    "[[chain.step]]\nop = \"read\"\nfd = \"$open.fd\"\nbytes = \"4 KiB\"\noffset = \"random\"\n"
    "on_error = \"continue\"\n"};

}  // namespace

TEST_CASE("random bytes never break a reader") {
  Dice dice(1);
  for (int i = 0; i < rounds; ++i) {
    const std::string input = i % 2 == 0 ? random_bytes(dice) : random_syntax(dice);
    read_as_log(input);
    read_as_job(input);
    read_as_scenario(input);
  }
}

TEST_CASE("damaged logs never break the reader") {
  Dice dice(2);
  for (int i = 0; i < rounds; ++i) read_as_log(mutated(logs[dice.below(logs.size())], dice));
}

TEST_CASE("damaged job files never break the reader") {
  Dice dice(3);
  for (int i = 0; i < rounds; ++i) read_as_job(mutated(jobs[dice.below(jobs.size())], dice));
}

TEST_CASE("damaged scenarios never break the reader") {
  Dice dice(4);
  for (int i = 0; i < rounds; ++i) {
    read_as_scenario(mutated(scenarios[dice.below(scenarios.size())], dice));
  }
}

TEST_CASE("damaged gzip files never break the reader") {
  const std::string path = (iodrome::tests::source_root() / "scenarios/traces/web.log.gz").string();
  const ScratchFolder folder;
  folder.write("a", "");
  std::ifstream in(path, std::ios::binary);
  const std::string packed((std::istreambuf_iterator<char>(in)), {});
  REQUIRE(packed.size() > 100'000);
  Dice dice(5);
  for (int i = 0; i < 500; ++i) {
    std::string bytes = packed.substr(0, 200 + dice.below(20'000));
    bytes[dice.below(bytes.size())] = static_cast<char>(dice.below(256));
    folder.write("damaged.gz", bytes);
    Diagnostics diagnostics;
    AccessLogOptions options;
    options.draw = [](std::uint64_t line) { return line; };
    const auto log = load_access_log(folder.path("damaged.gz"), options, diagnostics);
    check(log.has_value(), diagnostics, "damaged gzip");
    REQUIRE_FALSE(log);
  }
}
