// SPDX-License-Identifier: Apache-2.0
#include "bindings/monitor.h"

#include <chrono>
#include <thread>

namespace iodrome::bindings {

namespace py = pybind11;

namespace {

void look_for_signals() {
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

std::timed_mutex& the_run() {
  static std::timed_mutex mutex;
  return mutex;
}

// Whose run it is; a thread compares it with itself alone.
std::atomic<std::thread::id>& owner() {
  static std::atomic<std::thread::id> thread;
  return thread;
}

}  // namespace

void Monitor::poll() {
  if (token_ && token_->stopped.load(std::memory_order_relaxed)) throw Stopped();
  if (keeps_lock_) {
    { const py::gil_scoped_release others_go_on; }
    return look_for_signals();
  }
  const py::gil_scoped_acquire interpreter;
  look_for_signals();
}

RunLock::RunLock(Monitor& monitor) : lock_(the_run(), std::defer_lock) {
  if (owner().load() == std::this_thread::get_id())
    throw std::runtime_error("a run cannot start inside another one");
  const py::gil_scoped_release others_go_on;
  while (!lock_.try_lock_for(std::chrono::milliseconds(20))) {
    const py::gil_scoped_acquire interpreter;
    monitor.poll();
  }
  owner() = std::this_thread::get_id();
}

RunLock::~RunLock() {
  owner() = std::thread::id();
}

void add_monitor(py::module_& module) {
  py::class_<StopToken, std::shared_ptr<StopToken>>(
      module, "StopToken", "Ends the runs it was given to. Thread-safe; once stopped, it stays so.")
      .def(py::init<>())
      .def(
          "stop", [](StopToken& token) { token.stopped = true; }, "Asks the run to end.")
      .def_property_readonly(
          "stopped", [](const StopToken& token) { return token.stopped.load(); },
          "Whether stop() was called.");
}

}  // namespace iodrome::bindings
