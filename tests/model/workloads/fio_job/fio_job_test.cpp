// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/fio_job/fio_job.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "tests/model/workloads/scratch_folder.h"

using namespace iodrome::workloads;
using iodrome::tests::ScratchFolder;

namespace {

FioEnvironment environment() {
  FioEnvironment out;
  out.variable = [](std::string_view name) -> std::optional<std::string> {
    if (name == "SIZE") return "4m";
    return std::nullopt;
  };
  out.memory_mib = 2048;
  out.cpus = 8;
  return out;
}

std::optional<FioJobFile> read(const std::string& text, Diagnostics& diagnostics) {
  TextSource source = TextSource::from_text("job.fio", text);
  return read_fio_job_file(source, environment(), diagnostics);
}

FioJobFile read_fine(const std::string& text) {
  Diagnostics diagnostics;
  auto file = read(text, diagnostics);
  INFO(diagnostics.render());
  REQUIRE(file);
  return std::move(*file);
}

FioJob job(const std::string& options) {
  return read_fine("[j]\n" + options + "\n").jobs.at(0);
}

/// The one error that the options must cause.
Diagnostic error_of(const std::string& options) {
  Diagnostics diagnostics;
  CAPTURE(options);
  REQUIRE_FALSE(read("[j]\n" + options + "\n", diagnostics));
  REQUIRE(diagnostics.error_count() == 1);
  const auto& entries = diagnostics.entries();
  return *std::find_if(entries.begin(), entries.end(),
                       [](const Diagnostic& entry) { return entry.severity == Severity::error; });
}

}  // namespace

