// SPDX-License-Identifier: Apache-2.0
#include "model/providers/crypto_engine.h"

#include <limits>

namespace iodrome::providers {

using namespace kernel;
using drivers::CryptoRequest;

struct CryptoEngine::Request final : QueuedRequest {
  CryptoEngine* owner = nullptr;
  Job* job = nullptr;
  CryptoRequest hardware;
};

CryptoEngine::CryptoEngine(System& system, drivers::CryptoDriver& driver,
                           std::uint32_t queue_length, const CryptoClaim& claim)
    : Provider("crypto", published(driver.max_bytes(), claim),
               std::numeric_limits<std::uint32_t>::max()),
      driver_(driver),
      queue_(queue_length),
      thread_(system, "crypto_engine", 1, 1) {}

CryptoEngine::~CryptoEngine() = default;

CryptoEngine::Request& CryptoEngine::take() {
  if (free_.empty()) {
    Request& made = *requests_.emplace_back(std::make_unique<Request>());
    made.owner = this;
    made.may_backlog = true;
    made.complete = &CryptoEngine::heard;
    made.hardware.callback = &CryptoEngine::ended;
    made.hardware.argument = &made;
    return made;
  }
  Request& request = *free_.back();
  free_.pop_back();
  return request;
}

// crypto_transfer_request(). It may have ended before this returns.
Task<Errno> CryptoEngine::start(Atomic& ctx, Job& job) {
  Request& request = take();
  request.job = &job;
  fill(request.hardware, job);
  co_await ctx.spend(ctx.costs().spin_lock);
  const Errno answer = queue_.enqueue(request);
  if (answer == Errno::ebusy) ++backlogged_;
  co_await wake_pump(ctx);
  co_return Errno::ok;
}

Task<void> CryptoEngine::wake_pump(Atomic& ctx) {
  if (current_ != nullptr || std::exchange(pump_queued_, true)) return Task<void>::ready();
  return thread_.queue(ctx, pump_);
}

// One request at a time is at the device; its end has the next one taken.
Task<void> CryptoEngine::pump(Sleepable& ctx) {
  pump_queued_ = false;
  if (current_ != nullptr) co_return;
  co_await ctx.spend(ctx.costs().spin_lock);
  QueuedRequest* const next = co_await queue_.dequeue(ctx);
  if (next == nullptr) co_return;
  current_ = static_cast<Request*>(next);
  const Errno error = co_await driver_.submit(ctx, current_->hardware);
  check(error == Errno::ok, "a crypto device without room for one request");
}

// It has left the backlog. Whoever gave it had nothing else to give.
Task<void> CryptoEngine::heard(Atomic&, QueuedRequest& self, Errno error) {
  check(error == Errno::einprogress, "a request that ended in its queue");
  ++static_cast<Request&>(self).owner->told_;
  return Task<void>::ready();
}

// crypto_finalize_request(), in the driver's tasklet.
Task<void> CryptoEngine::ended(Atomic& ctx, CryptoRequest& hardware) {
  Request& request = *static_cast<Request*>(hardware.argument);
  CryptoEngine& mine = *request.owner;
  Job& job = *request.job;
  const Errno error = hardware.status;
  take_result(job, hardware);
  mine.current_ = nullptr;
  mine.free_.push_back(&request);
  co_await mine.ends().ended(ctx, job, error);
  if (mine.queue_.length() != 0) co_await mine.wake_pump(ctx);
}

}  // namespace iodrome::providers
