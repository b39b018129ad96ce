// SPDX-License-Identifier: Apache-2.0
#include "model/providers/registry.h"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <span>
#include <utility>

namespace iodrome::providers {

using namespace kernel;

namespace {

bool writes(Operation operation) {
  return operation == Operation::copy || operation == Operation::encrypt ||
         operation == Operation::decrypt;
}

bool has_one_source(Operation operation) {
  return writes(operation) || operation == Operation::crc32c || operation == Operation::hash;
}

void begin_route(Job& job) {
  job.hop = 0;
  job.written = false;
  if (job.session == nullptr) {
    check(job.operation != Operation::encrypt && job.operation != Operation::decrypt,
          "a cipher without a session, which has its key");
    return;
  }
  check(job.session->hops >= 1 && job.session->hops <= kHops, "a route too short or too long");
  const std::span route{job.session->route.data(), job.session->hops};
  check(job.source_count == 1 && std::ranges::all_of(route, has_one_source),
        "a route over several sources");
  check(std::ranges::count_if(route, writes) <= 1, "a route that writes its destination twice");
  job.operation = route[0];
}

// Turns to the next operation of the job's route, if there is one.
bool next_hop(Job& job) {
  job.written = job.written || writes(job.operation);
  if (job.session == nullptr || job.hop + 1 == job.session->hops) return false;
  job.operation = job.session->route[++job.hop];
  return true;
}

}  // namespace

void Registry::add(Provider& provider) {
  provider.ends_ = this;
  providers_.push_back(&provider);
}

// Whether somebody does each operation of its route but the first, which place() looks at.
bool Registry::route_leads_on(const Job& job) const {
  if (job.session == nullptr) return true;
  Job later = job;
  while (next_hop(later))
    if (std::ranges::none_of(providers_, [&later](const Provider* each) {
          return each->capability_for(later) != nullptr;
        }))
      return false;
  return true;
}

Task<Errno> Registry::submit(Atomic& ctx, Job& job) {
  check(job.source_count <= kSources, "a job of more sources than it has room for");
  job.status = Errno::einprogress;
  job.moves = 0;
  job.failed_at = nullptr;
  begin_route(job);
  if (!route_leads_on(job)) co_return Errno::eopnotsupp;
  ++in_flight_;
  const Errno error = co_await place(ctx, job, nullptr);
  if (error == Errno::ok) co_return error;
  --in_flight_;
  // While it was being asked, the provider seemed at work to those that wait for somebody's end.
  if (!homeless_.empty()) ctx.cpu().schedule_tasklet(retry_);
  // Nor will anybody's end tell those that wait for room.
  if (in_flight_ == 0) co_await notify_all(ctx, room_waiters_);
  co_return error;
}

// Who refuses although it had room is asked no more for this job. Once a provider has the job, it
// may be done and gone.
Task<Errno> Registry::place(Atomic& ctx, Job& job, Provider* failed_at) {
  boost::container::small_vector<Provider*, 8> asked;
  for (;;) {
    Errno nobody = Errno::eopnotsupp;
    boost::container::small_vector<Provider*, 8> candidates;
    for (Provider* const each : providers_) {
      if (each->capability_for(job) == nullptr) continue;
      if (each->health_ == Health::failed) {
        if (nobody == Errno::eopnotsupp) nobody = Errno::enodev;
        continue;
      }
      nobody = Errno::eagain;
      if (each->queue_length_ >= each->queue_limit_) continue;
      if (std::find(asked.begin(), asked.end(), each) == asked.end()) candidates.push_back(each);
    }
    if (candidates.empty()) co_return nobody;
    if (candidates.size() > 1)
      candidates.erase(std::remove(candidates.begin(), candidates.end(), failed_at),
                       candidates.end());
    Provider& provider = policy_.choose(job, {candidates.data(), candidates.size()});
    const Duration estimate = policy_.estimate(job, provider);
    job.provider = &provider;
    job.estimate = estimate;
    ++provider.queue_length_;
    provider.backlog_ += estimate;
    co_await ctx.spend(costs_.choose);
    job.begun = ctx.now();
    provider.hold(job.begun);
    const bool moves = failed_at != nullptr && &provider != failed_at;
    job.moves += moves ? 1 : 0;
    const Errno error = co_await provider.start(ctx, job);
    if (error == Errno::ok) co_return error;
    job.moves -= moves ? 1 : 0;
    provider.let_go(ctx.now());
    --provider.queue_length_;
    provider.backlog_ -= estimate;
    asked.push_back(&provider);
  }
}

Task<void> Registry::ended(Atomic& ctx, Job& job, Errno error) {
  Provider& provider = *job.provider;
  provider.let_go(ctx.now());
  --provider.queue_length_;
  provider.backlog_ -= job.estimate;
  const SimTime since = std::max(job.begun, std::exchange(provider.last_end_, ctx.now()));
  if (error == Errno::ok) {
    ++provider.completed_;
    provider.bytes_ += job.bytes;
    policy_.ended(job, provider, ctx.now() - since);
  } else {
    ++provider.failed_;
    if (error != Errno::efault) provider.health_ = Health::failed;
    job.failed_at = &provider;
  }
  const bool goes_on = error != Errno::ok || next_hop(job);
  if (goes_on) homeless_.push_back(&job);
  // Also for those that found no room before.
  if (!homeless_.empty()) ctx.cpu().schedule_tasklet(retry_);
  if (!goes_on) co_return co_await finish(ctx, job, Errno::ok);
  co_await notify_all(ctx, room_waiters_);
}

// Whoever ended it is in the middle of its own clean-up, and may be the very provider that is to
// have it: so not there, but here.
Task<void> Registry::retry(Atomic& ctx) {
  for (std::size_t left = homeless_.size(); left > 0 && !homeless_.empty(); --left) {
    Job& job = *homeless_.front();
    homeless_.pop_front();
    Provider* const failed = std::exchange(job.failed_at, nullptr);
    const Errno error = co_await place(ctx, job, failed);
    if (error == Errno::ok) {
      if (failed != nullptr) ++failed->moved_;
      continue;
    }
    job.failed_at = failed;
    // The next end at any provider has it tried again.
    if (error == Errno::eagain && anybody_works())
      homeless_.push_back(&job);
    else
      co_await finish(ctx, job, error);
  }
  // Whom a provider seemed at work while it was only asked, is told by nobody.
  if (!homeless_.empty() && !anybody_works()) ctx.cpu().schedule_tasklet(retry_);
}

bool Registry::anybody_works() const {
  return std::any_of(providers_.begin(), providers_.end(),
                     [](const Provider* each) { return each->queue_length() > 0; });
}

Task<void> Registry::finish(Atomic& ctx, Job& job, Errno status) {
  --in_flight_;
  job.status = status;
  if (job.done != nullptr) co_await job.done(ctx, job);
  co_await notify_all(ctx, room_waiters_);
}

}  // namespace iodrome::providers
