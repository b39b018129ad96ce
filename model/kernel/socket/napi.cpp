// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/socket/napi.h"

#include <utility>

namespace iodrome::kernel {

NetRx::NetRx(System& system) : lists_(system.cpus.size()) {
  for (const auto& each : system.cpus) each->on_softirq(Softirq::net_rx, *this);
}

void NetRx::schedule(Cpu& cpu, Napi& napi) {
  if (std::exchange(napi.scheduled_, true)) return;
  lists_[cpu.index()].push_back(&napi);
  cpu.raise_softirq(Softirq::net_rx);
}

// What is scheduled meanwhile raises the softirq again, and waits for that round.
Task<void> NetRx::handle(Atomic& ctx) {
  std::deque<Napi*>& list = lists_[ctx.cpu().index()];
  for (std::size_t left = list.size(); left > 0; --left) {
    Napi& napi = *list.front();
    list.pop_front();
    const bool more = co_await napi.poll(ctx);
    if (!more) continue;
    list.push_back(&napi);
    ctx.cpu().raise_softirq(Softirq::net_rx);
  }
}

}  // namespace iodrome::kernel
