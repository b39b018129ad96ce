// SPDX-License-Identifier: Apache-2.0
// kevent, the application side: an event loop over one queue and its ring. What the second AIO
// generation has, sending files, is asynchronous; the rest are blocking calls of the loop.
#include <deque>

#include "model/chain/open_flags.h"
#include "model/designs/kevent/aio_sendfile.h"
#include "model/designs/plain_calls.h"
#include "model/events/io.h"

namespace iodrome::designs::kevent {

namespace {

using namespace kernel;
using chain::Op;
using Value = Result<std::int64_t>;

struct KeventParams {
  std::int64_t ring_entries = 0;  // of the ring, per application thread
  std::int64_t threads = 0;       // kaio/0 and up, of the machine
  std::int64_t window_pages = 0;  // that a transfer reads at first
};

class KeventSide final : public AppSide {
 public:
  KeventSide(Os& os, Process& process, KaioThreads& threads, KeventCosts& costs,
             const KeventParams& params, WaitQueue& sleepers)
      : os_(os),
        process_(process),
        costs_(costs),
        ring_(static_cast<std::uint32_t>(params.ring_entries)),
        queue_(os.system, costs, sleepers),
        calls_(os, process.files, threads, costs, static_cast<std::uint64_t>(params.window_pages)) {
    const Errno made = queue_.init(&ring_, size());
    check(made == Errno::ok, "kevent_init refused the application's ring");
  }

  Way way(const Step& step) const override {
    const bool sends_file = step.op == Op::send && !step.sends_memory();
    return sends_file ? Way::native_async : Way::native_sync;
  }

  Task<Value> call(Sleepable& user, ChainRun& run) override {
    if (waits_for_peer(run.current_step())) return Task<Value>::ready(fail(Errno::enosys));
    return opens_to_send(run) ? open_and_send(user, run)
                              : plain_call(user, os_, process_.files, run);
  }

  /// The events of all transfers find room: those that are ready wait on the list.
  Task<bool> queue(Sleepable&, ChainRun& run) override {
    Slot& slot = slot_of(run);
    if (!slot.sending) queued_.push_back(&run);
    slot.sending = true;
    return Task<bool>::ready(true);
  }

  Task<void> submit(Sleepable& user) override {
    for (ChainRun* const run : queued_) {
      const Value queued = co_await send_call(user, *run);
      if (queued)
        ++transfers_;
      else
        refused_.push_back({run, queued.error()});
    }
    queued_.clear();
  }

  /// The ring is filled by calls of this thread alone: when it is empty, only one more shows what
  /// has become ready. A turn of the loop that does not end in wait() makes it here.
  Task<Finished> reap(Sleepable& user) override {
    if (!refused_.empty()) {
      const auto [run, error] = refused_.front();
      refused_.pop_front();
      co_return finish(*run, -static_cast<std::int64_t>(error));
    }
    if (next_ == ring_.ring_kidx && std::exchange(look_, true) && transfers_ > 0) {
      co_await look(user, user.now(), nullptr);
      look_ = next_ == ring_.ring_kidx;
    }
    if (next_ == ring_.ring_kidx) co_return Finished{};
    co_await user.spend(costs_.user_reap);
    const Ukevent event = ring_.event[next_];
    next_ = (next_ + 1) % size();
    ++read_;
    --transfers_;
    user.show(events::RingTaken{});
    ChainRun& run = *slots_[ChainRun::slot_of(event.user)].run;
    const bool broken = (event.ret_flags & kBroken) != 0;
    const std::uint64_t sent = event.ret_number() - run.course.numbers(run.current).offset;
    co_return finish(run,
                     broken ? -std::int64_t{event.ret_data[1]} : static_cast<std::int64_t>(sent));
  }

  Task<void> wait(Sleepable& user, const WakeCondition& woken) override {
    co_await submit(user);
    if (refused_.empty()) co_await look(user, kNever, &woken);
    look_ = false;
  }

 private:
  struct Slot {
    ChainRun* run = nullptr;
    bool sending = false;  // the current send, or the one behind the current open
  };
  struct Refused {
    ChainRun* run;
    Errno error;
  };

