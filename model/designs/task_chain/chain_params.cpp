// SPDX-License-Identifier: Apache-2.0
#include "model/designs/task_chain/chain_params.h"

#include <algorithm>
#include <bit>
#include <optional>

namespace iodrome::designs::task_chain {

namespace {

using chain::Continue;
constexpr NamedValue<Continue> kContinue[] = {
    {"cheapest", Continue::cheapest},
    {"hardirq", Continue::hardirq},
    {"softirq", Continue::softirq},
    {"kthread", Continue::kthread},
    {"kthread_per_request", Continue::kthread_per_request},
    {"workqueue", Continue::workqueue},
    {"workqueue_unbound", Continue::workqueue_unbound},
    {"workqueue_highpri", Continue::workqueue_highpri},
    {"submitter", Continue::submitter}};
constexpr NamedValue<std::optional<Carrier>> kStart[] = {{"submitter", std::nullopt},
                                                         {"kthread", Carrier::shared},
                                                         {"kthread_per_request", Carrier::own},
                                                         {"workqueue", Carrier::workqueue},
                                                         {"workqueue_unbound", Carrier::unbound},
                                                         {"workqueue_highpri", Carrier::highpri}};
constexpr NamedValue<RingFull> kFull[] = {{"reserve", RingFull::reserve},
                                          {"hold", RingFull::hold},
                                          {"spill", RingFull::spill},
                                          {"drop", RingFull::drop}};
constexpr NamedValue<WakeBy> kWake[] = {{"syscall", WakeBy::syscall},
                                        {"eventfd", WakeBy::eventfd},
                                        {"futex", WakeBy::futex},
                                        {"signal", WakeBy::signal},
                                        {"busy_poll", WakeBy::busy_poll}};

constexpr NamedValue<chain::UserCopy> kUserCopy[] = {{"pinned", chain::UserCopy::pinned},
                                                     {"thread", chain::UserCopy::thread},
                                                     {"provider", chain::UserCopy::provider},
                                                     {"consumer", chain::UserCopy::consumer}};

}  // namespace

void describe(ChainParams& params, ChainCosts& costs, ParameterList& list) {
  list.add("ring_entries", "entries", "completion ring size, per application thread",
           &params.ring_entries);
  list.add("max_steps", "steps", "longest chain that is accepted", &params.max_steps);
  list.add("threads", "threads", "kernel threads that chains may use", &params.threads);
  list.add("continue_in", "",
           "who goes on: cheapest, hardirq, softirq, kthread, kthread_per_request, workqueue, "
           "workqueue_unbound, workqueue_highpri or submitter",
           &params.continue_in);
  list.add("start_in", "",
           "who takes the first steps: submitter, kthread, kthread_per_request, workqueue, "
           "workqueue_unbound or workqueue_highpri",
           &params.start_in);
  list.add("user_copy", "",
           "how read bytes reach user memory: pinned, thread, provider or consumer",
           &params.user_copy);
  list.add("held_pages", "pages", "of files, that may wait for consumers to copy them",
           &params.held_pages);
  list.add("ring_full", "", "a completion without room: reserve, hold, spill or drop",
           &params.ring_full);
  list.add("max_chains", "chains", "in the kernel per application thread, but with reserve",
           &params.max_chains);
  list.add("max_nr", "chains", "in the kernel, of all application threads together",
           &params.max_nr);
  list.add("wake_by", "", "how a consumer is woken: syscall, eventfd, futex, signal or busy_poll",
           &params.wake_by);
  list.add("batch_count", "completions", "so many that nobody has taken wake the consumer",
           &params.batch_count);
  list.add("batch_ns", "ns", "or the oldest of them, when it is so old", &params.batch_ns);
  list.add("costs.user_build", "", "user: a chain's descriptor, per step", &costs.user_build.each);
  list.add("costs.submit_call", "", "chain_submit's own work, per call", &costs.submit_call.each);
  list.add("costs.accept", "", "per chain: copied in, allocated, slot reserved",
           &costs.accept.each);
  list.add("costs.validate", "", "per step: checked before anything runs", &costs.validate.each);
  list.add("costs.cancel", "", "chain_cancel's own work, per chain looked at", &costs.cancel.each);
  list.add("costs.ring_post", "", "a result written and its entry posted", &costs.ring_post.each);
  list.add("costs.user_reap", "", "user: an entry read", &costs.user_reap.each);
  list.add("costs.ready_list", "", "hold: an ended chain put on the kernel's list",
           &costs.ready_list.each);
  list.add("costs.overflow_entry", "", "spill: an entry allocated and linked",
           &costs.overflow_entry.each);
  list.add("costs.status", "", "chain_status, per chain asked for", &costs.status.each);
  list.add("costs.user_poll", "", "user: one look of who polls", &costs.user_poll.each);
  list.add("costs.step", "", "a step taken up and dispatched", &costs.walker.step.each);
  list.add("costs.hand_over", "", "a chain passed to another context",
           &costs.walker.hand_over.each);
}

std::string take_up(ChainParams& params) {
  Complaints complaints("task_chain");
  complaints.one_of("continue_in", params.continue_in, kContinue, params.policy);
  std::optional<Carrier> start_by;
  complaints.one_of("start_in", params.start_in, kStart, start_by);
  params.start_in_submitter = !start_by;
  params.start_by = start_by.value_or(carrier_of(params.policy));
  complaints.one_of("user_copy", params.user_copy, kUserCopy, params.copy_way);
  complaints.one_of("ring_full", params.ring_full, kFull, params.full);
  complaints.within("held_pages", params.held_pages, 0, 1 << 30);
  if (params.copy_way == chain::UserCopy::consumer && params.full != RingFull::hold)
    complaints.add(
        "user_copy = consumer needs ring_full = hold: what the consumer copies in its call comes "
        "into the ring by that call");
  complaints.one_of("wake_by", params.wake_by, kWake, params.wake);
  complaints.within("ring_entries", params.ring_entries, 1, 1 << 20);
  complaints.within("max_steps", params.max_steps, 1, static_cast<std::int64_t>(chain::kMaxSteps));
  complaints.within("threads", params.threads, 1, 32'768);
  complaints.within("max_chains", params.max_chains, 1, 1 << 20);
  complaints.within("max_nr", params.max_nr, 1, ChainParams::kNoLimit);
  const std::int64_t slots = std::clamp<std::int64_t>(params.ring_entries, 1, 1 << 20);
  const auto rounded = static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(slots)));
  if (params.batch_count < 1 || params.batch_count > rounded)
    complaints.add("batch_count must be 1 to " + std::to_string(rounded) +
                   ", the ring's slots: a full ring wakes");
  complaints.within("batch_ns", params.batch_ns, 0, 10'000'000'000);
  if (params.batch_count > 1 && params.batch_ns == 0)
    complaints.add(
        "batch_ns must be more than 0 with a batch_count above 1: the last completions make no "
        "batch and would wake nobody");
  return complaints.text();
}

Carrier carrier_of(Continue policy) {
  switch (policy) {
    case Continue::kthread_per_request:
      return Carrier::own;
    case Continue::workqueue:
      return Carrier::workqueue;
    case Continue::workqueue_unbound:
      return Carrier::unbound;
    case Continue::workqueue_highpri:
      return Carrier::highpri;
    case Continue::cheapest:
    case Continue::hardirq:
    case Continue::softirq:
    case Continue::kthread:
    case Continue::submitter:
      break;
  }
  return Carrier::shared;
}

std::vector<std::pair<std::string, const kernel::Cost*>> named(const ChainCosts& costs) {
  return {{"user_build", &costs.user_build},
          {"submit_call", &costs.submit_call},
          {"accept", &costs.accept},
          {"validate", &costs.validate},
          {"cancel", &costs.cancel},
          {"ring_post", &costs.ring_post},
          {"user_reap", &costs.user_reap},
          {"ready_list", &costs.ready_list},
          {"overflow_entry", &costs.overflow_entry},
          {"status", &costs.status},
          {"user_poll", &costs.user_poll},
          {"step", &costs.walker.step},
          {"hand_over", &costs.walker.hand_over}};
}

}  // namespace iodrome::designs::task_chain
