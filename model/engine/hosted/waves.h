// SPDX-License-Identifier: Apache-2.0
// SystemC's VCD file, with the same bytes on every run.
#pragma once
#include <memory>
#include <systemc>
#include <vector>

#include "model/engine/hosted/context.h"
#include "model/engine/wave.h"

namespace iodrome::hosted {

class VcdFile final : public WaveFile {
 public:
  /// `path` ends in ".vcd". Errors: what SystemC reports when the file cannot be written.
  VcdFile(Context& context, const std::string& path);
  ~VcdFile() override;

  Wave& add_wave(const std::string& name, unsigned bits) override;
  sc_core::sc_trace_file* systemc() { return file_; }

 private:
  struct Variable final : Wave {
    sc_dt::uint64 value = 0;
    void set(std::uint64_t to) override { value = to; }
  };

  Context& context_;
  const std::string path_;
  sc_core::sc_trace_file* file_;
  std::vector<std::unique_ptr<Variable>> variables_;
};

}  // namespace iodrome::hosted
