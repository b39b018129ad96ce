// SPDX-License-Identifier: Apache-2.0
#include "model/chain/deadline.h"

#include "model/chain/walker.h"

namespace iodrome::chain {

using namespace kernel;

Task<HrRestart> Deadline::expired(Atomic& ctx, HrTimer& self) {
  auto& deadline = static_cast<Deadline&>(self);
  deadline.on_its_way_ = true;
  deadline.walker_->stop(Errno::etime);
  Walker& walker = *deadline.walker_;
  co_await walker.host().threads().queue(ctx, deadline, walker.run().chain.priority.rank());
  co_return HrRestart::no;
}

Task<bool> Deadline::disarm(Atomic& ctx) {
  if (on_its_way_) {
    walker_ = nullptr;
    co_return false;
  }
  co_await try_to_cancel(ctx);
  co_return true;
}

// With the chain, this ends too.
Task<void> Deadline::run(Sleepable& ctx) {
  on_its_way_ = false;
  if (walker_ != nullptr)
    co_await walker_->cancel(ctx, Errno::etime);
  else
    delete this;
}

}  // namespace iodrome::chain
