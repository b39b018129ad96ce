// SPDX-License-Identifier: Apache-2.0
#include "model/designs/task_chain/submitters.h"

#include <algorithm>

namespace iodrome::designs::task_chain {

using namespace kernel;
using chain::Branch;

namespace {
constexpr std::uint32_t kNobody = 0;

Task<void> share(Atomic& ctx, Branch& branch, Carriers& carriers) {
  branch.ledger->enter(events::Stage::queue, ctx.now());
  return carriers.queue(ctx, branch, Carrier::shared);
}
}  // namespace

// A branch that a thread is to go on with. The last that a thread does is to hand it over.
class Submitters::Item final : public Work, public Pooled {
 public:
  Item(Branch& branch, Carriers& carriers, const TaskWorks& of)
      : branch_(branch), carriers_(carriers), works_(of) {
    id = branch.id;
  }
  Task<void> run(Sleepable& ctx) override {
    Branch& branch = branch_;
    Carriers& carriers = carriers_;
    const bool exits = works_.exited();
    delete this;
    return exits ? share(ctx, branch, carriers) : branch.advance(ctx);
  }
  Branch& branch() { return branch_; }

 private:
  Branch& branch_;
  Carriers& carriers_;
  const TaskWorks& works_;
};

Submitters::~Submitters() {
  for (const Known& each : known_)
    for (Work* const work : each.works->take_back()) delete static_cast<Item*>(work);
}

std::uint32_t Submitters::number_of(Thread& thread) {
  if (thread.mm == 0 || thread.in_kernel) return kNobody;
  const auto found = std::ranges::find(known_, thread.id, &Known::thread);
  if (found != known_.end()) return static_cast<std::uint32_t>(found - known_.begin()) + 1;
  known_.push_back({thread.id, std::make_unique<TaskWorks>(thread)});
  return static_cast<std::uint32_t>(known_.size());
}

Task<bool> Submitters::queue(Atomic& ctx, Branch& branch, std::uint32_t number) {
  const bool nobody = number == kNobody || retired_ || known_[number - 1].works->exited();
  if (nobody) {
    co_await share(ctx, branch, carriers_);
    co_return false;
  }
  branch.ledger->enter(events::Stage::wakeup, ctx.now());
  TaskWorks& works = *known_[number - 1].works;
  const Errno added = co_await works.add(ctx, *new Item(branch, carriers_, works));
  check(added == Errno::ok, "a thread that had not ended refused task work");
  co_return true;
}

Task<void> Submitters::retire(Atomic& ctx) {
  retired_ = true;
  for (std::size_t i = 0; i < known_.size(); ++i)
    for (Work* const work : known_[i].works->take_back()) {
      auto* const item = static_cast<Item*>(work);
      Branch& branch = item->branch();
      delete item;
      co_await share(ctx, branch, carriers_);
    }
}

bool Submitters::empty() const {
  return std::ranges::all_of(known_, [](const Known& each) { return each.works->empty(); });
}

}  // namespace iodrome::designs::task_chain
