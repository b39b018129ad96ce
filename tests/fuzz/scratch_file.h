// SPDX-License-Identifier: Apache-2.0
// A file with the fuzzer's bytes, for readers that open what they read.
#pragma once
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace iodrome::fuzz {

class ScratchFile {
 public:
  explicit ScratchFile(const std::string& ending)
      : path_(std::filesystem::temp_directory_path() /
              ("iodrome-fuzz-" + std::to_string(getpid()) + ending)) {}
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  void fill(std::string_view bytes) const {
    std::ofstream(path_, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace iodrome::fuzz
