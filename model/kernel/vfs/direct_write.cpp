// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "model/kernel/vfs/write_ops.h"

namespace iodrome::kernel {

using Value = Result<std::int64_t>;

namespace {

constexpr std::uint64_t kLogicalBlock = 512;

// Whether every block of the range is there, and the file does not end inside it.
bool overwrites(const Inode& inode, std::uint64_t offset, std::uint64_t bytes) {
  if (offset + bytes > inode.size_bytes) return false;
  const std::uint64_t last = (offset + bytes - 1) / kPage;
  for (std::uint64_t block = offset / kPage; block <= last;) {
    const BlockMapping place = inode.map(block);
    if (place.hole) return false;
    block += place.count;
  }
  return true;
}

// Cuts `bytes` to what may be written; of what is appended the buffered write knows that.
Errno refused(Os& os, const File& file, std::uint64_t offset, std::uint64_t& bytes,
              std::span<const hw::PhysAddr> pages) {
  if (file.inode == nullptr || !file.writable) return Errno::ebadf;
  if (bytes != 0 && !file.append) {
    const Result<std::uint64_t> allowed = os.files.may_write(offset, bytes);
    if (!allowed) return allowed.error();
    bytes = *allowed;
  }
  if (offset % kLogicalBlock != 0 || bytes % kLogicalBlock != 0) return Errno::einval;
  for (const hw::PhysAddr page : pages)
    if (page % kLogicalBlock != 0) return Errno::einval;
  return Errno::ok;
}

}  // namespace

Task<Value> DirectWrite::start(Atomic& ctx, Os& os, const File& file, std::uint64_t offset,
                               std::uint64_t bytes, std::span<const hw::PhysAddr> pages,
                               IoWait& wait) {
  const Errno error = refused(os, file, offset, bytes, pages);
  if (error != Errno::ok) co_return fail(error);
  if (bytes == 0) co_return 0;
  Inode& inode = *file.inode;
  const std::uint64_t first = offset / kPage;
  const std::uint64_t last = (offset + bytes - 1) / kPage;
  if (file.append || inode.unwritten(first, last) || !overwrites(inode, offset, bytes))
    co_return fail(Errno::eagain);
  wait_ = &wait;
  cache_ = &os.page_cache;
  inode_ = &inode;
  offset_ = offset;
  bytes_ = static_cast<std::int64_t>(bytes);
  wait.expect();  // held until every part is on its way
  co_await ctx.spend(ctx.costs().vfs_write);
  co_await ctx.spend(ctx.costs().filesystem_write);
  co_await ctx.spend(ctx.costs().page_pin, (bytes + kPage - 1) / kPage);
  cache_->drop(inode, first, last);
  cache_->writeback.mark_attributes_dirty(inode, false);
  co_await submit(ctx, os, inode, offset, pages);
  if (--wait.pending == 0) cache_->drop(inode, first, last);
  co_return bytes_;
}

Task<void> DirectWrite::submit(Atomic& ctx, Os& os, const Inode& inode, std::uint64_t offset,
                               std::span<const hw::PhysAddr> pages) {
  const auto bytes = static_cast<std::uint64_t>(bytes_);
  const auto per_bio = static_cast<std::uint64_t>(os.page_cache.params.max_bio_bytes);
  for (std::uint64_t done = 0; done < bytes;) {
    const std::uint64_t at = offset + done;
    const BlockMapping place = inode.map(at / kPage);
    auto* const part = new Part;
    part->write = this;
    part->op = BlockOp::write;
    part->sector = place.sector + at % kPage / 512;
    part->bytes = static_cast<std::uint32_t>(
        std::min({per_bio, bytes - done, place.count * kPage - at % kPage}));
    part->ledger = wait_->ledger;
    part->submitter = wait_->submitter;
    part->end_io = &DirectWrite::end_io;
    part->add_memory(pages, done, part->bytes);
    done += part->bytes;
    wait_->expect();
    BlockDevice& device = inode.volume->device();
    if (wait_->polls) device.make_polled(ctx, *part, static_cast<PolledWait*>(wait_)->place);
    co_await device.submit(ctx, *part);
  }
}

Value DirectWrite::result() const {
  if (status_ != Errno::ok) return fail(status_);
  return bytes_;
}

Task<void> DirectWrite::end_io(Atomic& ctx, Bio& bio) {
  auto* const part = static_cast<Part*>(&bio);
  DirectWrite& write = *part->write;
  if (bio.status != Errno::ok) write.status_ = bio.status;
  delete part;
  // A page that was read meanwhile may be older than what is on the device now.
  const auto bytes = static_cast<std::uint64_t>(write.bytes_);
  if (write.wait_->pending == 1)
    write.cache_->drop(*write.inode_, write.offset_ / kPage, (write.offset_ + bytes - 1) / kPage);
  return write.wait_->arrived(ctx);
}

Task<Value> FileWrite::try_run(Atomic& ctx, Os& os, IoWait& wait) {
  if (at_device_) co_return at_device_->result();
  if (!direct_) {
    if (!buffered_) buffered_.emplace(file_, offset_, bytes_, pages_);
    co_return co_await buffered_->try_run(ctx, os, wait);
  }
  if (buffered_) co_return co_await through_cache(ctx, os, wait);
  const Errno error = refused(os, *file_, offset_, bytes_, pages_);
  if (error != Errno::ok) co_return fail(error);
  if (bytes_ == 0) co_return 0;
  Inode& inode = *file_->inode;
  const std::uint64_t first = offset_ / kPage;
  const std::uint64_t last = (offset_ + bytes_ - 1) / kPage;
  while (clean_ || inode.unwritten(first, last)) {
    if (!clean_) clean_.emplace(inode, first, last);
    const Errno waits = co_await clean_->try_run(ctx, os, wait);
    if (waits == Errno::eagain) co_return fail(waits);
    clean_.reset();
  }
  if (file_->append || !overwrites(inode, offset_, bytes_)) {
    buffered_.emplace(file_, offset_, bytes_, pages_);
    failures_before_ = inode.write_error.failures();
    co_return co_await through_cache(ctx, os, wait);
  }
  at_device_.emplace();
  const Value started = co_await at_device_->start(ctx, os, *file_, offset_, bytes_, pages_, wait);
  if (!started) at_device_.reset();
  if (!started) co_return started;
  if (wait.pending == 0) co_return at_device_->result();
  co_return fail(Errno::eagain);
}

// Through the page cache, then to the device, then out of the cache.
Task<Value> FileWrite::through_cache(Atomic& ctx, Os& os, IoWait& wait) {
  Inode& inode = *file_->inode;
  if (!wait_for_it_) {
    const Value written = co_await buffered_->try_run(ctx, os, wait);
    if (!written) co_return written;
    if (*written == 0) co_return written;
    written_ = *written;
    const std::uint64_t end = buffered_->end();
    wait_for_it_.emplace(inode, (end - static_cast<std::uint64_t>(written_)) / kPage,
                         (end - 1) / kPage);
  }
  const Errno waits = co_await wait_for_it_->try_run(ctx, os, wait);
  if (waits == Errno::eagain) co_return fail(waits);
  const std::uint64_t end = buffered_->end();
  os.page_cache.drop(inode, (end - static_cast<std::uint64_t>(written_)) / kPage,
                     (end - 1) / kPage);
  if (inode.write_error.failures() != failures_before_) co_return fail(Errno::eio);
  co_return written_;
}

}  // namespace iodrome::kernel
