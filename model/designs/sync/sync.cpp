// SPDX-License-Identifier: Apache-2.0
// Blocking calls, a thread per connection: the design every other one is measured against.
#include "model/designs/plain_calls.h"
#include "model/kernel/calls/file_calls.h"

namespace iodrome::designs::sync {

namespace {

using namespace kernel;
using Value = Result<std::int64_t>;

class SyncSide final : public AppSide {
 public:
  SyncSide(Os& os, Process& process, WaitQueue& sleepers)
      : os_(os), process_(process), sleepers_(sleepers) {}

  Way way(const Step&) const override { return Way::native_sync; }

  Task<Value> call(Sleepable& user, ChainRun& run) override {
    const Step& step = run.current_step();
    const bool sends_file = step.op == chain::Op::send && !step.sends_memory();
    return sends_file ? send(user, run) : plain_call(user, os_, process_.files, run);
  }

  Task<bool> queue(Sleepable&, ChainRun&) override { return Task<bool>::ready(false); }
  Task<void> submit(Sleepable&) override { return Task<void>::ready(); }
  Task<Finished> reap(Sleepable&) override { return Task<Finished>::ready(Finished{}); }

  /// The thread blocks in recv() until its connection has a request.
  Task<void> wait(Sleepable& user, const WakeCondition& woken) override {
    co_await syscall(user, Sysno::recvfrom, recv(user, woken));
  }

 private:
  Task<Value> send(Sleepable& user, const ChainRun& run) {
    const Step& step = run.current_step();
    const chain::Course::Numbers asked = run.course.numbers(run.current);
    return sys_sendfile(user, os_, process_.files, run.to_of(step), run.fd_of(step), asked.offset,
                        asked.bytes);
  }
  Task<Value> recv(Sleepable& ctx, const WakeCondition& woken) {
    co_await ctx.spend(ctx.costs().event_wait);
    while (!woken.holds()) co_await sleepers_.wait(ctx, "request", events::Stage::arrival);
    co_return 0;
  }

  Os& os_;
  Process& process_;
  WaitQueue& sleepers_;
};

class Sync final : public Design {
 public:
  void describe(ParameterList&) override {}
  void start(const Platform& platform) override {
    os_ = &platform.os;
    process_ = &platform.process;
  }
  std::unique_ptr<AppSide> make_app_side(WaitQueue& sleepers, std::uint32_t) override {
    return std::make_unique<SyncSide>(*os_, *process_, sleepers);
  }

 private:
  Os* os_ = nullptr;
  Process* process_ = nullptr;
};

constexpr Difference kNotModelled[] = {
    {"memory and cache footprint of many thread stacks", "designs/sync"},
};

}  // namespace

extern const Descriptor descriptor;
const Descriptor descriptor = {
    .name = "sync",
    .summary = "blocking calls, one thread per connection",
    .source = "open(2), fstat(2), sendfile(2), pread(2), pwrite(2), fsync(2), close(2)",
    .threads = Threads::per_connection,
    .not_modelled = kNotModelled,
    .make = []() -> std::unique_ptr<Design> { return std::make_unique<Sync>(); },
};

}  // namespace iodrome::designs::sync
