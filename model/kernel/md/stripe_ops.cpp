// SPDX-License-Identifier: Apache-2.0
// What a stripe's operations are made of: ops_run_biofill(), _compute5(), _prexor(), _biodrain(),
// _reconstruct5(), _check() and their ends. An end comes in a tasklet where an engine has done the
// work, else in the thread that handles the stripe.
#include <algorithm>
#include <utility>

#include "model/kernel/md/raid5.h"

namespace iodrome::kernel {

namespace {

StripeHead& stripe_of(const DmaDescriptor& end) {
  return *static_cast<StripeHead*>(end.argument);
}

// The memory of a piece, from its request's segments.
std::vector<BioSegment> memory_of(const StripePiece& piece) {
  std::vector<BioSegment> parts;
  std::uint32_t begin = 0;  // of the segment, from the request's begin
  const std::uint32_t end = piece.from + piece.bytes;
  piece.of->request->for_each_segment([&](const BioSegment& segment) {
    const std::uint32_t first = std::max(begin, piece.from);
    const std::uint32_t last = std::min(begin + segment.bytes, end);
    if (first < last) parts.push_back({segment.address + (first - begin), last - first});
    begin += segment.bytes;
  });
  return parts;
}

}  // namespace

// raid_run_ops(). A chain's steps depend each on the one before; whoever ends it holds the stripe.
Task<void> Raid5::run_operations(Atomic& ctx, StripeHead& stripe,
                                 StripeLook::Operations operations) {
  DmaDescriptor* tx = nullptr;
  if (operations.biofill) co_await run_biofill(ctx, stripe);
  if (operations.compute) tx = co_await run_compute(ctx, stripe, operations.reconstruct);
  if (operations.prexor) tx = co_await run_prexor(ctx, stripe, tx);
  if (operations.biodrain) tx = co_await run_biodrain(ctx, stripe, tx);
  if (operations.reconstruct) co_await run_reconstruct(ctx, stripe, operations.prexor, tx);
  if (operations.check) co_await run_check(ctx, stripe);
}

// async_copy_data()
Task<DmaDescriptor*> Raid5::copy_piece(Atomic& ctx, StripeHead& stripe, const StripeBlock& block,
                                       StripePiece piece, DmaDescriptor* depend_tx) {
  const bool into_page = piece.of->request->op == BlockOp::write;
  hw::PhysAddr page = block.page + piece.at;
  const std::vector<BioSegment> parts = memory_of(piece);
  for (const BioSegment& part : parts) {
    AsyncSubmit submit{0, depend_tx};
    submit.left_out = into_page ? &stripe.write_left_out : &stripe.fill_left_out;
    const hw::PhysAddr to = into_page ? page : part.address;
    const hw::PhysAddr from = into_page ? part.address : page;
    depend_tx = co_await tx_of(stripe).memcpy(ctx, to, from, part.bytes, submit);
    page += part.bytes;
  }
  co_return depend_tx;
}

Task<void> Raid5::run_biofill(Atomic& ctx, StripeHead& stripe) {
  for (StripeBlock& block : stripe.blocks)
    if (block.want_fill) block.reading = std::exchange(block.to_read, {});
  DmaDescriptor* tx = nullptr;
  for (const StripeBlock& block : stripe.blocks)
    for (const StripePiece& piece : block.reading)
      tx = co_await copy_piece(ctx, stripe, block, piece, tx);
  ++stripe.count;
  AsyncSubmit submit{kAsyncAck, tx, &biofill_ended, &stripe};
  co_await tx_of(stripe).trigger_callback(ctx, submit);
}

Task<void> Raid5::biofill_ended(Atomic& ctx, DmaDescriptor& self) {
  StripeHead& stripe = stripe_of(self);
  Raid5& array = *stripe.array;
  const bool failed = array.note_failure(stripe, self, stripe.fill_left_out);
  StripeLook look;
  for (StripeBlock& block : stripe.blocks) {
    if (!block.want_fill) continue;
    block.want_fill = false;
    if (failed)
      block.to_read.insert(block.to_read.begin(), block.reading.begin(), block.reading.end());
    else
      end_pieces(look, block.reading, Errno::ok);
    block.reading.clear();
  }
  stripe.biofill_run = false;
  co_await array.end_requests(ctx, look.done);
  co_await array.handle_later(ctx, stripe);
}

Task<DmaDescriptor*> Raid5::run_compute(Atomic& ctx, StripeHead& stripe, bool goes_on) {
  std::vector<hw::PhysAddr> sources;
  for (std::uint32_t i = 0; i < layout_.members; ++i)
    if (i != stripe.compute_target) sources.push_back(stripe.blocks[i].page);
  ++stripe.count;
  ++counters_.computed;
  const std::uint32_t flags = kXorZeroDst | (goes_on ? 0u : kAsyncAck);
  const AsyncSubmit submit{flags, nullptr, &compute_ended, &stripe};
  DmaDescriptor* const tx = co_await tx_of(stripe).exclusive_or(
      ctx, stripe.blocks[stripe.compute_target].page, sources, kStripeBytes, submit);
  co_return goes_on ? tx : nullptr;
}

Task<void> Raid5::compute_ended(Atomic& ctx, DmaDescriptor& self) {
  StripeHead& stripe = stripe_of(self);
  bool left_out = false;
  const bool failed = stripe.array->note_failure(stripe, self, left_out);
  StripeBlock& target = stripe.blocks[stripe.compute_target];
  target.want_compute = false;
  target.uptodate = target.uptodate || !failed;
  stripe.compute_run = false;
  if (stripe.check == CheckState::compute_run)
    stripe.check = failed ? CheckState::idle : CheckState::compute_result;
  co_await stripe.array->handle_later(ctx, stripe);
}

// The old data out of the parity.
Task<DmaDescriptor*> Raid5::run_prexor(Atomic& ctx, StripeHead& stripe, DmaDescriptor* depend_tx) {
  const hw::PhysAddr parity = stripe.blocks[stripe.parity].page;
  std::vector<hw::PhysAddr> sources{parity};
  for (const StripeBlock& block : stripe.blocks)
    if (block.want_drain) sources.push_back(block.page);
  AsyncSubmit submit{kXorDropDst, depend_tx};
  submit.left_out = &stripe.write_left_out;
  co_return co_await tx_of(stripe).exclusive_or(ctx, parity, sources, kStripeBytes, submit);
}

// The new data into the pages.
Task<DmaDescriptor*> Raid5::run_biodrain(Atomic& ctx, StripeHead& stripe,
                                         DmaDescriptor* depend_tx) {
  for (StripeBlock& block : stripe.blocks) {
    if (!block.want_drain) continue;
    check(block.written.empty(), "a block written twice at a time");
    block.written = std::exchange(block.to_write, {});
    block.overwrite = false;
  }
  for (const StripeBlock& block : stripe.blocks) {
    if (!block.want_drain) continue;
    for (const StripePiece& piece : block.written)
      depend_tx = co_await copy_piece(ctx, stripe, block, piece, depend_tx);
  }
  co_return depend_tx;
}

// The new data into the parity, or the parity from all data.
Task<void> Raid5::run_reconstruct(Atomic& ctx, StripeHead& stripe, bool prexor,
                                  DmaDescriptor* depend_tx) {
  const hw::PhysAddr parity = stripe.blocks[stripe.parity].page;
  std::vector<hw::PhysAddr> sources;
  if (prexor) sources.push_back(parity);
  for (std::uint32_t i = 0; i < layout_.members; ++i)
    if (i != stripe.parity && (!prexor || stripe.blocks[i].want_drain))
      sources.push_back(stripe.blocks[i].page);
  ++stripe.count;
  const std::uint32_t flags = kAsyncAck | (prexor ? kXorDropDst : kXorZeroDst);
  const AsyncSubmit submit{flags, depend_tx, &reconstruct_ended, &stripe};
  co_await tx_of(stripe).exclusive_or(ctx, parity, sources, kStripeBytes, submit);
}

Task<void> Raid5::reconstruct_ended(Atomic& ctx, DmaDescriptor& self) {
  StripeHead& stripe = stripe_of(self);
  if (stripe.array->note_failure(stripe, self, stripe.write_left_out)) {
    begin_write_anew(stripe);
  } else {
    for (StripeBlock& block : stripe.blocks)
      if (std::exchange(block.want_drain, false)) block.uptodate = true;
    stripe.blocks[stripe.parity].uptodate = true;
    stripe.reconstruct = stripe.reconstruct == ReconstructState::drain_run
                             ? ReconstructState::drain_result
                             : ReconstructState::prexor_drain_result;
  }
  co_await stripe.array->handle_later(ctx, stripe);
}

// Nothing of it has reached the members, which still have the old data and parity.
void Raid5::begin_write_anew(StripeHead& stripe) {
  for (StripeBlock& block : stripe.blocks) {
    if (!std::exchange(block.want_drain, false)) continue;
    block.to_write.insert(block.to_write.begin(), block.written.begin(), block.written.end());
    block.written.clear();
    std::uint32_t covered = 0;
    for (const StripePiece& piece : block.to_write) covered |= piece.sectors();
    block.overwrite = covered == kAllSectors;
    block.locked = false;
  }
  stripe.blocks[stripe.parity].locked = false;
  stripe.reconstruct = ReconstructState::idle;
}

Task<void> Raid5::run_check(Atomic& ctx, StripeHead& stripe) {
  std::vector<hw::PhysAddr> sources{stripe.blocks[stripe.parity].page};
  for (std::uint32_t i = 0; i < layout_.members; ++i)
    if (i != stripe.parity) sources.push_back(stripe.blocks[i].page);
  AsyncTx& with = tx_of(stripe);
  DmaDescriptor* const tx =
      co_await with.xor_val(ctx, sources, kStripeBytes, &stripe.check_result, {});
  ++stripe.count;
  const AsyncSubmit submit{kAsyncAck, tx, &check_ended, &stripe};
  co_await with.trigger_callback(ctx, submit);
}

Task<void> Raid5::check_ended(Atomic& ctx, DmaDescriptor& self) {
  StripeHead& stripe = stripe_of(self);
  bool left_out = false;
  const bool failed = stripe.array->note_failure(stripe, self, left_out);
  stripe.check = failed ? CheckState::idle : CheckState::result;
  co_await stripe.array->handle_later(ctx, stripe);
}

// Whether the operation that ends here has failed. From then on the CPU works on the stripe.
bool Raid5::note_failure(StripeHead& stripe, const DmaDescriptor& end, bool& left_out) {
  const bool skipped = std::exchange(left_out, false);
  if (!skipped && end.error == Errno::ok) return false;
  // Several operations of a chain may end so, each after the first has sent the stripe to the CPU.
  check(skipped || end.channel != nullptr || !stripe.by_cpu, "an operation that a CPU has failed");
  ++counters_.operations_failed;
  stripe.by_cpu = true;
  return true;
}

Task<void> Raid5::handle_later(Atomic& ctx, StripeHead& stripe) {
  stripe.handle = true;
  co_await cache_.release(ctx, stripe);
}

}  // namespace iodrome::kernel
