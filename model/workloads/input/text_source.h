// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/engine/timeline.h"
#include "model/workloads/input/diagnostics.h"

namespace iodrome::workloads {

/// Reads lines from a plain or gzip file, or from a text in memory, in bounded memory.
/// A line ends at `\n`; a `\r` before it and a byte order mark before the first are dropped.
/// Bytes are passed on as they are, NUL included: what a line may hold is its reader's business.
class TextSource {
 public:
  static constexpr std::size_t default_line_limit_bytes = std::size_t{1} << 20U;

  /// Errors: a missing, unreadable or corrupt file makes `next` return false and sets `failure`.
  static TextSource from_file(std::string path,
                              std::size_t line_limit_bytes = default_line_limit_bytes);
  static TextSource from_text(std::string name, std::string text,
                              std::size_t line_limit_bytes = default_line_limit_bytes);

  /// The next line, valid until the next call; false at the end or after a failure.
  /// Errors: complete lines before a damaged spot are still delivered, the cut one is not.
  bool next(std::string_view& line);

  /// Polls `monitor` whenever a stretch of the file has been read; what it throws leaves next().
  void poll_with(RunMonitor* monitor) { monitor_ = monitor; }

  /// The number of the line last delivered, from 1.
  [[nodiscard]] std::uint64_t line_number() const { return line_number_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::optional<Diagnostic>& failure() const { return failure_; }

  /// The place of `line` (the one last delivered) at a 1-based byte column.
  [[nodiscard]] Place place(std::string_view line, std::size_t column) const;

 private:
  struct CloseGzip {
    void operator()(gzFile_s* file) const { gzclose(file); }
  };

  TextSource(std::string name, std::size_t line_limit_bytes);
  void open();
  bool fill();
  void fail(std::string message, std::string hint = {});
  bool deliver(std::size_t length, std::size_t consumed, std::string_view& line);

  std::string name_;
  std::size_t line_limit_bytes_;
  std::unique_ptr<gzFile_s, CloseGzip> file_;
  std::size_t chunk_bytes_ = 0;  // read at a time
  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool at_end_ = false;
  std::uint64_t line_number_ = 0;
  RunMonitor* monitor_ = nullptr;
  std::optional<Diagnostic> failure_;
};

/// Where the first byte stands that no text file holds (a control character other than a blank),
/// npos when there is none. Bytes above 0x7F pass: which encoding a log has nobody knows.
[[nodiscard]] std::size_t find_binary_byte(std::string_view line);

}  // namespace iodrome::workloads
