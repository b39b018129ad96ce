// SPDX-License-Identifier: Apache-2.0
// io_uring, the application side: a request is a chain of linked SQEs over a direct descriptor;
// files reach sockets by two splices through a pipe. Of a chain only its last success, or its
// failure, makes a CQE.
#include "model/designs/io_uring/linked_steps.h"
#include "model/kernel/calls/file_calls.h"
#include "model/kernel/calls/socket_calls.h"

namespace iodrome::designs::io_uring {

namespace {

using namespace kernel;
using Value = Result<std::int64_t>;

class UringSide final : public AppSide {
 public:
  UringSide(Os& os, Process& process, UringCosts& costs, const UringParams& params,
            WaitQueue& sleepers)
      : os_(os),
        process_(process),
        ring_(os, process.files, costs, params, sleepers, submit_times_) {}

  Way way(const Step&) const override { return Way::native_async; }
  Task<Value> call(Sleepable&, ChainRun&) override {
    return Task<Value>::ready(fail(Errno::enosys));
  }

  Task<bool> queue(Sleepable& user, ChainRun& run) override {
    LinkedSteps& steps = steps_of(run.slot);
    steps.take(run);
    if (steps.wants_socket()) return connect(user, steps);
    return ring_.push(user, next_batch(steps));
  }

  Task<void> submit(Sleepable& user) override {
    return then_done(ring_.enter(user, true, nullptr));
  }

  Task<Finished> reap(Sleepable& user) override {
    return then(ring_.take(user), [this, &user](const std::optional<Cqe>& cqe) {
      if (!cqe) return Task<Finished>::ready(Finished{});
      LinkedSteps& steps = steps_of(LinkedSteps::slot_of(cqe->user_data));
      const Finished finished = steps.settle(cqe->user_data, cqe->res);
      const int unconnected = steps.take_unconnected();
      if (unconnected >= 0) return close_socket(user, unconnected, finished);
      return finished.run != nullptr ? Task<Finished>::ready(finished) : go_on(user, steps);
    });
  }

  Task<void> wait(Sleepable& user, const WakeCondition& woken) override {
    return then_done(ring_.enter(user, true, &woken));
  }

 private:
  // socket(2) is no request of the ring: it never waits. It is called once the request can follow,
  // so that no socket is left over where that never comes.
  Task<bool> connect(Sleepable& user, LinkedSteps& steps) {
    co_await user.spend();
    const bool room = co_await ring_.sq_has_room(user);
    if (!room) co_return false;
    Value fd = fail(Errno::enetunreach);
    if (os_.loopback != nullptr) fd = co_await sys_socket(user, *os_.loopback, process_.files);
    // Without one the request goes on with a descriptor that is none, and the step with this error.
    steps.give_socket(fd);
    co_return co_await ring_.push(user, next_batch(steps));
  }
  Task<Finished> close_socket(Sleepable& user, int fd, Finished finished) {
    co_await user.spend();
    const WorkOn work(user, &finished.run->ledger, events::Stage::submit);
    co_await sys_close(user, process_.files, fd);
    co_return finished;
  }
  LinkedSteps& steps_of(std::uint32_t slot) {
    while (steps_.size() <= slot) steps_.emplace_back(std::make_unique<LinkedSteps>(os_.system));
    return *steps_[slot];
  }
  // More of a file: the next batch, then the next completion.
  Task<Finished> go_on(Sleepable& user, LinkedSteps& steps) {
    co_await user.spend();
    {
      const WorkOn work(user, &steps.run().ledger, events::Stage::submit);
      bool pushed = co_await ring_.push(user, next_batch(steps));
      check(batch_.size() <= ring_.sq_entries(), "a batch larger than the submission queue");
      while (!pushed) {
        co_await submit(user);
        pushed = co_await ring_.push(user, batch_);
      }
    }
    co_return co_await reap(user);
  }
  // Valid until the next call.
  std::span<const Sqe> next_batch(LinkedSteps& steps) {
    batch_.clear();
    steps.build(ring_.sq_entries(), batch_);
    return batch_;
  }

