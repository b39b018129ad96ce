// SPDX-License-Identifier: Apache-2.0
// io_uring, the application side: a request is a chain of linked SQEs over a direct descriptor;
// files reach sockets by two splices through a pipe. Of a chain only its last success, or its
// failure, makes a CQE.
#include "model/designs/io_uring/uring.h"

namespace iodrome::designs::io_uring {

namespace {

using namespace kernel;
using Value = Result<std::int64_t>;

constexpr std::uint64_t kPipePages = 16;  // Linux's default pipe capacity
constexpr std::uint32_t kSplicePairsPerBatch =
    16;  // links end with the batch, so a long file takes several

// What the application remembers of a chain between two batches.
struct SlotState {
  ChainRun* run = nullptr;
  Pipe pipe{kPipePages};
  std::size_t first_step = 0;  // of the batch in flight
  std::size_t last_step = 0;
  std::uint64_t sent = 0;  // bytes of the current send that earlier batches moved
  std::uint64_t batch_bytes = 0;
  std::int64_t expected = 0;  // what the batch's last request returns if nothing broke
  bool closing_after_error = false;
};

class UringSide final : public AppSide {
 public:
  UringSide(Os& os, Process& process, UringCosts& costs, const UringParams& params,
            WaitQueue& sleepers)
      : ring_(os, process.files, costs, params, sleepers) {}

  Way way(const ChainRun&, std::size_t) const override { return Way::native_async; }
  Task<Value> call(Sleepable&, ChainRun&, const Step&) override { co_return fail(Errno::enosys); }

  Task<bool> queue(Sleepable& user, ChainRun& run) override {
    SlotState& slot = slot_of(run.slot);
    slot.run = &run;
    if (run.next_step == 0) slot.sent = 0;
    return ring_.push(user, build(run, slot));
  }

  Task<void> submit(Sleepable& user) override {
    if (ring_.queued() != 0) co_await ring_.enter(user, true, nullptr);
  }

  Task<Finished> reap(Sleepable& user) override {
    for (;;) {
      const std::optional<Cqe> cqe = co_await ring_.take(user);
      if (!cqe) co_return Finished{};
      SlotState& slot = slot_of(ChainRun::slot_of(cqe->user_data));
      const Finished finished = settle(slot, cqe->res);
      if (finished.run != nullptr) co_return finished;
      // More of a long file, or the close after an error: the next batch.
      const WorkOn work(user, &slot.run->ledger, events::Stage::submit);
      if (build(*slot.run, slot).size() > ring_.sq_space()) co_await submit(user);
      const bool pushed = co_await ring_.push(user, batch_);
      check(pushed, "a batch larger than the submission queue");
    }
  }

  Task<void> wait(Sleepable& user, const WakeCondition& woken) override {
    co_await ring_.enter(user, true, &woken);
  }

 private:
  SlotState& slot_of(std::uint32_t index) {
    while (slots_.size() <= index) slots_.emplace_back(std::make_unique<SlotState>());
    return *slots_[index];
  }

  Sqe sqe_of(const ChainRun& run, Opcode opcode) const {
    Sqe sqe;
    sqe.opcode = opcode;
    sqe.slot = run.slot;
    sqe.link = sqe.skip_success = true;
    sqe.ledger = const_cast<events::StageLedger*>(&run.ledger);
    sqe.user_data = run.cookie();
    return sqe;
  }

  // The chain's steps as linked SQEs, as far as one batch holds them. Valid until the next call.
  std::span<const Sqe> build(ChainRun& run, SlotState& slot) {
    std::vector<Sqe>& batch = batch_;
    batch.clear();
    slot.first_step = slot.last_step = run.next_step;
    slot.batch_bytes = 0;
    if (slot.closing_after_error) {
      batch.push_back(sqe_of(run, Opcode::close_direct));
    } else {
      for (std::size_t i = run.next_step; i < run.chain.steps.size(); ++i) {
        slot.last_step = i;
        if (!add_step(run, slot, run.chain.steps[i], batch)) break;
      }
    }
    Sqe& last = batch.back();
    last.link = last.skip_success = false;
    slot.expected = last.opcode == Opcode::splice_out ? static_cast<std::int64_t>(last.bytes) : 0;
    return batch;
  }

  // False if the step goes on in the next batch.
  bool add_step(ChainRun& run, SlotState& slot, const Step& step, std::vector<Sqe>& batch) {
    static constexpr Opcode kOpcodes[] = {Opcode::nop,       Opcode::openat_direct,
                                          Opcode::statx,     Opcode::read,
                                          Opcode::splice_in, Opcode::close_direct};
    Sqe sqe = sqe_of(run, kOpcodes[static_cast<int>(step.op)]);
    sqe.path =
        step.fd_from < 0 ? step.path : run.chain.steps[static_cast<std::size_t>(step.fd_from)].path;
    sqe.fd = step.fd;
    sqe.offset = step.offset;
    sqe.bytes = step.bytes;
    sqe.direct_io = run.direct;
    sqe.pages = run.buffer;
    if (step.op != chain::Op::send) {
      batch.push_back(sqe);
      return true;
    }
    std::uint32_t pairs = 0;
    while (slot.sent + slot.batch_bytes < step.bytes && pairs++ < kSplicePairsPerBatch) {
      sqe.opcode = Opcode::splice_in;
      sqe.pipe = &slot.pipe;
      sqe.offset = step.offset + slot.sent + slot.batch_bytes;
      sqe.bytes = std::min(step.bytes - slot.sent - slot.batch_bytes,
                           kPipePages * hw::kPageBytes - sqe.offset % hw::kPageBytes);
      batch.push_back(sqe);
      sqe.opcode = Opcode::splice_out;
      sqe.fd = step.to_fd;
      batch.push_back(sqe);
      slot.batch_bytes += sqe.bytes;
    }
    return slot.sent + slot.batch_bytes >= step.bytes;
  }

