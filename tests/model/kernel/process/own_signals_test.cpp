// SPDX-License-Identifier: Apache-2.0
// Signals that a call brings upon its caller.
#include "model/kernel/calls/write_calls.h"
#include "tests/model/kernel/process/scene.h"
#include "tests/model/kernel/socket/net_scene.h"

using namespace iodrome;
using namespace iodrome::kernel;

namespace {

struct Scene : NetScene {
  Scene() : table(rig.system) {
    table.init_reaps = [this](Pid, std::int32_t status) { ended = status; };
  }
  ~Scene() { rig.end(); }
  std::int32_t play(UserCode code) {
    table.start(0, std::shared_ptr<FileTable>(&files, [](FileTable*) {}), {}, std::move(code));
    rig.run();
    CHECK(table.size() == 0);
    return ended;
  }
  ProcessTable table;
  std::int32_t ended = -1;
  bool went_on = false;
};

}  // namespace

TEST_CASE("a send that is EPIPE ends the process by SIGPIPE unless that is ignored") {
  for (const bool ignored : {false, true}) {
    Scene s;
    const std::int32_t status = s.play([&](Sleepable& ctx, Process&) -> Task<std::int32_t> {
      if (ignored) co_await sys_rt_sigaction(ctx, kSigPipe, {.ignored = true});
      const Value fd = co_await sys_socket(ctx, s.net, s.files, 0);
      CHECK(fd == 0);
      const Value sent = co_await send_stream(ctx, s, 0, 0, 100);
      CHECK(sent == error(Errno::epipe));
      s.went_on = true;
      co_return 0;
    });
    CHECK(s.went_on == ignored);
    CHECK(status == (ignored ? 0 : killed_by(kSigPipe)));
  }
}

TEST_CASE(
    "a write or truncation beyond RLIMIT_FSIZE brings SIGXFSZ and one beyond the file "
    "system's size does not") {
  struct Case {
    std::uint64_t limit;
    bool truncates;
    bool append;
    bool ends;
  };
  for (const Case& c : {Case{8'192, false, false, true}, Case{8'192, true, false, true},
                        Case{4'096, false, true, true}, Case{1 << 30, false, false, false},
                        Case{1 << 30, true, false, false}}) {
    CAPTURE(c.limit, c.truncates, c.append);
    Scene s;
    REQUIRE(s.volumes.add_file("/f", 4'096, Inode::Metadata::cached));
    s.volumes.fsize_limit = c.limit;
    s.volumes.max_file_bytes = 16'384;
    const std::vector<hw::PhysAddr> pages = s.user(512);
    const std::int32_t status = s.play([&](Sleepable& ctx, Process&) -> Task<std::int32_t> {
      co_await sys_openat(ctx, s.os, s.files, "/f");
      (*s.files.get(0))->append = c.append;
      const std::uint64_t at = c.append ? 0 : 16'384;
      Task<Value> call = c.truncates ? sys_ftruncate(ctx, s.os, s.files, 0, 20'000)
                                     : sys_pwrite(ctx, s.os, s.files, 0, false, at, 512, pages);
      const Value value = co_await std::move(call);
      CHECK(value == error(Errno::efbig));
      s.went_on = true;
      co_return 0;
    });
    CHECK(s.went_on == !c.ends);
    CHECK(status == (c.ends ? dumped_by(kSigXfsz) : 0));
    s.give_back(pages);
  }
}
