// SPDX-License-Identifier: Apache-2.0
#include "model/workloads/input/text_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <system_error>
#include <utility>

namespace iodrome::workloads {
namespace {

constexpr std::size_t smallest_chunk_bytes = std::size_t{16} << 10U;
constexpr std::size_t largest_chunk_bytes = std::size_t{256} << 10U;
constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

std::string system_message(int error) {
  return std::error_code(error, std::generic_category()).message();
}

}  // namespace

TextSource::TextSource(std::string name, std::size_t line_limit_bytes)
    : name_(std::move(name)), line_limit_bytes_(line_limit_bytes) {}

TextSource TextSource::from_file(std::string path, std::size_t line_limit_bytes) {
  TextSource source(std::move(path), line_limit_bytes);
  source.open();
  return source;
}

TextSource TextSource::from_text(std::string name, std::string text, std::size_t line_limit_bytes) {
  TextSource source(std::move(name), line_limit_bytes);
  source.buffer_.assign(text.begin(), text.end());
  source.end_ = source.buffer_.size();
  source.at_end_ = true;
  return source;
}

void TextSource::open() {
  if (name_.find('\0') != std::string::npos) return fail("a file name cannot hold a NUL byte");
  const int fd = ::open(name_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail("cannot open: " + system_message(errno));
  struct stat status {};
  const bool known = ::fstat(fd, &status) == 0;
  if (known && S_ISDIR(status.st_mode)) {
    ::close(fd);
    return fail("cannot read: it is a directory");
  }
  // A small file is read with small buffers: making large ones would take longer than reading it.
  const std::size_t size = known && S_ISREG(status.st_mode)
                               ? static_cast<std::size_t>(status.st_size)
                               : largest_chunk_bytes;
  chunk_bytes_ = std::clamp(size, smallest_chunk_bytes, largest_chunk_bytes);
  file_.reset(gzdopen(fd, "rb"));
  if (!file_) {
    ::close(fd);
    return fail("cannot read: out of memory");
  }
  gzbuffer(file_.get(), static_cast<unsigned>(chunk_bytes_));
}

void TextSource::fail(std::string message, std::string hint) {
  if (!failure_) {
    const auto line = static_cast<int>(std::min<std::uint64_t>(line_number_, INT_MAX));
    failure_ = Diagnostic{name_, line, 0, Severity::error, std::move(message), std::move(hint), {}};
  }
  file_.reset();
  at_end_ = true;
  begin_ = end_;
}

bool TextSource::fill() {
  if (at_end_ || !file_) return false;
  if (monitor_ != nullptr) monitor_->poll();
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (buffer_.size() < end_ + chunk_bytes_) buffer_.resize(end_ + chunk_bytes_);
  const int got = gzread(file_.get(), buffer_.data() + end_, static_cast<unsigned>(chunk_bytes_));
  if (got > 0) {
    end_ += static_cast<std::size_t>(got);
    return true;
  }
  int code = Z_OK;
  const char* text = gzerror(file_.get(), &code);
  if (code == Z_BUF_ERROR) {
    fail("the gzip file is cut off after line " + std::to_string(line_number_));
  } else if (code == Z_ERRNO) {
    fail("cannot read: " + system_message(errno));
  } else if (got < 0 || code != Z_OK) {
    fail("the gzip file is damaged after line " + std::to_string(line_number_) + ": " + text);
  }
  at_end_ = true;
  return false;
}

bool TextSource::deliver(std::size_t length, std::size_t consumed, std::string_view& line) {
  line = std::string_view(buffer_.data() + begin_, length);
  begin_ += consumed;
  if (line.size() > line_limit_bytes_) {
    ++line_number_;
    fail("the line is longer than " + std::to_string(line_limit_bytes_) + " bytes",
         "is this a text file?");
    return false;
  }
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line_number_ == 0 && line.starts_with(byte_order_mark)) {
    line.remove_prefix(byte_order_mark.size());
  }
  ++line_number_;
  return true;
}

bool TextSource::next(std::string_view& line) {
  std::size_t searched = 0;
  while (true) {
    const std::size_t pending = end_ - begin_;
    const char* start = buffer_.data() + begin_;
    if (pending > searched) {
      const void* found = std::memchr(start + searched, '\n', pending - searched);
      if (found != nullptr) {
        const auto length = static_cast<std::size_t>(static_cast<const char*>(found) - start);
        return deliver(length, length + 1, line);
      }
    }
    if (pending > line_limit_bytes_) return deliver(pending, pending, line);
    searched = pending;
    if (fill()) continue;
    if (failure_ || pending == 0) return false;
    return deliver(pending, pending, line);
  }
}

Place TextSource::place(std::string_view line, std::size_t column) const {
  constexpr auto limit = static_cast<std::uint64_t>(INT_MAX);
  return {name_, static_cast<int>(std::min(line_number_, limit)),
          static_cast<int>(std::min<std::uint64_t>(column, limit)),
          std::string(line.substr(0, std::size_t{1} << 16U))};
}

std::size_t find_binary_byte(std::string_view line) {
  constexpr std::string_view blanks = "\t\r\v\f\x1b";
  for (std::size_t i = 0; i < line.size(); ++i) {
    const auto byte = static_cast<unsigned char>(line[i]);
    const bool control = byte < 0x20 || byte == 0x7F;
    if (control && blanks.find(line[i]) == std::string_view::npos) return i;
  }
  return std::string_view::npos;
}

}  // namespace iodrome::workloads