  // What one CQE says of its batch. No run: another batch must follow.
  Finished settle(SlotState& slot, std::int64_t res) {
    ChainRun& run = *slot.run;
    const auto steps = static_cast<std::uint32_t>(run.chain.steps.size());
    if (slot.closing_after_error) {
      slot.closing_after_error = false;
      return {&run, steps - static_cast<std::uint32_t>(run.next_step)};
    }
    // Only a failure or a short transfer speaks up before the last request; a last read may be
    // short.
    const bool last_failed =
        res < 0 || (run.chain.steps[slot.last_step].op != chain::Op::read && res != slot.expected &&
                    run.chain.steps[slot.last_step].op != chain::Op::stat);
    if (last_failed) return settle_error(slot, res);
    for (std::size_t i = slot.first_step; i <= slot.last_step; ++i) record(run, slot, i, res);
    const Step& last = run.chain.steps[slot.last_step];
    if (last.op == chain::Op::send && slot.sent + slot.batch_bytes < last.bytes) {
      slot.sent += slot.batch_bytes;
      run.next_step = slot.last_step;
      return {};
    }
    return {&run, static_cast<std::uint32_t>(slot.last_step - run.next_step + 1)};
  }

  static void record(ChainRun& run, const SlotState& slot, std::size_t step, std::int64_t res) {
    const bool send = run.chain.steps[step].op == chain::Op::send;
    const bool read = run.chain.steps[step].op == chain::Op::read;
    run.results[step] = send   ? static_cast<std::int64_t>(slot.sent + slot.batch_bytes)
                        : read ? res
                               : 0;
  }

  // The chain broke somewhere in the batch: the CQE carries the failing request's result.
  Finished settle_error(SlotState& slot, std::int64_t res) {
    ChainRun& run = *slot.run;
    const auto steps = static_cast<std::uint32_t>(run.chain.steps.size());
    const std::int64_t error = res < 0 ? res : -static_cast<std::int64_t>(Errno::eio);
    run.results[slot.first_step] = error;
    for (std::size_t i = slot.first_step + 1; i < steps; ++i)
      run.results[i] = -static_cast<std::int64_t>(Errno::ecanceled);
    slot.pipe.consume(slot.pipe.bytes());
    const bool opens = run.chain.steps[0].op == chain::Op::open;
    if (!opens || ring_.direct_file(run.slot) == nullptr)
      return {&run, steps - static_cast<std::uint32_t>(run.next_step)};
    slot.closing_after_error = true;
    return {};
  }

  Uring ring_;
  std::vector<Sqe> batch_;
  std::vector<std::unique_ptr<SlotState>> slots_;
};

class IoUring final : public Design {
 public:
  void describe(ParameterList& list) override {
    list.add("sq_entries", "entries", "submission ring size, per application thread",
             &params_.sq_entries);
    list.add("direct_slots", "slots", "sparse table of direct descriptors", &params_.direct_slots);
    list.add("workers_max", "threads", "most io-wq workers of a ring", &params_.workers_max);
    list.add("costs.sqe_prepare", "", "user: an SQE filled in", &costs_.sqe_prepare.each);
    list.add("costs.enter", "", "io_uring_enter's own work, per call", &costs_.enter.each);
    list.add("costs.issue", "", "per SQE: consumed, request allocated and issued",
             &costs_.issue.each);
    list.add("costs.task_work", "", "per completion run as task work", &costs_.task_work.each);
    list.add("costs.cqe_post", "", "a CQE written", &costs_.cqe_post.each);
    list.add("costs.cqe_reap", "", "user: a CQE read", &costs_.cqe_reap.each);
  }
  void start(Os& os, Process& process) override {
    os_ = &os;
    process_ = &process;
  }
  std::unique_ptr<AppSide> make_app_side(WaitQueue& sleepers, std::uint32_t) override {
    return std::make_unique<UringSide>(*os_, *process_, costs_, params_, sleepers);
  }
  std::vector<std::pair<std::string, const Cost*>> costs() const override {
    return {{"sqe_prepare", &costs_.sqe_prepare},
            {"enter", &costs_.enter},
            {"issue", &costs_.issue},
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
    {"SQPOLL, IOPOLL, multishot, registered buffers, drain, cancellation", "designs/io_uring"},
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
