// SPDX-License-Identifier: Apache-2.0
#include "model/engine/hosted/context.h"

#include <iostream>

namespace iodrome::hosted {

namespace {

void report(const sc_core::sc_report& what, const sc_core::sc_actions&) {
  if (what.get_severity() >= sc_core::SC_ERROR) throw what;
  if (what.get_severity() == sc_core::SC_WARNING)
    std::cerr << "SystemC warning: " << what.get_msg_type() << ": " << what.get_msg() << '\n';
}

void collect_threads(const std::vector<sc_core::sc_object*>& objects,
                     std::vector<sc_core::sc_process_handle>& threads) {
  for (sc_core::sc_object* object : objects) {
    const sc_core::sc_process_handle process(object);
    if (process.valid() && process.proc_kind() != sc_core::SC_METHOD_PROC_ && !process.terminated())
      threads.push_back(process);
    collect_threads(object->get_child_objects(), threads);
  }
}

std::vector<sc_core::sc_process_handle> living_threads() {
  std::vector<sc_core::sc_process_handle> threads;
  collect_threads(sc_core::sc_get_top_level_objects(), threads);
  return threads;
}

}  // namespace

Context::Use::Use(Context& context)
    : current_(sc_core::sc_curr_simcontext),
      fallback_(sc_core::sc_default_global_context),
      handler_(sc_core::sc_report_handler::get_handler()),
      fatal_actions_(sc_core::sc_report_handler::set_actions(
          sc_core::SC_FATAL, sc_core::SC_DISPLAY | sc_core::SC_THROW)) {
  sc_core::sc_curr_simcontext = context.simulation_.get();
  sc_core::sc_default_global_context = context.simulation_.get();
  sc_core::sc_report_handler::set_handler(&report);
}

Context::Use::~Use() {
  sc_core::sc_report_handler::set_handler(handler_);
  sc_core::sc_report_handler::set_actions(sc_core::SC_FATAL, fatal_actions_);
  sc_core::sc_curr_simcontext = current_;
  sc_core::sc_default_global_context = fallback_;
}

Context::Context() : simulation_(std::make_unique<sc_core::sc_simcontext>()) {}

Context::~Context() {
  const Use use(*this);
  while (!modules_.empty()) modules_.pop_back();
  simulation_.reset();
}

bool Context::has_threads() {
  const Use use(*this);
  return !living_threads().empty();
}

void Context::end_threads() {
  for (sc_core::sc_process_handle& thread : living_threads()) thread.kill();
}

}  // namespace iodrome::hosted
