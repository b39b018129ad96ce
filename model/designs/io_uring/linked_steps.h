// SPDX-License-Identifier: Apache-2.0
// How the application writes a chain as linked SQEs, and what it reads from their CQEs.
//
// A batch is one link: it ends with the chain, where the queue is full, behind a step whose failure
// must not cancel what follows or that closes a loop, and before one that uses another's result.
// Every SQE's user_data names its request, step and splice, so that the one CQE of a broken link
// says where it broke.
#pragma once
#include <utility>

#include "model/designs/io_uring/uring.h"

namespace iodrome::designs::io_uring {

/// One request's chain on its way through the ring, batch by batch.
class LinkedSteps : public Pooled {
 public:
  explicit LinkedSteps(kernel::System& system) : system_(system) {}
  ChainRun& run() { return *run_; }
  static std::uint32_t slot_of(std::uint64_t user_data) { return user_data & 0xffff; }

  /// Turns to a request, at its current step.
  void take(ChainRun& run);
  /// Appends the next batch, at most `limit` SQEs; at least two must be allowed.
  void build(std::uint32_t limit, std::vector<Sqe>& batch);
  /// What a CQE says. No run: another batch must follow.
  Finished settle(std::uint64_t user_data, std::int64_t res);

  /// Whether the current step connects, and needs a socket for it.
  bool wants_socket() const { return run_->current_step().op == chain::Op::connect; }
  /// The socket, or why there is none: the step's error then.
  void give_socket(Result<std::int64_t> fd) {
    socket_ = fd ? static_cast<int>(*fd) : -1;
    no_socket_ = fd ? Errno::ok : fd.error();
  }
  /// A socket whose connect has failed: the caller's to close. -1: none.
  int take_unconnected() { return std::exchange(unconnected_, -1); }

 private:
  static constexpr std::uint64_t kPipePages = 16;  // Linux's default pipe capacity
  static constexpr std::size_t kSplicesPerBatch = 32;

  Opcode opcode_of(std::size_t step) const;
  void share_slot();
  void read_names();
  const std::string* path_of(std::size_t step) const;
  bool in_direct_slot(std::size_t open) const { return in_slot_[open]; }
  bool ends_behind(std::size_t step) const;
  Sqe sqe_of(Opcode opcode, std::size_t step, std::size_t splice) const;
  bool add_step(std::size_t step, std::uint32_t limit, std::vector<Sqe>& batch);
  bool add_send(std::size_t step, std::uint32_t limit, std::vector<Sqe>& batch);
  kernel::Pipe& pipe() {
    if (pipe_ == nullptr) pipe_ = std::make_unique<kernel::Pipe>(kPipePages);
    return *pipe_;
  }
  std::int64_t settle_connect(std::int64_t res);
  Finished settle_send(std::size_t step, std::size_t splice, std::int64_t res);
  Finished up_to(std::size_t step) const;

  // What every request looks at first: with thousands in flight each cache line counts.
  ChainRun* run_ = nullptr;
  std::size_t at_ = 0;           // where the next batch begins
  std::size_t last_step_ = 0;    // of the batch in flight
  std::int64_t expected_ = 0;    // what its last request returns if nothing broke
  int socket_ = -1;              // of the connect in flight
  Errno no_socket_ = Errno::ok;  // why that has none
  int unconnected_ = -1;
  // By step: an open into the request's direct descriptor.
  boost::container::small_vector<bool, 8> in_slot_;
  std::size_t send_step_ = 0;           // the send in progress
  std::vector<std::uint64_t> sent_at_;  // by splice of the batch: sent when it starts
  std::uint64_t sent_ = 0;              // by earlier batches
  bool file_ended_ = false;
  kernel::System& system_;
  // By step: the path that an event's name has made, or why it has made none.
  struct Named {
    std::string path;
    Errno error = Errno::ok;
  };
  std::vector<Named> named_;
  std::unique_ptr<kernel::Pipe> pipe_;  // once a file has been sent
};

}  // namespace iodrome::designs::io_uring
