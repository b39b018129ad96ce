// SPDX-License-Identifier: Apache-2.0
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::kernel {

Task<Result<std::int64_t>> DirectRead::start(Atomic& ctx, Os& os, const File& file,
                                             std::uint64_t offset, std::uint64_t bytes,
                                             std::span<const hw::PhysAddr> pages, IoWait& wait) {
  if (file.inode == nullptr) co_return fail(Errno::ebadf);
  if (offset % 512 != 0 || bytes % 512 != 0) co_return fail(Errno::einval);
  co_await ctx.spend(ctx.costs().vfs_read);
  const Inode& inode = *file.inode;
  if (offset >= inode.size_bytes || bytes == 0) co_return 0;
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
    auto* part = new Part;
    part->read = this;
    part->sector = inode.first_sector + (offset + done) / 512;
    part->bytes = static_cast<std::uint32_t>(std::min(per_bio, transfer - done));
    part->ledger = wait.ledger;
    part->end_io = &DirectRead::end_io;
    for (std::uint32_t at = 0; at < part->bytes; at += hw::kPageBytes)
      part->segments.push_back({pages[(done + at) / hw::kPageBytes],
                                std::min<std::uint32_t>(hw::kPageBytes, part->bytes - at)});
    done += part->bytes;
    wait.expect();
    co_await os.disk.submit(ctx, *part);
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
