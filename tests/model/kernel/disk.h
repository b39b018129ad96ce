// SPDX-License-Identifier: Apache-2.0
// A disk of constant latency behind the block layer, with files on it, for tests.
#pragma once
#include <set>

#include "model/kernel/os.h"
#include "model/kernel/vfs/file_content.h"
#include "model/kernel/vfs/file_ops.h"
#include "tests/model/kernel/rig.h"

namespace iodrome::kernel {

class TestDisk final : public BlockDriver, public IrqAction {
 public:
  TestDisk(Rig& rig, hw::Medium& medium, std::uint32_t depth)
      : rig_(rig), medium_(medium), depth_(depth) {}

  Task<void> queue_request(Atomic& ctx, Request& request) override {
    co_await ctx.spend();
    device_->started(ctx, request);
    issued.push_back(request.sector);
    if (on_issue) on_issue(request.sector);
    if (request.op == BlockOp::write) ++writes;
    if (request.op == BlockOp::flush) ++flushes;
    in_flight_most = std::max(in_flight_most, device_->in_flight());
    if (at_once) co_return co_await end(ctx, request);
    request.enter(events::Stage::device, ctx.now());
    rig_.at(rig_.now() + latency, [this, &request] {
      ended_.push_back(&request);
      rig_.cpu(irq_cpu).raise_irq(*this);
    });
  }
  Task<void> handle(Atomic& ctx) override {
    while (!ended_.empty()) {
      Request& request = *ended_.front();
      ended_.pop_front();
      co_await end(ctx, request);
    }
  }
  std::uint32_t queue_depth() const override { return depth_; }
  bool volatile_cache() const override { return has_cache; }
  QueueLimits limits() const override { return queue_limits; }

  Duration latency = 1us;
  std::uint32_t irq_cpu = 0;
  bool at_once = false;                 // requests end before queue_request() returns
  std::set<std::uint64_t> broken;       // sectors whose requests fail
  std::set<std::uint64_t> broken_once;  // and those whose next one does
  std::function<void(std::uint64_t sector)> on_issue;
  std::vector<std::uint64_t> issued;
  bool has_cache = true;
  QueueLimits queue_limits;
  std::size_t writes = 0;
  std::size_t flushes = 0;
  std::size_t in_flight_most = 0;

 private:
  Task<void> end(Atomic& ctx, Request& request) {
    std::uint64_t offset = request.sector * 512;
    const bool fails = broken.contains(request.sector) || broken_once.erase(request.sector) != 0;
    request.for_each_segment([&](const BioSegment& part) {
      const std::span<std::byte> bytes = rig_.system.memory.bytes(part.address, part.bytes);
      if (!fails && request.op == BlockOp::read) medium_.read(offset, bytes);
      if (!fails && request.op == BlockOp::write) medium_.write(offset, bytes);
      offset += part.bytes;
    });
    co_await device_->complete(ctx, request, fails ? Errno::eio : Errno::ok);
  }

  Rig& rig_;
  hw::Medium& medium_;
  const std::uint32_t depth_;
  std::deque<Request*> ended_;
};

/// A rig with a disk, a page cache and files.
struct DiskRig {
  explicit DiskRig(std::uint32_t cpus = 1, std::uint32_t depth = 8, const QueueParams& queue = {})
      : rig(cpus), disk(rig, files.volume(), depth), device(disk, queue) {
    files.volume().mount(device);
    cache.params = {1 << 20, 16'384, 65'536};
  }
  ~DiskRig() { rig.end(); }

  Inode& file(const std::string& path, std::uint64_t size,
              Inode::Metadata metadata = Inode::Metadata::cached) {
    const Result<Inode*> inode = files.add_file(path, size, metadata);
    REQUIRE(inode);
    return **inode;
  }
  FilePtr open(Inode& inode) {
    FilePtr opened{new File};
    opened->inode = &inode;
    opened->error_since = inode.write_error.sample();
    return opened;
  }
  std::vector<hw::PhysAddr> pages(std::size_t count) {
    std::vector<hw::PhysAddr> all;
    while (all.size() < count) all.push_back(rig.memory.allocate_page());
    return all;
  }
  /// Whether user pages hold the file's bytes from `offset` on.
  bool holds(std::span<const hw::PhysAddr> user, const Inode& inode, std::uint64_t offset,
             std::uint64_t bytes) {
    for (std::uint64_t at = 0; at < bytes; at += hw::kPageBytes)
      if (!content_matches(inode.number, offset + at,
                           rig.memory.bytes(user[at / hw::kPageBytes],
                                            std::min<std::size_t>(hw::kPageBytes, bytes - at))))
        return false;
    return true;
  }

  Rig rig;
  FileSystem files{64 << 20, true};
  TestDisk disk;
  BlockDevice device;
  PageCache cache{rig.system};
  Os os{rig.system, files, cache};
};

}  // namespace iodrome::kernel
