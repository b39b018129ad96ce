// SPDX-License-Identifier: Apache-2.0
// A process whose threads can be sent signals.
#pragma once
#include <memory>
#include <vector>

#include "model/kernel/calls/signal_calls.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

struct SignalScene {
  explicit SignalScene(std::uint64_t most_pending = 100) : process(rig.system, most_pending) {}
  ~SignalScene() { rig.end(); }

  Rig rig{2};
  FileTable files{64};
  Cost step{100ns};
  ProcessSignals process;
  ThreadSignals* first = nullptr;
  ThreadSignals* second = nullptr;
  std::vector<std::shared_ptr<void>> kept;  // what threads work on
  std::string log;
  int done = 0;

  void note(const std::string& what) { log += (log.empty() ? "" : " ") + what; }
  void note(const char* what, std::int64_t number) { note(what + std::to_string(number)); }
};

/// The signal that some time outside sends: kill(2) at no CPU's cost would have nobody to pay, so a
/// thread of another process does it.
inline void send_at(SignalScene& s, Duration when, std::int32_t number, bool to_second = false) {
  struct Sender {
    SignalScene& scene;
    std::int32_t number;
    bool to_second;
  };
  auto sender = std::make_shared<Sender>(Sender{s, number, to_second});
  s.rig.at(when, [&s, sender] {
    s.kept.push_back(sender);
    s.rig.thread<Sender>(1, *sender, [](Sleepable& ctx, Sender& what) -> Task<void> {
      SignalScene& scene = what.scene;
      if (what.to_second)
        co_await sys_tgkill(ctx, scene.process, *scene.second, what.number);
      else
        co_await sys_kill(ctx, scene.process, what.number);
    });
  });
}

/// A second thread of the process, on CPU 1.
inline void second_at(SignalScene& s, Duration when, Code<SignalScene> code) {
  struct Whole {
    SignalScene& scene;
    Code<SignalScene> code;
  };
  auto whole = std::make_shared<Whole>(Whole{s, code});
  s.rig.at(when, [&s, whole] {
    s.kept.push_back(whole);
    s.rig.thread<Whole>(1, *whole, [](Sleepable& ctx, Whole& all) -> Task<void> {
      ThreadSignals mine(all.scene.process, ctx.thread());
      all.scene.second = &mine;
      co_await all.code(ctx, all.scene);
    });
  });
}

/// A handler that notes its signal.
inline SigAction noting(SignalScene& s) {
  return {.handler = [&s](Sleepable&, const SigInfo& info) {
    s.note("h", info.number);
    return Task<void>::ready();
  }};
}

/// Runs the code in a thread of CPU 0 that has signals.
inline void play(SignalScene& s, Code<SignalScene> code) {
  struct Whole {
    SignalScene& scene;
    Code<SignalScene> code;
  } whole{s, code};
  s.rig.thread<Whole>(0, whole, [](Sleepable& ctx, Whole& all) -> Task<void> {
    ThreadSignals mine(all.scene.process, ctx.thread());
    all.scene.first = &mine;
    co_await all.code(ctx, all.scene);
    ++all.scene.done;
  });
  s.rig.run();
  CHECK(s.done == 1);
}

}  // namespace iodrome::kernel
