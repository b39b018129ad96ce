// SPDX-License-Identifier: Apache-2.0
#include "model/drivers/nvme/nvme_driver.h"

#include <fmt/format.h>

#include "model/drivers/nvme/queue.h"
#include "model/events/memory.h"

namespace iodrome::drivers {

using namespace kernel;
namespace nvme = hw::nvme;

namespace {
constexpr std::uint32_t kPrpsMax = nvme::kPageBytes / 8;
constexpr Duration kPollPeriod =
    10us;  // of the controller's state while booting; no part of any measurement
}  // namespace

NvmeDriver::NvmeDriver(System& system, IrqController& irqs, hw::Port& registers,
                       const NvmeDriverParams& params, std::uint32_t instance)
    : system_(system),
      irqs_(irqs),
      registers_(registers),
      params_(params),
      instance_(instance),
      number_(device_number(kDeviceId, instance)),
      abort_deadlines_(static_cast<std::size_t>(params.abort_limit), kNever) {}

NvmeDriver::~NvmeDriver() = default;

Task<void> NvmeDriver::attach() {
  admin_ = std::make_unique<Queue>(*this, 0, kNvmeAdminEntries);
  co_await registers_.write32(nvme::kAqa, (kNvmeAdminEntries - 1) << 16 | (kNvmeAdminEntries - 1));
  co_await registers_.write64(nvme::kAsq, admin_->submission);
  co_await registers_.write64(nvme::kAcq, admin_->completion);
  co_await registers_.write32(nvme::kCc, nvme::kCcEnable);
  for (;;) {
    const std::uint64_t status = co_await registers_.read32(nvme::kCsts);
    check((status & nvme::kCstsFatal) == 0, "the NVMe controller reports a fatal state");
    if ((status & nvme::kCstsReady) != 0) break;
    co_await sleep_for(system_.timeline, kPollPeriod);
  }
  const auto size = static_cast<std::uint32_t>(params_.queue_entries);
  const QueueMap map = queue_map();
  for (std::uint32_t id = 1; id <= map.interrupting + map.polled; ++id) {
    queues_.push_back(std::make_unique<Queue>(*this, id, size));
    co_await create(*queues_.back(), id <= map.interrupting);
  }
}

// A vector, by its number in the device's table, is the queue's own; one that is polled has none.
Task<void> NvmeDriver::create(Queue& queue, bool interrupts) {
  if (interrupts) {
    const std::uint32_t vector =
        irqs_.request_irq(queue, queue.id - 1, fmt::format("nvme{}q{}", instance_, queue.id));
    co_await registers_.write64(nvme::msix_entry(queue.id) + nvme::kMsixAddress,
                                IrqController::message_address(vector));
    co_await registers_.write32(nvme::msix_entry(queue.id) + nvme::kMsixData, vector);
  }
  queue.interrupts = interrupts;
  co_await admin(creation(queue, nvme::AdminOpcode::create_io_cq));
  co_await admin(creation(queue, nvme::AdminOpcode::create_io_sq));
}

nvme::SubmissionEntry NvmeDriver::creation(const Queue& queue, nvme::AdminOpcode opcode) {
  const bool completions = opcode == nvme::AdminOpcode::create_io_cq;
  nvme::SubmissionEntry create;
  create.opcode = static_cast<std::uint8_t>(opcode);
  create.prp1 = completions ? queue.completion : queue.submission;
  create.cdw10 = (queue.entries - 1) << 16 | queue.id;
  create.cdw11 = queue.id << 16 | 1;
  if (completions) create.cdw11 = queue.interrupts ? queue.id << 16 | 3 : 1;
  return create;
}

QueueMap NvmeDriver::queue_map() const {
  return {.interrupting = static_cast<std::uint32_t>(system_.cpus.size()),
          .polled = static_cast<std::uint32_t>(params_.poll_queues)};
}

// One admin command of boot, polled to its end.
Task<void> NvmeDriver::admin(nvme::SubmissionEntry entry) {
  Queue& queue = *admin_;
  put(queue, entry);
  co_await registers_.write32(nvme::sq_tail_doorbell(0), queue.tail);
  nvme::CompletionEntry* done = next_completion(queue);
  while (done == nullptr) {
    co_await sleep_for(system_.timeline, kPollPeriod);
    done = next_completion(queue);
  }
  check(done->code() == 0, "the NVMe controller refused an admin command");
  co_await registers_.write32(nvme::cq_head_doorbell(0), queue.head);
}

void NvmeDriver::put(Queue& queue, const nvme::SubmissionEntry& entry) {
  (&system_.memory.at<nvme::SubmissionEntry>(queue.submission))[queue.tail] = entry;
  queue.tail = queue.tail + 1 == queue.entries ? 0 : queue.tail + 1;
}

nvme::CompletionEntry& NvmeDriver::head_entry(const Queue& queue) {
  return (&system_.memory.at<nvme::CompletionEntry>(queue.completion))[queue.head];
}

// nvme_cqe_pending()
bool NvmeDriver::completion_pending(const Queue& queue) {
  return head_entry(queue).phase() == queue.phase;
}

// The entry at the head if the controller has written it, which its phase bit says; the head moves
// past it.
nvme::CompletionEntry* NvmeDriver::next_completion(Queue& queue) {
  if (!completion_pending(queue)) return nullptr;
  nvme::CompletionEntry* const entry = &head_entry(queue);
  if (++queue.head == queue.entries) {
    queue.head = 0;
    queue.phase = !queue.phase;
  }
  return entry;
}

QueueLimits NvmeDriver::limits() const {
  return {.max_bytes = 1 << 20, .max_segments = kPrpsMax, .whole_pages = true};
}

void NvmeDriver::fill_prps(const Request& request, nvme::SubmissionEntry& entry) {
  const auto& segments = request.bio->segments;
  if (segments.empty()) return;
  entry.prp1 = segments[0].address;
  if (request.segments == 1) return;
  check(request.segments <= kPrpsMax, "a request larger than one PRP list");
  const hw::PhysAddr list = request.segments > 2 ? list_of(request) : 0;
  std::uint64_t* const entries =
      request.segments == 2 ? &entry.prp2 : &system_.memory.at<std::uint64_t>(list);
  std::size_t count = 0;
  request.for_each_segment([&](const BioSegment& segment) {
    if (count != 0) entries[count - 1] = segment.address;
    ++count;
  });
  if (request.segments > 2) entry.prp2 = list;
}

// The page of its tag, for what does not fit into a command.
hw::PhysAddr NvmeDriver::list_of(const Request& request) {
  std::vector<hw::PhysAddr>& lists = queues_[request.queue]->prp_lists;
  if (lists.empty()) lists.resize(queue_depth());
  hw::PhysAddr& list = lists[request.tag];
  if (list == 0) list = system_.memory.allocate_page();
  return list;
}

// As nvme_setup_cmd().
void NvmeDriver::fill_command(const Request& request, nvme::SubmissionEntry& entry) {
  static constexpr nvme::IoOpcode kOpcodes[] = {nvme::IoOpcode::read, nvme::IoOpcode::write,
                                                nvme::IoOpcode::flush,
                                                nvme::IoOpcode::dataset_management};
  entry.opcode = static_cast<std::uint8_t>(kOpcodes[static_cast<std::size_t>(request.op)]);
  if (request.op == BlockOp::flush) return;
  if (request.op == BlockOp::discard) return fill_range(request, entry);
  entry.set_first_block(request.sector);
  entry.cdw12 = request.bytes / 512 - 1;
  if (request.fua) entry.cdw12 |= nvme::kForceUnitAccess;
  fill_prps(request, entry);
}

// As nvme_setup_discard(), with its one range in the request's list page.
void NvmeDriver::fill_range(const Request& request, nvme::SubmissionEntry& entry) {
  const hw::PhysAddr list = list_of(request);
  system_.memory.at<nvme::DatasetRange>(list) = {0, request.bytes / 512, request.sector};
  entry.prp1 = list;
  entry.cdw11 = nvme::kDeallocate;
}

Task<void> NvmeDriver::queue_request(Atomic& ctx, Request& request) {
  return then(ctx.spend(ctx.costs().driver_submit),
              [this, &ctx, &request] { return ring_doorbell(ctx, request); });
}

Task<void> NvmeDriver::ring_doorbell(Atomic& ctx, Request& request) {
  if (state_ != State::live) [[unlikely]]
    return device_->hold(ctx, request);
  device_->started(ctx, request);
  Queue& queue = *queues_[request.queue];
  nvme::SubmissionEntry entry;
  entry.command_id = static_cast<std::uint16_t>(request.tag);
  entry.namespace_id = 1;
  fill_command(request, entry);
  put(queue, entry);
  ctx.emit(events::Doorbell{number_, queue.id, queue.tail});
  ctx.emit(events::DeviceDma{number_, request.bytes});
  request.enter(events::Stage::device, ctx.now());
  return then_done(registers_.write32(nvme::sq_tail_doorbell(queue.id), queue.tail));
}

// nvme_poll_cq(). Returns the completions found.
Task<std::uint32_t> NvmeDriver::process(Atomic& ctx, Queue& queue) {
  std::uint32_t found = 0;
  for (;;) {
    const nvme::CompletionEntry* const done = next_completion(queue);
    if (done == nullptr) break;
    ++found;
    Request& request = device_->request(done->command_id, queue.id - 1);
    if (!request.in_flight) [[unlikely]]
      ++recovery_.strays;
    else if (done->code() == 0) [[likely]]
      co_await device_->complete(ctx, request, Errno::ok);
    else
      co_await failed(ctx, request, done->do_not_retry());
  }
  // A controller that is disabled has forgotten the queue.
  if (found != 0 && state_ == State::live)
    co_await registers_.write32(nvme::cq_head_doorbell(queue.id), queue.head);
  co_return found;
}

Task<std::uint32_t> NvmeDriver::poll(Atomic& ctx, std::uint32_t number) {
  return then(ctx.spend(ctx.costs().block_poll), [this, &ctx, number] {
    Queue& queue = *queues_[number];
    if (!completion_pending(queue)) return Task<std::uint32_t>::ready(0);
    return process(ctx, queue);
  });
}

}  // namespace iodrome::drivers
