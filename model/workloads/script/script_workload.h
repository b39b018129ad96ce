// SPDX-License-Identifier: Apache-2.0
// Chains written in a scenario file, each issued by a number of clients.
#pragma once
#include <set>

#include "model/chain/chain.h"
#include "model/workloads/scenario/scenario_file.h"
#include "model/workloads/workload.h"

namespace iodrome::workloads {

/// One of the chains and those who issue it.
struct ScriptPart {
  ScenarioChain script;
  /// With paths as they are written; descriptors of sockets, random offsets and the request's
  /// number in paths are for a run to fill in.
  chain::Chain chain;
  std::uint32_t first_client = 0;
  std::uint64_t first_request = 0;  // the number of its first; all of it lie together
  std::uint64_t memory_bytes = 0;
  bool direct = false;
  bool sends = false;  // to its clients' own connections
  bool digests = false;

  std::int64_t requests() const { return script.clients * script.repeat; }
  /// The chain and what is known of it, from the script.
  void build();
};

class ScriptWorkload final : public Workload {
 public:
  /// Errors: operations and references that the designs do not have, each at its place; then
  /// nothing is returned.
  static std::unique_ptr<ScriptWorkload> make(std::span<const ScenarioChain> chains,
                                              Diagnostics& diagnostics);

  std::uint32_t connections() const override;
  std::int64_t steps() const override;
  std::uint64_t file_bytes() const override;
  std::uint32_t file_count() const override;
  bool payload_checked() const override { return true; }
  Errno lay_out(kernel::FileSystem& files) const override;
  std::unique_ptr<WorkloadRun> start(Stage& stage) const override;
  nlohmann::ordered_json summary() const override;
  std::vector<designs::Difference> not_modelled() const override;

  std::span<const ScriptPart> parts() const { return parts_; }
  /// Sizes of the files they open, by path as written, bytes.
  const std::map<std::string, std::uint64_t>& files() const { return files_; }
  /// At which somebody is to listen.
  std::set<std::int64_t> ports() const;
  std::int64_t requests() const;
  /// A path of the request with that number.
  static std::string expand(const std::string& path, std::uint64_t request);

 private:
  bool rehearse_all(Diagnostics& diagnostics);
  void find_files();
  void enlarge(const ScenarioStep& step, const ScenarioStep& opened);
  void check_size(Diagnostics& diagnostics) const;
  std::uint64_t count_of(const std::string& written) const;
  std::vector<std::string> paths_of(const std::string& written) const;

  std::vector<ScriptPart> parts_;
  std::map<std::string, std::uint64_t> files_;  // that are there from the start
};

}  // namespace iodrome::workloads