  std::uint32_t size() const { return static_cast<std::uint32_t>(ring_.event.size()); }
  Slot& slot_of(ChainRun& run) {
    if (slots_.size() <= run.slot) slots_.resize(run.slot + 1);
    slots_[run.slot].run = &run;
    return slots_[run.slot];
  }
  Finished finish(ChainRun& run, std::int64_t result) {
    slot_of(run).sending = false;
    run.results[run.current] = result;
    return {&run, 1};
  }

  // Gives back what was read and takes what is ready. The last entry stays free: a ring that is
  // full cannot be given back by one call.
  Task<void> look(Sleepable& user, SimTime until, const WakeCondition* woken) {
    if (read_ > 0) {
      const Value freed = co_await queue_.commit(user, next_, ring_.ring_over);
      check(freed && *freed == read_, "kevent_commit freed something else than what was read");
      read_ = 0;
    }
    co_await queue_.wait(user, size() - 1, next_, until, woken);
  }

  // Whether the next step is sure to be a send of what this one opens, with numbers that are known.
  static bool opens_to_send(const ChainRun& run) {
    const std::size_t next = run.current + std::size_t{1};
    const Step& open = run.current_step();
    if (open.op != Op::open || chain::open_flags(open) != 0 || open.loop.used()) return false;
    if (next >= run.chain.steps.size() || !run.course.in_line(run.current)) return false;
    const Step& send = run.chain.steps[next];
    for (const chain::From& from : {send.offset_from, send.bytes_from}) {
      if (from.step == run.current) return false;
      const bool failed =
          from.used() && !from.total && run.results[static_cast<std::size_t>(from.step)] < 0;
      if (failed) return false;
    }
    return send.op == Op::send && send.fd_from == run.current && run.chain.deadline_us == 0;
  }

  Task<Value> open_and_send(Sleepable& user, ChainRun& run) {
    const std::size_t next = run.current + std::size_t{1};
    const chain::Course::Numbers asked = run.course.numbers(next);
    SendRequest request = request_of(run, run.chain.steps[next], asked);
    request.path = run.current_step().path;
    const Value fd = co_await calls_.sendfile_path(user, queue_, request);
    if (fd) {
      slot_of(run).sending = true;
      ++transfers_;
      co_return fd;
    }
    // Errors that need not be the open's: the steps go one by one, and each tells its own.
    const Errno error = fd.error();
    const bool unclear = error == Errno::ebadf || error == Errno::einval || error == Errno::enomem;
    if (!unclear) co_return fd;
    const Value opened = co_await plain_call(user, os_, process_.files, run);
    co_return opened;
  }

  Task<Value> send_call(Sleepable& user, ChainRun& run) {
    const SubmittingCall counted(submit_times_, user);
    const Step& step = run.current_step();
    SendRequest request = request_of(run, step, run.course.numbers(run.current));
    request.file_fd = run.fd_of(step);
    const Value queued = co_await calls_.sendfile(user, queue_, request);
    co_return queued;
  }
  static SendRequest request_of(ChainRun& run, const Step& send,
                                const chain::Course::Numbers& asked) {
    return {.socket_fd = run.to_of(send),
            .offset = asked.offset,
            .count = asked.bytes,
            .user = run.cookie(),
            .ledger = &run.ledger};
  }

