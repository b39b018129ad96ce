// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/crypto/crypto_driver.h"

#include <algorithm>
#include <deque>

#include "model/drivers/watchdog.h"

namespace iodrome::drivers {

using namespace kernel;
namespace crypto = hw::crypto;

// The hardirq is the queue itself; the rest is the tasklet's.
class CryptoDriver::Queue final : public IrqAction {
 public:
  Queue(CryptoDriver& driver, std::uint32_t index)
      : driver_(driver),
        index_(index),
        entries_(static_cast<std::uint32_t>(driver.params_.entries)),
        ring_(driver.system_.memory.allocate_contiguous(entries_ * sizeof(crypto::Descriptor))),
        watchdog_(driver.params_.timeout, tasklet_) {}

  Task<void> attach() {
    const auto cpu = static_cast<std::uint32_t>(index_ % driver_.system_.cpus.size());
    const std::uint32_t line =
        driver_.irqs_.request_irq(*this, cpu, "crypto" + std::to_string(index_));
    co_await driver_.registers_.write64(base() + crypto::kRing, ring_);
    co_await driver_.registers_.write32(base() + crypto::kEntries, entries_);
    co_await driver_.registers_.write64(base() + crypto::kMessageAddress,
                                        IrqController::message_address(line));
    co_await driver_.registers_.write32(base() + crypto::kMessageData, line);
    co_await driver_.registers_.write32(base() + crypto::kControl, 1);
  }

  /// The hardirq.
  Task<void> handle(Atomic& ctx) override {
    ctx.cpu().schedule_tasklet(tasklet_);
    return Task<void>::ready();
  }

  std::size_t length() const { return pending_.size(); }
  bool full() const { return pending_.size() == entries_; }

  Task<void> add(Atomic& ctx, CryptoRequest& request) {
    crypto::Descriptor& descriptor = entry(given_++);
    descriptor = {};
    descriptor.operation = request.operation;
    descriptor.bytes = request.bytes;
    descriptor.source = request.source;
    descriptor.destination = request.destination;
    descriptor.interrupt = 1;
    std::copy(request.key.begin(), request.key.end(), std::begin(descriptor.key));
    std::copy(request.iv.begin(), request.iv.end(), std::begin(descriptor.iv));
    pending_.push_back(&request);
    co_await watchdog_.arm(ctx);
    co_await driver_.registers_.write32(base() + crypto::kTail, given_);
  }

 private:
  struct Tasklet final : IrqAction {
    explicit Tasklet(Queue& queue) : owner(queue) {}
    Task<void> handle(Atomic& ctx) override { return owner.clean_up(ctx); }
    Queue& owner;
  };

  // A callback may submit, so the queue is looked at anew after each.
  Task<void> clean_up(Atomic& ctx) {
    if (std::exchange(cleaning_, true)) co_return;
    while (!pending_.empty() && entry(ended_).status != crypto::Status::none) {
      const crypto::Descriptor& descriptor = entry(ended_++);
      CryptoRequest& request = *pending_.front();
      pending_.pop_front();
      request.status = descriptor.status == crypto::Status::done      ? Errno::ok
                       : descriptor.status == crypto::Status::refused ? Errno::einval
                                                                      : Errno::eio;
      std::copy(std::begin(descriptor.result), std::end(descriptor.result), request.result.begin());
      co_await ctx.spend(driver_.costs_.complete);
      if (request.callback != nullptr) co_await request.callback(ctx, request);
    }
    cleaning_ = false;
    if (pending_.empty())
      co_await watchdog_.disarm(ctx);
    else
      co_await watchdog_.arm(ctx);
  }

  std::uint64_t base() const { return crypto::queue_base(index_); }
  crypto::Descriptor& entry(std::uint32_t number) {
    return driver_.system_.memory.at<crypto::Descriptor>(ring_ + sizeof(crypto::Descriptor) *
                                                                     (number % entries_));
  }

  CryptoDriver& driver_;
  const std::uint32_t index_;
  const std::uint32_t entries_;
  const hw::PhysAddr ring_;
  Tasklet tasklet_{*this};
  Watchdog watchdog_;
  std::deque<CryptoRequest*> pending_;  // oldest first, as in the ring
  std::uint32_t given_ = 0;
  std::uint32_t ended_ = 0;
  bool cleaning_ = false;
};

CryptoDriver::CryptoDriver(System& system, IrqController& irqs, hw::Port& registers,
                           const CryptoDriverParams& params, CryptoCosts& costs)
    : system_(system), irqs_(irqs), registers_(registers), params_(params), costs_(costs) {}

CryptoDriver::~CryptoDriver() = default;

Task<void> CryptoDriver::attach() {
  const std::uint64_t queues = co_await registers_.read32(crypto::kQueues);
  const std::uint64_t bytes = co_await registers_.read32(crypto::kMaxBytes);
  max_bytes_ = static_cast<std::uint32_t>(bytes);
  for (std::uint32_t index = 0; index < queues; ++index) {
    queues_.push_back(std::make_unique<Queue>(*this, index));
    co_await queues_.back()->attach();
  }
}

Task<Errno> CryptoDriver::submit(Atomic& ctx, CryptoRequest& request) {
  co_await ctx.spend(costs_.submit);
  const auto shortest =
      std::min_element(queues_.begin(), queues_.end(),
                       [](const auto& a, const auto& b) { return a->length() < b->length(); });
  if ((*shortest)->full()) co_return Errno::ebusy;
  request.status = Errno::einprogress;
  co_await (*shortest)->add(ctx, request);
  co_return Errno::ok;
}

std::size_t CryptoDriver::in_flight() const {
  std::size_t sum = 0;
  for (const auto& queue : queues_) sum += queue->length();
  return sum;
}

}  // namespace iodrome::drivers
