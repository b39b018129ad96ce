// SPDX-License-Identifier: Apache-2.0
// Commands that fail or do not end: Abort, reset, retries.
#include <fmt/format.h>

#include <algorithm>

#include "model/drivers/nvme/queue.h"
#include "model/events/memory.h"

namespace iodrome::drivers {

using namespace kernel;
namespace nvme = hw::nvme;

namespace {
constexpr Duration kReadyPoll = 1ms;     // Linux nvme_wait_ready(), the lower bound of its sleep
constexpr Duration kReadyUnit = 500ms;   // of CAP.TO
constexpr std::uint16_t kWaitedFor = 0;  // command identifier; those of Aborts come behind it
constexpr nvme::AdminOpcode kCreations[] = {nvme::AdminOpcode::create_io_cq,
                                            nvme::AdminOpcode::create_io_sq};
}  // namespace

// --- what becomes of a request ------------------------------------------------------------------

// As nvme_decide_disposition() and nvme_retry_req().
Task<void> NvmeDriver::failed(Atomic& ctx, Request& request, bool no_retry) {
  if (no_retry || request.retries >= params_.max_retries)
    return device_->complete(ctx, request, Errno::eio);
  ++request.retries;
  ++recovery_.retries;
  return device_->requeue(ctx, request);
}

Task<TimedOut> NvmeDriver::timed_out(Sleepable& ctx, Request& request) {
  ++recovery_.timeouts;
  const std::uint64_t status = co_await registers_.read32(nvme::kCsts);
  if ((status & nvme::kCstsFatal) != 0) {
    co_await reset(ctx);
    co_return TimedOut::done;
  }
  co_await process(ctx, *queues_[request.queue]);
  if (!request.overdue()) {
    ++recovery_.polled;
    co_return TimedOut::done;
  }
  if (request.aborted) {
    co_await reset(ctx);
    co_return TimedOut::done;
  }
  co_await send_abort(ctx, request);
  co_return TimedOut::reset_timer;
}

// --- admin commands after boot ------------------------------------------------------------------

// Where as many Aborts are under way as the controller takes, the command waits once more.
Task<void> NvmeDriver::send_abort(Atomic& ctx, Request& request) {
  const auto slot = std::ranges::find(abort_deadlines_, kNever);
  if (slot == abort_deadlines_.end()) co_return;
  co_await listen_to_admin();
  co_await ctx.spend(ctx.costs().driver_submit);
  if (!request.overdue()) co_return;
  request.aborted = true;
  ++recovery_.aborts;
  *slot = ctx.now() + params_.admin_timeout;
  nvme::SubmissionEntry abort;
  abort.opcode = static_cast<std::uint8_t>(nvme::AdminOpcode::abort);
  abort.command_id = static_cast<std::uint16_t>(slot - abort_deadlines_.begin() + 1);
  abort.cdw10 = request.tag << 16 | (request.queue + 1);
  co_await submit_admin(ctx, abort);
}

Task<void> NvmeDriver::submit_admin(Atomic& ctx, nvme::SubmissionEntry entry) {
  put(*admin_, entry);
  ctx.emit(events::Doorbell{number_, 0, admin_->tail});
  co_await registers_.write32(nvme::sq_tail_doorbell(0), admin_->tail);
}

// Boot looks for the ends of its commands itself.
Task<void> NvmeDriver::listen_to_admin() {
  if (std::exchange(admin_listens_, true)) co_return;
  const std::uint32_t vector = irqs_.request_irq(*admin_, 0, fmt::format("nvme{}q0", instance_));
  co_await registers_.write64(nvme::msix_entry(0) + nvme::kMsixAddress,
                              IrqController::message_address(vector));
  co_await registers_.write32(nvme::msix_entry(0) + nvme::kMsixData, vector);
}

Task<void> NvmeDriver::process_admin(Atomic& ctx) {
  bool found = false;
  for (;;) {
    const nvme::CompletionEntry* const done = next_completion(*admin_);
    if (done == nullptr) break;
    found = true;
    if (done->command_id != kWaitedFor) {
      abort_deadlines_[done->command_id - 1u] = kNever;
    } else {
      admin_succeeded_ = done->code() == 0;
      co_await admin_done_.complete(ctx);
    }
  }
  if (found) co_await registers_.write32(nvme::cq_head_doorbell(0), admin_->head);
}

// One admin command; whether it succeeded in time.
Task<bool> NvmeDriver::admin_now(Sleepable& ctx, nvme::SubmissionEntry entry) {
  co_await listen_to_admin();
  admin_done_.reinit();
  entry.command_id = kWaitedFor;
  co_await ctx.spend(ctx.costs().driver_submit);
  co_await submit_admin(ctx, entry);
  const Result<void> in_time = co_await admin_done_.wait_for(
      ctx, events::Stage::device, later(ctx.now(), params_.admin_timeout));
  if (in_time.has_value()) co_return admin_succeeded_;
  co_await process_admin(ctx);  // perhaps only its interrupt was lost
  co_return admin_done_.try_wait() && admin_succeeded_;
}

SimTime NvmeDriver::next_deadline() const {
  return *std::ranges::min_element(abort_deadlines_);
}

// An Abort that does not end.
Task<void> NvmeDriver::expired(Sleepable& ctx) {
  ++recovery_.timeouts;
  co_await process_admin(ctx);
  if (next_deadline() <= ctx.now())
    co_await reset(ctx);
  else
    ++recovery_.polled;
}

// --- reset --------------------------------------------------------------------------------------

Task<void> NvmeDriver::reset(Sleepable& ctx) {
  state_ = State::resetting;
  ++recovery_.resets;
  co_await disable(ctx);
  co_await take_back(ctx);
  const bool back = co_await bring_up(ctx);
  if (back) {
    state_ = State::live;
    co_return;
  }
  state_ = State::dead;
  co_await registers_.write32(nvme::kCc, 0);
}

// What has been completed by then has ended, whatever else happens.
Task<void> NvmeDriver::disable(Sleepable& ctx) {
  co_await registers_.write32(nvme::kCc, 0);
  co_await wait_ready(ctx, 0);
  for (const auto& queue : queues_) co_await process(ctx, *queue);
}

// As nvme_cancel_request() for each: it counts as a failure of all that were at the device.
Task<void> NvmeDriver::take_back(Sleepable& ctx) {
  for (std::uint32_t queue = 0; queue < device_->queue_count(); ++queue)
    for (std::uint32_t tag = 0; tag < device_->tags(queue); ++tag) {
      Request* const request = device_->in_flight_at(queue, tag);
      if (request != nullptr) co_await failed(ctx, *request, false);
    }
  std::ranges::fill(abort_deadlines_, kNever);
}

Task<bool> NvmeDriver::bring_up(Sleepable& ctx) {
  clear(*admin_);
  for (const auto& queue : queues_) clear(*queue);
  co_await registers_.write32(nvme::kAqa, (kNvmeAdminEntries - 1) << 16 | (kNvmeAdminEntries - 1));
  co_await registers_.write64(nvme::kAsq, admin_->submission);
  co_await registers_.write64(nvme::kAcq, admin_->completion);
  co_await registers_.write32(nvme::kCc, nvme::kCcEnable);
  const bool ready = co_await wait_ready(ctx, nvme::kCstsReady);
  if (!ready) co_return false;
  for (const auto& queue : queues_)
    for (const nvme::AdminOpcode opcode : kCreations) {
      const bool created = co_await admin_now(ctx, creation(*queue, opcode));
      if (!created) co_return false;
    }
  co_return true;
}

// As nvme_wait_ready(): until CAP.TO and half a second have passed.
Task<bool> NvmeDriver::wait_ready(Sleepable& ctx, std::uint32_t wanted) {
  const std::uint64_t capabilities = co_await registers_.read64(nvme::kCap);
  const SimTime limit = ctx.now() + (nvme::timeout_units(capabilities) + 1) * kReadyUnit;
  for (;;) {
    const std::uint64_t status = co_await registers_.read32(nvme::kCsts);
    if ((status & nvme::kCstsReady) == wanted) co_return true;
    if (ctx.now() >= limit) co_return false;
    co_await schedule_hrtimeout(ctx, ctx.now() + kReadyPoll, "an NVMe controller",
                                events::Stage::device);
  }
}

// Its completion queue must show no phase bit of the past.
void NvmeDriver::clear(Queue& queue) {
  auto* const entries = &system_.memory.at<nvme::CompletionEntry>(queue.completion);
  std::fill_n(entries, queue.entries, nvme::CompletionEntry{});
  queue.head = queue.tail = 0;
  queue.phase = true;
}

}  // namespace iodrome::drivers
