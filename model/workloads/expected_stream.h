// SPDX-License-Identifier: Apache-2.0
// What the bytes of one connection ought to be: pieces of files, in the order they were promised.
#pragma once
#include <algorithm>
#include <deque>

#include "model/kernel/vfs/file_content.h"

namespace iodrome::workloads {

class ExpectedStream {
 public:
  /// `bytes` of a file from `file_offset` on will stand at `stream_offset`, behind all promised
  /// before.
  void promise(std::uint64_t stream_offset, std::uint64_t inode, std::uint64_t file_offset,
               std::uint64_t bytes) {
    pieces_.push_back({stream_offset, inode, file_offset, bytes});
  }

  /// A transfer has ended at this point of the stream: what it promised beyond is not expected.
  void cut_at(std::uint64_t stream_end) {
    while (!pieces_.empty() && pieces_.back().stream_offset >= stream_end) pieces_.pop_back();
    if (pieces_.empty()) return;
    Piece& last = pieces_.back();
    last.bytes = std::min(last.bytes, stream_end - last.stream_offset);
  }

  /// Whether `bytes` are what stands at `stream_offset`. Streams are checked in order: earlier
  /// pieces are forgotten.
  bool matches(std::uint64_t stream_offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      while (!pieces_.empty() && pieces_.front().end() <= stream_offset) pieces_.pop_front();
      if (pieces_.empty() || stream_offset < pieces_.front().stream_offset) return false;
      const Piece& piece = pieces_.front();
      const std::uint64_t at = stream_offset - piece.stream_offset;
      const auto part = std::min<std::uint64_t>(piece.bytes - at, bytes.size());
      if (!kernel::content_matches(piece.inode, piece.file_offset + at, bytes.first(part)))
        return false;
      stream_offset += part;
      bytes = bytes.subspan(part);
    }
    return true;
  }

 private:
  struct Piece {
    std::uint64_t stream_offset;
    std::uint64_t inode;
    std::uint64_t file_offset;
    std::uint64_t bytes;
    std::uint64_t end() const { return stream_offset + bytes; }
  };
  std::deque<Piece> pieces_;
};

}  // namespace iodrome::workloads
