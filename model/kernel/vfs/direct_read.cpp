// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "model/kernel/mm/copy.h"
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

namespace {

// A hole reads as zeros, which a CPU writes.
Task<void> clear(Atomic& ctx, std::span<const BioSegment> segments) {
  for (const BioSegment& segment : segments) {
    co_await charge_copy(ctx, segment.bytes, CacheState::hot);
    if (ctx.system().payload_checked)
      std::ranges::fill(ctx.system().memory.bytes(segment.address, segment.bytes), std::byte{0});
  }
}

}  // namespace

Task<Result<std::int64_t>> DirectRead::start(Atomic& ctx, Os& os, const File& file,
                                             std::uint64_t offset, std::uint64_t bytes,
                                             std::span<const hw::PhysAddr> pages, IoWait& wait) {
  if (file.inode == nullptr || !file.readable) co_return fail(Errno::ebadf);
  if (file.inode->directory != nullptr) co_return fail(Errno::eisdir);
  if (offset % 512 != 0 || bytes % 512 != 0) co_return fail(Errno::einval);
  co_await ctx.spend(ctx.costs().vfs_read);
  const Inode& inode = *file.inode;
  if (offset >= inode.size_bytes || bytes == 0) co_return 0;
  if (inode.unwritten(offset / hw::kPageBytes, (offset + bytes - 1) / hw::kPageBytes))
    co_return fail(Errno::eagain);
  co_await ctx.spend(ctx.costs().filesystem_read);
  bytes_ = static_cast<std::int64_t>(std::min(bytes, inode.size_bytes - offset));
  // The device reads whole sectors; what lies past the end of the file is not reported.
  const std::uint64_t transfer = (static_cast<std::uint64_t>(bytes_) + 511) / 512 * 512;
  const std::uint64_t page_count = (transfer + hw::kPageBytes - 1) / hw::kPageBytes;
  check(pages.size() >= page_count, "direct read into too few pages");
  co_await ctx.spend(ctx.costs().page_pin, page_count);
  wait_ = &wait;
  wait.expect();  // held until every part is on its way
  const auto per_bio = static_cast<std::uint64_t>(os.page_cache.params.max_bio_bytes);
  for (std::uint64_t done = 0; done < transfer;) {
    const std::uint64_t at = offset + done;
    const BlockMapping place = inode.map(at / kPage);
    std::uint64_t length = std::min(per_bio, transfer - done);
    // As far as the file lies together.
    if ((at % kPage + length + kPage - 1) / kPage > place.count)
      length = place.count * kPage - at % kPage;
    auto* part = new Part;
    part->add_memory(pages, done, length);
    done += length;
    if (place.hole) {
      co_await clear(ctx, {part->segments.data(), part->segments.size()});
      delete part;
      continue;
    }
    part->read = this;
    part->sector = place.sector + at % kPage / 512;
    part->bytes = static_cast<std::uint32_t>(length);
    part->ledger = wait.ledger;
    part->submitter = wait.submitter;
    part->end_io = &DirectRead::end_io;
    wait.expect();
    co_await inode.volume->device().submit(ctx, *part);
  }
  --wait.pending;
  co_return bytes_;
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
