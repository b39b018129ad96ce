// SPDX-License-Identifier: Apache-2.0
// Mainline Linux AIO, the application side: an event loop that opens and sends with blocking calls
// and reads past the page cache.
#include "model/designs/linux_aio/kioctx.h"
#include "model/designs/plain_calls.h"
#include "model/events/io.h"
#include "model/kernel/calls/file_calls.h"

namespace iodrome::designs::linux_aio {

namespace {

using namespace kernel;
using Value = Result<std::int64_t>;

struct AioParams {
  std::int64_t events = 0;      // io_setup's argument, per application thread
  std::int64_t read_bytes = 0;  // a file is read and sent in pieces of this size
};

class AioSide final : public AppSide {
 public:
  AioSide(Os& os, Process& process, AioCosts& costs, const AioParams& params, WaitQueue& sleepers)
      : os_(os),
        process_(process),
        params_(params),
        costs_(costs),
        context_(os, process.files, costs, static_cast<std::uint32_t>(params.events), sleepers),
        batch_(static_cast<std::size_t>(params.events)) {}

  Way way(const Step& step) const override {
    return step.transfers() && !waits_for_peer(step) ? Way::native_async : Way::native_sync;
  }

  /// The interface's own fsync is refused, so that is a call too.
  Task<Value> call(Sleepable& user, ChainRun& run) override {
    if (waits_for_peer(run.current_step())) return Task<Value>::ready(fail(Errno::enosys));
    return plain_call(user, os_, process_.files, run);
  }

  Task<bool> queue(Sleepable& user, ChainRun& run) override {
    if (queued_.size() + context_.requests_active() >= context_.slots()) co_return false;
    if (runs_.size() <= run.slot) runs_.resize(run.slot + 1);
    runs_[run.slot] = &run;
    run.results[run.current] = 0;
    co_await push(user, run);
    co_return true;
  }

  /// What finds no room stays queued for the next call: the next piece of a send is queued whatever
  /// is in flight.
  Task<void> submit(Sleepable& user) override {
    std::size_t done = 0;
    while (done < queued_.size() && context_.requests_active() < context_.slots()) {
      const std::span<const Iocb> rest = std::span<const Iocb>(queued_).subspan(done);
      const Value accepted = co_await submit_call(user, rest);
      if (accepted) {
        done += static_cast<std::size_t>(*accepted);
        continue;
      }
      // Whatever was short comes back with an event, if one is still to come.
      if (accepted.error() == Errno::eagain && context_.requests_active() != 0) break;
      // The first of the rest was refused: its error is its result.
      failed_.push_back({rest.front().data, -static_cast<std::int64_t>(accepted.error())});
      ++done;
    }
    queued_.erase(queued_.begin(), queued_.begin() + static_cast<std::ptrdiff_t>(done));
  }

  Task<Finished> reap(Sleepable& user) override {
    for (;;) {
      if (!failed_.empty()) {
        const IoEvent event = failed_.front();
        failed_.pop_front();
        co_return finish(event, event.res);
      }
      if (next_ == filled_) {
        // As libaio: an empty ring needs no call.
        const bool visible = co_await context_.has_events(user);
        if (!visible) co_return Finished{};
        const Value got = co_await context_.getevents(user, 0, batch_);
        next_ = 0;
        filled_ = static_cast<std::size_t>(*got);
        if (filled_ == 0) co_return Finished{};
      }
      const IoEvent event = batch_[next_++];
      const Finished finished = co_await take(user, event);
      if (finished.run != nullptr) co_return finished;
    }
  }

  Task<void> wait(Sleepable& user, const WakeCondition& woken) override {
    co_await submit(user);
    if (!failed_.empty()) co_return;
    if (woken.possible()) {
      co_await context_.epoll_wait(user, woken);
      co_return;
    }
    const Value got = co_await context_.getevents(user, 1, batch_);
    next_ = 0;
    filled_ = static_cast<std::size_t>(*got);
  }

