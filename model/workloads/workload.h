// SPDX-License-Identifier: Apache-2.0
// A workload: the files it needs, the requests it offers, and what it checks of their outcome.
#pragma once
#include <nlohmann/json.hpp>

#include "model/app/chain_source.h"
#include "model/designs/design.h"
#include "model/kernel/md/resync.h"
#include "model/kernel/socket/loopback.h"
#include "model/kernel/vfs/file_system.h"
#include "model/workloads/input/diagnostics.h"
#include "model/workloads/population.h"

namespace iodrome::workloads {

/// What a workload is given to run on.
struct Stage {
  Timeline& timeline;
  kernel::System& system;
  kernel::FileSystem& files;
  designs::Process& process;
  const designs::Descriptor& design;
  Population& population;  // told of every arrival, when it happens
  std::uint64_t seed = 0;
  std::int64_t link_bytes_per_s = 0;
  std::vector<kernel::Socket*> sockets;  // one per connection
  std::vector<int> socket_fds;           // their descriptors in the process
  kernel::Loopback* loopback = nullptr;  // where sockets of the process are made
  // For loads of the kernel's own:
  kernel::Raid5* array = nullptr;  // all storage devices, where Workload::made_by_kernel()
  kernel::ResyncParams resync{};   // its limits of speed
  app::RequestObserver* requests = nullptr;  // hears of their requests, and once of their end
};

/// A kernel thread of a load of the kernel's own, and the CPU time it has had; as in Linux, an
/// interrupt's time counts as that of the thread that it interrupts.
struct KernelThread {
  std::string name;
  Duration cpu_time{};
};

/// Wakes an application thread for a request that has arrived.
class ArrivalListener {
 public:
  virtual ~ArrivalListener() = default;
  virtual void on_arrival(std::uint32_t thread) = 0;
};

/// One run of a workload. Made anew for every design, so that none sees what another did.
class WorkloadRun : public app::ChainSource {
 public:
  virtual std::uint32_t thread_count() const = 0;
  /// Begins to offer requests, now.
  virtual void start(ArrivalListener& listener) = 0;
  virtual std::uint64_t requests_total() const = 0;  // 0 if unknown beforehand
  /// Requests handed out so far; each must end exactly once.
  virtual std::uint64_t requests_issued() const { return requests_total(); }
  /// Whether the bytes at that place of a connection's stream are what was asked for.
  virtual bool stream_matches(std::uint32_t, std::uint64_t, std::span<const std::byte>) {
    return false;
  }
  /// What is wrong with the files once everything has come to rest; empty if nothing is.
  virtual std::string wrong_content() const { return {}; }
  /// The threads that made a load of the kernel's own.
  virtual std::vector<KernelThread> kernel_threads() const { return {}; }
  /// Bytes that the clients must have received in all, once every request has ended.
  virtual std::uint64_t bytes_expected() const { return 0; }
};

/// What the user asked to run: input read and checked, nothing simulated yet.
class Workload {
 public:
  virtual ~Workload() = default;
  virtual std::uint32_t connections() const { return 0; }
  /// Most requests of one thread at a time; each has a slot below this.
  virtual std::int64_t slots() const { return connections(); }
  /// Of its longest chain, where that is known.
  virtual std::int64_t steps() const { return 0; }
  /// Bytes of files it lays out, for the size of the disk.
  virtual std::uint64_t file_bytes() const = 0;
  virtual std::uint32_t file_count() const = 0;
  /// Whether payload bytes are looked at, so that they must really move.
  virtual bool payload_checked() const = 0;
  /// Lays out the files. Errors: ENOSPC, some may be laid out then.
  virtual Errno lay_out(kernel::FileSystem& files) const = 0;
  virtual std::unique_ptr<WorkloadRun> start(Stage& stage) const = 0;
  virtual std::int64_t submit_batch() const { return 1; }
  /// Whether kernel threads make the load, over the machine's array, and no application runs.
  virtual bool made_by_kernel() const { return false; }
  /// Facts for the report.
  virtual nlohmann::ordered_json summary() const = 0;
  /// Requests of the input that are not carried out, by reason.
  virtual std::map<std::string, std::uint64_t> skipped() const { return {}; }
  /// What a reader should know about this design under this workload.
  virtual std::vector<std::string> notes(const designs::Descriptor&) const { return {}; }
  virtual std::vector<designs::Difference> not_modelled() const { return {}; }
};

}  // namespace iodrome::workloads
