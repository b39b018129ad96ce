// SPDX-License-Identifier: Apache-2.0
#include "model/chain/delivery.h"

#include <algorithm>
#include <utility>

#include "model/kernel/inotify/inotify_take.h"
#include "model/kernel/mm/copy.h"

namespace iodrome::chain {

using kernel::PagePart;
using Value = Result<std::int64_t>;

// --- what may wait ------------------------------------------------------------------------------

namespace {

struct Stretch {
  std::uint64_t at;
  std::uint64_t bytes;
  bool meets(const Stretch& other) const {
    return bytes > 0 && other.bytes > 0 && at < other.at + other.bytes && other.at < at + bytes;
  }
};

// Of a length that only the run tells, all that there may be.
std::uint64_t most_bytes(const Step& step, std::uint64_t all) {
  return step.bytes_from.used() ? all : step.bytes;
}

bool touches(const Step& step, const Stretch& place, std::uint64_t all) {
  if (step.op == Op::inotify) return place.meets({step.memory, kernel::kInotifyLongest});
  if (!step.fills_or_drains() && !step.on_memory()) return false;
  const std::uint64_t bytes = most_bytes(step, all);
  const std::uint64_t left = step.op == Op::hash ? kDigestBytes : bytes;
  if (place.meets({step.memory, left})) return true;
  if (!step.on_memory() || step.op == Op::memset || step.op == Op::crc32c) return false;
  const std::uint64_t sources = step.op == Op::exclusive_or ? step.sources : 1;
  return place.meets({step.offset, bytes * sources});
}

}  // namespace

bool may_wait(const Chain& chain, std::size_t index, std::uint64_t memory_bytes) {
  const Step& read = chain.steps[index];
  const Stretch place{read.memory, most_bytes(read, memory_bytes)};
  for (std::size_t k = 0; k < chain.steps.size(); ++k) {
    const Step& other = chain.steps[k];
    if (other.loop.used() || other.op == Op::write || other.truncate) return false;
    if (k != index && touches(other, place, memory_bytes)) return false;
  }
  return true;
}

// --- what waits ---------------------------------------------------------------------------------

bool Deliveries::reserve(std::uint64_t pages) {
  if (limit_.used + pages > limit_.most) return false;
  limit_.used += pages;
  return true;
}

void Deliveries::put(ChainRun& run, std::size_t step, std::uint64_t done,
                     std::vector<PagePart> parts, std::uint64_t reserved) {
  give_back(reserved - parts.size());
  if (parts.empty()) return;
  Waiting& of = waiting_[run.cookie()];
  of.run = &run;
  of.pieces.push_back({step, done, std::move(parts)});
}

void Deliveries::let_go(const Waiting& of) {
  for (const Piece& piece : of.pieces) give_back(piece.parts.size());
}

void Deliveries::drop_all() {
  for (const auto& [cookie, of] : waiting_) let_go(of);
  waiting_.clear();
}

Task<Errno> Deliveries::copy(kernel::Sleepable& ctx, std::uint64_t cookie) {
  auto node = waiting_.extract(cookie);
  if (node.empty()) co_return Errno::ok;
  const Waiting& of = node.mapped();
  ChainRun& run = *of.run;
  Errno first = Errno::ok;
  {
    const kernel::WorkOn work(ctx, &run.ledger, events::Stage::reap);
    for (const Piece& piece : of.pieces) {
      const Errno error = co_await copy_piece(ctx, run, piece);
      if (error == Errno::ok) continue;
      run.results[piece.step] = -static_cast<std::int64_t>(error);
      if (first == Errno::ok) first = error;
    }
  }
  run.ledger.enter(events::Stage::reap, ctx.now());
  let_go(of);
  co_return first;
}

// The memory is looked up now: what the application has done to it meanwhile counts.
Task<Errno> Deliveries::copy_piece(kernel::Sleepable& ctx, const ChainRun& run,
                                   const Piece& piece) {
  std::uint64_t bytes = 0;
  for (const PagePart& part : piece.parts) bytes += part.bytes;
  const Step& step = run.chain.steps[piece.step];
  const auto to = run.memory_of(step, {.offset = 0, .bytes = bytes, .done = piece.done});
  if (!to) co_return to.error();
  std::uint64_t done = 0;
  for (const PagePart& part : piece.parts) {
    // Source and destination pages need not be aligned to each other.
    for (std::uint32_t moved = 0; moved < part.bytes;) {
      const std::uint64_t at = done % hw::kPageBytes;
      const auto size = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(part.bytes - moved, hw::kPageBytes - at));
      co_await kernel::copy_bytes(ctx, (*to)[done / hw::kPageBytes] + at,
                                  part.page->address + part.offset + moved, size,
                                  kernel::CacheState::cold);
      moved += size;
      done += size;
    }
  }
  co_return Errno::ok;
}

// --- reading ------------------------------------------------------------------------------------

std::uint64_t HeldRead::pages_of(const kernel::File& file, const Course::Numbers& asked) {
  const std::uint64_t size = file.inode == nullptr ? 0 : file.inode->size_bytes;
  if (asked.offset >= size) return 0;
  const std::uint64_t bytes = std::min(asked.bytes, size - asked.offset);
  return (asked.offset % hw::kPageBytes + bytes + hw::kPageBytes - 1) / hw::kPageBytes;
}

// False: there is no room for it. Of a file that grows meanwhile a page comes in several parts.
bool HeldRead::keep(const PagePart& part) {
  if (!parts_.empty() && parts_.back().page == part.page) {
    parts_.back().bytes += part.bytes;
    return true;
  }
  if (parts_.size() == reserved_) {
    if (!to_.reserve(1)) return false;
    ++reserved_;
  }
  parts_.push_back(part);
  return true;
}

Task<Value> HeldRead::try_run(kernel::Atomic& ctx, kernel::Os& os, kernel::IoWait& wait) {
  for (;;) {
    const Result<kernel::PageParts> found = co_await read_.next_parts(ctx, os, wait);
    if (!found) co_return fail(found.error());
    bool room = !found->empty();
    for (const PagePart& part : *found) {
      room = keep(part);
      if (!room) break;
      read_.copied(part.bytes);
    }
    if (!room) break;
  }
  to_.put(run_, step_, done_before_, std::move(parts_), std::exchange(reserved_, 0));
  co_return static_cast<std::int64_t>(read_.done());
}

}  // namespace iodrome::chain
