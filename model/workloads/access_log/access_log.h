// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/container/deque.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/workloads/input/diagnostics.h"
#include "model/workloads/input/text_source.h"

namespace iodrome::workloads {

/// What a logged request makes a server do.
enum class AccessKind : std::uint8_t {
  send,       ///< open, stat, send(0, bytes), close
  stat_only,  ///< open, stat, close: a 304 or a HEAD
};

/// One replayable request. 20 bytes, packed: ten million of them are 200 MB. Which line it came
/// from is told by the order of equal arrivals alone; its bytes are told by `AccessLog::bytes_of`.
struct [[gnu::packed, gnu::aligned(4)]] AccessRecord {
  std::int64_t arrival_ps = 0;  ///< since the first request of the log
  std::uint32_t file : 31 = 0;  ///< index into AccessLog::files
  AccessKind kind : 1 = AccessKind::send;
  std::uint32_t client : 31 = 0;  ///< number of the client's address by first appearance, from 0
  bool whole_second : 1 = false;  ///< stamped to the second: the rest of arrival_ps was drawn
  std::uint32_t body = 0;         ///< bytes, or a place in AccessLog::large_bodies
};
static_assert(sizeof(AccessRecord) == 20);

/// A file of the server. `size` is the largest body a GET with status 200 got; where no such
/// request exists, the largest body any replayed request got, else 0.
struct FileEntry {
  std::string path;
  std::int64_t size_bytes = 0;
};

/// Records in blocks of 64 KiB: growing never holds two copies, and hardly any room is lost.
using AccessRecords = boost::container::deque<
    AccessRecord, void, boost::container::deque_options_t<boost::container::block_bytes<65536u>>>;

/// The replayable part of a web server's access log.
struct AccessLog {
  AccessRecords records;                         ///< by arrival; equal arrivals by line
  std::vector<FileEntry> files;                  ///< by first appearance
  std::map<std::string, std::uint64_t> skipped;  ///< lines not replayed, by reason
  std::uint32_t clients = 0;                     ///< distinct client addresses in `records`
  std::uint64_t lines = 0;                       ///< lines read, blank ones included
  std::uint64_t clamped_sends = 0;               ///< sends cut to their file's size
  std::vector<std::int64_t> large_bodies;        ///< of 2 GiB and more

  /// What a record sends. Units: bytes; never above the file's size; 0 for stat_only.
  [[nodiscard]] std::int64_t bytes_of(const AccessRecord& record) const {
    return record.body < first_large ? std::int64_t{record.body}
                                     : large_bodies[record.body - first_large];
  }
  void set_bytes(AccessRecord& record, std::int64_t bytes) {
    if (bytes < first_large) {
      record.body = static_cast<std::uint32_t>(bytes);
    } else {
      record.body = first_large + static_cast<std::uint32_t>(large_bodies.size());
      large_bodies.push_back(bytes);
    }
  }

  static constexpr std::uint32_t first_large = std::uint32_t{1} << 31U;
};

struct AccessLogOptions {
  /// Malformed lines to tolerate; they are counted as skipped "malformed".
  std::uint64_t skip_bad = 0;
  /// 64 random bits for a line number; places a whole-second stamp inside its second.
  /// Without it such a stamp stays at the start of its second.
  std::function<std::uint64_t(std::uint64_t line)> draw;
  /// Polled while the log is read.
  RunMonitor* monitor = nullptr;
};

/// Reads an access log. Formats, told apart line by line:
///  - combined: `ADDR IDENT USER [TIME] "REQUEST" STATUS BYTES "REFERER" "AGENT"`, or common
///    without the last two; further quoted fields are ignored;
///  - the same followed by nginx's `$msec $request_time`;
///  - JSON objects with `t` ($msec), `rt` ($request_time), `bytes`, `uri`, and optionally
///    `status` (else 200), `method` (else GET), `client` (else every line is its own client).
/// `$msec` is the end of a request, so its arrival is `$msec - $request_time`; a `[TIME]` is taken
/// as the arrival itself. Paths lose scheme, host, query and fragment; they are not decoded.
/// GET with 200 or 206 is sent, GET with 304 and every HEAD is stat_only, all else is skipped.
/// Order: whole-second stamps are spread first, then everything is sorted by arrival, then line.
/// Errors: an unreadable or empty log, a malformed line (naming it), a log without a replayable
/// request, one longer than 106 days (the range of a picosecond clock); then nothing is returned.
[[nodiscard]] std::optional<AccessLog> read_access_log(TextSource& source,
                                                       const AccessLogOptions& options,
                                                       Diagnostics& diagnostics);

/// `read_access_log` of a plain or gzip file.
[[nodiscard]] std::optional<AccessLog> load_access_log(const std::string& path,
                                                       const AccessLogOptions& options,
                                                       Diagnostics& diagnostics);

}  // namespace iodrome::workloads
