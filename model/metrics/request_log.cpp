// SPDX-License-Identifier: Apache-2.0
#include "model/metrics/request_log.h"

namespace iodrome::metrics {

void RequestLog::add(const EndedRequest& ended, const events::StageLedger& ledger, Duration latency,
                     SimTime begun) {
  const auto since_begin = [begun](SimTime time) {
    return time == kNever ? kNotReached : to_ps(time - begun);
  };
  request.push_back(ended.number);
  bytes.push_back(ended.bytes);
  op.push_back(ended.op);
  error.push_back(static_cast<std::int32_t>(ended.error));
  cpu.push_back(static_cast<std::int32_t>(ended.cpu));
  const events::Milestones& passed = ledger.milestones();
  arrival.push_back(to_ps(ledger.opened() - begun));
  submit.push_back(since_begin(passed.submit));
  issue.push_back(since_begin(passed.issue));
  dispatch.push_back(since_begin(passed.dispatch));
  complete.push_back(since_begin(passed.complete));
  reap.push_back(to_ps(ledger.opened() + latency - begun));
}

}  // namespace iodrome::metrics