  Os& os_;
  Process& process_;
  Uring ring_;
  std::vector<Sqe> batch_;
  std::vector<std::unique_ptr<LinkedSteps>> steps_;  // by slot
};

class IoUring final : public Design {
 public:
  void describe(ParameterList& list) override {
    list.add("sq_entries", "entries", "submission ring size, per application thread",
             &params_.sq_entries);
    list.add("direct_slots", "slots", "sparse table of direct descriptors", &params_.direct_slots);
    list.add("workers_max", "threads", "most io-wq workers of a ring", &params_.workers_max);
    list.add("iopoll", "", "completions polled for, of direct reads and writes alone",
             &params_.iopoll);
    list.add("costs.sqe_prepare", "", "user: an SQE filled in", &costs_.sqe_prepare.each);
    list.add("costs.enter", "", "io_uring_enter's own work, per call", &costs_.enter.each);
    list.add("costs.issue", "", "per SQE: consumed, request allocated and issued",
             &costs_.issue.each);
    list.add("costs.rw_prepare", "", "per read or write: file reference, buffer import, kiocb",
             &costs_.rw_prepare.each);
    list.add("costs.task_work", "", "per completion run as task work", &costs_.task_work.each);
    list.add("costs.cqe_post", "", "a CQE written", &costs_.cqe_post.each);
    list.add("costs.cqe_reap", "", "user: a CQE read", &costs_.cqe_reap.each);
  }
  std::string check_parameters() override {
    Complaints complaints("io_uring");
    complaints.within("sq_entries", params_.sq_entries, 2, 32'768);
    complaints.within("direct_slots", params_.direct_slots, 1, 1'048'576);
    complaints.within("workers_max", params_.workers_max, 1, 32'768);
    return complaints.text();
  }
  std::int64_t slots_max() const override {
    return std::min<std::int64_t>(params_.direct_slots, 65'535);
  }
  const char* polls() const override { return params_.iopoll ? "io_uring.iopoll" : nullptr; }
  void start(const Platform& platform) override {
    os_ = &platform.os;
    process_ = &platform.process;
  }
  std::unique_ptr<AppSide> make_app_side(WaitQueue& sleepers, std::uint32_t) override {
    return std::make_unique<UringSide>(*os_, *process_, costs_, params_, sleepers);
  }
  std::vector<std::pair<std::string, const Cost*>> costs() const override {
    return {{"sqe_prepare", &costs_.sqe_prepare},
            {"enter", &costs_.enter},
            {"issue", &costs_.issue},
            {"rw_prepare", &costs_.rw_prepare},
            {"task_work", &costs_.task_work},
            {"cqe_post", &costs_.cqe_post},
            {"cqe_reap", &costs_.cqe_reap}};
  }

 private:
  UringParams params_;
  UringCosts costs_;
  Os* os_ = nullptr;
  Process* process_ = nullptr;
};

constexpr Difference kNotModelled[] = {
    {"readiness of connections: a request that arrives ends the wait at no cost",
     "designs/io_uring"},
    {"SQPOLL, hybrid IOPOLL, multishot, registered buffers, drain, cancellation; a chain's "
     "deadline is looked at by the application between batches, no IORING_OP_LINK_TIMEOUT",
     "designs/io_uring"},
    {"bounded and unbounded workers apart, their exit when idle; EBUSY on overflow",
     "designs/io_uring"},
    {"IORING_OP_READ of an inotify instance as polled for and then read: it waits in line and "
     "takes "
     "one event, at the event's own cost",
     "designs/io_uring"},
    {"splice in batches of 16 pairs; a pipe per request made beforehand at no cost",
     "designs/io_uring"},
};

}  // namespace

extern const Descriptor descriptor;
const Descriptor descriptor = {
    .name = "io_uring",
    .summary = "linked SQEs over direct descriptors, splice through a pipe in workers",
    .source = "Linux io_uring/ 6.1; io_uring_enter(2), io_uring_prep_splice(3)",
    .threads = Threads::per_cpu,
    .not_modelled = kNotModelled,
    .make = []() -> std::unique_ptr<Design> { return std::make_unique<IoUring>(); },
};

}  // namespace iodrome::designs::io_uring
