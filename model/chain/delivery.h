// SPDX-License-Identifier: Apache-2.0
// Bytes of buffered reads that wait for the consumer: page-cache pages, held by reference until the
// thread that takes a chain's end copies them, as kevent copies what it tells of in the consumer's
// call.
//
// Invariants
//  1. A page that waits is counted from before its read begins until it has been copied or dropped.
//  2. What waits for a chain is copied once, before the chain's entry can be seen.
#pragma once
#include <map>

#include "model/chain/chain_run.h"
#include "model/kernel/vfs/file_ops.h"

namespace iodrome::chain {

/// Whether a read's bytes may come late: no other step of the chain touches their place in its
/// memory, nothing goes round, and the chain writes to no file, whose pages are the same.
/// `memory_bytes` are the chain's; a length that only the run tells may be all of them.
bool may_wait(const Chain& chain, std::size_t step, std::uint64_t memory_bytes);

class Deliveries {
 public:
  /// Of several, together.
  struct Limit {
    std::uint64_t most = 0;  // pages
    std::uint64_t used = 0;
  };
  explicit Deliveries(Limit& limit) : limit_(limit) {}
  ~Deliveries() { drop_all(); }
  Deliveries(const Deliveries&) = delete;
  Deliveries& operator=(const Deliveries&) = delete;

  /// Room for pages that a read may have to hold. False: there is none.
  bool reserve(std::uint64_t pages);
  void give_back(std::uint64_t pages) { limit_.used -= pages; }
  /// What a try of a step has found from the step's byte `done` on; of the pages `reserved` for it,
  /// those that it did not need are given back.
  void put(ChainRun& run, std::size_t step, std::uint64_t done, std::vector<kernel::PagePart> parts,
           std::uint64_t reserved);
  /// copy_to_user() of all that waits for the chain, in the consumer's call. EFAULT is the result
  /// of steps whose place in memory is gone, and what this returns; else ok.
  Task<Errno> copy(kernel::Sleepable& ctx, std::uint64_t cookie);
  /// Nobody will take any chain's end.
  void drop_all();

 private:
  struct Piece {
    std::size_t step;
    std::uint64_t done;
    std::vector<kernel::PagePart> parts;
  };
  struct Waiting {
    ChainRun* run = nullptr;
    std::vector<Piece> pieces;
  };
  static Task<Errno> copy_piece(kernel::Sleepable& ctx, const ChainRun& run, const Piece& piece);
  void let_go(const Waiting& of);

  Limit& limit_;
  std::map<std::uint64_t, Waiting> waiting_;  // by cookie
};

/// A buffered read that copies nothing: what it finds goes to the deliveries.
class HeldRead final : public Pooled {
 public:
  /// `reserved` pages are the read's to use or to give back.
  HeldRead(Deliveries& to, ChainRun& run, std::size_t step, kernel::FilePtr file,
           const Course::Numbers& asked, std::uint64_t reserved)
      : to_(to),
        run_(run),
        step_(step),
        done_before_(asked.done),
        reserved_(reserved),
        read_(std::move(file), asked.offset, asked.bytes, {}) {}
  ~HeldRead() { to_.give_back(reserved_); }
  HeldRead(const HeldRead&) = delete;
  HeldRead& operator=(const HeldRead&) = delete;

  /// The pages of the file that it may have to hold, as large as the file is now.
  static std::uint64_t pages_of(const kernel::File& file, const Course::Numbers& asked);
  /// As BufferedRead::try_run. What an error cuts off is not delivered. Of a file that grows
  /// meanwhile it is short where there is no room for what has been added.
  Task<Result<std::int64_t>> try_run(kernel::Atomic& ctx, kernel::Os& os, kernel::IoWait& wait);

 private:
  bool keep(const kernel::PagePart& part);

  Deliveries& to_;
  ChainRun& run_;
  const std::size_t step_;
  const std::uint64_t done_before_;
  std::uint64_t reserved_;
  kernel::BufferedRead read_;
  std::vector<kernel::PagePart> parts_;
};

}  // namespace iodrome::chain
