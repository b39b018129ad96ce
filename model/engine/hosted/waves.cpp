// SPDX-License-Identifier: Apache-2.0
#include "model/engine/hosted/waves.h"

#include <array>
#include <fstream>
#include <string_view>

namespace iodrome::hosted {

namespace {

constexpr std::string_view kSuffix = ".vcd";

std::string without_suffix(const std::string& path) {
  const bool has_suffix = path.size() > kSuffix.size() && path.ends_with(kSuffix);
  return has_suffix ? path.substr(0, path.size() - kSuffix.size()) : path;
}

// SystemC writes the moment of the run into the header; blanks take its place.
void remove_date(const std::string& path) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  std::array<char, 512> start{};
  file.read(start.data(), start.size());
  file.clear();
  const std::string_view header(start.data(), static_cast<std::size_t>(file.gcount()));
  const std::size_t begin = header.find("$date");
  if (begin == std::string_view::npos) return;
  const std::size_t from = begin + std::string_view("$date").size();
  const std::size_t end = header.find("$end", from);
  if (end == std::string_view::npos) return;
  for (std::size_t i = from; i < end; ++i)
    if (start[i] != '\n') start[i] = ' ';
  file.seekp(0);
  file.write(start.data(), static_cast<std::streamsize>(end));
}

}  // namespace

VcdFile::VcdFile(Context& context, const std::string& path)
    : context_(context),
      path_(without_suffix(path) + std::string(kSuffix)),
      file_(sc_core::sc_create_vcd_trace_file(without_suffix(path).c_str())) {
  file_->set_time_unit(1, sc_core::SC_PS);
}

VcdFile::~VcdFile() {
  const Context::Use use(context_);
  sc_core::sc_close_vcd_trace_file(file_);
  remove_date(path_);
}

Wave& VcdFile::add_wave(const std::string& name, unsigned bits) {
  const Context::Use use(context_);
  variables_.push_back(std::make_unique<Variable>());
  sc_core::sc_trace(file_, variables_.back()->value, name, static_cast<int>(bits));
  return *variables_.back();
}

}  // namespace iodrome::hosted
