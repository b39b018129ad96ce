// SPDX-License-Identifier: Apache-2.0
// What every asynchronous-I/O design provides: a kernel side, behind its native calls, and the
// application's use of them.
#pragma once
#include <algorithm>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "model/chain/chain_run.h"
#include "model/engine/complaints.h"
#include "model/engine/parameters.h"
#include "model/kernel/os.h"
#include "model/kernel/sync/wait_queue.h"
#include "model/kernel/vfs/file_table.h"
#include "model/providers/registry.h"

namespace iodrome::designs {

using chain::ChainRun;
using chain::Step;
using kernel::Sleepable;

/// The modelled application's process: one descriptor table for all its threads.
struct Process {
  explicit Process(std::uint32_t fd_limit) : files(fd_limit) {}
  kernel::FileTable files;
};

/// What a machine offers a design.
struct Platform {
  kernel::Os& os;
  Process& process;
  providers::Registry& providers;
};

/// How the application carries out a step with this design.
enum class Way : std::uint8_t {
  native_async,  // queued, result through the completion ring
  native_sync,   // a call of the API that returns when it is done
};

/// What a completion says: which request, and the result of which of its steps.
struct Finished {
  ChainRun* run = nullptr;
  std::uint32_t steps = 1;  // this many, from run->current on, have their value in run->results
};

/// A condition outside the design that ends a wait: a request has arrived.
class WakeCondition {
 public:
  virtual ~WakeCondition() = default;
  virtual bool holds() const = 0;
  /// False if it can never come to hold: a wait then need not listen for it.
  virtual bool possible() const = 0;
};

/// How long submitting held the application, per call and in all.
struct SubmitTimes {
  Duration held_max{};
  Duration held_total{};
  Duration blocked_max{};
  Duration blocked_total{};
  kernel::SleepTimes causes;  // of blocked_total

  void add(Duration held, Duration blocked) {
    held_max = std::max(held_max, held);
    held_total += held;
    blocked_max = std::max(blocked_max, blocked);
    blocked_total += blocked;
  }
  void merge(const SubmitTimes& other) {
    held_max = std::max(held_max, other.held_max);
    held_total += other.held_total;
    blocked_max = std::max(blocked_max, other.blocked_max);
    blocked_total += other.blocked_total;
    causes.merge(other.causes);
  }
};

/// Counts one call that submits, as its caller sees it: from here to the end of the scope,
/// crossings and all.
class SubmittingCall {
 public:
  SubmittingCall(SubmitTimes& times, Sleepable& user)
      : times_(times),
        user_(user),
        began_(user.now()),
        blocked_before_(user.thread().blocked_total),
        told_before_(std::exchange(user.thread().sleep_times, &times.causes)) {}
  ~SubmittingCall() {
    times_.add(user_.now() - began_ - waited_,
               user_.thread().blocked_total - blocked_before_ - waited_blocked_);
    user_.thread().sleep_times = told_before_;
  }
  SubmittingCall(const SubmittingCall&) = delete;
  SubmittingCall& operator=(const SubmittingCall&) = delete;

  /// From here on the call waits for completions.
  void begin_waiting() { user_.thread().sleep_times = told_before_; }
  /// It did so this long and asleep for that part: no submission.
  void leave_out(Duration waited, Duration blocked) {
    waited_ += waited;
    waited_blocked_ += blocked;
  }

 private:
  SubmitTimes& times_;
  Sleepable& user_;
  SimTime began_;
  Duration blocked_before_;
  kernel::SleepTimes* told_before_;
  Duration waited_{};
  Duration waited_blocked_{};
};

/// One application thread's use of a design: a good programmer's event loop is written on these
/// five verbs.
///
/// The thread is in user mode in every call; what enters the kernel does so inside, and pays for
/// it.
class AppSide {
 public:
  virtual ~AppSide() = default;

  /// Whether the kernel takes a chain as it is, so that nothing of it is left to the application:
  /// one completion then ends the request, and way() and call() are never asked.
  virtual bool takes_chains() const { return false; }
  virtual Way way(const Step& step) const = 0;
  /// Carries out the run's current step, a native_sync one. Errors are the step's result.
  virtual Task<Result<std::int64_t>> call(Sleepable& user, ChainRun& run) = 0;
  /// Queues native_async steps from the run's current one on; nothing reaches the kernel before
  /// submit(). False: no room now; submit what is queued and reap first. The user may owe what its
  /// own code cost before.
  virtual Task<bool> queue(Sleepable& user, ChainRun& run) = 0;
  /// Submits everything queued. Whom an error concerns hears of it by a completion.
  virtual Task<void> submit(Sleepable& user) = 0;
  /// Takes one completion, without entering the kernel if the design allows it; no run if there is
  /// none.
  virtual Task<Finished> reap(Sleepable& user) = 0;
  /// Submits what is queued and sleeps until a completion can be reaped or `woken` holds.
  virtual Task<void> wait(Sleepable& user, const WakeCondition& woken) = 0;

  /// A request has arrived, from outside the machine: for a design whose wait does not sleep in the
  /// thread's own wait queue.
  virtual void on_arrival(kernel::System& system) { static_cast<void>(system); }

  /// What every call that submits took. Each is counted where it is made, by a SubmittingCall: the
  /// native submissions by the design, its synchronous steps by whoever calls call().
  SubmitTimes& submit_times() { return submit_times_; }

 protected:
  SubmitTimes submit_times_;
};

/// One row of "what is not modelled".
struct Difference {
  std::string_view what;
  std::string_view where;
};

/// One run's instance of a design.
class Design {
 public:
  virtual ~Design() = default;
  /// Parameters and costs, filled by the loader before start().
  virtual void describe(ParameterList& parameters) = 0;
  /// Checks what the table's types cannot. Returns all complaints, or an empty string.
  virtual std::string check_parameters() { return {}; }
  /// The parameter by which it polls devices for completions, as given; nullptr if it does not. Of
  /// a machine where nothing can be polled, the user hears of it.
  virtual const char* polls() const { return nullptr; }
  /// Most requests that one application thread may have in flight.
  virtual std::int64_t slots_max() const { return 65'535; }
  /// Longest chain, steps.
  virtual std::int64_t steps_max() const { return chain::kMaxSteps; }
  /// Called once the machine stands and parameters are known.
  virtual void start(const Platform& platform) = 0;
  /// One per application thread; `sleepers` is where that thread waits.
  virtual std::unique_ptr<AppSide> make_app_side(kernel::WaitQueue& sleepers,
                                                 std::uint32_t thread) = 0;
  /// Costs of this design's own, for the per-cost account.
  virtual std::vector<std::pair<std::string, const kernel::Cost*>> costs() const { return {}; }
  /// What this design counted of its own, since its start.
  virtual std::vector<std::pair<std::string, std::uint64_t>> counters() const { return {}; }
};

/// How application threads divide the work.
enum class Threads : std::uint8_t { per_connection, per_cpu };

/// A design's entry in the registry, `designs::<folder>::descriptor`.
struct Descriptor {
  std::string_view name;
  std::string_view summary;
  std::string_view source;
  Threads threads;
  std::span<const Difference> not_modelled;
  std::unique_ptr<Design> (*make)();
};

/// Every design, in the order of folder names.
std::span<const Descriptor* const> all();

}  // namespace iodrome::designs
