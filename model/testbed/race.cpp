// SPDX-License-Identifier: Apache-2.0
#include "model/testbed/race.h"

#include "model/testbed/preparation.h"
#include "model/testbed/result_json.h"
#include "model/testbed/run.h"
#include "model/testbed/timeline_file.h"

namespace iodrome::testbed {

RaceOutcome race(const RaceRequest& request, const std::string& data_dir,
                 const std::function<void(const RaceProgress&)>& progress) {
  if (request.storage && !request.hosted)
    throw InputError("a storage device of SystemC needs the driver hosted");
  if (request.timeline) refuse_timeline(*request.timeline, request.hosted);
  const PreparedRace prepared = prepare(request, data_dir);
  std::unique_ptr<TimelineFile> timeline;
  if (request.timeline) timeline = std::make_unique<TimelineFile>(*request.timeline, prepared);
  std::vector<RunRecord> records;
  RaceOutcome outcome;
  for (std::size_t i = 0; i < prepared.designs.size(); ++i) {
    const PreparedDesign& design = prepared.designs[i];
    RunOptions options;
    options.seed = prepared.seed;
    options.submit_batch = prepared.submit_batch;
    options.hosted = request.hosted;
    options.tlm = request.tlm;
    options.run_ahead = request.run_ahead;
    options.keep_requests = request.keep_requests;
    options.monitor = request.monitor;
    options.storage = request.storage;
    if (progress)
      options.progress = [&](const Progress& at) {
        progress({std::string(design.descriptor->name), i, prepared.designs.size(),
                  at.requests_done, at.requests_total, to_ps(at.simulated) / 1000});
      };
    if (timeline) timeline->begin(std::string(design.descriptor->name), options);
    records.push_back(run_design(prepared.machine, *prepared.workload, *design.descriptor,
                                 *design.instance, options));
    if (timeline) timeline->end();
    if (records.back().log) outcome.logs.push_back(std::move(*records.back().log));
  }
  if (timeline) timeline->commit();
  outcome.result = result_json(prepared, records);
  return outcome;
}

}  // namespace iodrome::testbed
