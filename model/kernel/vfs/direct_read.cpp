// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "model/kernel/mm/copy.h"
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

// Its costs are one. What another CPU writes to the cache meanwhile is not read, the race that
// open(2) warns of.
Task<Value> DirectRead::start(Atomic& ctx, Os& os, const File& file, std::uint64_t offset,
                              std::uint64_t bytes, std::span<const hw::PhysAddr> pages,
                              IoWait& wait) {
  if (file.inode == nullptr || !file.readable) return Task<Value>::ready(fail(Errno::ebadf));
  if (file.inode->directory != nullptr) return Task<Value>::ready(fail(Errno::eisdir));
  if (offset % 512 != 0 || bytes % 512 != 0) return Task<Value>::ready(fail(Errno::einval));
  const Inode& inode = *file.inode;
  KernelCosts& costs = ctx.costs();
  Duration charged = ctx.charge(costs.vfs_read);
  if (offset >= inode.size_bytes || bytes == 0)
    return then(ctx.spend(charged), [] { return Task<Value>::ready(0); });
  if (inode.unwritten(offset / hw::kPageBytes, (offset + bytes - 1) / hw::kPageBytes))
    return then(ctx.spend(charged), [] { return Task<Value>::ready(fail(Errno::eagain)); });
  bytes_ = static_cast<std::int64_t>(std::min(bytes, inode.size_bytes - offset));
  const std::uint64_t page_count = (transfer_bytes() + hw::kPageBytes - 1) / hw::kPageBytes;
  check(pages.size() >= page_count, "direct read into too few pages");
  charged += ctx.charge(costs.filesystem_read) + ctx.charge(costs.page_pin, page_count);
  const auto per_bio = static_cast<std::uint64_t>(os.page_cache.params.max_bio_bytes);
  return then(ctx.spend(charged), [this, &ctx, &inode, &wait, pages, offset, per_bio] {
    wait_ = &wait;
    wait.expect();  // held until every part is on its way
    return then(submit_parts(ctx, inode, offset, pages, per_bio), [this] {
      --wait_->pending;
      return Task<Value>::ready(bytes_);
    });
  });
}

// As much as goes into a bio, and as far as the file lies together.
DirectRead::Part* DirectRead::make_part(const Inode& inode, std::uint64_t at,
                                        std::span<const hw::PhysAddr> pages, std::uint64_t done,
                                        std::uint64_t most) {
  const BlockMapping place = inode.map(at / kPage);
  std::uint64_t length = std::min(most, transfer_bytes() - done);
  if ((at % kPage + length + kPage - 1) / kPage > place.count)
    length = place.count * kPage - at % kPage;
  auto* const part = new Part;
  part->add_memory(pages, done, length);
  part->read = this;
  part->hole = place.hole;
  part->sector = place.sector + at % kPage / 512;
  part->bytes = static_cast<std::uint32_t>(length);
  part->ledger = wait_->ledger;
  part->submitter = wait_->submitter;
  part->end_io = &DirectRead::end_io;
  return part;
}

Task<void> DirectRead::submit_parts(Atomic& ctx, const Inode& inode, std::uint64_t offset,
                                    std::span<const hw::PhysAddr> pages, std::uint64_t per_bio) {
  Part* const part = make_part(inode, offset, pages, 0, per_bio);
  if (part->bytes == transfer_bytes()) return submit(ctx, inode, *part);
  return submit_all(ctx, inode, offset, pages, per_bio, part);
}

Task<void> DirectRead::submit_all(Atomic& ctx, const Inode& inode, std::uint64_t offset,
                                  std::span<const hw::PhysAddr> pages, std::uint64_t per_bio,
                                  Part* part) {
  for (std::uint64_t done = 0;;) {
    done += part->bytes;
    co_await submit(ctx, inode, *part);
    if (done == transfer_bytes()) break;
    part = make_part(inode, offset + done, pages, done, per_bio);
  }
}

Task<void> DirectRead::submit(Atomic& ctx, const Inode& inode, Part& part) {
  if (part.hole) return clear(ctx, part);
  wait_->expect();
  BlockDevice& device = inode.volume->device();
  if (wait_->polls) [[unlikely]]
    device.make_polled(ctx, part, static_cast<PolledWait*>(wait_)->place);
  return device.submit(ctx, part);
}

// A hole reads as zeros, which a CPU writes.
Task<void> DirectRead::clear(Atomic& ctx, Part& part) {
  const std::unique_ptr<Part> owned(&part);
  for (const BioSegment& segment : part.segments) {
    co_await charge_copy(ctx, segment.bytes, CacheState::hot);
    if (ctx.system().payload_checked)
      std::ranges::fill(ctx.system().memory.bytes(segment.address, segment.bytes), std::byte{0});
  }
}

Result<std::int64_t> DirectRead::result() const {
  if (status_ != Errno::ok) return fail(status_);
  return bytes_;
}

Task<void> DirectRead::end_io(Atomic& ctx, Bio& bio) {
  auto* const part = static_cast<Part*>(&bio);
  DirectRead& read = *part->read;
  if (bio.status != Errno::ok) read.status_ = bio.status;
  delete part;
  return read.wait_->arrived(ctx);
}

}  // namespace iodrome::kernel
