// SPDX-License-Identifier: Apache-2.0
// The deadline elevators: requests sorted by sector, in batches of one direction, unless one has
// waited too long.
#pragma once
#include <array>
#include <boost/intrusive/list.hpp>
#include <boost/intrusive/set.hpp>

#include "model/kernel/block/request.h"

namespace iodrome::kernel {

struct DeadlineParams {
  Duration read_expire = 500ms;
  Duration write_expire = 5s;
  std::int64_t fifo_batch = 16;     // requests in the order of their sectors before a new look
  std::int64_t writes_starved = 2;  // times that reads go first while writes wait
};

using SortHook = boost::intrusive::set_base_hook<boost::intrusive::tag<struct SortTag>>;
using FifoHook = boost::intrusive::list_base_hook<boost::intrusive::tag<struct FifoTag>>;

/// A request that an elevator can hold.
struct QueuedRequest : Request, SortHook, FifoHook {
  SimTime expires{};
  bool write() const { return op != BlockOp::read; }
};

/// Reads and writes; what else there is goes past it.
///
/// Source: recalled from Linux block/deadline-iosched.c of 2.6.22 (`linux_2_6`: a batch is a run of
/// adjoining requests, and a new one begins at the lowest sector) and block/mq-deadline.c of 6.x
/// (`mq`: a batch goes on at the next higher sector, and a new one begins with the request that
/// waits longest); Documentation/block/deadline-iosched.rst. Differs: no I/O priorities; candidates
/// for a merge are found in the order of sectors, not by a hash; requests of one sector keep their
/// order.
class DeadlineElevator {
 public:
  enum class Rules : std::uint8_t { linux_2_6, mq };
  DeadlineElevator(Rules rules, const DeadlineParams& params) : rules_(rules), params_(params) {}
  ~DeadlineElevator();
  DeadlineElevator(const DeadlineElevator&) = delete;
  DeadlineElevator& operator=(const DeadlineElevator&) = delete;

  void add(QueuedRequest& request, SimTime now);
  /// Takes out the request to be served next; nullptr if there is none.
  QueuedRequest* next(SimTime now);
  std::size_t size() const { return sides_[0].sorted.size() + sides_[1].sorted.size(); }

  /// The request of that direction that ends at `sector`, or begins there; nullptr if there is
  /// none.
  QueuedRequest* ending_at(bool write, std::uint64_t sector);
  QueuedRequest* beginning_at(bool write, std::uint64_t sector);
  /// The request has grown at its front: where it stands among the others may have changed.
  void grown_at_front(QueuedRequest& request);
  /// `kept` has taken over the bios of `gone`, which leaves; the earlier of both deadlines stays.
  void merged(QueuedRequest& kept, QueuedRequest& gone);

 private:
  struct BySector {
    using type = std::uint64_t;
    type operator()(const QueuedRequest& request) const { return request.sector; }
  };
  using Sorted = boost::intrusive::multiset<QueuedRequest, boost::intrusive::base_hook<SortHook>,
                                            boost::intrusive::key_of_value<BySector>>;
  struct Side {
    Sorted sorted;
    boost::intrusive::list<QueuedRequest, boost::intrusive::base_hook<FifoHook>> fifo;
    QueuedRequest* next = nullptr;  // 2.6: behind the one served last
    std::uint64_t position = 0;     // mq: of the one served last
  };
  Side& side(const QueuedRequest& request) { return sides_[request.write() ? 1 : 0]; }
  QueuedRequest* behind(Side& of, QueuedRequest& request);
  QueuedRequest* go_on(bool write);
  bool batch_goes_on(const QueuedRequest& request) const;
  bool expired(const Side& of, SimTime now) const;
  QueuedRequest* begin_batch(Side& of, SimTime now);
  void remove(QueuedRequest& request);

  const Rules rules_;
  const DeadlineParams params_;
  std::array<Side, 2> sides_;  // reads, writes
  bool last_write_ = false;    // direction of the one served last
  std::uint64_t last_end_ = 0;
  std::int64_t batching_ = 0;
  std::int64_t starved_ = 0;
};

}  // namespace iodrome::kernel