TEST_CASE("a five-line random read job is read into typed fields") {
  const FioJob j =
      job("ioengine=io_uring\nrw=randread\nbs=4k\nsize=1g\niodepth=32\ndirect=1\nnumjobs=2\n"
          "runtime=10\ntime_based\nstartdelay=500ms\nthread\ngroup_reporting\nstonewall\n"
          "filename=/data/a:b\\:c\ndirectory=/mnt\nnumber_ios=1k\nnorandommap\noffset=20%\n"
          "io_size=2g\nfilesize=1k-4k");
  REQUIRE(j.name == "j");
  REQUIRE(j.ioengine == "io_uring");
  REQUIRE((j.pattern.random && j.pattern.reads && !j.pattern.writes));
  REQUIRE(j.block_sizes.read_bytes == 4096);
  REQUIRE(j.size->bytes == 1'073'741'824);
  REQUIRE(j.iodepth == 32);
  REQUIRE(j.numjobs == 2);
  REQUIRE(j.runtime_ps == 10'000'000'000'000);
  REQUIRE(j.startdelay_ps.low == 500'000'000'000);
  REQUIRE(j.startdelay_ps.high == 500'000'000'000);
  REQUIRE((j.direct && j.time_based && j.thread && j.group_reporting && j.stonewall));
  REQUIRE(j.norandommap);
  REQUIRE(j.filenames == std::vector<std::string>{"/data/a", "b:c"});
  REQUIRE(j.directories == std::vector<std::string>{"/mnt"});
  REQUIRE(j.number_ios == 1024);
  REQUIRE(j.offset.percent == 20);
  REQUIRE(j.io_size->bytes == 2'147'483'648);
  REQUIRE(j.filesize_bytes->low == 1024);
  REQUIRE(j.filesize_bytes->high == 4096);
}

TEST_CASE("an empty section is a job with fio's defaults") {
  const FioJob j = job("");
  REQUIRE((j.pattern.reads && !j.pattern.random && !j.pattern.writes));
  REQUIRE(j.ioengine == "psync");
  REQUIRE(j.block_sizes.write_bytes == 4096);
  REQUIRE(j.iodepth == 1);
  REQUIRE(j.numjobs == 1);
  REQUIRE_FALSE(j.size);
}

TEST_CASE("a global section shapes the jobs below it only") {
  const auto jobs =
      read_fine("[a]\n[global]\nbs=8k\niodepth=4\n[b]\niodepth=2\n[global]\nbs=16k\n[b]\n").jobs;
  REQUIRE(jobs.size() == 3);
  REQUIRE(jobs[0].block_sizes.read_bytes == 4096);
  REQUIRE(jobs[1].block_sizes.read_bytes == 8192);
  REQUIRE(jobs[1].iodepth == 2);
  REQUIRE(jobs[2].name == "b");
  REQUIRE(jobs[2].block_sizes.read_bytes == 16384);
  REQUIRE(jobs[2].iodepth == 4);
}

TEST_CASE("comments end lines, blanks around names and values do not matter") {
  const FioJob j = job("; c\n  # c\n size = 1m ; tail\n\tbs =8k# tail\n\niodepth= 3\r");
  REQUIRE(j.size->bytes == 1'048'576);
  REQUIRE(j.block_sizes.read_bytes == 8192);
  REQUIRE(j.iodepth == 3);
}

TEST_CASE("block sizes go to reads, writes and trims") {
  const auto sizes = [](const std::string& text) {
    const FioBlockSizes s = job("bs=" + text).block_sizes;
    return std::vector<std::int64_t>{s.read_bytes, s.write_bytes, s.trim_bytes};
  };
  using Sizes = std::vector<std::int64_t>;
  REQUIRE(sizes("8k") == Sizes{8192, 8192, 8192});
  REQUIRE(sizes("8k,16k") == Sizes{8192, 16384, 16384});
  REQUIRE(sizes("8k,16k,") == Sizes{8192, 16384, 4096});
  REQUIRE(sizes(",16k") == Sizes{4096, 16384, 16384});
  REQUIRE(sizes("8k,") == Sizes{8192, 4096, 4096});
  REQUIRE(sizes("1k,2k,4k") == Sizes{1024, 2048, 4096});
}

TEST_CASE("patterns carry their modifier") {
  REQUIRE(job("rw=randread:8").pattern.ios_per_offset == 8);
  REQUIRE(job("rw=write:4k").pattern.gap_bytes == 4096);
  REQUIRE(job("readwrite=randtrimwrite").pattern.trim_before_write);
  REQUIRE((job("rw=randrw").pattern.reads && job("rw=randrw").pattern.writes));
}

TEST_CASE("variables, keywords and arithmetic are replaced in values") {
  REQUIRE(job("size=${SIZE}").size->bytes == 4'194'304);
  REQUIRE(job("size=${UNSET}1m").size->bytes == 1'048'576);
  REQUIRE(job("size=8*$pagesize").size->bytes == 32'768);
  REQUIRE(job("numjobs=$ncpus").numjobs == 8);
  REQUIRE(job("size=(2*$mb_memory)").size->bytes == 4096);
  REQUIRE(job("filename=/data/$ncpus").filenames.at(0) == "/data/8");
  REQUIRE(job("runtime=(1500000)").runtime_ps == 1'500'000'000'000);
}

TEST_CASE("an unset variable that leaves nothing is named in the hint") {
  const Diagnostic error = error_of("size=${UNSET}");
  REQUIRE(error.hint.find("'UNSET' is not set") != std::string::npos);
  REQUIRE(error_of("size=${SIZE").message.find("not closed") != std::string::npos);
}

TEST_CASE("kb_base turns the meaning of suffixes, wherever it stands") {
  REQUIRE(job("size=1k\nkb_base=1000").size->bytes == 1000);
  REQUIRE(job("size=1ki").size->bytes == 1000);
}

TEST_CASE("all errors come in one pass, each with its place") {
  Diagnostics diagnostics;
  REQUIRE_FALSE(
      read("[global]\nioengine=io_urnig\n[j]\n  iodept=4\nsize=-1\nrw=randreadd\n", diagnostics));
  const auto& entries = diagnostics.entries();
  REQUIRE(entries.size() == 4);
  REQUIRE((entries[0].line == 2 && entries[0].column == 10));
  REQUIRE(entries[0].hint.starts_with("did you mean 'io_uring'?"));
  REQUIRE((entries[1].line == 4 && entries[1].column == 3));
  REQUIRE(entries[1].hint == "did you mean 'iodepth'?");
  REQUIRE(entries[2].message.find("negative") != std::string::npos);
  REQUIRE(entries[3].hint.find("valid: read, write") != std::string::npos);
}

TEST_CASE("an error in a global section is reported once, however many jobs follow") {
  Diagnostics diagnostics;
  REQUIRE_FALSE(read("[global]\niodepth=0\n[a]\n[b]\n[c]\n", diagnostics));
  REQUIRE(diagnostics.error_count() == 1);
}

TEST_CASE("options that fio knows and the model does not are refused by name") {
  REQUIRE(error_of("write_barrier=7")
              .message.find("'write_barrier' is known to fio but not modelled") !=
          std::string::npos);
  REQUIRE(error_of("ioengine=io_uring\nhipri").message.find("'hipri'") != std::string::npos);
  REQUIRE(error_of("read_iolog=x").message.find("'read_iolog'") != std::string::npos);
  REQUIRE(error_of("latency_target=1ms").message.find("not modelled") != std::string::npos);
}

TEST_CASE("options without effect are warned about and do not stop the run") {
  Diagnostics diagnostics;
  REQUIRE(read("[j]\nverify=crc32c\nwrite_bw_log=x\nmem=malloc\n", diagnostics));
  REQUIRE(diagnostics.entries().size() == 3);
  REQUIRE(diagnostics.entries()[0].severity == Severity::warning);
}

TEST_CASE("values out of range or of the wrong kind are refused") {
  for (const char* options : {"iodepth=0",
                              "iodepth=-4",
                              "iodepth=abc",
                              "iodepth=4294967296",
                              "numjobs=0",
                              "size=0",
                              "size=abc",
                              "size=101%",
                              "size=0%",
                              "bs=0",
                              "bs=4k-8k",
                              "bs=1,2,3,4",
                              "direct",
                              "direct=2",
                              "direct=yes",
                              "stonewall=abc",
                              "rw",
                              "rw=",
                              "rw=RandRead",
                              "rw=randread:0",
                              "rw=read:x",
                              "ioengine=",
                              "ioengine=net",
                              "filename=",
                              "filename=a::b",
                              "runtime=10x",
                              "runtime=-1",
                              "startdelay=3-1",
                              "filesize=4k-1k",
                              "name=",
                              "kb_base=1001",
                              "=4",
                              "time_based",
                              "number_ios=0",
                              "SIZE=1m"}) {
    REQUIRE_FALSE(error_of(options).message.empty());
  }
}

TEST_CASE("broken structure is refused with its place") {
  for (const char* text : {"rw=read\nbs=4k\n[j]\n", "[j\nrw=read\n", "[]\n", "[j] x\n", "garbage\n",
                           "include a\n[j]\n", "[j]\ninclude\n", "[j]\ninclude nope\n", "",
                           "\n; only\n", "[j]\nrx=4\n\x01\x02\nx\n",
                           "\x7f"
                           "ELF\n\x03\n",
                           "[global]\nbs=4k\n"}) {
    Diagnostics diagnostics;
    CAPTURE(text);
    REQUIRE_FALSE(read(text, diagnostics));
    REQUIRE(diagnostics.error_count() == 1);
  }
}

TEST_CASE("comment pragmas become overrides") {
  const auto overrides =
      read_fine("; sim: design=io_uring  nvme.channels=8\n[j]\n#sim:seed=7\n; simple\n").overrides;
  REQUIRE(overrides.size() == 3);
  REQUIRE(overrides[0].key == "design");
  REQUIRE(overrides[1].key == "nvme.channels");
  REQUIRE(overrides[1].value == "8");
  REQUIRE(overrides[1].place.column == 25);
  REQUIRE(overrides[2].value == "7");
  Diagnostics diagnostics;
  REQUIRE_FALSE(read("; sim: design\n[j]\n", diagnostics));
}

TEST_CASE("included files add their options where they are included") {
  const ScratchFolder folder;
  folder.write("sub/deep.fio", "bs=16k\n");
  folder.write("sub/common.fio", "bs=8k\niodepth=9\ninclude deep.fio\n");
  folder.write("main.fio", "[j]\niodepth=2\ninclude sub/common.fio\nsize=1m\n");
  Diagnostics diagnostics;
  const auto file = load_fio_job_file(folder.path("main.fio"), environment(), diagnostics);
  INFO(diagnostics.render());
  REQUIRE(file);
  REQUIRE(file->jobs[0].iodepth == 9);
  REQUIRE(file->jobs[0].block_sizes.read_bytes == 16384);
  REQUIRE(file->jobs[0].size->bytes == 1'048'576);
}

TEST_CASE("an error inside an included file is placed there") {
  const ScratchFolder folder;
  folder.write("common.fio", "\nbs=0\n");
  folder.write("main.fio", "[j]\ninclude common.fio\n");
  Diagnostics diagnostics;
  REQUIRE_FALSE(load_fio_job_file(folder.path("main.fio"), environment(), diagnostics));
  REQUIRE(diagnostics.entries()[0].file == folder.path("common.fio"));
  REQUIRE(diagnostics.entries()[0].line == 2);
}

TEST_CASE("include cycles, sections in includes and includes of folders are errors") {
  const ScratchFolder folder;
  folder.write("a.fio", "[j]\ninclude b.fio\n");
  folder.write("b.fio", "include ./c.fio\n");
  folder.write("c.fio", "include b.fio\n");
  folder.write("section.fio", "[x]\n");
  folder.write("d.fio", "[j]\ninclude section.fio\n");
  folder.write("sub/e.fio", "[j]\ninclude ../sub\n");
  const auto message = [&](const char* name) {
    Diagnostics diagnostics;
    REQUIRE_FALSE(load_fio_job_file(folder.path(name), environment(), diagnostics));
    REQUIRE(diagnostics.error_count() == 1);
    return diagnostics.entries()[0].message;
  };
  REQUIRE(message("a.fio").find("includes itself") != std::string::npos);
  REQUIRE(message("d.fio").find("cannot start a section") != std::string::npos);
  REQUIRE(message("sub/e.fio").find("directory") != std::string::npos);
}

TEST_CASE("includes that multiply are stopped") {
  const ScratchFolder folder;
  for (int level = 0; level < 8; ++level) {
    std::string text;
    for (int i = 0; i < 50; ++i) text += "include f" + std::to_string(level + 1) + "\n";
    folder.write("f" + std::to_string(level), (level == 0 ? "[j]\n" : "") + text);
  }
  folder.write("f8", "bs=4k\n");
  Diagnostics diagnostics;
  REQUIRE_FALSE(load_fio_job_file(folder.path("f0"), environment(), diagnostics));
  REQUIRE(diagnostics.render().find("more than 1000 files are included") != std::string::npos);
}

TEST_CASE("twelve nested includes are too deep") {
  const ScratchFolder folder;
  for (int level = 0; level < 13; ++level) {
    folder.write("f" + std::to_string(level),
                 (level == 0 ? "[j]\n" : "") + ("include f" + std::to_string(level + 1)) + "\n");
  }
  folder.write("f13", "bs=4k\n");
  Diagnostics diagnostics;
  REQUIRE_FALSE(load_fio_job_file(folder.path("f0"), environment(), diagnostics));
  REQUIRE(diagnostics.render().find("more than 10 deep") != std::string::npos);
}

TEST_CASE("of reads and writes the share given last decides, and syncs keep their distance") {
  REQUIRE(job("rw=randrw").read_percent == 50);
  REQUIRE(job("rw=randrw\nrwmixread=70").read_percent == 70);
  REQUIRE(job("rw=randrw\nrwmixread=70\nrwmixwrite=10").read_percent == 90);
  REQUIRE(job("rw=write\nfsync=8\nfdatasync=2\nend_fsync=1\noverwrite=1").fsync == 8);
  REQUIRE(job("rw=write\nfdatasync=2").fdatasync == 2);
  REQUIRE(job("rw=write\nend_fsync").end_fsync);
  REQUIRE(job("direct=0\nbuffered=0").direct);
  REQUIRE_FALSE(job("direct=1\nbuffered=1").direct);
  REQUIRE(error_of("rwmixread=101").message.find("rwmixread") != std::string::npos);
}
