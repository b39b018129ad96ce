// SPDX-License-Identifier: Apache-2.0
// kevent's kernel AIO, the work: a file goes to a socket page by page. Threads send what is in the
// page cache and ask for what is not; the end of each bio brings them back.
//
// Source: E. Polyakov, kevent take 33, kernel/kevent/kevent_aio.c (2007-01-17).
#pragma once
#include "model/designs/kevent/kaio.h"
#include "model/designs/kevent/kevent_queue.h"

namespace iodrome::designs::kevent {

/// What the two calls are asked.
struct SendRequest {
  int socket_fd = -1;
  int file_fd = -1;                   // aio_sendfile
  const std::string* path = nullptr;  // aio_sendfile_path
  std::uint64_t offset = 0;
  std::uint64_t count = 0;
  std::uint64_t user = 0;  // comes back in the event
  events::StageLedger* ledger = nullptr;
};

/// The pages of a transfer that are to be read next, at most: doubled by every pass that sends
/// something, halved by every other one.
class ReadWindow {
 public:
  explicit ReadWindow(std::uint64_t pages) : limit_(pages) {}
  void pass(bool productive) {
    if (productive)
      limit_ = limit_ != 0 ? limit_ << 1 : 8;
    else
      limit_ >>= 1;
  }
  std::uint64_t limit() const { return limit_; }

 private:
  std::uint64_t limit_;
};

/// The system calls of one process over the machine's threads.
class AioSendfile {
 public:
  AioSendfile(kernel::Os& os, kernel::FileTable& files, KaioThreads& threads, KeventCosts& costs,
              std::uint64_t window_pages)
      : os_(os), files_(files), threads_(threads), costs_(costs), window_pages_(window_pages) {
    counters_.resize(os.system.cpus.size());
  }

  /// aio_sendfile(2): queues the transfer and returns; an event of type KEVENT_AIO in `queue` tells
  /// its end: the place in the file behind the last byte sent, or BROKEN and an errno.
  /// Errors: EBADF, not a file and a socket; EINVAL, a directory; ENOMEM.
  Task<Result<std::int64_t>> sendfile(kernel::Sleepable& user, KeventQueue& queue,
                                      const SendRequest& request);
  /// aio_sendfile_path(2): opens the file here and now, sleeping for what is not in memory, queues
  /// the transfer and returns the descriptor. Errors: open_blocking()'s, EMFILE; sendfile()'s.
  Task<Result<std::int64_t>> sendfile_path(kernel::Sleepable& user, KeventQueue& queue,
                                           const SendRequest& request);

 private:
  Task<Result<std::int64_t>> sendfile_body(kernel::Sleepable& ctx, KeventQueue& queue,
                                           const SendRequest& request);
  Task<Result<std::int64_t>> path_body(kernel::Sleepable& ctx, KeventQueue& queue,
                                       const SendRequest& request);
  Task<Errno> start(kernel::Sleepable& ctx, KeventQueue& queue, const SendRequest& request,
                    kernel::FilePtr file);
  std::uint64_t next_id(std::uint32_t cpu);

  kernel::Os& os_;
  kernel::FileTable& files_;
  KaioThreads& threads_;
  KeventCosts& costs_;
  std::uint64_t window_pages_;
  std::vector<std::uint32_t> counters_;  // of requests, by CPU
};

}  // namespace iodrome::designs::kevent
