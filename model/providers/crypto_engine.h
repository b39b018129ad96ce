// SPDX-License-Identifier: Apache-2.0
// The same crypto engine behind the queue of the mainline crypto API, to race against
// CryptoProvider, which has acrypto's way: one queue with a backlog, and a thread that hands its
// requests to the device one by one.
//
// Source: Linux crypto/crypto_engine.c since 4.6: crypto_transfer_request(),
// crypto_pump_requests(), crypto_finalize_request(), without retry_support; CRYPTO_ENGINE_MAX_QLEN;
// recalled, not re-read. Differs: every request may stand in the backlog, and who gave it goes on
// giving: a chain's step is given whole, in blocks, whatever is answered EBUSY, so `queue_length`
// says how many are told so and changes no time. The pump is not woken by an end that leaves
// nothing in the queue.
#pragma once
#include <memory>

#include "model/kernel/kthread/kthread.h"
#include "model/providers/crypto_provider.h"
#include "model/providers/request_queue.h"

namespace iodrome::providers {

class CryptoEngine final : public Provider {
 public:
  /// The driver has been attached. `queue_length`: requests beyond which the others are backlog.
  CryptoEngine(kernel::System& system, drivers::CryptoDriver& driver, std::uint32_t queue_length,
               const CryptoClaim& claim);
  ~CryptoEngine() override;

  /// Requests that were answered EBUSY, and those of them that heard EINPROGRESS since.
  std::uint64_t backlogged() const { return backlogged_; }
  std::uint64_t told() const { return told_; }

 private:
  struct Request;
  struct Pump final : kernel::Work {
    explicit Pump(CryptoEngine& engine) : owner(engine) {}
    Task<void> run(kernel::Sleepable& ctx) override { return owner.pump(ctx); }
    CryptoEngine& owner;
  };
  Task<Errno> start(kernel::Atomic& ctx, Job& job) override;
  Task<void> wake_pump(kernel::Atomic& ctx);
  Task<void> pump(kernel::Sleepable& ctx);
  static Task<void> heard(kernel::Atomic& ctx, QueuedRequest& self, Errno error);
  static Task<void> ended(kernel::Atomic& ctx, drivers::CryptoRequest& hardware);
  Request& take();

  drivers::CryptoDriver& driver_;
  std::vector<std::unique_ptr<Request>> requests_;  // as many as have been needed at once
  std::vector<Request*> free_;
  RequestQueue queue_;          // behind what it links
  Request* current_ = nullptr;  // cur_req: at the device
  Pump pump_{*this};
  bool pump_queued_ = false;
  kernel::KthreadPool thread_;
  std::uint64_t backlogged_ = 0;
  std::uint64_t told_ = 0;
};

}  // namespace iodrome::providers