 private:
  ChainRun& run_of(const IoEvent& event) { return *runs_[ChainRun::slot_of(event.data)]; }
  Finished finish(const IoEvent& event, std::int64_t result) {
    ChainRun& run = run_of(event);
    run.results[run.current] = result;
    return {&run, 1};
  }

  // The application's buffer for files on their way to a socket: one per request in flight.
  std::span<const hw::PhysAddr> buffer_of(std::uint32_t slot) {
    if (buffers_.size() <= slot) buffers_.resize(slot + 1);
    std::vector<hw::PhysAddr>& buffer = buffers_[slot];
    const auto pages = static_cast<std::size_t>(params_.read_bytes) / hw::kPageBytes + 1;
    while (buffer.size() < pages) buffer.push_back(os_.system.memory.allocate_page());
    return buffer;
  }

  Task<Value> submit_call(Sleepable& user, std::span<const Iocb> iocbs) {
    const SubmittingCall counted(submit_times_, user);
    co_return co_await context_.submit(user, iocbs);
  }
  Task<Value> send_call(Sleepable& user, ChainRun& run, int to_fd, std::uint64_t bytes) {
    const SubmittingCall counted(submit_times_, user);
    co_return co_await sys_send(user, os_, process_.files, to_fd, buffer_of(run.slot), bytes);
  }

  // Queues the step, or its next piece. A send reads what it sends: whole sectors, past the page
  // cache.
  Task<void> push(Sleepable& user, ChainRun& run) {
    co_await user.spend(costs_.iocb_prepare);
    const Step& step = run.current_step();
    const chain::Course::Numbers asked = run.course.numbers(run.current);
    const auto sent = static_cast<std::uint64_t>(run.results[run.current]);
    Iocb iocb{.data = run.cookie(),
              .fd = run.fd_of(step),
              .direct = run.direct,
              .offset = asked.offset + sent,
              .bytes = asked.bytes,
              .ledger = &run.ledger};
    if (step.op == chain::Op::send) {
      iocb.direct = true;
      iocb.pages = buffer_of(run.slot);
      iocb.bytes = piece_of(asked.bytes - sent);
    } else {
      const auto memory = run.memory_of(step, asked);
      if (!memory)
        co_return failed_.push_back({run.cookie(), as_return_value(Value(fail(memory.error())))});
      iocb.pages = *memory;
      iocb.command = step.op == chain::Op::write ? Command::pwrite : Command::pread;
    }
    queued_.push_back(iocb);
  }
  std::uint64_t piece_of(std::uint64_t left) const {
    const std::uint64_t bytes = std::min(left, static_cast<std::uint64_t>(params_.read_bytes));
    return (bytes + 511) / 512 * 512;
  }

  // One event: a read or write is done with it, a send goes on with send(2) and the next piece.
  Task<Finished> take(Sleepable& user, const IoEvent& event) {
    ChainRun& run = run_of(event);
    if (run.current_step().op != chain::Op::send || event.res <= 0) {
      // What went out before counts.
      const std::int64_t sent = run.results[run.current];
      return Task<Finished>::ready(finish(event, event.res == 0 || sent > 0 ? sent : event.res));
    }
    return send_piece(user, run, event);
  }

  Task<Finished> send_piece(Sleepable& user, ChainRun& run, IoEvent event) {
    const WorkOn work(user, &run.ledger, events::Stage::submit);
    std::int64_t& sent = run.results[run.current];
    const std::uint64_t wanted = run.course.numbers(run.current).bytes;
    const auto left = wanted - static_cast<std::uint64_t>(sent);
    const auto piece = std::min(static_cast<std::uint64_t>(event.res), left);
    const Value result = co_await send_call(user, run, run.to_of(run.current_step()), piece);
    if (!result) co_return finish(event, sent > 0 ? sent : as_return_value(result));
    sent += *result;
    const bool file_ended = static_cast<std::uint64_t>(event.res) < piece_of(left);
    if (file_ended || static_cast<std::uint64_t>(sent) >= wanted) co_return Finished{&run, 1};
    co_await push(user, run);
    co_return Finished{};
  }

