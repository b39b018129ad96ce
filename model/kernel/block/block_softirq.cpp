// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/block/block_softirq.h"

namespace iodrome::kernel {

BlockSoftirq::BlockSoftirq(System& system) : done_(system.cpus.size()) {
  for (std::size_t cpu = 0; cpu < done_.size(); ++cpu)
    system.cpus[cpu]->on_softirq(Softirq::block, done_[cpu]);
}

void BlockSoftirq::complete(Atomic& ctx, Request& request, Errno status) {
  request.status = status;
  done_[ctx.cpu().index()].requests.push_back(request);
  ctx.cpu().raise_softirq(Softirq::block);
}

Task<void> BlockSoftirq::Done::handle(Atomic& ctx) {
  while (!requests.empty()) {
    Request& request = requests.front();
    requests.pop_front();
    co_await request.device->complete(ctx, request, request.status);
  }
}

}  // namespace iodrome::kernel
