// SPDX-License-Identifier: Apache-2.0
// A file with the fuzzer's bytes, for readers that open what they read.
#pragma once
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "tests/fuzz/findings.h"

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

  /// Not through O_TRUNC: a file system that sees a file replaced that way writes it to the disk at
  /// once, three milliseconds an input.
  void fill(std::string_view bytes) const {
    const int fd = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    const bool written =
        fd >= 0 &&
        ::pwrite(fd, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()) &&
        ::ftruncate(fd, static_cast<off_t>(bytes.size())) == 0;
    if (fd >= 0) ::close(fd);
    require(written, "the scratch file can be written");
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace iodrome::fuzz