  Os& os_;
  Process& process_;
  const AioParams& params_;
  AioCosts& costs_;
  Kioctx context_;
  std::vector<ChainRun*> runs_;                     // by slot
  std::vector<std::vector<hw::PhysAddr>> buffers_;  // by slot
  std::vector<Iocb> queued_;
  std::deque<IoEvent> failed_;
  std::vector<IoEvent> batch_;
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
};

class LinuxAio final : public Design {
 public:
  void describe(ParameterList& list) override {
    list.add("events", "events", "io_setup's argument, per application thread", &params_.events);
    list.add("read_bytes", "bytes", "a file is read and sent in pieces of this size",
             &params_.read_bytes);
    list.add("costs.iocb_prepare", "", "user: an iocb filled in", &costs_.iocb_prepare.each);
    list.add("costs.submit_call", "", "io_submit's own work, per call", &costs_.submit_call.each);
    list.add("costs.prepare", "", "per iocb: copied in, file looked up, allocated",
             &costs_.prepare.each);
    list.add("costs.complete", "", "aio_complete, per event", &costs_.complete.each);
    list.add("costs.getevents", "", "io_getevents' own work, per call", &costs_.getevents.each);
    list.add("costs.copy_event", "", "an event copied out", &costs_.copy_event.each);
  }
  std::string check_parameters() override {
    const std::int64_t bytes = params_.read_bytes;
    Complaints complaints("linux_aio");
    complaints.within("events", params_.events, 1, 65'536);
    complaints.require(bytes >= 512 && bytes <= 1 << 30 && bytes % 512 == 0,
                       "read_bytes must be whole sectors of 512 bytes, at most 1 GiB");
    return complaints.text();
  }
  void start(const Platform& platform) override {
    os_ = &platform.os;
    process_ = &platform.process;
  }
  std::unique_ptr<AppSide> make_app_side(WaitQueue& sleepers, std::uint32_t) override {
    return std::make_unique<AioSide>(*os_, *process_, costs_, params_, sleepers);
  }
  std::vector<std::pair<std::string, const Cost*>> costs() const override {
    return {{"iocb_prepare", &costs_.iocb_prepare}, {"submit_call", &costs_.submit_call},
            {"prepare", &costs_.prepare},           {"complete", &costs_.complete},
            {"getevents", &costs_.getevents},       {"copy_event", &costs_.copy_event}};
  }

 private:
  AioParams params_;
  AioCosts costs_;
  Os* os_ = nullptr;
  Process* process_ = nullptr;
};

constexpr Difference kNotModelled[] = {
    {"poll, cancellation; the retry path of 2.6", "designs/linux_aio"},
    {"the ring's exact size rounding (whole pages)", "designs/linux_aio"},
    {"the cost of the eventfd that tells of completions; it came with 2.6.22", "designs/linux_aio"},
    {"buffered sends: files go past the page cache, the only way in which the interface is "
     "asynchronous",
     "designs/linux_aio"},
    {"a timeout step without stopping the event loop: it is nanosleep, no timerfd in its epoll",
     "designs/linux_aio"},
    {"sending from an offset that is no whole sector: EINVAL", "designs/linux_aio"},
    {"accept, connect, receive, poll, inotify and sends of memory: they are no part of the "
     "interface, and "
     "would block its one thread (ENOSYS)",
     "designs/linux_aio"},
};

}  // namespace

extern const Descriptor descriptor;
const Descriptor descriptor = {
    .name = "linux_aio",
    .summary = "io_submit of direct reads and writes; open, send and fsync are blocking calls",
    .source = "Linux fs/aio.c, 2.6.19–20",
    .threads = Threads::per_cpu,
    .not_modelled = kNotModelled,
    .make = []() -> std::unique_ptr<Design> { return std::make_unique<LinuxAio>(); },
};

}  // namespace iodrome::designs::linux_aio
