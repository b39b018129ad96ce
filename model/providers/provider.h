// SPDX-License-Identifier: Apache-2.0
// Who can carry out operations, and says so: copy engines, crypto engines, CPUs.
//
// Source: E. Polyakov, linux-kernel, January 2007, and his acrypto of 2004: devices publish what
// they can do and how busy they are, a scheduler that knows no more chooses, and a device that
// fails is exchanged for another.
#pragma once
#include <string>
#include <vector>

#include "model/engine/parameters.h"
#include "model/providers/job.h"

namespace iodrome::providers {

/// One operation that a provider offers.
struct Capability {
  Operation operation = Operation::copy;
  std::uint32_t min_bytes = 1;
  std::uint32_t max_bytes = 0;
  std::uint32_t alignment = 1;  // of every address
  std::uint32_t max_sources = 1;
  Rate rate{};                // of source bytes read; of memset, of bytes written
  Duration fixed{};           // of every job, whatever its size
  std::uint32_t granule = 1;  // sizes are multiples of it
  bool parts = false;         // of hash: messages in several jobs; what fails has added nothing

  bool fits(const Job& job) const;
  /// What the provider says that it takes when nothing else is there.
  Duration cost(const Job& job) const;
};

enum class Health : std::uint8_t { healthy, failed };

/// What the registry is told of ends.
class Ends {
 public:
  virtual ~Ends() = default;
  /// `job` has ended at its provider. EFAULT: a page was missing, and the provider is well; any
  /// other error is the provider's failure.
  virtual Task<void> ended(kernel::Atomic& ctx, Job& job, Errno error) = 0;
};

class Provider {
 public:
  /// `queue_limit`: jobs that it holds at most.
  Provider(std::string name, std::vector<Capability> capabilities, std::uint32_t queue_limit);
  virtual ~Provider() = default;
  Provider(const Provider&) = delete;
  Provider& operator=(const Provider&) = delete;

  /// Takes an operation off what it offers. At boot.
  void withhold(Operation operation);

  const std::string& name() const { return name_; }
  /// The first capability that the job fits; nullptr: none.
  const Capability* capability_for(const Job& job) const;
  Health health() const { return health_; }
  std::uint32_t queue_length() const { return queue_length_; }
  /// Estimates of all that it holds, together.
  Duration backlog() const { return backlog_; }
  /// Jobs that ended well here, and the sum of their sizes.
  std::uint64_t completed() const { return completed_; }
  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t failed() const { return failed_; }
  /// Of the failed, those that were given to somebody again.
  std::uint64_t moved() const { return moved_; }
  /// Time in which it had a job, until `now`.
  Duration busy(SimTime now) const { return busy_ + (held_ > 0 ? now - busy_since_ : Duration{0}); }

 protected:
  friend class Registry;
  /// Takes a job; Ends::ended() follows, perhaps before this returns. Legal in any context.
  /// Errors: EAGAIN: it has no room for it now.
  virtual Task<Errno> start(kernel::Atomic& ctx, Job& job) = 0;
  Ends& ends() { return *ends_; }

 private:
  void hold(SimTime now);
  void let_go(SimTime now);

  const std::string name_;
  std::vector<Capability> capabilities_;
  const std::uint32_t queue_limit_;
  Ends* ends_ = nullptr;
  Health health_ = Health::healthy;
  std::uint32_t queue_length_ = 0;
  Duration backlog_{};
  SimTime last_end_{};
  std::uint32_t held_ = 0;  // as queue_length_, without those that are still being handed over
  SimTime busy_since_{};
  Duration busy_{};
  std::uint64_t completed_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t failed_ = 0;
  std::uint64_t moved_ = 0;
};

}  // namespace iodrome::providers
