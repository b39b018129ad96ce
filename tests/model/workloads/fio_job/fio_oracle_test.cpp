// SPDX-License-Identifier: Apache-2.0
// The real fio judges the same job files: `fio --parse-only` accepts or rejects.
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include "model/workloads/fio_job/fio_job.h"
#include "tests/model/workloads/scratch_folder.h"

using namespace iodrome::workloads;
using iodrome::tests::ScratchFolder;

namespace {

bool fio_is_installed() {
  return std::system("fio --version > /dev/null 2>&1") == 0;
}

bool fio_accepts(const ScratchFolder& folder, const std::string& names) {
  const std::string command =
      "cd '" + folder.path(".") + "' && timeout 60 fio --parse-only " + names + " > /dev/null 2>&1";
  const int status = std::system(command.c_str());
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// One fio for all of them: it needs 0.15 s of CPU to start and rejects all if it rejects one.
bool fio_accepts_all(const ScratchFolder& folder, const std::vector<std::string>& texts) {
  std::string names;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string name = "j" + std::to_string(i) + ".fio";
    folder.write(name, texts[i]);
    names += name + ' ';
  }
  return fio_accepts(folder, names);
}

bool we_accept(const ScratchFolder& folder, const std::string& text) {
  folder.write("job.fio", text);
  FioEnvironment environment;
  environment.variable = [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  Diagnostics diagnostics;
  return load_fio_job_file(folder.path("job.fio"), environment, diagnostics).has_value();
}

const std::vector<std::string> agreed = {"[j]\nrw=randread\nsize=1m\n",
                                         "rw=randread\n[j]\nsize=1m\n",
                                         "  ; c\n[j]\nsize=1m\n",
                                         "[j]\nsize=1m ; trailing\n",
                                         "[j]\nsize=1m # trailing\n",
                                         "[j]\nsize = 1m\n",
                                         "[j]\nsize =1m\n",
                                         "[j]\nsize=0x100\n",
                                         "[j]\nsize=4kib\n",
                                         "[j]\nsize=50%\n",
                                         "[j]\nsize=8*$pagesize\n",
                                         "[j]\nsize=2*$mb_memory\n",
                                         "[j]\nsize=${NO_SUCH}\n",
                                         "[j]\nsize=${NO_SUCH}1m\n",
                                         "[j]\ndirect\n",
                                         "[j]\ndirect=1\n",
                                         "[j]\ndirect=2\n",
                                         "[j]\ndirect=true\n",
                                         "[j]\nstonewall\n",
                                         "[j]\nstonewall=0\n",
                                         "[j]\nstonewall=abc\n",
                                         "[j]\nthread=0\n",
                                         "[j]\nthread=abc\n",
                                         "[j]\nrw=randreadd\n",
                                         "[j]\nrw=randread:8\n",
                                         "[j]\nrw=read:4k\n",
                                         "[j]\nrw=RandRead\n",
                                         "[j]\nrw=\n",
                                         "[j]\nrw\n",
                                         "[j]\nrw=\"read\"\n",
                                         "[j]\nrw=readwrite\n",
                                         "[j]\nrw=randtrimwrite\n",
                                         "[j]\niodepth=0\n",
                                         "[j]\niodepth=abc\n",
                                         "[j]\niodepth=1k\n",
                                         "[j]\niodepth=4294967296\n",
                                         "[j]\niodept=4\n",
                                         "[j]\nSIZE=1m\n",
                                         "[j]\nbs=4k,8k\n",
                                         "[j]\nbs=4k,8k,16k\n",
                                         "[j]\nbs=,8k\n",
                                         "[j]\nbs=4k,\n",
                                         "[j]\nbs=abc\n",
                                         "[j]\nbs=0\n",
                                         "[j]\nbs=4k;8k\n",
                                         "[j]\nfilesize=1k-4k\n",
                                         "[j]\nfilesize=1k:4k\n",
                                         "[j]\nruntime=10\n",
                                         "[j]\nruntime=1H\n",
                                         "[j]\nruntime=10us\n",
                                         "[j]\nruntime=abc\n",
                                         "[j]\ntime_based\nruntime=1s\n",
                                         "[j]\nstartdelay=1-3\n",
                                         "[j]\nstartdelay=1s-3s\n",
                                         "[j]\nstartdelay=abc\n",
                                         "[j]\nnumber_ios=10k\n",
                                         "[j]\noffset=20%\n",
                                         "[j]\nio_size=1g\n",
                                         "[j]\nio_limit=1g\n",
                                         "[j]\ngroup_reporting=1\n",
                                         "[j]\nfilename=\n",
                                         "[j]\nfilename\n",
                                         "[j]\nfilename=a:b:c\n",
                                         "[j]\nsize=\"1m\"\n",
                                         "[j]\nsize=1m\nsize=2m\n",
                                         "[j]\nsize=\n",
                                         "[j]\nsize\n",
                                         "[j]\nsize=k\n",
                                         "[j]\nsize=99999999999999999999\n",
                                         "[j]\nkb_base=1000\n",
                                         "[j]\n=4\n",
                                         "[j]\nname=\n",
                                         "[j]\nname=x\n",
                                         "[j]\n",
                                         "[j]\n[j]\n",
                                         "garbage\n",
                                         "[j]\nioengine=\n",
                                         "[j]\nioengine=libaio\n",
                                         "[j]\nioengine=io_uring\n",
                                         "[j]\nioengine=psync\n",
                                         "[globalx]\nrw=write\n[j]\nsize=1m\n",
                                         "[j]\r\nsize=1m\r\n",
                                         "[global]\nbs=8k\n[a]\n[global]\nbs=4k\n[b]\n",
                                         "[j]\ninclude options.inc\n",
                                         "[j]\ninclude=options.inc\n",
                                         "[j]\ninclude section.inc\nbs=4k\n",
                                         "[j]\ninclude missing.inc\nbs=4k\n",
                                         "include options.inc\n[j]\n",
                                         "[j]\nverify=crc32c\n",
                                         "[j]\nmem=malloc\n",
                                         "[j]\nnumjobs=4\nthread\ngroup_reporting\n",
                                         "[j]\nnorandommap\n",
                                         "[j]\ndirectory=.\n"};

/// fio takes these and reads something else than what is written, or nothing at all.
const std::vector<std::string> accepted_by_fio_only = {"[j]\nsize=1.5m\n",
                                                       "[j]\nsize=1xm\n",
                                                       "[j]\nsize=-1\n",
                                                       "[j]\nsize=4 k\n",
                                                       "[j]\nsize=8*4k\n",
                                                       "[j]\nsize=4q\n",
                                                       "[j]\nsize=150%\n",
                                                       "[j]\nbs=4k,8k,16k,1k\n",
                                                       "[j]\nbs=4k-8k\n",
                                                       "[j]\nbs=-4k\n",
                                                       "[j]\nrw=randread:abc\n",
                                                       "[j]\nrw=randread,write\n",
                                                       "[j]\niodepth=-4\n",
                                                       "[j]\niodepth=4x\n",
                                                       "[j]\nnumjobs=0\n",
                                                       "[j]\nnumjobs=-1\n",
                                                       "[j]\nnumber_ios=-1\n",
                                                       "[j]\nruntime=10x\n",
                                                       "[j]\nruntime=10 s\n",
                                                       "[j]\nruntime=-5\n",
                                                       "[j]\ntime_based\n",
                                                       "[j]\nstartdelay=3s-1s\n",
                                                       "[j]\ndirect=1k\n",
                                                       "[j]\noffset=-1\n",
                                                       "[]\nrw=read\n",
                                                       "[j\nrw=read\n",
                                                       "[j] xx\nrw=read\n",
                                                       "[global]\nrw=read\n",
                                                       "",
                                                       "[j]\nioengine=foo\n",
                                                       "[j]\nsize=9223372036854775807k\n",
                                                       "[j]\npercentage_random=50\n",
                                                       "[j]\ninclude section.inc\n",
                                                       "[j]\ninclude missing.inc\n",
                                                       "[j]\ninclude\n"};

void prepare(const ScratchFolder& folder) {
  folder.write("options.inc", "bs=8k\n");
  folder.write("section.inc", "[x]\nbs=8k\n");
}

}  // namespace

TEST_CASE("fio and the reader accept and reject the same job files") {
  if (!fio_is_installed()) {
    WARN("skipped: fio is not installed");
    return;
  }
  const ScratchFolder folder;
  prepare(folder);
  std::vector<std::string> accepted;
  for (const std::string& text : agreed) {
    if (we_accept(folder, text)) {
      accepted.push_back(text);
      continue;
    }
    CAPTURE(text);
    CHECK_FALSE(fio_accepts(folder, "job.fio"));
  }
  REQUIRE(accepted.size() > 50);
  if (fio_accepts_all(folder, accepted)) return;
  for (const std::string& text : accepted) {
    CAPTURE(text);
    CHECK(fio_accepts_all(folder, {text}));
  }
}

TEST_CASE("what fio reads in part or ignores in silence is refused") {
  const ScratchFolder folder;
  prepare(folder);
  for (const std::string& text : accepted_by_fio_only) {
    CAPTURE(text);
    CHECK_FALSE(we_accept(folder, text));
  }
  if (!fio_is_installed() || fio_accepts_all(folder, accepted_by_fio_only)) return;
  for (const std::string& text : accepted_by_fio_only) {
    CAPTURE(text);
    CHECK(fio_accepts_all(folder, {text}));
  }
}