  Os& os_;
  Process& process_;
  KeventCosts& costs_;
  KeventRing ring_;
  KeventQueue queue_;
  AioSendfile calls_;
  std::vector<Slot> slots_;
  std::vector<ChainRun*> queued_;
  std::deque<Refused> refused_;
  std::uint32_t next_ = 0;       // the entry to read next
  std::int64_t read_ = 0;        // entries read and not yet given back
  std::uint64_t transfers_ = 0;  // whose event was not read yet
  bool look_ = false;            // a turn of the loop has found the ring empty
};

class KeventDesign final : public Design {
 public:
  void describe(ParameterList& list) override {
    list.add("ring_entries", "entries", "the ring's size, per application thread",
             &params_.ring_entries);
    list.add("threads", "threads", "kernel threads of the machine that carry transfers",
             &params_.threads);
    list.add("window_pages", "pages", "that a transfer reads at first", &params_.window_pages);
    list.add("costs.sendfile_call", "", "aio_sendfile's own work, per transfer",
             &costs_.sendfile_call.each);
    list.add("costs.add", "", "an event allocated and registered", &costs_.add.each);
    list.add("costs.look", "", "per event of a queue where one becomes ready", &costs_.look.each);
    list.add("costs.ready", "", "an event put on the ready list", &costs_.ready.each);
    list.add("costs.wait_call", "", "kevent_wait's own work, per call", &costs_.wait_call.each);
    list.add("costs.deliver", "", "an event moved into the ring", &costs_.deliver.each);
    list.add("costs.commit_call", "", "kevent_commit's own work, per call",
             &costs_.commit_call.each);
    list.add("costs.user_reap", "", "user: an entry of the ring read", &costs_.user_reap.each);
  }
  std::string check_parameters() override {
    Complaints complaints("kevent");
    complaints.within("ring_entries", params_.ring_entries, 2, 65'536);
    complaints.within("threads", params_.threads, 1, 1024);
    complaints.within("window_pages", params_.window_pages, 1, 1 << 20);
    return complaints.text();
  }
  void start(const Platform& platform) override {
    os_ = &platform.os;
    process_ = &platform.process;
    threads_ = std::make_unique<KaioThreads>(platform.os.system,
                                             static_cast<std::uint32_t>(params_.threads));
  }
  std::unique_ptr<AppSide> make_app_side(WaitQueue& sleepers, std::uint32_t) override {
    return std::make_unique<KeventSide>(*os_, *process_, *threads_, costs_, params_, sleepers);
  }
  std::vector<std::pair<std::string, const Cost*>> costs() const override {
    return {{"sendfile_call", &costs_.sendfile_call},
            {"add", &costs_.add},
            {"look", &costs_.look},
            {"ready", &costs_.ready},
            {"wait_call", &costs_.wait_call},
            {"deliver", &costs_.deliver},
            {"commit_call", &costs_.commit_call},
            {"user_reap", &costs_.user_reap}};
  }

 private:
  KeventParams params_;
  KeventCosts costs_;
  Os* os_ = nullptr;
  Process* process_ = nullptr;
  std::unique_ptr<KaioThreads> threads_;
};

constexpr Difference kNotModelled[] = {
    {"sources of events other than transfers: sockets (accept, connect, receive, poll, inotify, "
     "sends of "
     "memory are ENOSYS), inodes, timers; a request that arrives ends the wait at no cost",
     "designs/kevent"},
    {"what is mended of take 33: errors without an event, wake-ups that reach another thread, a "
     "thread that spins while all its reads are under way, pages sent twice, lengths ignored",
     "designs/kevent"},
    {"MSG_MORE on the last page, which TCP may hold back; threads that look once a second",
     "designs/kevent"},
    {"the queue's descriptor: kevent_ctl, nesting in epoll, memory of the ring that is not there",
     "designs/kevent"},
    {"aio_sendfile_path for a chain with a deadline: nothing takes a transfer back, so its clock "
     "is looked at between open and send",
     "designs/kevent"},
    {"a timeout step without stopping the event loop: it is nanosleep", "designs/kevent"},
    {"threads of the pool asleep for a request of the block layer", "designs/kevent"},
};

}  // namespace

extern const Descriptor descriptor;
const Descriptor descriptor = {
    .name = "kevent",
    .summary =
        "kernel threads read and send files, an event queue tells of it; open, read and "
        "write are blocking calls",
    .source = "E. Polyakov, kevent take 33 with AIO, linux-kernel, 2007-01-17",
    .threads = Threads::per_cpu,
    .not_modelled = kNotModelled,
    .make = []() -> std::unique_ptr<Design> { return std::make_unique<KeventDesign>(); },
};

}  // namespace iodrome::designs::kevent
