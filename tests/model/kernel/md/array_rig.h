// SPDX-License-Identifier: Apache-2.0
// A RAID 5 over disks of constant latency whose media are plain bytes, for tests. Without an engine
// the CPU sums; who has one adds it to `engine` before start().
#pragma once
#include <algorithm>

#include "model/engine/random.h"
#include "model/kernel/md/resync.h"
#include "model/kernel/sync/completion.h"
#include "tests/model/kernel/disk.h"

namespace iodrome::kernel {

struct ByteMedium final : hw::Medium {
  explicit ByteMedium(std::size_t size) : bytes(size) {}
  bool payload_checked() const override { return true; }
  void read(std::uint64_t at, std::span<std::byte> to) override {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), to.size(), to.begin());
  }
  void write(std::uint64_t at, std::span<const std::byte> from) override {
    std::ranges::copy(from, bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  std::uint64_t size_bytes() const override { return bytes.size(); }
  std::vector<std::byte> bytes;
};

struct ArrayOptions {
  std::uint32_t members = 4;
  std::int64_t stripes = 16;
  std::int64_t chunk_bytes = 16'384;
  std::uint64_t member_bytes = 256 << 10;
  std::uint32_t cpus = 1;
  /// What lies on the disks at first, and whether the parity is right.
  bool random_data = false;
  bool parity_right = true;
};

struct ArrayRig {
  using Bytes = std::vector<std::byte>;

  explicit ArrayRig(const ArrayOptions& with = {}) : options(with), rig(with.cpus) {
    rig.system.scheduler.hz = 1000;
    for (std::uint32_t i = 0; i < options.members; ++i) {
      media.push_back(std::make_unique<ByteMedium>(options.member_bytes));
      disks.push_back(std::make_unique<TestDisk>(rig, *media.back(), 8));
      disks.back()->latency = 20us;
      devices.push_back(std::make_unique<BlockDevice>(*disks.back()));
    }
    if (options.random_data) fill_media();
  }
  ~ArrayRig() {
    rig.timeline.choices().ask(nullptr);
    rig.end();
  }

  /// Makes the array, over whatever engines there are by now.
  void start() {
    std::vector<BlockDevice*> members;
    for (const auto& device : devices) members.push_back(device.get());
    array = std::make_unique<Raid5>(
        rig.system, members,
        Raid5Params{options.chunk_bytes, options.stripes, options.member_bytes / 512}, costs, tx,
        by_cpu);
    md = std::make_unique<BlockDevice>(*array);
    rig.run();
  }

  void fill_media() {
    for (std::uint64_t at = 0; at < options.member_bytes; ++at) {
      const std::uint32_t parity = array_layout().parity_at(at / 512);
      std::byte sum{0};
      for (std::uint32_t i = 0; i < options.members; ++i) {
        media[i]->bytes[at] = std::byte(draw(1, Purpose::exploration, at, i) & 0xff);
        if (i != parity) sum ^= media[i]->bytes[at];
      }
      if (options.parity_right) media[parity]->bytes[at] = sum;
    }
  }
  Raid5Layout array_layout() const {
    return {options.members, static_cast<std::uint64_t>(options.chunk_bytes) / 512};
  }

  /// Stripes whose blocks do not sum to zero, by the sector of the members.
  std::vector<std::uint64_t> wrong_stripes() const {
    std::vector<std::uint64_t> wrong;
    for (std::uint64_t at = 0; at < options.member_bytes; at += kStripeBytes) {
      bool right = true;
      for (std::uint64_t i = at; i < at + kStripeBytes; ++i) {
        std::byte sum{0};
        for (const auto& medium : media) sum ^= medium->bytes[i];
        right = right && sum == std::byte{0};
      }
      if (!right) wrong.push_back(at / 512);
    }
    return wrong;
  }
  /// What the members' media hold of the array, or of a member that is not there, what the others
  /// say of it.
  Bytes content(int lost = -1) const {
    Bytes all(array->sectors() * 512);
    for (std::uint64_t at = 0; at < all.size(); ++at) {
      const Raid5Layout::Place place = array_layout().locate(at / 512);
      const std::uint64_t offset = place.sector * 512 + at % 512;
      if (static_cast<int>(place.member) != lost) {
        all[at] = media[place.member]->bytes[offset];
        continue;
      }
      for (std::uint32_t i = 0; i < options.members; ++i)
        if (i != place.member) all[at] ^= media[i]->bytes[offset];
    }
    return all;
  }

  struct WaitedBio : Bio {
    Completion ended{"bio"};
    static Task<void> end(Atomic& ctx, Bio& bio) {
      return static_cast<WaitedBio&>(bio).ended.complete(ctx);
    }
  };
  /// Moves bytes to or from the array's sectors, and sleeps until that has ended.
  Task<Errno> transfer(Sleepable& ctx, BlockOp op, std::uint64_t sector,
                       std::span<std::byte> data) {
    WaitedBio bio;
    bio.op = op;
    bio.sector = sector;
    bio.bytes = static_cast<std::uint32_t>(data.size());
    // Pages that do not lie together, begun in the middle: what moves is cut anew.
    std::vector<hw::PhysAddr> pages((data.size() + 512 + 4095) / 4096);
    for (hw::PhysAddr& page : pages) page = rig.memory.allocate_page();
    bio.add_memory(pages, 512, data.size());
    if (op == BlockOp::write) move(bio, data, true);
    bio.end_io = &WaitedBio::end;
    co_await md->submit(ctx, bio);
    co_await bio.ended.wait(ctx, events::Stage::device);
    if (op == BlockOp::read && bio.status == Errno::ok) move(bio, data, false);
    for (const hw::PhysAddr page : pages) rig.memory.free_page(page);
    co_return bio.status;
  }
  void move(const Bio& bio, std::span<std::byte> data, bool into_memory) {
    for (const BioSegment& segment : bio.segments) {
      const auto memory = rig.memory.bytes(segment.address, segment.bytes);
      if (into_memory)
        std::copy_n(data.begin(), segment.bytes, memory.begin());
      else
        std::ranges::copy(memory, data.begin());
      data = data.subspan(segment.bytes);
    }
  }

  std::size_t descriptors_in_use() const {
    std::size_t sum = 0;
    for (const DmaChannel* channel : engine.hardware()) sum += channel->in_use();
    return sum;
  }
  bool at_rest() const {
    bool rest = array->at_rest() && md->in_flight() == 0 && md->waiting() == 0;
    for (const auto& device : devices) rest = rest && device->in_flight() == 0;
    return rest && descriptors_in_use() == 0;
  }
  std::uint64_t member_reads() const {
    std::uint64_t sum = 0;
    for (const auto& disk : disks) sum += disk->issued.size() - disk->writes;
    return sum;
  }
  std::uint64_t member_writes() const {
    std::uint64_t sum = 0;
    for (const auto& disk : disks) sum += disk->writes;
    return sum;
  }

  const ArrayOptions options;
  Rig rig;
  std::vector<std::unique_ptr<ByteMedium>> media;
  std::vector<std::unique_ptr<TestDisk>> disks;
  std::vector<std::unique_ptr<BlockDevice>> devices;
  DmaEngine engine;
  EngineChoice engines{engine};
  EngineChoice no_engine{engine, 0};
  SoftwareDmaRates rates{{1'000'000'000}, {2'000'000'000}, {500'000'000}};
  AsyncTx tx{engine, engines, rates};
  AsyncTx by_cpu{engine, no_engine, rates};
  Raid5Costs costs;
  std::unique_ptr<Raid5> array;
  std::unique_ptr<BlockDevice> md;
};

}  // namespace iodrome::kernel
