// SPDX-License-Identifier: Apache-2.0
// The application over POSIX AIO: an event loop whose one place to sleep is aio_suspend.
#pragma once
#include "model/designs/posix_aio/aio_requests.h"

namespace iodrome::designs::posix_aio {

class AioSide final : public AppSide {
 public:
  AioSide(kernel::Os& os, Process& process, AioRequests& library, AioCosts& costs,
          const AioParams& params, kernel::WaitQueue& sleepers);

  Way way(const Step& step) const override;
  Task<Result<std::int64_t>> call(kernel::Sleepable& user, ChainRun& run) override;
  Task<bool> queue(kernel::Sleepable& user, ChainRun& run) override;
  Task<void> submit(kernel::Sleepable& user) override;
  /// Asks each request under way once how it is, before it says that there is none.
  Task<Finished> reap(kernel::Sleepable& user) override;
  Task<void> wait(kernel::Sleepable& user, const WakeCondition& woken) override;
  void on_arrival(kernel::System& system) override { suspension_.interrupt(system); }

 private:
  // What a slot of the thread has: one request at a time.
  struct Place {
    ChainRun* run = nullptr;
    Aiocb block{};
    std::vector<hw::PhysAddr> buffer{};  // of files on their way to a socket
  };

  Place& place_of(ChainRun& run);
  Errno fill(Place& place);
  Task<void> start(kernel::Sleepable& user, Place& place);
  Task<Errno> check_open(kernel::Sleepable& user, int fd);
  Task<Finished> take(kernel::Sleepable& user, Place& place);
  Task<Finished> send_piece(kernel::Sleepable& user, Place& place);
  Task<Result<std::int64_t>> send_call(kernel::Sleepable& user, Place& place, std::uint64_t bytes);
  Task<Result<std::int64_t>> sleep_until(kernel::Sleepable& user, const WakeCondition& woken);

  kernel::Os& os_;
  Process& process_;
  AioRequests& library_;
  AioCosts& costs_;
  const AioParams& params_;
  kernel::WaitQueue& sleepers_;
  Suspension suspension_;
  std::vector<std::unique_ptr<Place>> places_;  // by slot
  std::vector<Place*> queued_;
  std::vector<Place*> under_way_;  // the oldest first
  std::deque<Place*> refused_;     // the error is in the results
  std::size_t looked_at_ = 0;      // of those under way, since the last time that all were
};

}  // namespace iodrome::designs::posix_aio
