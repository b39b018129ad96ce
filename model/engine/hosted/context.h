// SPDX-License-Identifier: Apache-2.0
// One SystemC simulation as an object. SystemC keeps its current simulation in two plain globals;
// nothing else touches them.
#pragma once
#include <memory>
#include <systemc>
#include <utility>
#include <vector>

namespace iodrome::hosted {

/// A fresh simulation; its destructor ends all threads and frees everything.
///
/// Errors: what SystemC reports as error or fatal is thrown as sc_core::sc_report instead of
/// aborting; warnings go to stderr; the rest is dropped. Several contexts may live at once in one
/// thread.
class Context {
 public:
  Context();
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// While it lives, this context is SystemC's current one. Nests.
  class Use {
   public:
    explicit Use(Context& context);
    ~Use();
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

   private:
    sc_core::sc_simcontext* current_;
    sc_core::sc_simcontext* fallback_;
    sc_core::sc_report_handler_proc handler_;
    sc_core::sc_actions fatal_actions_;
  };

  /// Makes a module that lives until the context ends.
  template <class Module, class... Arguments>
  Module& make(const char* name, Arguments&&... arguments) {
    const Use use(*this);
    auto module =
        std::make_unique<Module>(sc_core::sc_module_name(sc_core::sc_gen_unique_name(name)),
                                 std::forward<Arguments>(arguments)...);
    Module& made = *module;
    modules_.push_back(std::move(module));
    return made;
  }

  /// Kills every SC_THREAD that has not ended. To be called from a running SC_METHOD.
  static void end_threads();
  /// Whether any SC_THREAD has not ended.
  bool has_threads();

 private:
  std::unique_ptr<sc_core::sc_simcontext> simulation_;
  std::vector<std::unique_ptr<sc_core::sc_module>> modules_;
};

}  // namespace iodrome::hosted
