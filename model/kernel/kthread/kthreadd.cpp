// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/kthread/kthreadd.h"

#include <fmt/format.h>

#include "model/kernel/mm/allocation.h"

namespace iodrome::kernel {

struct Kthreadd::Made final : ThreadBody, boost::intrusive::list_base_hook<> {
  Made(Kthreadd& by, Request& wanted_for, std::uint64_t number, std::uint32_t cpu)
      : owner(by),
        request(wanted_for),
        thread(by.system_, fmt::format("{}/{}", by.name_, number), events::CpuClass::kthread, cpu,
               *this) {}
  Task<void> run(Sleepable& ctx) override;
  Kthreadd& owner;
  Request& request;  // may be gone once the thread runs
  RunningThread thread;
};

struct Kthreadd::Daemon final : ThreadBody {
  explicit Daemon(Kthreadd& of)
      : owner(of), thread(of.system_, "kthreadd", events::CpuClass::kthread, 0, *this) {}
  ~Daemon() override {
    const auto forget = [](Made* made) { delete made; };
    threads.clear_and_dispose(forget);
    ending.clear_and_dispose(forget);
  }
  Task<void> run(Sleepable& ctx) override {
    for (;;) {
      while (owner.requests_.empty())
        co_await owner.idle_.wait(ctx, "requests", events::Stage::queue);
      Request& next = owner.requests_.front();
      owner.requests_.pop_front();
      co_await owner.make(ctx, next);
      co_await ctx.cond_resched();
    }
  }
  void moves_to_end(Made& made) {
    threads.erase(threads.iterator_to(made));
    ending.push_back(made);
  }
  void bury() {
    ending.remove_and_dispose_if([](const Made& made) { return made.thread.ended(); },
                                 [](Made* made) { delete made; });
  }

  Kthreadd& owner;
  boost::intrusive::list<Made> threads;
  boost::intrusive::list<Made> ending;  // at their end, or dead
  RunningThread thread;
};

Task<void> Kthreadd::Made::run(Sleepable& ctx) {
  co_await request.run(ctx);
  co_await ctx.spend(ctx.costs().thread_exit);
  owner.daemon_->moves_to_end(*this);
}

Kthreadd::Kthreadd(System& system, const char* name, std::size_t most)
    : system_(system), name_(name), most_(most), daemon_(std::make_unique<Daemon>(*this)) {}

Kthreadd::~Kthreadd() {
  requests_.clear();
}

std::size_t Kthreadd::threads() const {
  return daemon_->threads.size();
}

Task<void> Kthreadd::create(Atomic& ctx, Request& request) {
  co_await ctx.spend(ctx.costs().spin_lock);
  requests_.push_back(request);
  co_await idle_.wake_one(ctx);
}

Task<void> Kthreadd::make(Sleepable& kthreadd, Request& request) {
  daemon_->bury();
  co_await kthreadd.spend(kthreadd.costs().thread_create);
  if (threads() >= most_ || allocation_fails(system_, "kthread"))
    co_return co_await request.refused(kthreadd);
  auto* const made = new Made(*this, request, made_++, cpu_for(kthreadd.cpu()));
  daemon_->threads.push_back(*made);
}

// As for any new thread: an idle CPU, if there is one.
std::uint32_t Kthreadd::cpu_for(const Cpu& maker) const {
  const auto count = static_cast<std::uint32_t>(system_.cpus.size());
  for (std::uint32_t i = 0; i < count; ++i)
    if (system_.cpus[(maker.index() + i) % count]->idle()) return (maker.index() + i) % count;
  return maker.index();
}

}  // namespace iodrome::kernel
