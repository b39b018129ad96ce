// SPDX-License-Identifier: Apache-2.0
// The library by itself: what of its threads stays.
#include "model/designs/posix_aio/aio_requests.h"

#include "tests/model/kernel/disk.h"

namespace iodrome::designs::posix_aio {
namespace {

using namespace kernel;

struct Scene : DiskRig {
  Scene() : DiskRig(2) {
    params.threads = 4;
    params.idle_time = 1us;
    params.suspend_entries = 1;
    user = pages(1);
    fd = *process.files.install(open(file("/f", 100'000)));
  }
  ~Scene() { rig.end(); }
  Process process{16};
  AioParams params;
  AioCosts costs;
  AioRequests requests{os, process, params, costs};
  std::vector<hw::PhysAddr> user;
  int fd = -1;
};

}  // namespace

TEST_CASE("of helpers that have ended for want of work none is kept beyond the next one's start") {
  Scene s;
  play_in<Scene>(s, [](Sleepable& ctx, Scene& it) -> Task<void> {
    for (std::uint64_t i = 0; i < 20; ++i) {
      Aiocb block;
      block.fd = it.fd;
      block.direct = true;
      block.offset = 512 * i;
      block.bytes = 512;
      block.pages = it.user;
      co_await it.requests.enqueue(ctx, block);
      // Its helper waits no longer than 1 us.
      co_await schedule_hrtimeout(ctx, ctx.now() + 10us, "later", events::Stage::queue);
      const std::uint32_t error = co_await block.error.load_acquire(ctx);
      CHECK(error == 0);
      CHECK(block.value == 512);
      CHECK(it.requests.threads_kept() == 1);
    }
  });
  CHECK(s.requests.counts().threads_started == 20);
}

}  // namespace iodrome::designs::posix_aio
